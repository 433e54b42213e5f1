"""Whether the stream is there at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.model import Incident, Lost, Metric, Opened, Packet, Picture, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.model import Finding, Observation

UP = Metric("qoe_up", "gauge", "1 while media packets arrive, else 0.", kept=True)
LAST_PACKET = Metric("qoe_last_packet_timestamp_seconds", "gauge", "When the latest media packet arrived.", kept=True)
LAST_FRAME = Metric(
    "qoe_last_frame_timestamp_seconds",
    "gauge",
    "When the packet of the latest decoded picture arrived.",
    kept=True,
)
CONNECTS = Metric("qoe_connects_total", "counter", "Connections that stood.")
DISCONNECTS = Metric(
    "qoe_disconnects_total", "counter", "Pulls that ended or failed to begin, by reason.", labels=("reason",)
)


@probe(
    UP,
    LAST_PACKET,
    LAST_FRAME,
    CONNECTS,
    DISCONNECTS,
    sees=(Opened, Packet, Picture, Tick, Lost),
    incidents={"ended": "the stream ended cleanly; closes when media is back"},
)
@dataclass(slots=True)
class Up:
    _up: bool = field(init=False, repr=False, default=False)
    _packet: float | None = field(init=False, repr=False, default=None)
    _frame: float | None = field(init=False, repr=False, default=None)
    _connects: int = field(init=False, repr=False, default=0)
    _ends: Counter[str] = field(init=False, repr=False, default_factory=Counter)
    _over: Incident | None = field(init=False, repr=False, default=None)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; `qoe_up` changes at once, the rest comes with Ticks."""
        if isinstance(seen, Packet):
            if seen.kind != "data":
                self._packet = seen.at
                if not self._up:
                    return self._begun(seen.at)
        elif isinstance(seen, Picture):
            self._frame = seen.at
        elif isinstance(seen, Tick):
            return self._tick()
        elif isinstance(seen, Opened):
            self._connects += 1
        elif isinstance(seen, Lost):
            return self._gone(seen)
        return ()

    def _begun(self, at: float) -> Iterable[Finding]:
        self._up = True
        yield Sample(UP, 1)
        if self._over is not None:
            over, self._over = self._over, None
            yield Incident(over.kind, over.start, max(at, over.start), over.severity)

    def _gone(self, lost: Lost) -> Iterable[Finding]:
        self._up = False
        self._ends[lost.reason] += 1
        yield Sample(UP, 0)
        if lost.clean and self._over is None:
            self._over = Incident("ended", lost.at, None, "info")
            yield self._over

    def _tick(self) -> Iterable[Finding]:
        found: list[Finding] = [Sample(UP, int(self._up))]
        if self._packet is not None:
            found.append(Sample(LAST_PACKET, self._packet))
        if self._frame is not None:
            found.append(Sample(LAST_FRAME, self._frame))
        if self._connects:
            found.append(Sample(CONNECTS, self._connects))
        found += [Sample(DISCONNECTS, count, (reason,)) for reason, count in self._ends.items()]
        self._connects = 0
        self._ends.clear()
        return found
