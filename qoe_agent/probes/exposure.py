"""Exposure: levels and colours of the picture, once a second: clipped, too dark, tinted, gray, between black bars.

The gauges say what is there; whether it is a fault, only people who know the programme can tell. The incidents are for
what lasts and is gross: thresholds were set so that none of the natural photographs and pages that they were tried on
gives one, unless it really is so (a night scene is dark, a black-and-white photograph is gray). A cast is only told
from a warm or cold scene where it sets in within a shot (`maths.tint`), or where no colour of light could make it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.maths.borders import Active, Borders
from qoe_agent.maths.following import Following
from qoe_agent.maths.lasting import Lasting, Stretch
from qoe_agent.maths.tint import Tint
from qoe_agent.maths.tones import Tones, tones_of
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Picture, Sample, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

MEAN = Metric("qoe_luma_mean_ratio", "gauge", "Mean luma of the active picture: 0 is black, 1 is white.")
CLIPPED = Metric("qoe_luma_clipped_ratio", "gauge", "Share of the active picture above 98 % of the range of luma.")
CRUSHED = Metric("qoe_luma_crushed_ratio", "gauge", "Share of the active picture below 2 % of the range of luma.")
SATURATION = Metric(
    "qoe_saturation_ratio", "gauge", "Mean chroma of the active picture: 0 is gray, 1 is all the range."
)
CAST = Metric(
    "qoe_colour_cast_ratio", "gauge", "Tint that dark, middle and bright tones have in common, as a share of luma; "
    "absent while a picture lacks one of these tones.",
)  # fmt: skip
ACTIVE = Metric("qoe_active_picture_ratio", "gauge", "Share of the picture that is not black bars.")
WIDTH = Metric("qoe_active_width_pixels", "gauge", "Width of the picture between black bars.")
HEIGHT = Metric("qoe_active_height_pixels", "gauge", "Height of the picture between black bars.")

EVERY, PHASE = 1.0, 0.3
"""Seconds of media time between two looks, and where in the second they lie."""
SHOT, SLACK = 0.2, 0.002
"""Seconds between two looks at whether colours turn: a moving camera shows something else after a second."""
FRESH = 12.0
"""Seconds that a value is worth showing."""
STALE = 60.0
"""Seconds without any picture after which what lasted is over as far as it is known."""
BLACK = 0.06
"""A picture whose 95th percentile of luma is below is black, which is another probe's: it says nothing of light."""
PHOTOGRAPHIC = 0.2
"""`spread` of pictures that are no pages or graphics."""
GLARE = 0.1
"""`near` of pictures in which light is clipped; even tones have 0.08, a white graphic on a picture leaves 0.06."""
EASE = 0.75
"""Of a limit: what is held must fall below that."""
BACK = 0.5
"""Of the most that colours turned: when they are back below, the cast is over."""
GRAY = 0.02
"""Chroma of the most colourful hundredth of a gray picture."""
ALIEN = 0.2
"""Share of colours that no light could have made."""


class Levels(NamedTuple):
    """What a look says."""

    tones: Tones
    active: Active | None
    turned: float | None
    """By how much the colours of this shot have turned."""


