"""The latest findings of all streams: what the exporter shows and what was wrong lately.

Counters accumulate what probes emit, gauges vanish when nobody refreshes them, incidents are known by
(stream, kind, key, start). Every method may be called from any thread: this is the package's only lock.
"""

from __future__ import annotations

import threading
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from qoe_agent import clock
from qoe_agent.incidents import describe, unobserved
from qoe_agent.known import Name, Stream
from qoe_agent.model import Incident, Metric, Sample
from qoe_agent.series import LABEL_NAME, Family, Pairs, Series, check, tidy
from qoe_agent.sink import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from qoe_agent.model import Finding

STALE = 60.0
"""Seconds after which a gauge that nobody refreshes vanishes."""
AFTERGLOW = 300.0
"""Seconds for which the counters of a removed stream can still be scraped."""
MOST_SERIES = 50
"""Label sets of one metric on one stream; what comes on top is dropped and counted."""
MOST_OWN = 2000
"""The same where it is about no stream."""

INFO = Metric("qoe_stream_info", "gauge", "The stream's labels, as the configuration gives them.", kept=True)
DROPPED = Metric(
    "qoe_agent_series_dropped_total",
    "counter",
    f"Samples thrown away because their metric already had {MOST_SERIES} label sets on that stream.",
    ("metric",),
)


class Known(NamedTuple):
    """An incident as the board knows it."""

    key: Key | None
    incident: Incident
    revision: int
    """1 when it was first heard of, one more for every change since."""


Listener: TypeAlias = "Callable[[Key | None, Incident, int], None]"


