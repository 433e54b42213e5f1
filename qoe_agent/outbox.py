"""What a worker process finds, until it is sent to the board in its parent: once a second, what has changed.

It takes what a board takes. Gauges go when their value changes, and now and then, so that they do not grow old;
counters go as what was added. Incidents, and streams that come and go, cross at once.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from qoe_agent.board import STALE
from qoe_agent.model import Incident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qoe_agent.model import Finding, Metric, Sample
    from qoe_agent.sink import Key

_Name: TypeAlias = tuple[str, tuple[str, ...]]
Change: TypeAlias = tuple[str, tuple[str, ...], float | None, int]
"""Metric, labels, value, count: a Sample without its declaration."""
AGAIN = STALE / 3
"""Seconds after which a gauge that stays the same is sent again."""


class _Gauge:
    __slots__ = ("at", "sent", "value")

    def __init__(self, value: float, at: float) -> None:
        self.value, self.at, self.sent = value, at, at


class _Stream:
    """What is known, and not yet sent, of one stream."""

    __slots__ = ("added", "changed", "gauges", "observed", "shown")

    def __init__(self) -> None:
        self.gauges: dict[_Name, _Gauge] = {}
        self.shown: set[_Name] = set()
        """Counters that exist."""
        self.changed: dict[_Name, float | None] = {}
        self.added: dict[_Name, float] = {}
        self.observed: list[Change] = []


class Outbox:
    """The worker's board. `send` takes a message; it is called on the thread that finds."""

    def __init__(self, metrics: Iterable[Metric], send: Callable[..., None], full: Callable[[], bool]) -> None:
        """`full`: nobody takes what is sent; what changes then waits here."""
        self._send, self._full = send, full
        self._metrics = {metric.name: metric for metric in metrics}
        self._streams: dict[Key | None, _Stream] = {None: _Stream()}

    def add(self, key: Key, info: Mapping[str, str]) -> None:
        """A stream is watched; its labels."""
        self._streams.setdefault(key, _Stream())
        self._send("add", key, dict(info))

    def remove(self, key: Key, at: float | None = None) -> None:
        """A stream is watched no more."""
        if key in self._streams:
            self._flush([key])
            del self._streams[key]
            self._send("remove", key)

    def put(self, key: Key | None, finding: Finding, at: float) -> None:
        """Take a finding; ValueError: it is none that was declared."""
        stream = self._streams.get(key)
        if stream is None:
            raise ValueError(
                f"{finding.kind if isinstance(finding, Incident) else finding.metric.name}: no such stream"
            )
        if isinstance(finding, Incident):
            self._send("incident", key, finding)
            return
        metric, value = finding.metric, finding.value
        name = metric.name, finding.labels
        if value is not None and not isfinite(value):
            raise ValueError(f"{metric.name}: {value} is not a number")
        gauge = stream.gauges.get(name)
        if gauge is not None and value is not None:
            if gauge.value != value or at - gauge.sent >= AGAIN:
                gauge.value, gauge.sent, stream.changed[name] = value, at, value
            gauge.at = at
        elif name in stream.shown and value is not None and value >= 0.0:
            if value:
                stream.added[name] = stream.added.get(name, 0.0) + value
        else:
            self._put_rare(stream, finding, at)

    def _put_rare(self, stream: _Stream, sample: Sample, at: float) -> None:
        """A new series, a withdrawn one, a histogram's value, or a mistake."""
        metric, name = sample.metric, (sample.metric.name, sample.labels)
        if self._metrics.get(metric.name) != metric:
            raise ValueError(f"{metric.name}: not declared")
        if len(sample.labels) != len(metric.labels):
            raise ValueError(f"{metric.name}: {len(sample.labels)} labels, not {len(metric.labels)}")
        if sample.value is None:
            if metric.kind != "gauge":
                raise ValueError(f"{metric.name}: a {metric.kind} cannot be withdrawn")
            if stream.gauges.pop(name, None):
                stream.changed[name] = None
        elif metric.kind == "gauge":
            stream.gauges[name] = _Gauge(sample.value, at)
            stream.changed[name] = sample.value
        elif metric.kind == "histogram":
            stream.observed.append((*name, sample.value, sample.count))
        elif sample.value < 0.0:
            raise ValueError(f"{metric.name}: a counter cannot go down by {-sample.value}")
        else:
            stream.shown.add(name)
            stream.added[name] = sample.value

    def down(self, key: Key) -> None:
        """The stream died: states vanish."""
        stream = self._streams.get(key)
        for name in list(stream.gauges) if stream else ():
            if stream and not self._metrics[name[0]].kept:
                del stream.gauges[name]
                stream.changed[name] = None

    def sweep(self, now: float) -> None:
        """Let vanish what nobody refreshes, and send what has changed."""
        for stream in self._streams.values():
            for name, gauge in list(stream.gauges.items()):
                if now - gauge.at > STALE and not self._metrics[name[0]].kept:
                    del stream.gauges[name]
                    stream.changed[name] = None
        if not self._full():
            self._flush(list(self._streams))

    def _flush(self, keys: Iterable[Key | None]) -> None:
        found: list[tuple[Any, list[Change]]] = []
        for key in keys:
            stream = self._streams[key]
            changes: list[Change] = [(*name, value, 1) for name, value in stream.changed.items()]
            changes += [(*name, value, 1) for name, value in stream.added.items()]
            changes += stream.observed
            if changes:
                found.append((key, changes))
            stream.changed, stream.added, stream.observed = {}, {}, []
        self._send("found", found)
