"""Format: what the stream is made of (size, codec, profile, frame rate), and when that changes.

Sizes are declared (containers, parameter sets) and decoded (pictures). Where the two differ the pictures win,
and declarations of that stream are no longer believed until a picture confirms them. A reconnect that brings
another size or codec is a change like any other.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from qoe_agent.maths.cadence import frame_rate
from qoe_agent.model import Format, Incident, Lost, Metric, Observation, Opened, Packet, Picture, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Finding

Size: TypeAlias = tuple[int, int]

WIDTH = Metric("qoe_video_width_pixels", "gauge", "Width of the picture, as decoded if it was, else as declared.")
HEIGHT = Metric("qoe_video_height_pixels", "gauge", "Height of the picture, as decoded if it was, else as declared.")
RATE = Metric(
    "qoe_frame_rate", "gauge", "Frames per second: declared by the stream, or measured as one over the median "
    "step of presentation times over 4 s.", ("basis",),
)  # fmt: skip
VIDEO = Metric("qoe_video_info", "gauge", "Always 1; how the pictures are coded.", ("codec", "profile", "pixel_format"))
AUDIO = Metric("qoe_audio_info", "gauge", "Always 1; how the sound is coded.", ("codec", "sample_rate", "channels"))
CHANGES = Metric("qoe_resolution_changes_total", "counter", "Times the picture size changed, reconnects included.")

FRESH = 30.0
"""Seconds without a picture's packet after which nothing is measured any more."""


