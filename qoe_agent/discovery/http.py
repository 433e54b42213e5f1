"""Streams from an HTTP server that is asked again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from qoe_agent.config import ConfigError
from qoe_agent.discovery.targets import Origin, streams_in
from qoe_agent.maths.urls import redact, scrub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.config import HttpSd, Profile, Stream

MAX_BYTES = 8 << 20
"""The longest answer that is read."""


class Server:
    """One entry of `discovery.http_sd`, and its last good answer."""

    def __init__(self, settings: HttpSd, profiles: Mapping[str, Profile], streams: tuple[Stream, ...] = ()) -> None:
        self.settings = settings
        self.name = redact(settings.url)
        self.streams = streams
        self.errors: tuple[str, ...] = ()
        self._profiles = profiles

    async def ask(self) -> bool:
        """Fetch the list; whether anything came of it."""
        before = self.streams, self.errors
        origin = Origin(self.name, "", self.settings.labels, self.settings.profile, None)
        try:
            self.streams, self.errors = streams_in(await self._fetch(), origin, self._profiles), ()
        except ConfigError as error:
            self.errors = tuple(error.errors)
        except TimeoutError:
            self.errors = (f"{self.name}: no answer within {self.settings.timeout:g} s",)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = scrub(" ".join(str(error).split()), self.settings.url) or type(error).__name__
            self.errors = (f"{self.name}: {reason}",)
        return before != (self.streams, self.errors)

    async def _fetch(self) -> str:
        """The answer's text. Redirects are not followed: our headers are meant for this server alone."""
        timeout = aiohttp.ClientTimeout(total=self.settings.timeout)
        headers = {"Accept": "application/json", "User-Agent": "qoe-agent", **self.settings.headers}
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(self.settings.url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ConfigError([f"{self.name}: answered {response.status}"])
            body = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ConfigError([f"{self.name}: answered more than {MAX_BYTES >> 20} MiB"])
            try:
                return body.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ConfigError([f"{self.name}: answered no UTF-8 text"]) from None
