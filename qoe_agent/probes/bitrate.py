"""Bitrate: bytes and packets per track, the busiest second, the distance of key frames, missing frames.

What a server sends in its opening burst is counted apart: it is old media, and would be taken for bitrate.
Packets are gathered and worked off by the batch, which keeps the packet path to one append.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from qoe_agent.maths.cadence import BREAK, Holes
from qoe_agent.maths.window import Peak
from qoe_agent.model import BACKLOG, KEY, Lost, Metric, Observation, Opened, Packet, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Finding

Taken: TypeAlias = tuple[int, "float | None", int, int]
"""Track, decoding time, size and flags of a packet."""

BYTES = Metric("qoe_received_bytes_total", "counter", "Bytes of live media received.", ("track",))
BACKLOG_BYTES = Metric(
    "qoe_backlog_bytes_total", "counter", "Bytes of media in servers' opening bursts, which are not live.", ("track",)
)
PACKETS = Metric("qoe_packets_total", "counter", "Packets of live media received.", ("track",))
PEAK = Metric(
    "qoe_peak_bytes_per_second", "gauge", "Most bytes in any one second of media time, over the last minute of it.",
    ("track",),
)  # fmt: skip
INTERVAL = Metric("qoe_keyframe_interval_seconds", "gauge", "Media time between the last two key frames.")
FRAMES = Metric("qoe_frames_total", "counter", "Coded video frames of live media received.")
MISSING = Metric(
    "qoe_frames_missing_total", "counter", "Video frames that a steady frame rate promised and timestamps leave out."
)

BATCH = 256
FRESH = 30.0
"""Seconds without a packet after which a track's gauges are withdrawn."""


class _Kind:
    """All tracks of one kind together; peaks and key frames follow the first of them."""

    __slots__ = ("at", "backlog", "bytes", "frames", "holes", "interval", "key", "last", "packets", "peak", "reported",
                 "taken", "track")  # fmt: skip

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.bytes = self.packets = self.backlog = self.frames = self.reported = 0
        self.at = 0.0
        self.interval: float | None = None
        self.holes = Holes()
        self.restart()

    def restart(self) -> None:
        """Another connection: another timeline."""
        self.work_off()
        self.track: int | None = None
        self.peak = Peak()
        self.key: float | None = None
        self.last: float | None = None
        self.holes.forget()
        self.interval = None

    def work_off(self) -> None:
        """Take account of the packets gathered."""
        taken, self.taken = self.taken, []
        for track, media, size, flags in taken:
            if self.track is None:
                self.track = track
            if flags & BACKLOG:
                self.backlog += size
            else:
                self.packets += 1
                self.bytes += size
            if media is None or track != self.track:
                continue
            self._mark(media, flags)
            if not flags & BACKLOG:
                self.frames += 1
                self.peak.add(media, size)
            self.holes.feed(media)

    def _mark(self, media: float, flags: int) -> None:
        """Measure the distance of key frames, within one timeline."""
        if self.last is not None and not -1.0 < media - self.last <= BREAK:
            self.key = None
        self.last = media
        if flags & KEY:
            if self.key is not None and media > self.key:
                self.interval = media - self.key
            self.key = media


@probe(
    BYTES, BACKLOG_BYTES, PACKETS, PEAK, INTERVAL, FRAMES, MISSING,
    sees=(Opened, Packet, Tick, Lost),
)  # fmt: skip
@dataclass(slots=True)
class Bitrate:
    """Rates are counters, for Prometheus to derive; only the peak and the key-frame distance are gauges."""

    _kinds: dict[str, _Kind] = field(default_factory=dict, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            kind = self._kinds.get(seen.kind)
            if kind is None:
                kind = self._kinds[seen.kind] = _Kind()
            media = seen.dts
            kind.taken.append((seen.track, seen.pts if media is None else media, seen.size, seen.flags))
            kind.at = seen.at
            if len(kind.taken) >= BATCH:
                kind.work_off()
        elif isinstance(seen, Tick):
            return self._tick(seen)
        elif isinstance(seen, Opened | Lost):
            for kind in self._kinds.values():
                kind.restart()
            return self._counters() if isinstance(seen, Lost) else ()
        return ()

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        for kind in self._kinds.values():
            kind.work_off()
        yield from self._counters()
        for name, kind in self._kinds.items():
            fresh = tick.at - kind.at <= FRESH
            yield Sample(PEAK, kind.peak.value if fresh else None, (name,))
            if name == "video":
                yield Sample(INTERVAL, kind.interval if fresh else None)

    def _counters(self) -> Iterator[Finding]:
        for name, kind in self._kinds.items():
            yield Sample(BYTES, kind.bytes, (name,))
            yield Sample(BACKLOG_BYTES, kind.backlog, (name,))
            yield Sample(PACKETS, kind.packets, (name,))
            if name == "video":
                yield Sample(FRAMES, kind.frames)
                yield Sample(MISSING, kind.holes.missing - kind.reported)
                kind.reported = kind.holes.missing
            kind.bytes = kind.backlog = kind.packets = kind.frames = 0