@probe(
    WIDTH, HEIGHT, RATE, VIDEO, AUDIO, CHANGES,
    sees=(Opened, Format, Packet, Picture, Tick, Lost),
    incidents={
        "resolution_change": "the picture size changed: info when it grew, warning when it shrank",
        "format_change": "codec, profile, pixel format, sample rate or channels changed",
    },
)  # fmt: skip
@dataclass(slots=True)
class FormatProbe:
    """Follows the first video and the first audio track."""

    _formats: dict[str, Format] = field(default_factory=dict, init=False, repr=False)
    """Video and audio of this connection."""
    _track: int | None = field(default=None, init=False, repr=False)
    """The video track."""
    _past: dict[str, Format] = field(default_factory=dict, init=False, repr=False)
    """The format in effect of each kind, of earlier connections too."""
    _size: Size | None = field(default=None, init=False, repr=False)
    """The size that counts, of earlier connections too."""
    _declared: Size | None = field(default=None, init=False, repr=False)
    _decoded: Size | None = field(default=None, init=False, repr=False)
    _seen: bool = field(default=False, init=False, repr=False)
    """Whether this connection has confirmed the size."""
    _pixels: str | None = field(default=None, init=False, repr=False)
    """Pixel format of the decoded pictures."""
    _pending: list[Incident] = field(default_factory=list, init=False, repr=False)
    """Changes that were declared and take effect with the next packet."""
    _since: tuple[float, float | None] = field(default=(0.0, None), init=False, repr=False)
    """Arrival and pts of the first packet of the present format: older pictures come from the one before."""
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=256), init=False, repr=False)
    _last: float = field(default=0.0, init=False, repr=False)
    _changes: int = field(default=0, init=False, repr=False)
    _shown: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)
    """The label sets that the info gauges have now."""
    _dead: bool = field(default=False, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            if seen.track == self._track:
                self._last = seen.at
                if seen.pts is not None:
                    self._times.append(seen.pts)
            return self._take_effect(seen) if self._pending else ()
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Picture):
            return self._picture(seen)
        if isinstance(seen, Format):
            self._format(seen)
        elif isinstance(seen, Opened):
            self._open(seen)
        elif isinstance(seen, Lost):
            self._dead = True
            self._shown.clear()  # the board drops the gauges of a dead stream
            return self._counters()
        return ()

    def _open(self, seen: Opened) -> None:
        self._formats.clear()
        self._track = None
        self._seen = self._dead = False
        self._pixels = None
        self._pending.clear()
        self._times.clear()
        self._since = (seen.at, None)

    def _format(self, seen: Format) -> None:
        if seen.kind == "data" or self._formats.setdefault(seen.kind, seen).track != seen.track:
            return
        self._formats[seen.kind] = seen
        if seen.kind == "video":
            self._track = seen.track
            self._declare(seen)
        past = self._past.get(seen.kind)
        changed = differences(past, seen) if past else {}
        self._pending = [p for p in self._pending if (p.kind, p.key) != ("format_change", seen.kind)]
        if not changed:
            self._past[seen.kind] = seen
            return
        if seen.kind == "video":
            self._pixels = None
        detail = {"track": seen.kind, "changed": changed}
        self._pending.append(Incident("format_change", seen.at, seen.at, "info", seen.kind, detail=detail))

    def _declare(self, seen: Format) -> None:
        """Take the declared size, unless this stream is known to declare what it does not send."""
        size, before = _size(seen.width, seen.height), self._declared
        liar = None not in (self._decoded, before) and self._decoded != before
        self._declared = size
        self._pending = [p for p in self._pending if p.kind != "resolution_change"]
        if size is None or (liar and size != before):
            self._seen = False
        if size is None or liar:
            return
        if size != self._decoded:
            self._decoded = None
        self._seen = True
        if self._size is None:
            self._size = size
        elif size != self._size:
            self._pending.append(_resize(seen.at, None, self._size, size, {"basis": "declared"}))

    def _take_effect(self, packet: Packet) -> Iterator[Finding]:
        """Declared changes begin at the first packet of their own track."""
        form = self._formats.get(packet.kind)
        if form is None or form.track != packet.track:
            return
        now = [p for p in self._pending if (p.key or "video") == packet.kind]
        self._pending = [p for p in self._pending if p not in now]
        at, pts = packet.at, packet.pts
        for change in now:
            if change.kind == "resolution_change":
                self._changes += 1
                self._size = self._declared
            else:
                self._past[packet.kind] = form
            if packet.kind == "video":
                self._since = at, pts
            yield replace(change, start=at, end=at, start_pts=pts, end_pts=pts)

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        size = _size(seen.width, seen.height)
        if self._dead or seen.track != self._track or size is None:
            return
        if any((p.key or "video") == "video" for p in self._pending) or self._outdated(seen):
            return  # decoded late: it belongs to the format before
        first = self._decoded is None
        before, self._decoded, self._pixels = self._size, size, seen.pixel_format
        self._size, confirmed, self._seen = size, self._seen, True
        if before is None or before == size or (first and confirmed):
            return
        self._changes += 1
        self._since = (seen.at, seen.pts)
        detail: dict[str, Any] = {"basis": "decoded"}
        if self._declared and self._declared != size:
            detail["declared"] = _text(self._declared)
        yield _resize(seen.at, seen.pts, before, size, detail)

    def _outdated(self, seen: Picture) -> bool:
        at, pts = self._since
        if seen.at != at:
            return seen.at < at
        return pts is not None and seen.pts is not None and seen.pts < pts

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        yield from self._counters()
        if self._dead:
            return
        video, audio = self._formats.get("video"), self._formats.get("audio")
        width, height = self._size if self._seen and self._size else (None, None)
        yield Sample(WIDTH, width)
        yield Sample(HEIGHT, height)
        declared = video.frame_rate if video and video.frame_rate and video.frame_rate > 0 else None
        yield Sample(RATE, declared, ("declared",))
        measured = frame_rate(tuple(self._times)) if tick.at - self._last <= FRESH else None
        yield Sample(RATE, measured, ("measured",))
        pixels = self._pixels or (video.pixel_format if video else None)
        yield from self._info(VIDEO, (video.codec, video.profile or "", pixels or "") if video else None)
        yield from self._info(
            AUDIO, (audio.codec, str(audio.sample_rate or ""), str(audio.channels or "")) if audio else None
        )

    def _info(self, metric: Metric, labels: tuple[str, ...] | None) -> Iterator[Finding]:
        """The gauge under its present labels; what it was called before is withdrawn."""
        before = self._shown.pop(metric.name, None)
        if before is not None and before != labels:
            yield Sample(metric, None, before)
        if labels is not None:
            self._shown[metric.name] = labels
            yield Sample(metric, 1.0, labels)

    def _counters(self) -> Iterator[Finding]:
        yield Sample(CHANGES, self._changes)
        self._changes = 0


def differences(before: Format, after: Format) -> dict[str, dict[str, Any]]:
    """What changed beside the size; something unknown on either side is no change."""
    names = ("codec", "profile", "pixel_format", "sample_rate", "channels")
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    return {name: {"from": a, "to": b} for name, a, b in pairs if a is not None and b is not None and a != b}


def _size(width: int | None, height: int | None) -> Size | None:
    return (width, height) if width and height and width > 0 and height > 0 else None


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _resize(at: float, pts: float | None, before: Size, after: Size, detail: dict[str, Any]) -> Incident:
    shrank = after[0] * after[1] < before[0] * before[1]
    detail = {"from": _text(before), "to": _text(after), **detail}
    return Incident("resolution_change", at, at, "warning" if shrank else "info", "", pts, pts, detail)