class Meter:
    """The look: tones and active picture, once a second; None in between."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._next: float | None = None
        self._borders, self._tint = Borders(), Tint()
        self._turned: float | None = None

    def __call__(self, view: View) -> Levels | None:
        pts = view.pts
        if pts is None:
            return None
        if self._next is None or not self._next - SHOT <= pts < self._next:
            self._next = pts + SHOT - SLACK
            self._turned = self._tint.see(view)
        if self._due is not None and self._due - EVERY <= pts < self._due:
            return None
        self._due = (pts - PHASE) // EVERY * EVERY + EVERY + PHASE
        active = self._borders.see(view, pts)
        inside = None
        if active and active.share < 1.0:
            rows, columns = view.small.shape
            inside = (
                slice(-(-active.top * rows // active.height), max(1, active.bottom * rows // active.height)),
                slice(-(-active.left * columns // active.width), max(1, active.right * columns // active.width)),
            )
        return Levels(tones_of(view, inside), active, self._turned)


@probe(
    MEAN, CLIPPED, CRUSHED, SATURATION, CAST, ACTIVE, WIDTH, HEIGHT,
    sees=(Opened, Segment, Picture, Tick, Lost),
    incidents={
        "overexposed": "much of the picture is clipped to white, and it is no page, nor graphics on a picture",
        "underexposed": "nearly all of the picture is very dark",
        "colour_cast": "all colours turned within a shot, or are such as no light could make",
        "monochrome": "a photographic picture has no colour",
        "letterbox": "black bars take part of the picture",
    },
    picture=lambda _: Meter(),
)  # fmt: skip
@dataclass(slots=True)
class Exposure:
    """Watches the first video track that pictures come from."""

    after: float = 10.0
    """Seconds that a level or colour must last to make an incident."""
    clipped: float = 0.15
    """Share of the picture that is clipped in an overexposed one."""
    dark: float = 0.2
    """The 95th percentile of luma of an underexposed picture, as a share of its range."""
    cast: float = 0.08
    """Turn of all colours within a shot, as a share of luma, that makes a cast."""
    bars: float = 0.04
    """Share of the width or height that black bars take together to make an incident."""

    _following: Following = field(default_factory=Following, init=False, repr=False)
    _held: dict[str, Lasting] = field(init=False, repr=False)
    _lost: bool = field(default=False, init=False, repr=False)
    """The picture has been gray within this shot."""
    _levels: tuple[float, Levels] | None = field(default=None, init=False, repr=False)
    """The last, and when its picture arrived."""

    def __post_init__(self) -> None:
        kinds = "overexposed", "underexposed", "colour_cast", "monochrome", "letterbox"
        self._held = {kind: Lasting({kind: self.after}) for kind in kinds}

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
        self._levels, self._lost = None, False

    def _stopped(self) -> Iterator[Incident]:
        for held in self._held.values():
            yield from map(_incident, held.stop())

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        if not self._following.takes(seen):
            return
        if self._following.broken(seen):
            yield from self._stopped()
        when = self._following.when(seen)
        look: Any = seen.looks.get("exposure")
        if look is None:
            return
        levels = Levels(Tones(*look[0]), look[1] and Active(*look[1]), look[2])  # plain lists, out of a recording
        self._levels = seen.at, levels
        if levels[0].high < BLACK:
            return
        facts = self._facts(*levels)
        since = levels.active and levels.active.since
        known = 0.0 if since is None or seen.pts is None or not since <= seen.pts <= since + STALE else seen.pts - since
        for kind, held in self._held.items():
            before = known if kind == "letterbox" else 0.0
            found = list(held.see(kind if kind in facts else "", when, seen.pts, before))
            if held.now:
                held.now.facts |= facts[kind]
            yield from map(_incident, found)

    def _facts(self, tones: Tones, active: Active | None, turned: float | None) -> dict[str, dict[str, Any]]:
        """What holds now, by kind, and the numbers that say so. What is held is let go later than it is taken up."""
        facts: dict[str, dict[str, Any]] = {}
        ease = {kind: EASE if held.now else 1.0 for kind, held in self._held.items()}
        less = ease["overexposed"]
        burnt = tones.clipped >= less * self.clipped and tones.near >= less * GLARE
        if burnt and tones.spread >= less * PHOTOGRAPHIC:
            facts["overexposed"] = {"clipped": tones.clipped, "mean": tones.mean, "limit": self.clipped}
        if tones.high * ease["underexposed"] <= self.dark:
            facts["underexposed"] = {"high": tones.high, "mean": tones.mean, "limit": self.dark}
        gray = tones.vivid is not None and tones.vivid * ease["monochrome"] <= GRAY
        self._lost = gray or (self._lost and bool(turned))
        if self._lost or "overexposed" in facts:
            turned = None  # colours turned because they are gone or clipped
        if tones.alien is not None and tones.alien >= ease["colour_cast"] * ALIEN:
            facts["colour_cast"] = {"alien": tones.alien, "limit": ALIEN}
        elif turned is not None and turned >= max(ease["colour_cast"] * self.cast, BACK * (most := self._turned())):
            facts["colour_cast"] = {"turned": max(turned, most), "limit": self.cast}
        if gray and tones.spread >= ease["monochrome"] * PHOTOGRAPHIC:
            facts["monochrome"] = {"vivid": tones.vivid, "limit": GRAY}
        if active and (bars := active.bars(self.bars)):
            size = {"width": active.right - active.left, "height": active.bottom - active.top}
            facts["letterbox"] = {"bars": bars, **size, "limit": self.bars}
        return facts

    def _turned(self) -> float:
        """The most that the colours turned in the present cast."""
        now = self._held["colour_cast"].now
        return float(now.facts.get("turned", 0.0)) if now else 0.0

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        if self._levels is None:
            return
        at, (tones, active, _) = self._levels
        fresh = tick.at - at <= FRESH
        if tick.at - at > STALE:
            yield from self._stopped()
            self._levels = None
        shown = (tones.mean, tones.clipped, tones.crushed, tones.saturation, tones.cast)
        for metric, value in zip((MEAN, CLIPPED, CRUSHED, SATURATION, CAST), shown, strict=True):
            yield Sample(metric, value if fresh else None)
        known = active if fresh else None
        yield Sample(ACTIVE, known.share if known else None)
        yield Sample(WIDTH, known.right - known.left if known else None)
        yield Sample(HEIGHT, known.bottom - known.top if known else None)


def _incident(stretch: Stretch) -> Incident:
    return stretch.incident("warning" if stretch.what in ("overexposed", "colour_cast") else "info")
