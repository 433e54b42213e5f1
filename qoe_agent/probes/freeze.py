"""Freezes: pictures came too late after one another, by every definition in use, on three time bases.

`render`: when the player model shows pictures; `pts`: when they are meant to be shown; `arrival`: when they arrived,
only where each packet travels by itself (on segmented transports arrival gaps are normal). A stall is also a gap
between rendered pictures, so definitions on `render` count it, as the SDKs they are from do; but an incident
`freeze` is only opened for what a stall does not explain.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from qoe_agent.maths.freeze import CTA2066, Account
from qoe_agent.maths.late import Late
from qoe_agent.maths.screen import Screen
from qoe_agent.maths.stalls import Stalls
from qoe_agent.maths.viewing import SEES, SEGMENTED, Viewing
from qoe_agent.model import BACKLOG, Incident, Lost, Metric, Opened, Packet, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.playout import Event
    from qoe_agent.maths.screen import Shown
    from qoe_agent.model import Finding, Observation

FREEZES = Metric(
    "qoe_freezes_total",
    "counter",
    "Gaps between pictures that a definition calls a freeze.",
    labels=("definition", "basis"),
)
FROZEN = Metric(
    "qoe_freeze_seconds_total",
    "counter",
    "Time in freezes, by definition: the whole gap, or what exceeds the threshold.",
    labels=("definition", "basis"),
)
GAP = Metric(
    "qoe_frame_gap_seconds",
    "histogram",
    "Time between pictures as the player model shows them.",
    buckets=(0.05, 0.1, 0.2, 0.5, 0.6, 1.0, 2.0, 5.0, 10.0),
)
MANY = 500
"""Packets that wait for a Tick, and arrivals for one that says whether the agent was late."""
LEAST = 0.15
"""Shorter gaps are no freeze by any definition, whatever the agent's lag."""


