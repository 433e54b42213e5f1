"""Stalls: when the player that we pretend to be runs out of media, and when its viewer gives up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from qoe_agent.maths.stalls import Dry, Stalls
from qoe_agent.maths.viewing import SEES, Viewing
from qoe_agent.model import Incident, Lost, Metric, Opened, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.playout import Event
    from qoe_agent.model import Finding, Observation

STALLS = Metric(
    "qoe_stalls_total", "counter", "Times playback ran dry after it had begun (CTA-2066 playbackStallCount)."
)
STALLED = Metric(
    "qoe_stall_seconds_total", "counter", "Time spent waiting for media after playback had begun, open stalls included."
)
WATCHED = Metric(
    "qoe_watched_seconds_total", "counter", "Time since play was pressed, startup and stalls included (CTA-2066)."
)
BUFFER = Metric("qoe_buffer_seconds", "gauge", "Media that the player has ahead of its playhead.")
PLAY_START = Metric(
    "qoe_play_start_seconds",
    "histogram",
    "Request to the player model's first frame.",
    buckets=(0.2, 0.4, 0.6, 1.0, 2.0, 4.0, 8.0),
)
SKIPS = Metric("qoe_skips_total", "counter", "Times the player jumped over media: a hole, or to catch up.")


@probe(
    STALLS,
    STALLED,
    WATCHED,
    BUFFER,
    PLAY_START,
    SKIPS,
    sees=SEES,
    incidents={
        "stall": "the player ran dry; ends when it plays again",
        "lost": "nothing to play: the viewer gave up on a stall, or the stream could not be played at all; "
        "detail: reason",
    },
)
@dataclass(slots=True)
class Stall:
    player: Literal["auto", "hls", "exo", "flv", "rtc"] = "auto"
    """Whose buffering to imitate; auto: hls on segmented streams, rtc on RTSP and WebRTC, else flv. On segmented
    streams rtc is hls: media that comes in pieces of seconds cannot be played 0.2 s after it came."""
    give_up: float = 30.0
    """Seconds of a stall after which the viewer is gone and the stream is lost."""
    shortest: float = 0.1
    """Shorter stalls are not counted: players look at their playhead ten times a second (hls.js)."""
    _viewing: Viewing = field(init=False, repr=False)
    _stalls: Stalls = field(init=False, repr=False)
    _lost: Incident | None = field(init=False, repr=False, default=None)
    _why: str = field(init=False, repr=False, default="")
    """Why the latest pull ended or could not begin; empty while one stands."""
    _counts: dict[str, float] = field(init=False, repr=False, default_factory=dict)
    _watched: float = field(init=False, repr=False, default=0.0)

    def __post_init__(self) -> None:
        self._viewing = Viewing(self.player, self.give_up)
        self._stalls = Stalls(self.shortest)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; stalls are reported with Ticks, their ends at once."""
        viewing = self._viewing
        viewing.take(seen)
        if isinstance(seen, Lost | Opened):
            self._why = seen.reason if isinstance(seen, Lost) and seen.reason not in ("ended", "stopped") else ""
        if not viewing.events and viewing.failed is None and not isinstance(seen, Tick):
            return ()
        found: list[Finding] = []
        for event in viewing.events:
            self._event(event, found)
        viewing.events.clear()
        if viewing.failed is not None and self._lost is None:
            self._leave(viewing.failed, found, played=False)
        viewing.failed = None
        if isinstance(seen, Tick):
            self._tick(seen, found)
        return found

    def _event(self, event: Event, found: list[Finding]) -> None:
        if (ended := self._stalls.event(event)) is not None:
            found.append(self._incident(ended))
        if event.kind == "skip":
            self._count(SKIPS, 1)
        elif event.kind == "give_up":
            self._leave(event.at, found, played=True)
        elif event.kind == "play":
            requested = self._viewing.requested
            if requested is not None:
                found.append(Sample(PLAY_START, event.at - requested))
            if self._lost is not None:
                found.append(replace(self._lost, end=event.at))
                self._lost = None

    def _leave(self, at: float, found: list[Finding], played: bool) -> None:
        detail = {"player": self._viewing.playout.player.name, "played": played}
        detail |= {"reason": self._why} if self._why else {}
        self._lost = Incident("lost", at, None, "critical", detail=detail)
        found.append(self._lost)

    def _tick(self, tick: Tick, found: list[Finding]) -> None:
        found += map(self._incident, self._stalls.tick(tick.at, tick.lag, self._viewing.piece))
        count, seconds = self._stalls.counted()
        self._count(STALLS, count)
        self._count(STALLED, seconds)
        playout = self._viewing.playout
        watched = sum(playout.seconds.values())
        self._count(WATCHED, watched - self._watched)
        self._watched = watched
        for metric in (STALLS, STALLED, WATCHED, SKIPS):
            if value := self._counts.pop(metric.name, 0.0):
                found.append(Sample(metric, value))
        found.append(Sample(BUFFER, playout.buffered))

    def _incident(self, dry: Dry) -> Incident:
        detail = {"player": self._viewing.playout.player.name}
        return Incident("stall", dry.start, dry.end, "warning", "", dry.start_pts, dry.end_pts, detail)

    def _count(self, metric: Metric, more: float) -> None:
        self._counts[metric.name] = self._counts.get(metric.name, 0.0) + max(0.0, more)
