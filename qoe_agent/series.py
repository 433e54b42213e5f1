"""Series and families: how samples accumulate by their metric's kind, and how they are written.

The format is the Prometheus text format 0.0.4; the sample lines are also valid OpenMetrics 1.0 (only the
metadata lines differ), so that one cached text serves both. `le` is written as OpenMetrics wants it
("1.0", never "1") in both, lest the series change with the scraper's Accept header.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from math import isfinite, nan
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qoe_agent.model import Metric

LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
"""What Prometheus accepts as a label's name (two leading underscores are its own)."""
LONGEST_LABEL = 200
"""Characters of a label's value; a stream may put anything into its codec tags."""
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Label names and values, in the order in which they are written."""


def tidy(text: str) -> str:
    """`text` as a label's value: bounded, and encodable where it held half a surrogate pair."""
    return text[:LONGEST_LABEL].encode("utf-8", "replace").decode()


def head(name: str, pairs: Pairs) -> str:
    """The part of a sample line before its value."""
    if not pairs:
        return f"{name} "
    inside = ",".join([f'{label}="{value.translate(_ESCAPES)}"' for label, value in pairs])
    return f"{name}{{{inside}}} "


class Series:
    """One series that is a single number."""

    __slots__ = ("at", "family", "head", "order", "pairs", "value")

    def __init__(self, family: Family, pairs: Pairs, order: tuple[str, ...]) -> None:
        self.family = family
        self.pairs = pairs
        self.order = order
        self.value = 0.0
        self.at = 0.0
        self.head = head(family.metric.name, pairs + family.external)

    def take(self, value: float, count: int, at: float) -> None:
        """Take one sample's value."""
        raise NotImplementedError

    def write(self) -> str:
        """Its line, without the end."""
        return self.head + repr(self.value)

    def reading(self) -> tuple[float, int]:
        """Its value, as it is kept, and how many observations are in it."""
        return self.value, 1

    def numbers(self) -> Iterator[tuple[str, Pairs, float]]:
        """Name, labels and value."""
        wall = clock.wall(self.value) if self.family.dated else self.value
        yield self.family.metric.name, self.pairs, wall


class Counter(Series):
    """Grows by what it is given."""

    __slots__ = ()

    def take(self, value: float, count: int, at: float) -> None:
        """Add an increment."""
        if value:
            if value < 0.0:
                raise ValueError(f"{self.family.metric.name}: a counter cannot go down by {-value}")
            self.value += value
            self.family.dirty = True


class Gauge(Series):
    """Is what it was last said to be."""

    __slots__ = ()

    def take(self, value: float, count: int, at: float) -> None:
        """Replace the value."""
        self.at = at
        if value != self.value:
            if self.family.info and value != 1.0:
                raise ValueError(f"{self.family.metric.name}: an info metric is 1 or absent, not {value}")
            self.value = value
            self.family.dirty = True


class Moment(Gauge):
    """A gauge that holds an agent time; people see what the wall clock calls it."""

    __slots__ = ()

    def write(self) -> str:
        return self.head + repr(clock.wall(self.value))


class Histogram(Series):
    """Counts observations by size."""

    __slots__ = ("counts", "heads")

    def __init__(self, family: Family, pairs: Pairs, order: tuple[str, ...]) -> None:
        super().__init__(family, pairs, order)
        name, all_pairs = family.metric.name, pairs + family.external
        bounds = [*(repr(float(bound)) for bound in family.metric.buckets), "+Inf"]
        self.counts = [0] * len(bounds)
        self.heads = [head(f"{name}_bucket", (*all_pairs, ("le", bound))) for bound in bounds]
        self.heads += [head(f"{name}_sum", all_pairs), head(f"{name}_count", all_pairs)]

    def take(self, value: float, count: int, at: float) -> None:
        """Add `count` observations of `value`."""
        if count < 0:
            raise ValueError(f"{self.family.metric.name}: {count} observations")
        if count:
            self.counts[bisect_left(self.family.metric.buckets, value)] += count
            self.value += value * count
            self.family.dirty = True

    def cumulative(self) -> list[int]:
        """Observations up to each bound, the last being all."""
        total, sums = 0, []
        for count in self.counts:
            total += count
            sums.append(total)
        return sums

    def reading(self) -> tuple[float, int]:
        return self.value, sum(self.counts)

    def write(self) -> str:
        sums = self.cumulative()
        values = [*map(str, sums), repr(self.value), str(sums[-1])]
        return "\n".join([start + value for start, value in zip(self.heads, values, strict=True)])

    def numbers(self) -> Iterator[tuple[str, Pairs, float]]:
        name, sums = self.family.metric.name, self.cumulative()
        bounds = [*(repr(float(bound)) for bound in self.family.metric.buckets), "+Inf"]
        for bound, total in zip(bounds, sums, strict=True):
            yield f"{name}_bucket", (*self.pairs, ("le", bound)), float(total)
        yield f"{name}_sum", self.pairs, self.value
        yield f"{name}_count", self.pairs, float(sums[-1])


