"""Continuity: timestamps that run backwards, leave gaps or jump; media time against wall time; broken bytes.

Times are decoding times (presentation times reorder). A step of more than max(0.5 s, 10 frames), or backwards
by more than 0.5 s, is a jump: one incident however many tracks take part in it. Announced discontinuities
and unwrapped counters are counted apart and are not faults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.maths.continuity import JUMP, Jump, Timeline
from qoe_agent.model import (
    BACKLOG,
    CORRUPT,
    DISCONTINUITY,
    WRAPPED,
    Damage,
    Incident,
    Lost,
    Metric,
    Observation,
    Opened,
    Packet,
    Sample,
    Segment,
    Tick,
)
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Finding, Severity

BACKWARDS = Metric("qoe_timestamp_backwards_total", "counter", "Times decoding time ran backwards.", ("track",))
GAPS = Metric(
    "qoe_timestamp_gaps_total", "counter", "Times media time skipped more than max(0.5 s, 10 frames).", ("track",)
)
WRAPS = Metric("qoe_timestamp_wraps_total", "counter", "Times the transport's timestamp counter wrapped.")
BREAKS = Metric("qoe_discontinuities_total", "counter", "Breaks in the timeline that the transport announced.")
DRIFT = Metric(
    "qoe_stream_drift_seconds", "gauge", "Media time minus wall time elapsed since the stream was opened: above 0 "
    "the media clock is fast, below 0 slow (or media came to a halt).",
)  # fmt: skip
CORRUPTED = Metric("qoe_corrupt_packets_total", "counter", "Media packets that the transport marked as incomplete.")
DECODE = Metric("qoe_decode_errors_total", "counter", "Decode errors.")
DAMAGE = Metric(
    "qoe_damage_total", "counter", "Faults in the transport's bytes: without syntax (parse), lost or altered "
    "(corrupt).", ("kind",),
)  # fmt: skip

SAME = 10.0
"""Seconds of arrival within which jumps of several tracks are one jump."""
MOST_TRACKS = 32
ODD = CORRUPT | DISCONTINUITY | WRAPPED


class _Track:
    """One track of this connection."""

    __slots__ = ("breaks", "kind", "last", "timeline", "wraps")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.timeline = Timeline()
        self.breaks = 0
        self.wraps = 0


@probe(
    BACKWARDS, GAPS, WRAPS, BREAKS, DRIFT, CORRUPTED, DECODE, DAMAGE,
    sees=(Opened, Packet, Segment, Damage, Tick, Lost),
    incidents={"timestamp_jump": "media time jumped, unannounced: info if as much time passed, else warning"},
)  # fmt: skip
@dataclass(slots=True)
class Continuity:
    """Follows every audio and video track; drift is that of the first video track, else of the first audio."""

    window: float = 10.0
    """Seconds of arrival over which the earliest packets give the drift; at least three segments on HLS."""

    _tracks: dict[int, _Track] = field(default_factory=dict, init=False, repr=False)
    _counts: dict[tuple[Metric, str], int] = field(default_factory=dict, init=False, repr=False)
    _wraps: int = field(default=0, init=False, repr=False)
    _breaks: int = field(default=0, init=False, repr=False)
    _corrupt: int = field(default=0, init=False, repr=False)
    _decode: int = field(default=0, init=False, repr=False)
    _jumped: Jump | None = field(default=None, init=False, repr=False)
    """The last jump, and the tracks that took part."""
    _segment: float = field(default=0.0, init=False, repr=False)
    """The longest segment."""

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            track = self._tracks.get(seen.track)
            if track is None:
                track = self._meet(seen)
            if seen.flags & ODD:
                self._flags(track, seen)
            media = seen.pts if seen.dts is None else seen.dts
            if track is None or media is None:
                return ()
            step = track.timeline.step(media, seen.at, seen.flags & BACKLOG != 0)
            return () if step is None else self._irregular(track, seen, step)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Damage):
            if seen.kind == "decode":
                self._decode += seen.count
            else:
                self._add(DAMAGE, seen.kind, seen.count)
        elif isinstance(seen, Segment):
            self._segment = max(self._segment, min(seen.duration, 20.0))
        elif isinstance(seen, Opened | Lost):
            self._tracks.clear()
            self._jumped = None
            return self._counters() if isinstance(seen, Lost) else ()
        return ()

    def _meet(self, seen: Packet) -> _Track | None:
        if seen.kind == "data" or len(self._tracks) >= MOST_TRACKS:
            return None
        track = self._tracks[seen.track] = _Track(seen.kind)
        self._add(BACKWARDS, seen.kind, 0)  # a counter that begins at 0 lets rate() see its first step
        self._add(GAPS, seen.kind, 0)
        return track

    def _flags(self, track: _Track | None, seen: Packet) -> None:
        """Every track tells of a wrap or a break: the track that told most often is right."""
        self._corrupt += seen.flags & CORRUPT != 0
        if track is None:
            return
        if seen.flags & WRAPPED:
            track.wraps += 1
            self._wraps += track.wraps > max((t.wraps for t in self._tracks.values() if t is not track), default=0)
        if seen.flags & DISCONTINUITY:
            track.breaks += 1
            self._breaks += track.breaks > max((t.breaks for t in self._tracks.values() if t is not track), default=0)

    def _irregular(self, track: _Track, seen: Packet, step: float) -> Iterable[Finding]:
        """Time ran backwards, or skipped."""
        before = track.timeline.before
        if seen.flags & DISCONTINUITY:
            self._jumped = Jump(seen.at, step, {seen.track}, announced=True)
            return ()
        jumped = self._jumped
        if jumped and abs(step) > JUMP and jumped.joined_by(seen.track, seen.at, step, SAME):
            if jumped.announced:
                return ()
            self._add(BACKWARDS if step < 0 else GAPS, track.kind)
            return ()
        self._add(BACKWARDS if step < 0 else GAPS, track.kind)
        if abs(step) <= JUMP:
            return ()
        self._jumped = Jump(seen.at, step, {seen.track})
        passed = track.timeline.passed
        media = seen.pts if seen.dts is None else seen.dts
        natural = abs(step - passed) <= max(JUMP, 0.2 * passed)
        detail = {"track": track.kind, "jump_seconds": step, "passed_seconds": passed}
        severity: Severity = "info" if natural else "warning"
        return (Incident("timestamp_jump", seen.at, seen.at, severity, "", before, media, detail),)

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        yield from self._counters()
        tracks = self._tracks.values()
        lead = next((t for t in tracks if t.kind == "video"), None) or next(iter(tracks), None)
        if lead is not None:
            yield Sample(DRIFT, lead.timeline.drift(tick.at, max(self.window, 3 * self._segment)))

    def _add(self, metric: Metric, label: str, count: int = 1) -> None:
        self._counts[metric, label] = self._counts.get((metric, label), 0) + count

    def _counters(self) -> Iterator[Finding]:
        for (metric, label), count in self._counts.items():
            yield Sample(metric, count, (label,))
        yield Sample(WRAPS, self._wraps)
        yield Sample(BREAKS, self._breaks)
        yield Sample(CORRUPTED, self._corrupt)
        yield Sample(DECODE, self._decode)
        self._counts = dict.fromkeys(self._counts, 0)
        self._wraps = self._breaks = self._corrupt = self._decode = 0
