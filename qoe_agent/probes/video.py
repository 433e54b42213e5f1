"""Video that is missing: sound flows, and no pictures come with it.

Sound alone is no fault of a stream that never had anything else. Time is media time and arrival both, so that neither
a cache that is sent at once nor a stream that stands still counts; a segment of sound may come before its pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.maths.cadence import BREAK
from qoe_agent.maths.due import LONGEST
from qoe_agent.model import Format, Incident, Lost, Observation, Opened, Packet, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.model import Finding


@probe(
    sees=(Opened, Format, Packet, Segment, Tick, Lost),
    incidents={"video_missing": "no video packets though sound flows, of a stream that declares or had video"},
)
@dataclass(slots=True)
class Video:
    """Packets of any video track count."""

    missing: float = 10.0
    """Seconds of sound without video packets that make an incident."""

    _had: bool = field(default=False, init=False, repr=False)
    """The stream has or had video, by its packets or by declaration; earlier connections count."""
    _video: tuple[float, float | None] | None = field(default=None, init=False, repr=False)
    """Arrival and pts of the last video packet."""
    _first: float | None = field(default=None, init=False, repr=False)
    """Arrival of the first audio packet."""
    _audio: tuple[float, float | None] | None = field(default=None, init=False, repr=False)
    """Arrival and pts of the last one."""
    _without: float = field(default=0.0, init=False, repr=False)
    """Seconds of sound since the last video packet."""
    _piece: float = field(default=0.0, init=False, repr=False)
    """The longest segment."""
    _gone: Incident | None = field(default=None, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            if seen.kind == "video":
                self._had, self._video, self._without = True, (seen.at, seen.pts), 0.0
                return self._close(seen.at, seen.pts)
            if seen.kind == "audio":
                self._listen(seen)
        elif isinstance(seen, Tick):
            return self._tick()
        elif isinstance(seen, Format):
            self._had = self._had or seen.kind == "video"
        elif isinstance(seen, Segment):
            self._piece = max(self._piece, min(seen.duration, LONGEST))
        elif isinstance(seen, Opened | Lost):
            self._video = self._first = self._audio = None
            self._without = self._piece = 0.0
            return self._close(seen.at, None)
        return ()

    def _listen(self, seen: Packet) -> None:
        if self._first is None:
            self._first = seen.at
        before = self._audio[1] if self._audio else None
        if seen.pts is not None and before is not None and 0.0 < seen.pts - before <= BREAK:
            self._without += seen.pts - before
        self._audio = (seen.at, seen.pts)

    def _tick(self) -> Iterable[Finding]:
        if self._gone or not self._had or self._audio is None or self._first is None:
            return ()
        start, pts = self._video or (self._first, None)
        if min(self._without, self._audio[0] - start) <= self.missing + self._piece:
            return ()
        self._gone = Incident("video_missing", start, None, "critical", start_pts=pts)
        return (self._gone,)

    def _close(self, at: float, pts: float | None) -> Iterable[Finding]:
        was, self._gone = self._gone, None
        if was is None:
            return ()
        return (Incident(was.kind, was.start, max(at, was.start), was.severity, "", was.start_pts, pts),)
