"""What came out of a probe, gathered as the board would gather it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qoe_agent.model import Incident, Metric, Observation
from qoe_agent.probes import declarations

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome:
    """Feed observations; read totals, gauges and incidents at any time."""

    def __init__(self, name: str, **options: Any) -> None:
        self._declared = declarations()[name]
        self.probe = self._declared.make(**options)
        self._totals: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._gauges: dict[tuple[str, tuple[str, ...]], float] = {}
        self._incidents: dict[tuple[str, str, float], Incident] = {}
        self.observed: dict[str, list[float]] = {}
        """Values of histograms by name."""

    def feed(self, observations: Iterable[Observation]) -> Outcome:
        for seen in observations:
            if isinstance(seen, self._declared.sees):
                for finding in self.probe.feed(seen):
                    self._take(finding)
        return self

    def _take(self, finding: Any) -> None:
        if isinstance(finding, Incident):
            self._incidents[finding.kind, finding.key, finding.start] = finding
            return
        which = finding.metric.name, finding.labels
        if finding.metric.kind == "counter":
            self._totals[which] += finding.value
        elif finding.metric.kind == "histogram":
            self.observed.setdefault(finding.metric.name, []).append(finding.value)
        elif finding.value is None:
            self._gauges.pop(which, None)
        else:
            self._gauges[which] = finding.value

    def total(self, metric: Metric, *labels: str) -> float:
        return self._totals[metric.name, labels]

    def gauge(self, metric: Metric, *labels: str) -> float | None:
        return self._gauges.get((metric.name, labels))

    def labels(self, metric: Metric) -> set[tuple[str, ...]]:
        """The label sets under which a gauge stands now."""
        return {labels for name, labels in self._gauges if name == metric.name}

    def incidents(self, kind: str) -> list[Incident]:
        """The last version of each."""
        return [incident for incident in self._incidents.values() if incident.kind == kind]
