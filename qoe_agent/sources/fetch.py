"""One resource over HTTP, with its arrival byte by byte; what a target's secrets are for stays with its origin."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit

import aiohttp

from qoe_agent import clock
from qoe_agent.sources import connect
from qoe_agent.sources.http import explain, session, status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from qoe_agent.model import Target

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 8
_SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Fetched:
    """What came, and when."""

    url: str
    """Where it was in the end."""
    requested: float
    at: float
    """When its last byte was there, or the attempt was given up."""
    first_byte: float | None = None
    data: bytes = b""
    arrivals: list[tuple[int, float]] = field(default_factory=list)
    """Byte counts and when they were there."""
    error: str = ""
    """Empty when all of it came; else a reason that `Lost` uses, or `truncated`."""
    detail: str = ""
    status: int = 0
    """Of the last answer, with its headers; 0: there was none."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """Fetches for one pull. Sends headers and cookies of the target only to the target's own origin."""

    def __init__(self, target: Target) -> None:
        self.phases = connect.Phases(clock.now())
        """Of the first connection."""
        self._origin = origin(target.url)
        self._own = session(target, self.phases)
        self._foreign = session(replace(target, headers={}, cookies={}))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._own.close()
        await self._foreign.close()

    async def fetch(self, url: str, *, limit: int, within: float, span: tuple[int, int] | None = None) -> Fetched:
        """Get `url`, or the bytes [begin, end) of it: at most `limit` bytes, within so many seconds."""
        got = Fetched(url, clock.now(), clock.now())
        try:
            async with asyncio.timeout(within):
                await self._get(got, limit, span)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            got.error, got.detail = explain(error)
            if isinstance(error, ValueError) and not isinstance(error, aiohttp.InvalidURL):
                got.error, got.detail = "failed", "the address is not valid"
            if isinstance(error, aiohttp.ClientPayloadError) and got.arrivals:
                got.error, got.detail = "truncated", "the body ended early"
        got.at = clock.now()
        return got

    async def _get(self, got: Fetched, limit: int, span: tuple[int, int] | None) -> None:
        headers = {"Range": f"bytes={span[0]}-{span[1] - 1}"} if span else {}
        for _ in range(_MOST_REDIRECTS):
            if urlsplit(got.url).scheme not in _SCHEMES:
                got.error, got.detail = "unsupported", "only http and https addresses are fetched"
                return
            client = self._own if origin(got.url) == self._origin else self._foreign
            async with client.get(got.url, headers=headers, allow_redirects=False) as answer:
                got.first_byte = clock.now()
                self.phases.first_byte = self.phases.first_byte or got.first_byte
                got.status, got.headers = answer.status, answer.headers
                if answer.status in _REDIRECTS and "Location" in answer.headers:
                    got.url = urljoin(got.url, answer.headers["Location"])
                    got.status, got.headers = 0, {}
                    continue
                if answer.status not in (200, 206):
                    got.error, got.detail = status(answer.status)
                    return
                whole = span if answer.status == 200 else None  # the server knows no ranges
                await _read(answer, got, limit if whole is None else whole[1] + limit)
                if whole:
                    _slice(got, *whole)
                return
        got.error, got.detail = "status", "too many redirects"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454)."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


async def _read(answer: aiohttp.ClientResponse, got: Fetched, limit: int) -> None:
    parts, size = [], 0
    try:
        async for chunk in answer.content.iter_any():
            parts.append(chunk)
            size += len(chunk)
            got.arrivals.append((size, clock.now()))
            if size > limit:
                got.error, got.detail = "protocol", f"longer than {limit} bytes"
                return
    finally:
        got.data = b"".join(parts)


def _slice(got: Fetched, begin: int, end: int) -> None:
    got.arrivals = [(min(size, end) - begin, at) for size, at in got.arrivals if size > begin]
    got.data = got.data[begin:end]
