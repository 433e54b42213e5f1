"""HTTP: FLV and MPEG-TS bodies that do not end, and the session that all HTTP sources share."""

from __future__ import annotations

import importlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Literal, Protocol

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from qoe_agent import clock
from qoe_agent.bitstream.flv import Flv
from qoe_agent.bitstream.ts import Ts
from qoe_agent.maths.quoting import answered
from qoe_agent.model import Answer, Lost, Opened, Packet
from qoe_agent.sources import connect
from qoe_agent.sources.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.model import Observation, Target
    from qoe_agent.sources import Emit


_SNIFF = 1024
"""Bytes after which a body must have shown what it is."""
_AS_IT_IS = {"Accept-Encoding": "identity"}
_MAKE: dict[str, Callable[[], Demuxer]] = {"flv": Flv, "ts": Ts}


class Demuxer(Protocol):
    """What the parsers of continuous bodies have in common."""

    def feed(self, data: bytes, at: float) -> list[Observation]: ...
    def flush(self, at: float) -> list[Observation]: ...


async def watch(target: Target, emit: Emit) -> Lost:
    """Pull `target.url` and demux what its first bytes show it to be; playlists go to the HLS source.

    `first_byte` in `Opened.phases` is from the connection to the first byte of the body.
    """
    phases = connect.Phases(clock.now())
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(session(target, phases))
            answer = await stack.enter_async_context(client.get(target.url, headers=_AS_IT_IS))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Lost(clock.now(), *explain(error))
        said = Answer(clock.now(), "headers", answered(answer.status, answer.headers))
        if answer.status not in (200, 206):
            emit(said)
            return Lost(clock.now(), *status(answer.status))
        try:
            lost = await _play(answer, said, phases, emit)
        except (aiohttp.ClientError, OSError) as error:
            return Lost(clock.now(), *explain(error))
    if lost is not None:
        return lost
    hls = importlib.import_module("qoe_agent.sources.hls")
    verdict: Lost = await hls.watch(target, emit)
    return verdict


async def _play(answer: aiohttp.ClientResponse, said: Answer, phases: connect.Phases, emit: Emit) -> Lost | None:
    """Feed the body to the demuxer that fits, until it ends; None: it is a playlist. `said`: its headers."""
    head, body = b"", _Body(emit)
    try:
        async for data in answer.content.iter_any():
            at = clock.now()
            if body.demuxer is not None:
                body.held.add(data, at)
                continue
            phases.first_byte = phases.first_byte or at
            head += data
            found = sniff(head)
            if found == "hls":
                return None
            if found == "foreign":
                emit(said)
                return _foreign(answer)
            if found is not None:
                emit(Opened(at, phases.requested, found, phases.seconds()))
                emit(said)
                body.begin(found, head, at)
        at = clock.now()
        if body.demuxer is None:
            emit(said)
            return _foreign(answer) if head else Lost(at, "empty", "the server sent an empty body")
        body.end(at)
    except (aiohttp.ClientError, OSError):
        body.held.flush()
        raise
    finally:
        body.held.drop()
    if not body.media:
        return Lost(at, "empty", "the body ended without media")
    if answer.content_length is None and "chunked" not in answer.headers.get("Transfer-Encoding", "").lower():
        return Lost(at, "reset", "the server closed the connection, having announced no length")
    return Lost(at, "ended", "the server ended the body")


class _Body:
    """The media of an answer, on its way through the demuxer that fits."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.demuxer: Demuxer | None = None
        self.media = False
        """Whether a packet has come out."""
        self.held = Held(self._feed)

    def begin(self, kind: Literal["flv", "ts"], head: bytes, at: float) -> None:
        """It is known what it is."""
        self.demuxer = _MAKE[kind]()
        self._feed([(head, at)])

    def end(self, at: float) -> None:
        """There is no more."""
        self.held.flush()
        if self.demuxer:
            self._pass(self.demuxer.flush(at))

    def _feed(self, pieces: list[tuple[bytes, float]]) -> None:
        for data, at in pieces:
            if self.demuxer:
                self._pass(self.demuxer.feed(data, at))

    def _pass(self, observations: list[Observation]) -> None:
        for seen in observations:
            self.media = self.media or isinstance(seen, Packet)
            self._emit(seen)


def sniff(head: bytes) -> Literal["flv", "ts", "hls", "foreign"] | None:
    """What a body is, by its first bytes; None: more are needed."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"FLV"):
        return "flv"
    if text.startswith(b"#EXTM3U"):
        return "hls"
    if b"FLV".startswith(head) or b"#EXTM3U".startswith(text):
        return None
    for size in (188, 192, 204):  # plain, with time codes (Blu-ray), with Reed-Solomon
        for start in range(min(size, len(head) - size)):
            if head[start] == head[start + size] == 0x47 and head[start + 2 * size : start + 2 * size + 1] in (
                b"",
                b"G",
            ):
                return "ts"
    return "foreign" if len(head) >= _SNIFF or text.startswith(b"<") else None