@probe(
    FREEZES,
    FROZEN,
    GAP,
    sees=SEES,
    incidents={"freeze": "pictures came late though the player was not dry; detail: definition, basis, gap"},
)
@dataclass(slots=True)
class Freezes:
    incident: Literal["w3c", "agora_sdk_500ms", "agora_analytics_600ms", "excess_600ms"] = "agora_analytics_600ms"
    """The definition that opens incidents; all of them count."""
    player: Literal["auto", "hls", "exo", "flv", "rtc"] = "auto"
    """Whose buffering to imitate, as for stalls."""
    give_up: float = 30.0
    """Seconds of a stall after which the viewer is gone, as for stalls."""
    _taken: list[Packet] = field(init=False, repr=False, default_factory=list)
    """Packets that wait to be worked off."""
    _viewing: Viewing = field(init=False, repr=False)
    _stalls: Stalls = field(init=False, repr=False, default_factory=lambda: Stalls(0.1))
    _screen: Screen = field(init=False, repr=False, default_factory=Screen)
    _accounts: dict[str, Account] = field(init=False, repr=False)
    _arrived: array[float] = field(init=False, repr=False, default_factory=lambda: array("d"))
    _last: float | None = field(init=False, repr=False, default=None)
    _pushed: bool = field(init=False, repr=False, default=False)
    _open: Incident | None = field(init=False, repr=False, default=None)
    _gaps: dict[int, list[float]] = field(init=False, repr=False, default_factory=dict)
    _late: Late = field(init=False, repr=False, default_factory=Late)

    def __post_init__(self) -> None:
        self._viewing = Viewing(self.player, self.give_up, self._screen)
        self._accounts = {basis: Account() for basis in ("render", "pts", "arrival")}

    def feed(self, seen: Observation) -> Iterable[Finding]:
        """Take one observation; everything is worked out on Ticks."""
        if isinstance(seen, Packet):
            self._taken.append(seen)
            if len(self._taken) >= MANY:
                self._work_off()
            return ()
        self._work_off()
        self._viewing.take(seen)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Opened):
            self._pushed = seen.protocol not in SEGMENTED
        elif isinstance(seen, Lost):
            self._arrivals(seen.at, self._late.seconds)
            self._pushed, self._last = False, None
        return ()

    def _work_off(self) -> None:
        """Take account of the packets gathered."""
        for packet in self._taken:
            self._viewing.take(packet)
            if self._pushed and packet.kind == "video" and not packet.flags & BACKLOG:
                self._arrived.append(packet.at)
                if len(self._arrived) >= MANY:
                    self._arrivals(packet.at, self._late.seconds)
        self._taken.clear()

    def _tick(self, tick: Tick) -> Iterable[Finding]:
        lag = self._late.tick(tick.lag)
        if self._pushed:
            self._arrivals(tick.at, lag)
        viewing, screen = self._viewing, self._screen
        found: list[Finding] = []
        for event in viewing.events:
            self._stalls.event(event)
            if event.kind in ("give_up", "stop"):
                self._pictures(screen.show(event.media), lag, found)
                self._over(event, found)
            self._pictures(screen.event(event), lag, found)
        viewing.events.clear()
        self._pictures(screen.show(viewing.playout.playhead), lag, found)
        self._still(tick.at, lag, found)
        self._stalls.tick(tick.at, tick.lag, self._viewing.piece)
        return self._samples(found)

    def _arrivals(self, now: float, lag: float) -> None:
        """Gaps between arrivals since the last Tick, and the one that is open."""
        account = self._accounts["arrival"]
        for at in self._arrived:
            if self._last is not None and at - self._last > lag:
                account.close(at - self._last)
            self._last = at
        del self._arrived[:]
        if self._last is not None and now - self._last > lag:
            account.open(now - self._last)

    def _pictures(self, shown: list[Shown], lag: float, found: list[Finding]) -> None:
        """Gaps between pictures that came on screen."""
        render, pts = self._accounts["render"], self._accounts["pts"]
        for picture in shown:
            gap = picture.at - picture.since
            bucket = self._gaps.setdefault(bisect_left(GAP.buckets, gap), [0, 0.0])
            bucket[0] += 1
            bucket[1] += gap
            pts.close(picture.step)
            if gap <= lag and gap > LEAST:
                continue
            begun = self._open or self._judged(picture.since, gap, picture.stalled, picture.place - picture.step)
            if begun is not None:
                end_pts = self._viewing.playout.raw(picture.place)
                detail = {**begun.detail, "gap": gap}
                found.append(replace(begun, end=picture.at, end_pts=end_pts, detail=detail))
                self._open = None
            render.close(gap)

    def _still(self, now: float, lag: float, found: list[Finding]) -> None:
        """The picture on screen stands for longer than the definitions allow."""
        still = self._screen.still(now)
        if still is None or now - still[0] <= lag:
            return
        since, stalled = still
        self._accounts["render"].open(now - since)
        if self._open is None:
            self._open = self._judged(since, now - since, stalled, self._screen.place)
            if self._open is not None:
                found.append(self._open)

    def _judged(self, since: float, gap: float, stalled: float, place: float) -> Incident | None:
        """The incident, if the gap is a freeze without what a stall explains of it; it begins where the stall ended."""
        judged = self._accounts["render"].gaps.judge(gap - stalled)
        if all(freeze.definition != self.incident for freeze in judged):
            return None
        detail = {"definition": self.incident, "basis": "render", "gap": gap}
        pts = self._viewing.playout.raw(place)
        if stalled:
            detail["stalled"] = stalled
        return Incident("freeze", since + stalled, None, "warning", start_pts=pts, detail=detail)

    def _over(self, event: Event, found: list[Finding]) -> None:
        """The viewer is gone, or the show is over: the picture on screen is the last."""
        still = self._screen.still(event.at)
        if still is not None and event.kind == "give_up":
            self._accounts["render"].close(event.at - still[0])
        if self._open is not None:
            found.append(replace(self._open, end=max(event.at, self._open.start)))
            self._open = None

    def _samples(self, found: list[Finding]) -> list[Finding]:
        for basis, account in self._accounts.items():
            for definition, count, seconds in account.sums():
                found.append(Sample(FREEZES, count, (definition, basis)))
                found.append(Sample(FROZEN, seconds, (definition, basis)))
        count, seconds = self._stalls.counted()
        if count or seconds:
            found.append(Sample(FREEZES, count, (CTA2066, "render")))
            found.append(Sample(FROZEN, seconds, (CTA2066, "render")))
        found += [Sample(GAP, total / count, (), int(count)) for count, total in self._gaps.values()]
        self._gaps.clear()
        return found
