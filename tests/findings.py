"""Runs probes over observations and keeps what comes out, as the board would."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.model import Incident, Metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.model import Observation, Sample
    from qoe_agent.probes import Probe


@dataclass(slots=True)
class Kept:
    """Counters summed, gauges at their latest, histograms as (count, sum), incidents at their last revision."""

    counters: dict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float))
    gauges: dict[tuple[str, ...], float | None] = field(default_factory=dict)
    histograms: dict[tuple[str, ...], tuple[int, float]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    revisions: list[tuple[float, Incident]] = field(default_factory=list)
    """(when it was said, incident)."""

    def of(self, kind: str) -> list[Incident]:
        """Incidents of a kind, in order of their start."""
        return sorted((it for it in self.incidents if it.kind == kind), key=lambda it: it.start)

    def counter(self, metric: Metric, *labels: str) -> float:
        return self.counters[(metric.name, *labels)]

    def add(self, found: Sample) -> None:
        """Take a sample."""
        key = (found.metric.name, *found.labels)
        if found.metric.kind == "gauge":
            self.gauges[key] = found.value
        elif found.value is not None and found.metric.kind == "counter":
            assert found.value >= 0
            self.counters[key] += found.value
        elif found.value is not None:
            count, total = self.histograms.get(key, (0, 0.0))
            self.histograms[key] = count + found.count, total + found.value * found.count

    def revise(self, at: float, found: Incident) -> None:
        """Take an incident, said at `at`."""
        self.revisions.append((at, found))
        for place, known in enumerate(self.incidents):
            if (known.kind, known.key, known.start) == (found.kind, found.key, found.start):
                assert known.end is None, f"closed twice: {found}"
                self.incidents[place] = found
                return
        self.incidents.append(found)


def keep(observations: Iterable[Observation], *probes: Probe) -> Kept:
    """Feed all observations to all probes."""
    kept = Kept()
    for seen in observations:
        for probe in probes:
            for found in probe.feed(seen):
                if isinstance(found, Incident):
                    kept.revise(seen.at, found)
                else:
                    kept.add(found)
    return kept