_IN_ORDER = attrgetter("order")


class Family:
    """All series of one metric, and their text as it was last written."""

    __slots__ = (
        "_cached", "_correction", "_ordered", "_series", "dated", "dirty", "external", "gauge", "info", "metric"
    )  # fmt: skip

    def __init__(self, metric: Metric, external: Pairs) -> None:
        self.metric = metric
        self.external = external
        self.gauge = metric.kind == "gauge"
        self.info = self.gauge and metric.name.endswith("_info")
        self.dated = self.gauge and metric.name.endswith("_timestamp_seconds")
        self.dirty = True
        self._series: set[Series] = set()
        self._ordered: list[Series] = []
        self._cached = b""
        self._correction = 0.0

    def start(self, pairs: Pairs, order: tuple[str, ...]) -> Series:
        """A new series; `order` says where among the others it is written."""
        kinds: dict[str, type[Series]] = {"counter": Counter, "histogram": Histogram, "gauge": Gauge}
        series = (Moment if self.dated else kinds[self.metric.kind])(self, pairs, order)
        if self.gauge:
            series.value = nan  # equal to nothing: the first value is always new
        self._series.add(series)
        self._ordered = []
        self.dirty = True
        return series

    def drop(self, series: Series) -> None:
        """The series is no more."""
        self._series.remove(series)
        self._ordered = []
        self.dirty = True

    def body(self) -> bytes:
        """The sample lines, written anew only when something in them changed."""
        if self.dated and self._correction != clock.wall(0.0):
            self._correction = clock.wall(0.0)
            self.dirty = True
        if self.dirty:
            self._ordered = self._ordered or sorted(self._series, key=_IN_ORDER)
            lines = [series.write() for series in self._ordered]
            self._cached = ("\n".join(lines) + "\n").encode() if lines else b""
            self.dirty = False
        return self._cached

    def meta(self, openmetrics: bool) -> bytes:
        """The HELP and TYPE lines. OpenMetrics names a family without its `_total` or `_info`."""
        name, kind = self.metric.name, "info" if self.info and openmetrics else self.metric.kind
        text = self.metric.help.replace("\\", "\\\\").replace("\n", "\\n")
        if openmetrics:
            name = name.removesuffix({"counter": "_total", "info": "_info"}.get(kind, ""))
            text = text.replace('"', '\\"')
        return f"# HELP {name} {text}\n# TYPE {name} {kind}\n".encode()


def check(metric: Metric, taken: Mapping[str, str]) -> None:
    """Refuse a declaration that could not be written; `taken` are labels that the agent itself sets."""
    name = metric.name
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise ValueError(f"{name}: not a name for a metric")
    if (metric.kind == "counter") != name.endswith("_total"):
        raise ValueError(f"{name}: counters, and only they, end in _total")
    if metric.kind == "histogram" and list(metric.buckets) != sorted({b for b in metric.buckets if isfinite(b)}):
        raise ValueError(f"{name}: buckets must rise")
    if metric.kind != "histogram" and metric.buckets:
        raise ValueError(f"{name}: only a histogram has buckets")
    for label in metric.labels:
        if not LABEL_NAME.fullmatch(label) or label in ("stream", "rendition", "le") or label in taken:
            raise ValueError(f"{name}: the label {label} is not free")
    if len(set(metric.labels)) != len(metric.labels):
        raise ValueError(f"{name}: a label occurs twice")
