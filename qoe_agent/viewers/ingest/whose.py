"""Which of our streams an event is about (DECISIONS 36): by what the configuration says, never by a stranger's word."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from qoe_agent.viewers.privacy import bare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.config import Stream

REMEMBERED = 10_000
"""Answers that are kept: players say the same again and again."""
LONGEST = 400
"""Characters of what servers call a stream; the rest is not read, so that no expression has much to chew on."""


class Known(NamedTuple):
    """A stream as the process that takes events in needs to know it."""

    name: str
    cid: tuple[str, ...] = ()
    rtmp: str | None = None
    path: str | None = None


def known(stream: Stream) -> Known:
    """What of `stream` is needed; without `viewers.rtmp` its RTMP address speaks for it."""
    said = stream.viewers
    return Known(stream.name, tuple(map(bare, said.cid)), said.rtmp or _application(stream.url), said.path)


def _application(url: str) -> str | None:
    parts = urlsplit(url)
    path = parts.path.strip("/")
    return path if parts.scheme in ("rtmp", "rtmps", "rtmpt") and "/" in path else None


class Whose:
    """Answers for a set of streams; where two claim the same, the first has it. Events name streams without a query."""

    def __init__(self, streams: Iterable[Known]) -> None:
        listed = list(streams)
        self.names = frozenset(each.name for each in listed)
        self._cid: dict[str, str] = {}
        self._rtmp: dict[str, str] = {}
        for each in listed:
            for cid in each.cid:
                self._cid.setdefault(cid, each.name)
            self._cid.setdefault(bare(each.name), each.name)
            if each.rtmp:
                self._rtmp.setdefault(each.rtmp, each.name)
        self._paths = [(re.compile(each.path), each.name) for each in listed if each.path]
        self.path: Callable[[str], str | None] = functools.lru_cache(REMEMBERED)(self._path)

    def content(self, cid: str) -> str | None:
        """The stream that players call `cid`."""
        return self._cid.get(cid) or (cid if cid in self.names else None)

    def _path(self, path: str) -> str | None:
        """The stream that a server calls `path`, such as app/name."""
        path = path.strip("/")[:LONGEST]
        if path in self._rtmp:
            return self._rtmp[path]
        return next((name for pattern, name in self._paths if pattern.search(path)), None)
