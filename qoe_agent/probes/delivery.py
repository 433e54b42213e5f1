"""Delivery gaps: nothing arrived for longer than the transport explains. Whether a viewer noticed says `stall`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.maths.late import Late
from qoe_agent.maths.viewing import SEGMENTED
from qoe_agent.model import BACKLOG, Incident, Lost, Metric, Opened, Packet, Playlist, Sample, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.model import Finding, Observation

GAPS = Metric("qoe_delivery_gaps_total", "counter", "Times that media stopped arriving while connected.")
GAP_SECONDS = Metric(
    "qoe_delivery_gap_seconds_total", "counter", "Time in delivery gaps, open ones included: last arrival to next."
)


@dataclass(slots=True)
class _Gap:
    start: float
    limit: float
    end: float | None = None
    counted: float = 0.0


@probe(
    GAPS,
    GAP_SECONDS,
    sees=(Opened, Packet, Playlist, Segment, Tick, Lost),
    incidents={"delivery_gap": "no media arrived for a while though connected"},
)
@dataclass(slots=True)
class Delivery:
    gap: float = 1.0
    """Push transports: seconds between two media packets that count as a gap."""
    late: float = 1.5
    """Segmented transports: target durations that a segment may be overdue, beyond its predecessor's length."""
    _last: float | None = field(init=False, repr=False, default=None)
    _limit: float = field(init=False, repr=False, default=1.0)
    _segmented: bool = field(init=False, repr=False, default=False)
    _target: float | None = field(init=False, repr=False, default=None)
    _open: _Gap | None = field(init=False, repr=False, default=None)
    _closed: list[_Gap] = field(init=False, repr=False, default_factory=list)
    _gaps: int = field(init=False, repr=False, default=0)
    _seconds: float = field(init=False, repr=False, default=0.0)
    _late: Late = field(init=False, repr=False, default_factory=Late)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; gaps are reported with Ticks, their ends at once."""
        if isinstance(seen, Packet):
            if self._segmented:
                return ()
            last, self._last = self._last, seen.at
            if last is not None and seen.at - last > self._limit:
                return self._ended(last, seen.at, seen.flags & BACKLOG != 0)
        elif isinstance(seen, Tick):
            return self._tick(seen)
        elif isinstance(seen, Segment):
            if not seen.error:
                return self._segment(seen)
        elif isinstance(seen, Playlist):
            self._target = seen.target_duration or self._target
            if seen.ended:  # nothing more is to come
                last, self._last = self._last, None
                return self._ended(last, seen.at)
        elif isinstance(seen, Opened):
            self._segmented = seen.protocol in SEGMENTED
            self._last, self._limit, self._target = None, self.gap, None
        elif isinstance(seen, Lost):
            last, self._last = self._last, None
            return self._ended(last, seen.at)
        return ()

    def _segment(self, segment: Segment) -> Iterable[Finding]:
        last, self._last = self._last, segment.at
        found = self._ended(last, segment.at, segment.backlog)
        self._limit = self.late * (self._target or segment.duration) + segment.duration
        return found

    def _ended(self, last: float | None, at: float, backlog: bool = False) -> Iterable[Finding]:
        """Media came, or will come no more: close what is open; what nobody saw open waits for the next Tick."""
        gap, self._open = self._open, None
        if gap is not None:
            gap.end = at
            self._count(gap, at)
            return (_incident(gap),)
        if last is not None and at - last > self._limit and not backlog:
            self._closed.append(_Gap(last, self._limit, at))
        return ()

    def _tick(self, tick: Tick) -> Iterable[Finding]:
        lag = self._late.tick(tick.lag)  # what is beyond it is the stream's
        found: list[Finding] = []
        for gap in self._closed:
            if gap.end is not None and gap.end - gap.start - lag > gap.limit:
                self._count(gap, gap.end)
                found.append(_incident(gap))
        self._closed.clear()
        if self._open is not None:
            self._count(self._open, tick.at)
        elif self._last is not None and tick.at - self._last - lag > self._limit:
            self._open = _Gap(self._last, self._limit)
            self._count(self._open, tick.at)
            found.append(_incident(self._open))
        if self._gaps:
            found.append(Sample(GAPS, self._gaps))
        if self._seconds:
            found.append(Sample(GAP_SECONDS, self._seconds))
        self._gaps, self._seconds = 0, 0.0
        return found

    def _count(self, gap: _Gap, until: float) -> None:
        if not gap.counted:
            self._gaps += 1
        self._seconds += max(0.0, until - gap.start - gap.counted)
        gap.counted = max(gap.counted, until - gap.start)


def _incident(gap: _Gap) -> Incident:
    """Information only: what a viewer notices of it is a stall."""
    return Incident("delivery_gap", gap.start, gap.end, "info")
