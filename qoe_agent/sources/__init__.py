"""Bytes in, observations out: one file a protocol. A source never retries and never measures."""

from __future__ import annotations

import asyncio
import importlib
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from qoe_agent import clock
from qoe_agent.maths.timeline import OpeningBurst
from qoe_agent.maths.urls import HIDDEN, scrub
from qoe_agent.model import BACKLOG, Answer, Lost, Observation, Opened, Packet, Playlist, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LOOK = 0.5
"""Seconds between looks at the deadline, which may have moved nearer: opening may take longer than silence."""

Emit: TypeAlias = "Callable[[Observation], None]"

NO_BURST = ("hls", "file", "pipe", "replay")
"""Protocols that know their backlog themselves, or have none."""
HOLD = 0.2
"""Seconds that bytes may wait for others before they are parsed; their arrival is stamped all the same."""
PATIENCE = 3.0
"""A segmented stream may be silent for this many target durations before it is lost."""
LONGEST = 120.0
"""Seconds that it may be silent, whatever its playlist says."""
SECRET = 6
"""Characters of the shortest value of an address that is hidden where servers repeat it; others occur anywhere."""


def choose(target: Target) -> str:
    """The name of the module that pulls `target`."""
    if target.source != "auto":
        return "container" if target.source == "libav" else target.source
    parts = urlsplit(target.url)
    if parts.scheme in ("rtmp", "rtmps"):
        return "rtmp"
    if parts.scheme in ("http", "https"):
        return "hls" if parts.path.endswith((".m3u8", ".m3u")) else "http"
    if parts.scheme == "udp":
        return "udp"
    return "replay" if parts.path.endswith(".jsonl.gz") else "container"


def prepare(target: Target) -> str:
    """Load the module that pulls `target`, so that a pull does not count it as startup; returns its name."""
    name = choose(target)
    _module(name)
    return name


def recorded_at(target: Target) -> float:
    """When the recording that `target` names begins, in Unix seconds; now, if it does not say."""
    started: float | None = _module("replay").started(target)
    return clock.wall(clock.now()) if started is None else started


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


async def watch(target: Target, emit: Emit) -> Lost:
    """Pull `target`, emit what comes, return why it ended. Never hangs: silence is `Lost` too."""
    guard = _Guard(target, emit)
    pull = asyncio.ensure_future(_module(choose(target)).watch(target, guard.emit))
    try:
        while not pull.done():
            began = clock.now()
            patience = min(LOOK, max(0.05, guard.deadline - began))
            await asyncio.wait({pull}, timeout=patience)
            guard.deadline += max(0.0, clock.now() - began - patience)  # while we were stopped, nobody listened
            if not pull.done() and clock.now() >= guard.deadline:
                return Lost(clock.now(), *guard.verdict())
        lost: Lost = pull.result()
        return Lost(lost.at, lost.reason, scrub(lost.detail, target.url))
    finally:
        if not pull.done():
            guard.hush()
            pull.cancel()
            await asyncio.wait({pull}, timeout=2.0)


def _told(values: Iterable[str]) -> list[str]:
    """What we tell a server, and each word of it (`Bearer …`, `name=…`), the longest first."""
    found = {said for value in values for said in (value, *re.split(r'[\s,;="]+', value))}
    return sorted((said for said in found if len(said) >= SECRET), key=len, reverse=True)


class _Guard:
    """Stands between a source and the session: keeps the deadlines and marks the opening burst."""

    def __init__(self, target: Target, emit: Emit) -> None:
        self._emit, self._url = emit, target.url
        self._secrets = _told([*target.headers.values(), *target.cookies.values()])
        self._burst: OpeningBurst | None = OpeningBurst()
        self._patience = target.lost_after
        self._opened = False
        self._media = False
        self._opening = target.open_timeout
        self.deadline = clock.now() + self._opening

    def emit(self, seen: Observation) -> None:
        if isinstance(seen, Packet):
            if seen.kind != "data":  # captions and cues are no proof of life
                self._media = True
                self.deadline = clock.now() + self._patience
            if self._burst is not None:
                media = seen.dts if seen.dts is not None else seen.pts
                if self._burst.over(seen.at, media):
                    self._burst = None
                elif media is not None:
                    seen.flags |= BACKLOG
        elif isinstance(seen, Opened):
            self._opened = True
            self.deadline = min(self.deadline, clock.now() + self._opening)
            if seen.protocol in NO_BURST:
                self._burst = None
        elif isinstance(seen, Answer):
            seen = replace(seen, text=self._clean(seen.text))
        elif isinstance(seen, Playlist) and seen.target_duration:
            self._patience = max(self._patience, min(LONGEST, PATIENCE * seen.target_duration))
        elif isinstance(seen, Lost):
            self.deadline = math.inf  # of a recording, which says itself when it goes on
        self._emit(seen)

    def _clean(self, text: str) -> str:
        """`text` without what we told the server ourselves."""
        text = scrub(text, self._url, SECRET)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def hush(self) -> None:
        """The pull is over, whatever still comes of it."""
        self._emit = lambda seen: None

    def verdict(self) -> tuple[str, str]:
        """Reason and detail for having run into the deadline."""
        if self._media:
            return "silent", f"no whole media packet for {self._patience:g} s"
        if self._opened:
            return "silent", "connected, but no media came"
        return "timeout", "nothing came within the deadline"
