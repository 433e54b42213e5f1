"""What is to be told of a second: added up, so that a thousand events are a handful of samples."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from qoe_agent.model import Metric, Sample
from qoe_agent.sink import Key

if TYPE_CHECKING:
    from qoe_agent.sink import Sink


class Sums:
    """Counters and histograms since the last time that they were told; by stream, or by none."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str | None, str, tuple[str, ...]], float] = {}
        self._values: dict[tuple[str | None, str, int], list[float]] = {}
        self._metrics: dict[str, Metric] = {}

    def count(self, metric: Metric, stream: str | None = None, labels: tuple[str, ...] = (), by: float = 1) -> None:
        """Raise a counter."""
        self._metrics[metric.name] = metric
        name = stream, metric.name, labels
        self._counts[name] = self._counts.get(name, 0) + by

    def observe(self, metric: Metric, stream: str | None, value: float) -> None:
        """A value for a histogram."""
        self._metrics[metric.name] = metric
        name = stream, metric.name, bisect_left(metric.buckets, value)
        if name in self._values:
            self._values[name].append(value)
        else:
            self._values[name] = [value]

    def tell(self, sink: Sink, at: float) -> None:
        """Put them there, and begin anew."""
        counts, values = self._counts, self._values
        self._counts, self._values = {}, {}
        for (stream, name, labels), by in counts.items():
            sink.put(_key(stream), Sample(self._metrics[name], by, labels), at)
        for (stream, name, _), found in values.items():
            mean = sum(found) / len(found)
            sink.put(
                _key(stream), Sample(self._metrics[name], min(max(mean, min(found)), max(found)), (), len(found)), at
            )


def _key(stream: str | None) -> Key | None:
    return None if stream is None else Key(stream)
