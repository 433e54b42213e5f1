"""Startup: what a new viewer waits through, from join probes and first pulls."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.model import Joined, Metric, Opened, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.model import Finding, Observation

PHASE = Metric(
    "qoe_connect_phase_seconds",
    "gauge",
    "Time that the latest connection spent in a phase: resolve, connect, tls, handshake, first_byte.",
    labels=("phase",),
)
STARTUP = Metric(
    "qoe_startup_seconds",
    "histogram",
    "Request to the first decodable picture (sound, where there is no video) of joins that succeeded.",
    buckets=(0.2, 0.4, 0.6, 1.0, 2.0, 4.0, 8.0),
)
WITHIN = Metric(
    "qoe_startup_within_1s_ratio",
    "gauge",
    "Share of the joins of the last hour with a picture within 1 s (秒开率); failures count as not, refusals by "
    "authentication do not count.",
)
ATTEMPTS = Metric("qoe_join_attempts_total", "counter", "Joins by outcome: ok, or why not.", labels=("outcome",))
FIRST_PACKET = Metric("qoe_first_packet_seconds", "gauge", "Request to the first media packet of the latest join.")
FIRST_KEY = Metric("qoe_first_key_seconds", "gauge", "Request to the first key frame of the latest join.")

HOUR = 3600.0
QUICK = 1.0


@probe(PHASE, STARTUP, WITHIN, ATTEMPTS, FIRST_PACKET, FIRST_KEY, sees=(Opened, Joined, Tick))
@dataclass(slots=True)
class Startup:
    _phases: dict[str, float] = field(init=False, repr=False, default_factory=dict)
    _joins: deque[tuple[float, bool]] = field(init=False, repr=False, default_factory=deque)
    _outcomes: Counter[str] = field(init=False, repr=False, default_factory=Counter)
    _firsts: tuple[float | None, float | None] = field(init=False, repr=False, default=(None, None))

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation."""
        if isinstance(seen, Opened):
            self._phases.update(seen.phases)
        elif isinstance(seen, Joined):
            return self._joined(seen)
        elif isinstance(seen, Tick):
            return self._tick(seen.at)
        return ()

    def _joined(self, join: Joined) -> Iterable[Finding]:
        self._outcomes[join.outcome] += 1
        self._phases.update(join.phases)
        good = join.outcome == "ok" and join.startup is not None
        if join.outcome != "auth":
            self._joins.append((join.at, good and join.startup is not None and join.startup <= QUICK))
        if join.first_packet is not None or join.first_key is not None:
            self._firsts = (join.first_packet, join.first_key)
        if good:
            yield Sample(STARTUP, join.startup)

    def _tick(self, now: float) -> Iterable[Finding]:
        joins = self._joins
        while joins and joins[0][0] < now - HOUR:
            joins.popleft()
        yield Sample(WITHIN, sum(quick for _, quick in joins) / len(joins) if joins else None)
        for phase, seconds in self._phases.items():
            yield Sample(PHASE, seconds, (phase,))
        for metric, value in zip((FIRST_PACKET, FIRST_KEY), self._firsts, strict=True):
            if value is not None:
                yield Sample(metric, value)
        for outcome, count in self._outcomes.items():
            yield Sample(ATTEMPTS, count, (outcome,))
        self._outcomes.clear()
