"""One POST: what came of it, in words that hold neither address nor secret."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from qoe_agent import __version__
from qoe_agent.alerts.guard import Forbidden, Guard
from qoe_agent.model import Target
from qoe_agent.sources.connect import explain, tls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.config import Alertmanager, Webhook

MOST_ANSWER = 65_536
"""Bytes of an answer that are read."""
AGAIN = frozenset({408, 425, 429})
"""Refusals that mean: later."""
LONGEST_WAIT = 300.0
"""Seconds that a receiver may ask for."""
BUSY: Mapping[str, frozenset[int]] = {
    "feishu": frozenset({11232, 11233}), "dingtalk": frozenset({-1, 130101, 410100}), "wecom": frozenset({-1, 45009}),
}  # fmt: skip
"""Codes of chats that mean: too many messages, or busy."""
HINTS: Mapping[tuple[str, int], str] = {
    ("feishu", 19021): "the signature does not fit, or the clock is an hour off",
    ("feishu", 19022): "the agent's address is not on the robot's list",
    ("feishu", 19024): "the message lacks the robot's keyword",
    ("feishu", 19001): "the robot's address is not valid",
    ("dingtalk", 310000): "signature, keyword or address do not suit the robot's security settings",
    ("dingtalk", 300001): "the robot's token is not valid",
    ("wecom", 93000): "the robot's address is not valid",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    error: str = ""
    """Empty: it has arrived."""
    again: bool = False
    """Another attempt may help."""
    wait: float | None = None
    """Seconds that the receiver wants to be left alone."""


class Poster:
    """Posts to one receiver."""

    def __init__(self, options: Alertmanager | Webhook, form: str = "") -> None:
        """`form`: which chat's codes the answers hold."""
        self._options, self._form = options, form
        self._guard = Guard(options.network)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Try once, within the receiver's timeout."""
        sent = {
            "Content-Type": "application/json; charset=utf-8",
            "Accept-Encoding": "identity", "User-Agent": f"qoe-agent/{__version__}",
            **self._options.headers, **headers,
        }  # fmt: skip
        try:
            self._guard.literal(urlsplit(url).hostname or "")
            async with self._opened().post(url, data=body, headers=sent, allow_redirects=False) as answer:
                return self._judged(answer.status, answer.headers, await _read(answer.content))
        except Forbidden as error:
            return Outcome(str(error))
        except TimeoutError:
            return Outcome(f"no answer within {self._options.timeout:g} s", again=True)
        except aiohttp.ClientConnectorDNSError as error:
            forbidden = isinstance(error.os_error, Forbidden)
            return Outcome(str(error.os_error)) if forbidden else Outcome("the host name has no address", again=True)
        except OSError as error:  # connection errors of aiohttp as well
            cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            return Outcome(explain(cause)[1], again=True)
        except (aiohttp.ClientError, ValueError) as error:
            return Outcome(
                f"the exchange failed ({type(error).__name__})", again=isinstance(error, aiohttp.ClientError)
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            options = self._options
            target = Target(url=options.url, ca_file=options.ca_file, verify_tls=options.verify_tls)
            connector = aiohttp.TCPConnector(resolver=self._guard, ssl=tls(target), limit=2)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=options.timeout),
                cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
            )  # fmt: skip
        return self._session

    def _judged(self, status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
        if 300 <= status < 400:
            return Outcome(f"answered {status}: redirects are not followed")
        if status >= 500 or status in AGAIN:
            return Outcome(f"answered {status}", again=True, wait=_wait(headers.get("Retry-After", "")))
        if self._form in BUSY:
            return _chat(self._form, status, body)
        if status >= 400:
            word = body[:60].decode("ascii", "replace")  # Slack says why in a word, such as invalid_payload
            return Outcome(f"answered {status}{f': {word}' if re.fullmatch('[a-z_]+', word) else ''}")
        return Outcome()


async def _read(content: aiohttp.StreamReader) -> bytes:
    """The answer, or its beginning."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) >= MOST_ANSWER:
            break
    return bytes(body)


def _chat(form: str, status: int, body: bytes) -> Outcome:
    """What a chat's answer means that has a code: 0 is good."""
    code = None
    with contextlib.suppress(ValueError, RecursionError):
        said: Any = json.loads(body)
        codes = [said.get(key) for key in ("code", "errcode", "StatusCode")] if isinstance(said, dict) else []
        code = next((each for each in codes if type(each) is int), None)
    if code == 0 and status < 300:
        return Outcome()
    if code is None:
        return Outcome(f"answered {status}, and not as {form} does", again=status < 300)
    hint = HINTS.get((form, code), "")
    return Outcome(f"{form} answered code {code}{f': {hint}' if hint else ''}", again=code in BUSY[form])


def _wait(header: str) -> float | None:
    """Retry-After in seconds (RFC 9110 §10.2.3); dates are left alone."""
    return min(LONGEST_WAIT, float(header)) if header.isascii() and header.isdigit() else None