class Board:
    """Where all findings go.

    `metrics` are those that may come in; without them any well-formed one is admitted when it first comes.
    `external` labels go on every series (vantage, region).
    """

    def __init__(self, metrics: Iterable[Metric] | None = None, external: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._external: Pairs = tuple(sorted((k, tidy(v)) for k, v in (external or {}).items()))
        self._families: dict[str, Family] = {}
        self._streams: dict[Key | None, Stream] = {None: Stream(())}
        self._listeners: list[Listener] = []
        self._open = metrics is None
        self.declare(INFO, DROPPED, *(metrics or ()))

    def __getstate__(self) -> dict[str, Any]:
        """Sent from process to process without its lock and those who listen."""
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "_listeners")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock(), _listeners=[])

    def declare(self, *metrics: Metric) -> None:
        """Admit more metrics. The same one twice is fine, two of one name are not."""
        with self._lock:
            self._declare(metrics)

    def declared(self) -> list[Metric]:
        """The metrics that may come in."""
        return [family.metric for family in self._families.values()]

    def add(self, key: Key, info: Mapping[str, str]) -> None:
        """A stream is configured; again with other `info` to change its labels."""
        taken = {"stream", "rendition", *dict(self._external)}
        for label in info:
            if not LABEL_NAME.fullmatch(label) or label in taken:
                raise ValueError(f"{INFO.name}: the label {label} is not free")
        pairs: Pairs = (("stream", tidy(key.stream)),)
        pairs += (("rendition", tidy(key.rendition)),) if key.rendition else ()
        with self._lock:
            stream = self._streams.setdefault(key, Stream(pairs))
            stream.removed = None
            wanted = pairs + tuple(sorted((label, tidy(value)) for label, value in info.items()))
            series = stream.series.get((INFO.name, ()))
            if series is None or series.pairs != wanted:
                stream.drop((INFO.name, ()))
                self._start(stream, (INFO.name, ()), wanted).take(1.0, 1, clock.now())

    def admit(self, key: Key) -> bool:
        """Take findings about a stream that somebody else may watch; whether it is new here."""
        with self._lock:
            new = key not in self._streams
            if new:
                self._streams[key] = Stream((("stream", tidy(key.stream)),))
            return new

    def remove(self, key: Key, at: float | None = None) -> None:
        """A stream is no longer configured: its gauges go now, its counters in five minutes; open incidents end."""
        with self._lock:
            stream = self._streams.get(key)
            if stream and stream.removed is None:
                stream.removed = at = clock.now() if at is None else at
                for name in list(stream.gauges):
                    stream.drop(name)
        self._unobserve(key, at)

    def put(self, key: Key | None, finding: Finding, at: float) -> None:
        """Take a finding about a stream, or about the agent itself (no key)."""
        if isinstance(finding, Incident):
            self._report(key, finding)
            return
        with self._lock:
            stream = self._streams.get(key)
            if stream is None:
                raise ValueError(f"{finding.metric.name}: no stream {key}")
            value = finding.value
            series = stream.series.get((finding.metric.name, finding.labels))
            if series is None or value is None:
                self._put_rare(stream, finding, at)
            elif isfinite(value):
                series.take(float(value), finding.count, at)
            else:
                raise ValueError(f"{finding.metric.name}: {value} is not a number")

    def down(self, key: Key) -> None:
        """The stream died: states vanish, facts (kept gauges, counters) stay."""
        with self._lock:
            stream = self._streams.get(key)
            for name, gauge in list(stream.gauges.items()) if stream else ():
                if not gauge.family.metric.kept and stream:
                    stream.drop(name)

    def lose(self, key: Key, at: float) -> None:
        """Nobody watches the stream for now: what is known of it are counters, moments, and its labels."""
        with self._lock:
            stream = self._streams.get(key)
            for name, gauge in list(stream.gauges.items()) if stream else ():
                if not gauge.family.dated and name[0] != INFO.name and stream:
                    stream.drop(name)
        self._unobserve(key, at)

    def _unobserve(self, key: Key, at: float | None) -> None:
        """Nobody will see the end of what is open."""
        for known in self.incidents(key):
            if known.incident.end is None and at is not None:
                self.put(key, unobserved(known.incident, at), at)

    def sweep(self, now: float) -> None:
        """Let vanish what has had its time. Call it every few seconds."""
        for key in list(self._streams):
            with self._lock:
                stream = self._streams.get(key)
                if key is None or stream is None:
                    continue
                gone = stream.removed is not None and now - stream.removed >= AFTERGLOW
                for name, series in list(stream.series.items() if gone else stream.gauges.items()):
                    if gone or (now - series.at > STALE and not series.family.metric.kept):
                        stream.drop(name)
                if gone:
                    del self._streams[key]

    def listen(self, listener: Listener) -> None:
        """Have `listener` told of every new or changed incident, on the thread that reports it."""
        with self._lock:
            self._listeners = [*self._listeners, listener]

    def incidents(self, key: Key | None = None) -> list[Known]:
        """Open and recently closed incidents of one stream, or of all, by their start."""
        with self._lock:
            streams = self._streams
            if key is not None:
                streams = {key: streams[key]} if key in streams else {}
            known = [
                Known(who, incident, revision)
                for who, stream in streams.items()
                for incident, revision in stream.incidents
            ]
        return sorted(known, key=lambda k: (k.incident.start, k.key or Key("")))

    def render(self, openmetrics: bool = False) -> bytes:
        """The exposition. Locks one family at a time, so that findings never wait long."""
        parts: list[bytes] = []
        for family in list(self._families.values()):
            with self._lock:
                body = family.body()
            if body:
                parts += (family.meta(openmetrics), body)
        return b"".join([*parts, b"# EOF\n"] if openmetrics else parts)

    def metrics(self, key: Key | None) -> list[dict[str, Any]]:
        """The stream's numbers as JSON values; histograms as `_bucket`, `_sum` and `_count`."""
        with self._lock:
            stream = self._streams.get(key, Stream(()))
            series = sorted(stream.series.values(), key=lambda s: (s.family.metric.name, s.order))
            numbers = [number for one in series for number in one.numbers()]
        return [
            {"name": name, "labels": {k: v for k, v in pairs if k != "stream"}, "value": value}
            for name, pairs, value in numbers
        ]

    def readings(self, names: Sequence[Name], key: Key | None = None) -> dict[Key, list[tuple[float, int] | None]]:
        """Value and count (`Series.reading`) of these series of one stream, or of each one that is watched; None where
        there is none. Locks one stream at a time, so that findings never wait long."""
        found: dict[Key, list[tuple[float, int] | None]] = {}
        for who in list(self._streams) if key is None else [key]:
            with self._lock:
                stream = self._streams.get(who)
                if who is not None and stream is not None and stream.removed is None:
                    series = map(stream.series.get, names)
                    found[who] = [one.reading() if one else None for one in series]
        return found

    def incident_objects(self, key: Key | None = None) -> list[dict[str, Any]]:
        """The incidents as JSON values, in wall-clock time."""
        return [describe(known.incident) for known in self.incidents(key)]

    def _report(self, key: Key | None, incident: Incident) -> None:
        with self._lock:
            stream = self._streams.get(key)
            if stream is None:
                raise ValueError(f"{incident.kind}: no stream {key}")
            revision = stream.incidents.file(incident)
            listeners = self._listeners
        if revision:
            for listener in listeners:
                listener(key, incident, revision)

    def _declare(self, metrics: Iterable[Metric]) -> None:
        for metric in metrics:
            check(metric, dict(self._external))
            family = self._families.setdefault(metric.name, Family(metric, self._external))
            if family.metric != metric:
                raise ValueError(f"{metric.name}: declared twice, and differently")
        self._families = dict(sorted(self._families.items()))

    def _put_rare(self, stream: Stream, sample: Sample, at: float) -> None:
        """A new series, a withdrawn one, or a mistake."""
        metric = sample.metric
        if self._open and metric.name not in self._families:
            self._declare((metric,))
        family = self._families.get(metric.name)
        if family is None or (family.metric is not metric and family.metric != metric):
            raise ValueError(f"{metric.name}: not declared")
        if len(sample.labels) != len(metric.labels):
            raise ValueError(f"{metric.name}: {len(sample.labels)} labels, not {len(metric.labels)}")
        tidied = tuple(map(tidy, sample.labels))
        name = (metric.name, tidied)
        if sample.value is None:
            if not family.gauge:
                raise ValueError(f"{metric.name}: a {metric.kind} cannot be withdrawn")
            stream.drop(name)
            return
        if not isfinite(sample.value):
            raise ValueError(f"{metric.name}: {sample.value} is not a number")
        if family.gauge and stream.removed is not None:
            return
        series = stream.series.get(name)
        if series is None:
            if stream.sizes.get(metric.name, 0) >= (MOST_SERIES if stream.pairs else MOST_OWN):
                self._count_dropped(metric.name, at)
                return
            pairs = stream.pairs + tuple(zip(metric.labels, tidied, strict=True))
            series = self._start(stream, name, pairs)
        try:
            series.take(float(sample.value), sample.count, at)
        except ValueError:
            if series.value != series.value:  # a gauge that never had a value
                stream.drop(name)
            raise

    def _start(self, stream: Stream, name: Name, pairs: Pairs) -> Series:
        family = self._families[name[0]]
        series = family.start(pairs, tuple(value for _, value in pairs))
        stream.series[name] = series
        if family.gauge:
            stream.gauges[name] = series
        stream.sizes[name[0]] = stream.sizes.get(name[0], 0) + 1
        return series

    def _count_dropped(self, metric: str, at: float) -> None:
        agent, name = self._streams[None], (DROPPED.name, (metric,))
        series = agent.series.get(name) or self._start(agent, name, (("metric", metric),))
        series.take(1.0, 1, at)
