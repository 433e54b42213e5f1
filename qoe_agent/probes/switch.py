"""Switches: the hole in what a viewer sees when the picture's size, its coding or its source changes.

The gap is the time at which the player model shows the first picture after the change, less the time of the last one
before, less one frame (the usual step of late): 0 is seamless. A show that ends is played to its end; if another
follows while the viewer waits (`give_up`), that is a switch, too. A layout that changes within pictures of one format
is none that packets tell of.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

from qoe_agent.maths.late import Late
from qoe_agent.maths.switches import Turning, flagged
from qoe_agent.maths.viewing import SEES
from qoe_agent.model import DISCONTINUITY, Format, Metric, Opened, Packet, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.playout import Event
    from qoe_agent.maths.screen import Shown
    from qoe_agent.model import Finding, Observation

GAP = Metric(
    "qoe_switch_gap_seconds", "histogram", "Time beyond one frame between the last picture before a change and the "
    "first after it, as the player model shows them; change: resolution, codec (or profile, pixel format), or source "
    "alone (a new connection, an announced discontinuity).",
    ("change",), (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)  # fmt: skip
MANY = 500
"""Packets that wait for a Tick."""
LEAST = 0.15
"""Gaps up to this are no doing of the agent's, whatever its lag."""
STEPS = 15
"""Steps between pictures whose median is one frame."""


@probe(GAP, sees=SEES)
@dataclass(slots=True)
class Switch:
    """Follows the first video track of each connection."""

    player: Literal["auto", "hls", "exo", "flv", "rtc"] = "auto"
    """Whose buffering to imitate, as for stalls."""
    give_up: float = 30.0
    """Seconds without a picture after which the viewer is gone, as for stalls."""
    _viewing: Turning = field(init=False, repr=False)
    _taken: list[Packet] = field(init=False, repr=False, default_factory=list)
    """Packets that wait to be worked off."""
    _track: int | None = field(init=False, repr=False, default=None)
    _form: tuple[tuple[object, ...], tuple[object, ...]] | None = field(init=False, repr=False, default=None)
    """Size and coding of the pictures, of earlier connections too."""
    _change: str = field(init=False, repr=False, default="")
    """What the next picture is the first of."""
    _broken: bool = field(init=False, repr=False, default=False)
    """The last picture was the first after an announced break."""
    _steps: deque[float] = field(init=False, repr=False, default_factory=lambda: deque(maxlen=STEPS))
    _late: Late = field(init=False, repr=False, default_factory=Late)

    def __post_init__(self) -> None:
        self._viewing = Turning(self.player, self.give_up)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; everything is worked out on Ticks."""
        if isinstance(seen, Packet):
            self._taken.append(self._marked(seen) if seen.track == self._track else seen)
            if len(self._taken) >= MANY:
                self._work_off()
            return ()
        self._work_off()
        self._viewing.take(seen)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Opened):
            self._track = None
            self._change = "source" if self._form else ""
        elif isinstance(seen, Format) and seen.kind == "video":
            self._format(seen)
        return ()

    def _format(self, seen: Format) -> None:
        if self._track not in (None, seen.track):
            return
        self._track = seen.track
        size, coding = (seen.width, seen.height), (seen.codec, seen.profile, seen.pixel_format)
        if self._form and _differ(size, self._form[0]):
            self._change = "resolution"
        elif self._form and _differ(coding, self._form[1]):
            self._change = self._change if self._change == "resolution" else "codec"
        self._form = size, coding

    def _marked(self, packet: Packet) -> Packet:
        """The packet, with a mark if it is the first of something new."""
        broken = packet.flags & DISCONTINUITY != 0
        change = self._change or ("source" if broken and not self._broken else "")
        self._change, self._broken = "", broken
        return replace(packet, flags=flagged(packet.flags, change)) if change else packet

    def _work_off(self) -> None:
        for packet in self._taken:
            self._viewing.take(packet)
        self._taken.clear()

    def _tick(self, tick: Tick) -> Iterable[Finding]:
        lag = self._late.tick(tick.lag)
        viewing, display = self._viewing, self._viewing.display
        found: list[Finding] = []
        for event in viewing.events:
            ended = display.ended
            self._shown(display.event(event), lag, found)
            if event.kind == "play":
                self._resumed(event, ended, lag, found)
            elif event.kind in ("give_up", "stop"):
                while viewing.marks and viewing.marks[0].at <= event.at:
                    viewing.marks.popleft()
        viewing.events.clear()
        self._shown(display.show(viewing.playout.playhead), lag, found)
        return found

    def _shown(self, pictures: Iterable[Shown], lag: float, found: list[Finding]) -> None:
        """Pictures came on screen after others."""
        marks = self._viewing.marks
        for picture in pictures:
            change = ""
            while marks and marks[0].place <= picture.place and marks[0].at <= picture.at:
                mark = marks.popleft()
                if mark.place > picture.place - picture.step:
                    change = change or mark.change
            if change:
                self._gap(picture.at - picture.since, change, lag, found)
            else:
                self._steps.append(picture.step)

    def _resumed(self, event: Event, ended: float | None, lag: float, found: list[Finding]) -> None:
        """A show began after another had ended."""
        marks, change = self._viewing.marks, ""
        while marks and marks[0].place <= event.media:
            change = change or marks.popleft().change
        self._viewing.display.ended = None
        if change and ended is not None and event.at - ended <= self.give_up:
            self._gap(event.at - ended, change, lag, found)

    def _gap(self, seconds: float, change: str, lag: float, found: list[Finding]) -> None:
        if not LEAST < seconds <= lag:
            frame = median(self._steps) if self._steps else 0.0
            found.append(Sample(GAP, max(0.0, seconds - frame), (change,)))


def _differ(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    """Whether anything that both know is another."""
    return any(a is not None and b is not None and a != b for a, b in zip(first, second, strict=True))
