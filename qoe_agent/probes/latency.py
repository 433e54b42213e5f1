"""Latency: how long ago what arrives, and what a viewer sees, was captured, by what the stream says of it.

A stream may say when its media was captured in several ways (label `method`), which are followed side by side; in order
of trust: `stamp` burnt into the picture, `sei` in the coded video, `rtcp` sender reports, `prft` boxes, `act`
(abs-capture-time of WebRTC), `pdt` (EXT-X-PROGRAM-DATE-TIME: the packager's clock, often off by seconds), `onfi` (FLV
script data: the encoder's local time). Of several notations in SEI the most trusted counts.

Capture time is a line through the marks, so that every packet has one. `transport`: the newest media at the moment it
became playable (push: when its packet arrived; HLS: when its segment was complete); `playout`: the player model's
playhead. What a server sends at once to a new viewer is not live and has no transport latency. Startup latency is the
playout latency of the first picture on screen after joining, kept apart.

Both ends' clocks enter. Ours is corrected and its error counted in, where it is known; where it is not, there is no
`qoe_latency_uncertainty_seconds`. Media from the future means that a clock is wrong: that is told as such, and the
method falls silent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

from qoe_agent.bitstream.capture import FORMS, Reader
from qoe_agent.maths.capture import Line, nearest
from qoe_agent.maths.edge import Edge
from qoe_agent.maths.latency import FRESH, Latency, Reading, Stamps
from qoe_agent.maths.marks import Marks
from qoe_agent.maths.viewing import SEES, Viewing
from qoe_agent.model import Captured, Format, Incident, Lost, Metric, Opened, Packet, Picture, Sample, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.bitstream.capture import Told
    from qoe_agent.maths.latency import Source
    from qoe_agent.model import Finding, Observation

LATENCY = Metric(
    "qoe_latency_seconds", "gauge", "Time since capture of the newest media that can be played (transport), and of "
    "what the player model shows (playout), by the source of capture times: stamp, sei, rtcp, prft, act, pdt, onfi.",
    ("method", "stage"),
)  # fmt: skip
UNCERTAINTY = Metric(
    "qoe_latency_uncertainty_seconds", "gauge", "How far latency may be off by the marks' scatter and the agent's "
    "clock; absent while nobody vouches for that. The encoder's own clock cannot be judged.", ("method",),
)  # fmt: skip
STARTUP = Metric(
    "qoe_latency_startup_seconds", "gauge", "Playout latency of the first picture on screen after joining.", ("method",)
)
DRIFT = Metric(
    "qoe_latency_drift_ratio", "gauge", "Seconds per second that transport latency grows, over up to 10 minutes.",
    ("method",),
)  # fmt: skip
ERROR = Metric(
    "qoe_latency_clock_error_seconds", "gauge", "How far in the future media claims to have been captured: the "
    "encoder's clock or the agent's is wrong. There is no latency by that method meanwhile.", ("method",),
)  # fmt: skip
STAGE = Metric(
    "qoe_encoder_stage_seconds", "gauge", "Time a frame spends in the encoder's program, as OBS writes it (BPM): from "
    "composition to the encoder (request), in it (encode), and until it is handed to the muxer (interleave).",
    ("stage",),
)  # fmt: skip

_TOLERANCE = {"sei": 0.1, "rtcp": 0.1, "prft": 0.1, "act": 0.1, "pdt": 0.5, "onfi": 0.5}
"""Seconds that marks of one line may lie apart, by method."""
_EAGER = frozenset({"pdt", "prft"})
"""Methods with one mark a segment, before its media."""
_NEED = {"onfi": 2}
PLAUSIBLE = (-2.0, 60.0)
"""Latencies, in seconds, at which a time without date or zone is believed."""
DAY, ZONES = 86_400.0, 900.0
"""What a time code leaves out whole numbers of, and what time zones are whole numbers of."""
BATCH = 100
"""Packets that wait for a Tick at most."""
MANY = 16
"""Tracks, and stages within a second, that are remembered."""


@probe(
    LATENCY, UNCERTAINTY, STARTUP, DRIFT, ERROR, STAGE,
    sees=(*SEES, Captured, Picture),
    incidents={
        "clock_untrusted": "media says it was captured in the future: a clock is wrong; detail: method, seconds"
    },
)  # fmt: skip
@dataclass(slots=True)
class Latencies:
    player: Literal["auto", "hls", "exo", "flv", "rtc"] = "auto"
    """Whose buffering to imitate, as for stalls."""
    give_up: float = 30.0
    """Seconds of a stall after which the viewer is gone, as for stalls."""
    display: float = 0.0
    """Seconds from the player to the eye (decoder, compositor, screen), added to playout and startup latency."""
    zone: float = 0.0
    """Hours by which SMPTE time codes are ahead of UTC."""
    longest: float = 600.0
    """Media captured more seconds ago is a recording: it has no latency."""
    _taken: list[Packet] = field(init=False, repr=False, default_factory=list)
    """Packets that wait to be worked off."""
    _viewing: Viewing = field(init=False, repr=False)
    _edge: Edge = field(init=False, repr=False, default_factory=Edge)
    _timeline: int = field(init=False, repr=False, default=0)
    """Of the edge, that the marks are of."""
    _lines: dict[str, Line] = field(init=False, repr=False, default_factory=dict)
    _marks: Marks = field(init=False, repr=False, default_factory=Marks)
    """Stamps."""
    _methods: dict[str, Latency] = field(init=False, repr=False, default_factory=dict)
    _open: dict[str, Incident] = field(init=False, repr=False, default_factory=dict)
    _readers: dict[int, Reader] = field(init=False, repr=False, default_factory=dict)
    _played: tuple[float, float] | None = field(init=False, repr=False, default=None)
    """When the viewer saw the first picture, and which."""
    _unix: float | None = field(init=False, repr=False, default=None)
    _form: tuple[int, float] = field(init=False, repr=False, default=(len(FORMS), float("-inf")))
    """Rank of the notation in SEI that counts, and when it last came."""
    _stages: dict[str, list[float]] = field(init=False, repr=False, default_factory=dict)
    _staged: float = field(init=False, repr=False, default=float("-inf"))
    """When stages were last told."""

    def __post_init__(self) -> None:
        self._viewing = Viewing(self.player, self.give_up)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; everything is worked out on Ticks."""
        if isinstance(seen, Packet):
            self._taken.append(seen)
            if len(self._taken) >= BATCH:
                self._work_off()
            return ()
        if isinstance(seen, Picture) and seen.looks.get("stamp") is None:
            return ()
        self._work_off()
        self._viewing.take(seen)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Picture):
            self._picture(seen)
        elif isinstance(seen, Captured):
            self._captured(seen)
        elif isinstance(seen, Segment):
            first = self._edge.segment(seen)
            if first is not None and seen.program_date_time is not None:
                self._mark("pdt", seen.at, first, seen.program_date_time, 0.001)
        elif isinstance(seen, Format):
            if seen.kind == "video":
                if len(self._readers) > MANY:
                    self._readers.clear()
                self._readers[seen.track] = Reader(seen.codec, seen.extradata)
        elif isinstance(seen, Opened | Lost):
            self._edge.opened(seen if isinstance(seen, Opened) else None)
            self._readers.clear()
            self._restart()
        return ()

    def _work_off(self) -> None:
        """Take account of the packets gathered."""
        for packet in self._taken:
            self._viewing.take(packet)
            led = self._edge.lead
            leads = self._edge.packet(packet)
            if self._timeline != self._edge.timeline:
                # pictures that follow when sound was played already: the viewer's start stands
                self._restart(self._played if led and led[0] == "audio" and packet.kind == "video" else None)
            if leads and packet.kind == "video" and packet.data and (reader := self._readers.get(packet.track)):
                for told in reader.read(packet.data):
                    self._sei(packet.at, packet.pts or 0.0, told)
        self._taken.clear()

    def _restart(self, played: tuple[float, float] | None = None) -> None:
        """Another timeline: no mark of the last one holds."""
        self._timeline, self._played = self._edge.timeline, played
        for latency in self._methods.values():
            latency.restart()
            if played is not None:
                latency.began(*played)
        self._marks.restart()

    def _captured(self, seen: Captured) -> None:
        time: float | None = seen.time
        if seen.method == "onfi":
            time = None if self._unix is None else nearest(seen.time, seen.at + self._unix, ZONES, *PLAUSIBLE)
        elif self._edge.lead is None or seen.track != self._edge.lead[1]:
            return
        if time is not None:
            self._mark(seen.method, seen.at, seen.pts, time, 0.001)

    def _sei(self, at: float, pts: float, told: Told) -> None:
        rank, (best, last) = FORMS.index(told.form), self._form
        time: float | None = told.time
        if told.form == "timecode":
            if self._unix is None:
                return
            time = nearest(told.time - 3600.0 * self.zone, at + self._unix, DAY, *PLAUSIBLE)
        if told.stages:
            self._staged = at
            for stage, seconds in told.stages.items():
                values = self._stages.setdefault(stage, [])
                values[: len(values) - MANY + 1] = []
                values.append(seconds)
        if time is None or (rank > best and at - last <= FRESH):
            return
        if rank != best:
            self._lines.pop("sei", None)
        self._form = rank, at
        self._mark("sei", at, pts, time, told.resolution)

    def _mark(self, method: str, at: float, pts: float, time: float, resolution: float) -> None:
        line = self._lines.get(method)
        if line is None:
            if method not in _TOLERANCE:
                return
            need = 3 if method == "sei" and self._form[0] == len(FORMS) - 1 else _NEED.get(method, 1)
            line = self._lines[method] = Line(_TOLERANCE[method], need)
            self._methods.pop(method, None)
        line.add(pts, time, resolution)
        self._method(method, line).marked(at)

    def _picture(self, picture: Picture) -> None:
        if self._edge.lead == ("video", picture.track) and self._marks.see(picture.pts, picture.looks.get("stamp")):
            self._method("stamp", Stamps(self._marks)).marked(picture.at)

    def _method(self, name: str, source: Source) -> Latency:
        latency = self._methods.get(name)
        if latency is None:
            latency = self._methods[name] = Latency(source, eager=name in _EAGER)
            if self._played is not None:
                latency.began(*self._played)
        return latency

    # ---- on Ticks

    def _tick(self, tick: Tick) -> Iterable[Finding]:
        self._unix = tick.unix
        self._progress()
        found: list[Finding] = []
        for method, latency in list(self._methods.items()):
            known = latency.known(tick.at)
            reading = latency.read(tick.at, tick.unix, tick.uncertainty) if known else Reading()
            if not known:
                del self._methods[method]
                self._lines.pop(method, None)
            if reading.transport is not None and reading.transport > self.longest:
                reading = Reading()
            found += self._samples(method, reading, latency.drift.value if reading.transport is not None else None)
            found += self._incident(method, latency.failing if known else None, tick.at, reading)
        found += self._stage_samples(tick.at)
        return found

    def _progress(self) -> None:
        """Tell the methods what arrived, and where the player is and began."""
        viewing, edge = self._viewing, self._edge
        playout = viewing.playout
        for event in viewing.events:
            if event.kind == "play":
                self._played = event.at, event.pts
                for latency in self._methods.values():
                    latency.began(*self._played)
        viewing.events.clear()
        viewing.failed = None
        shown = (playout.now, playout.raw(playout.playhead)) if playout.state in ("playing", "stalled") else None
        for latency in self._methods.values():
            latency.moved(edge.arrivals, shown)
        edge.arrivals.clear()

    def _samples(self, method: str, reading: Reading, drift: float | None) -> Iterator[Sample]:
        yield Sample(LATENCY, reading.transport, (method, "transport"))
        playout, startup = reading.playout, reading.startup
        yield Sample(LATENCY, None if playout is None else max(0.0, playout) + self.display, (method, "playout"))
        yield Sample(STARTUP, None if startup is None else startup + self.display, (method,))
        yield Sample(UNCERTAINTY, reading.uncertainty, (method,))
        yield Sample(DRIFT, drift, (method,))
        yield Sample(ERROR, reading.error, (method,))

    def _incident(self, method: str, since: float | None, at: float, reading: Reading) -> Iterator[Incident]:
        known = self._open.get(method)
        if since is not None and known is None:
            detail = {"method": method, "seconds": reading.error or 0.0}
            self._open[method] = Incident("clock_untrusted", since, None, "warning", method, detail=detail)
            yield self._open[method]
        elif since is None and known is not None:
            del self._open[method]
            yield replace(known, end=max(at, known.start))

    def _stage_samples(self, at: float) -> Iterator[Sample]:
        fresh = at - self._staged <= FRESH
        for stage, values in self._stages.items():
            if values and fresh:
                yield Sample(STAGE, median(values), (stage,))
                values.clear()
            elif not fresh:
                yield Sample(STAGE, None, (stage,))
        if not fresh:
            self._stages.clear()
