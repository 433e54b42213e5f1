"""Flash: flashes that may harm photosensitive viewers, and brightness that pumps.

Flashes are counted as ITU-R BT.1702 and WCAG 2.3.1 define them (`maths.flashes`); more than three within a second are
an incident. They can only be seen where pictures follow one another: under `keyframes` nothing is said, under
`adaptive` only what falls into stretches that are decoded in full.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.flashes import Flashes, Flicker
from qoe_agent.maths.following import Following
from qoe_agent.maths.lasting import Lasting, Stretch
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Picture, Sample, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

FLASHES = Metric(
    "qoe_flashes_total", "counter", "Flashes over a quarter of the screen: of luminance (general) or of saturated "
    "red (red).", ("kind",),
)  # fmt: skip
FLICKER = Metric(
    "qoe_flicker_ratio", "gauge", "How much brightness pumps: the median distance of its gain from a second's trend, "
    "over 3 s (the root mean square of a sine); 0.01 is 1 % of code values.",
)  # fmt: skip

SECOND = 1.0
SLACK = 0.002
"""Containers round to milliseconds."""
FRESH = 12.0
"""Seconds that a level of flicker is worth showing."""


class Light:
    """The look: flashes that a picture completes, and pumping; None where pictures do not follow one another."""

    def __init__(self) -> None:
        self._flashes: Flashes | None = None
        """Made when a picture follows another."""
        self._recent: deque[float] = deque(maxlen=2)

    def __call__(self, view: View) -> Flicker | None:
        if view.pts is None:
            return None
        found = None
        if view.follows:
            self._flashes = self._flashes or Flashes()
            found = self._flashes.see(view, view.pts)
        else:
            self._flashes = None
        if found and (found.flash is not None or found.red is not None):
            self._recent.append(view.pts)
        while self._recent and not 0.0 <= view.pts - self._recent[0] <= SECOND:
            self._recent.popleft()
        return found

    @property
    def alert(self) -> bool:
        """Two flashes within a second: what follows should be seen."""
        return len(self._recent) > 1


@probe(
    FLASHES, FLICKER,
    sees=(Opened, Segment, Picture, Tick, Lost),
    incidents={
        "flashes": "more flashes within a second than photosensitive viewers are safe with",
        "flicker": "brightness pumps",
    },
    picture=lambda _: Light(),
)  # fmt: skip
@dataclass(slots=True)
class Flash:
    """Watches the first video track that pictures come from."""

    safe: int = 3
    """Flashes within a second that are still safe."""
    flicker: float = 0.03
    """Pumping of brightness (`qoe_flicker_ratio`) that makes an incident."""
    after: float = 5.0
    """Seconds of pumping that make an incident."""

    _following: Following = field(default_factory=Following, init=False, repr=False)
    _pumping: Lasting = field(init=False, repr=False)
    _recent: deque[float] = field(default_factory=deque, init=False, repr=False)
    """When the flashes of the last second began: media time, or the agent's clock where there is none."""
    _open: Incident | None = field(default=None, init=False, repr=False)
    _last: tuple[float, float | None] = field(default=(0.0, None), init=False, repr=False)
    """The last flash in it: when on the agent's clock, and its media time."""
    _count: int = field(default=0, init=False, repr=False)
    """Flashes in the open incident."""
    _flashes: dict[str, float] = field(default_factory=lambda: {"general": 0.0, "red": 0.0}, init=False, repr=False)
    _level: tuple[float, float] | None = field(default=None, init=False, repr=False)
    """When pumping was last measured, and how much."""

    def __post_init__(self) -> None:
        self._pumping = Lasting({"flicker": self.after})

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            return self._picture(seen)
        if isinstance(seen, Tick):
            return self._tick(seen)
        if isinstance(seen, Segment):
            self._following.segment(seen)
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen)
        return ()

    def _restart(self, seen: Opened | Lost) -> Iterator[Finding]:
        yield from self._stopped()
        self._following.restart(seen)
        self._level = None
        yield from self._counters()

    def _stopped(self) -> Iterator[Finding]:
        yield from self._calm()
        yield from map(_pumped, self._pumping.stop())

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        look: Any = seen.looks.get("flash")
        if look is None or not self._following.takes(seen):
            return
        if self._following.broken(seen):
            yield from self._stopped()
        when = self._following.when(seen)
        time = when if seen.pts is None else seen.pts
        while self._recent and not 0.0 <= time - self._recent[0] <= SECOND + SLACK:
            self._recent.popleft()
        if self._open and not self._recent:
            yield from self._calm()
        flash, red, pumping = look
        if flash is not None or red is not None:
            self._flashes["general" if flash is not None else "red"] += 1
            self._recent.append(time - max(flash or 0.0, red or 0.0))
            yield from self._flash(when, time, seen.pts, flash is None)
        if pumping is not None:
            self._level = seen.at, pumping
            pumps = "flicker" if pumping >= self.flicker else ""
            found = list(self._pumping.see(pumps, when, seen.pts))
            if self._pumping.now:
                facts = self._pumping.now.facts
                facts["ratio"] = max(pumping, facts.get("ratio", 0.0))
            yield from map(_pumped, found)

    def _flash(self, when: float, time: float, pts: float | None, red: bool) -> Iterator[Finding]:
        """One more flash, which ends now."""
        self._count += self._open is not None
        self._last = when, pts
        if self._open is None and len(self._recent) > self.safe:
            self._count = len(self._recent)
            before = time - self._recent[0]
            detail = {"red": red, "flashes_in_a_second": self._count, "safe": self.safe}
            first = None if pts is None else pts - before
            self._open = Incident("flashes", when - before, None, "warning", start_pts=first, detail=detail)
            yield self._open

    def _calm(self) -> Iterator[Finding]:
        """The flashing, if there was any, ended with its last flash."""
        was, self._open = self._open, None
        self._recent.clear()
        if was:
            end, pts = self._last
            detail = {**was.detail, "flashes": self._count}
            yield Incident(was.kind, was.start, max(end, was.start), was.severity, "", was.start_pts, pts, detail)

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        if self._level and tick.at - self._level[0] > FRESH:
            self._level = None
            yield Sample(FLICKER, None)
            yield from self._stopped()
        elif self._level:
            yield Sample(FLICKER, self._level[1])
        yield from self._counters()

    def _counters(self) -> Iterator[Finding]:
        for kind, count in self._flashes.items():
            yield Sample(FLASHES, count, (kind,))
            self._flashes[kind] = 0.0


def _pumped(stretch: Stretch) -> Incident:
    return stretch.incident("info")
