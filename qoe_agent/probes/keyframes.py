"""Key frames: how long nobody could have begun to watch.

A stream without key frames (intra refresh, a broken encoder) shows nothing to whoever joins. Time is media
time, so that a segmented stream's bursts and a stalled one's silence do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.maths.cadence import BREAK
from qoe_agent.model import IDR, KEY, Incident, Lost, Metric, Observation, Opened, Packet, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Finding

AGE = Metric("qoe_keyframe_age_seconds", "gauge", "Media time since the last key frame.")
GOPS = 3
FRESH = 30.0
"""Seconds without a video packet after which the age is withdrawn."""


@probe(
    AGE,
    sees=(Opened, Packet, Tick, Lost),
    incidents={"no_keyframes": "no key frame for longer than 10 s and three of the stream's usual intervals"},
)
@dataclass(slots=True)
class KeyFrames:
    """Follows the first video track."""

    after: float = 10.0
    """Seconds of media without a key frame that are too many, unless three usual intervals are more."""

    _track: int | None = field(default=None, init=False, repr=False)
    _last: float | None = field(default=None, init=False, repr=False)
    """Decoding time of the last packet."""
    _at: float = field(default=0.0, init=False, repr=False)
    """Its arrival."""
    _age: float = field(default=0.0, init=False, repr=False)
    _usual: float | None = field(default=None, init=False, repr=False)
    """The longest of the last intervals between key frames, shrinking slowly."""
    _since: tuple[float, float | None] | None = field(default=None, init=False, repr=False)
    """Arrival and pts of the last key frame, or of the first packet."""
    _known: bool = field(default=False, init=False, repr=False)
    """Whether there was a key frame in this connection."""
    _open: Incident | None = field(default=None, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            if seen.kind != "video" or (seen.track != self._track and self._track is not None):
                return ()
            media = seen.pts if seen.dts is None else seen.dts
            if media is not None:
                if self._last is not None and 0.0 < media - self._last <= BREAK:
                    self._age += media - self._last
                self._last, self._at = media, seen.at
            if seen.flags & (KEY | IDR):
                return self._key(seen)
            if self._since is None:
                self._track, self._since = seen.track, (seen.at, seen.pts)
        elif isinstance(seen, Tick):
            return self._tick(seen)
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen.at, None)
        return ()

    def _key(self, seen: Packet) -> Iterable[Finding]:
        if self._known and self._age > 0.0:
            self._usual = max(self._age, 0.9 * (self._usual or 0.0))
        ended = self._close(seen.at, seen.pts)
        self._track, self._since, self._age, self._known = seen.track, (seen.at, seen.pts), 0.0, True
        return ended

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        if self._since is None:
            return
        yield Sample(AGE, self._age if tick.at - self._at <= FRESH else None)
        if self._open is None and self._age > max(self.after, GOPS * (self._usual or 0.0)):
            at, pts = self._since
            self._open = Incident("no_keyframes", at, None, "info", start_pts=pts, detail={"ever": self._known})
            yield self._open

    def _restart(self, at: float, pts: float | None) -> Iterable[Finding]:
        ended = self._close(at, pts)
        self._track = self._last = self._since = None
        self._age, self._known = 0.0, False
        return ended

    def _close(self, at: float, pts: float | None) -> Iterable[Finding]:
        was, self._open = self._open, None
        if was is None:
            return ()
        end = max(at, was.start)
        return (Incident(was.kind, was.start, end, was.severity, "", was.start_pts, pts, was.detail),)