def _foreign(answer: aiohttp.ClientResponse) -> Lost:
    kind = "".join(c for c in answer.content_type if c.isalnum() or c in "/+-.")[:60]
    return Lost(clock.now(), "protocol", f"the server answered with {kind}, neither FLV nor MPEG-TS")


def session(target: Target, phases: connect.Phases | None = None) -> aiohttp.ClientSession:
    """A client that speaks for `target`: headers, cookies, proxy, certificates. The caller closes it.

    It sets no deadlines. `phases` is filled by the first connection that the session makes.
    """
    jar = aiohttp.CookieJar(unsafe=True)  # cookies for numeric addresses too
    jar.update_cookies(dict(target.cookies), URL(target.url))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=connect.tls(target), limit=0),
        headers={"User-Agent": target.user_agent, **target.headers},
        cookie_jar=jar,
        proxy=target.proxy,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
        trace_configs=[_Progress(phases).trace()] if phases else [],
    )


class _Progress:
    """Notes in `phases` how the first request of a session gets on."""

    def __init__(self, phases: connect.Phases) -> None:
        self._phases = phases
        self._connected = False

    def trace(self) -> aiohttp.TraceConfig:
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(self._redirected)
        trace.on_dns_resolvehost_end.append(self._resolved)
        trace.on_connection_create_start.append(self._creating)
        trace.on_connection_create_end.append(self._created)
        return trace

    async def _redirected(self, *_: Any) -> None:
        phases = self._phases
        if phases.first_byte is None:
            phases.redirected, self._connected = clock.now(), False
            phases.resolved = phases.connected = phases.secured = None

    async def _resolved(self, *_: Any) -> None:
        self._phases.resolved = self._phases.resolved or clock.now()

    async def _creating(self, *_: Any) -> None:
        connect.under_way.set(None if self._connected else self._phases)

    async def _created(self, *_: Any) -> None:
        if self._connected:
            return
        self._connected = True
        if self._phases.connected is None:
            self._phases.connected = clock.now()
        else:  # noted when TLS began
            self._phases.secured = clock.now()


def explain(error: BaseException) -> tuple[str, str]:
    """Reason (of LOST_REASONS) and one line, without addresses or secrets, for what went wrong over HTTP."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "resolve", "the host name has no address"
        case aiohttp.ClientConnectorCertificateError():
            inner = error.certificate_error
            return connect.explain(inner) if isinstance(inner, OSError) else ("tls", "certificate not valid")
        case aiohttp.ServerFingerprintMismatch():
            return "tls", "the certificate is another one"
        case TimeoutError():
            return "timeout", "the server took too long"
        case aiohttp.ClientConnectorError():
            return connect.explain(error.os_error)
        case aiohttp.TooManyRedirects():
            return "status", "too many redirects"
        case aiohttp.RedirectClientError():
            return "unsupported", "a redirect to an address that is not of http or https"
        case aiohttp.ClientResponseError() if isinstance(error.__cause__, HttpProcessingError):
            return "protocol", "the answer is not HTTP"
        case aiohttp.ClientResponseError():
            return status(error.status)
        case ValueError():
            return "failed", "the address or a header is not valid"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return "reset", "the connection broke"
        case OSError():
            return connect.explain(error)
        case _:
            return "failed", type(error).__name__


def status(code: int) -> tuple[str, str]:
    """Reason and one line for an HTTP status that is not a success."""
    reason = {401: "auth", 403: "auth", 407: "auth", 404: "not_found", 410: "not_found"}.get(code, "status")
    return reason, f"the server answered {code}"
