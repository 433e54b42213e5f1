"""Black: pictures come, and nothing is on them: black, one colour all over, or a test card of colour bars.

Judged picture by picture on a small luma plane (`maths.blank`, `maths.bars`): a logo, a clock or a stamp near the
border does not make a black picture less black, while lamps or titles in its middle do. Where every picture is
decoded, an incident runs from the first such picture to the first good one, exactly. Where only some are, the first
that is known: `onset_within` and `end_within` say how much earlier each may have been.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.blank import face_of, mask_of
from qoe_agent.maths.following import Following
from qoe_agent.maths.lasting import Lasting, Stretch
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Picture, Sample, Segment, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

BLACK = Metric("qoe_black_seconds_total", "counter", "Time of black picture, in spells of at least the minimum.")
SOLID = Metric(
    "qoe_solid_colour_seconds_total", "counter", "Time of one colour all over, in spells of at least the minimum."
)
BARS = Metric("qoe_colour_bars_seconds_total", "counter", "Time of colour bars, in spells of at least the minimum.")
COUNTED = {"black": BLACK, "solid_colour": SOLID, "colour_bars": BARS}

STALE = 60.0
"""Seconds without any picture after which a spell is over as far as it is known."""
WATCHED = 2.0
"""Seconds for which a spell that began should be seen picture by picture."""


class Face:
    """The look: what the picture amounts to, its level, and the share of pixels that differ."""

    def __init__(self, without: list[list[float]]) -> None:
        self._without = without
        self._mask: tuple[tuple[int, ...], NDArray[np.uint8] | None] = ((), None)
        self._held = ""
        self._since: float | None = None
        self.began = False
        """A spell began with the last picture."""

    def __call__(self, view: View) -> tuple[str, float, float]:
        face = face_of(view, self._held, self._masked(view))
        self.began = face.kind not in ("", self._held)
        if face.kind != self._held:
            self._held, self._since = face.kind, view.pts
        elif self._since is not None and view.pts is not None and view.pts - self._since > WATCHED:
            self._since = None
        return face.kind, face.level, face.differs

    def suspects(self, view: View) -> bool:
        """Whether a spell began or ended somewhere before this key picture."""
        return face_of(view, self._held, self._masked(view)).kind != self._held

    @property
    def alert(self) -> bool:
        """A spell has just begun."""
        return self._held != "" and self._since is not None

    def _masked(self, view: View) -> NDArray[np.uint8] | None:
        shape = view.small.shape
        if self._mask[0] != shape:
            self._mask = shape, mask_of(shape, self._without)
        return self._mask[1]


@probe(
    BLACK, SOLID, BARS,
    sees=(Opened, Segment, Picture, Tick, Lost),
    incidents={
        "black": "the picture is black",
        "solid_colour": "the picture is one colour all over",
        "colour_bars": "the picture is a test card of colour bars",
    },
    picture=lambda probe: Face(probe.without),
)  # fmt: skip
@dataclass(slots=True)
class Black:
    """Watches the first video track that pictures come from."""

    black: float = 0.5
    """Seconds of black that make an incident."""
    solid: float = 1.0
    """Seconds of one colour that make an incident."""
    bars: float = 0.5
    """Seconds of colour bars that make an incident."""
    without: list[list[float]] = field(default_factory=list)
    """Rectangles that are not looked at: left, top, width, height, as shares of the picture."""

    _following: Following = field(default_factory=Following, init=False, repr=False)
    _lasting: Lasting = field(init=False, repr=False)
    _seen: float = field(default=0.0, init=False, repr=False)
    """Arrival of the last picture."""
    _seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0.0), init=False, repr=False)

    def __post_init__(self) -> None:
        if any(len(each) != 4 for each in self.without):
            raise ValueError("without: a rectangle is left, top, width and height")
        self._lasting = Lasting({"black": self.black, "solid_colour": self.solid, "colour_bars": self.bars})

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
        yield from self._reported(self._lasting.stop())
        self._following.restart(seen)
        yield from self._counters()

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        look: Any = seen.looks.get("black")
        if look is None or not self._following.takes(seen):
            return
        self._seen = seen.at
        if self._following.broken(seen):
            yield from self._reported(self._lasting.stop())
        kind, level, differs = look
        before = self._lasting.now
        found = list(self._lasting.see(kind, self._following.when(seen), seen.pts))
        now = self._lasting.now
        if now:
            if now is not before:
                now.facts |= {"level": level, "differs": differs}
            now.facts["differs"] = max(now.facts["differs"], differs)
        yield from self._reported(found)
        if now and now.opened:
            self._seconds[now.what] += now.grown()

    def _reported(self, stretches: Iterable[Stretch]) -> Iterator[Incident]:
        for each in stretches:
            if each.over:
                self._seconds[each.what] += each.grown()
            yield each.incident()

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        if self._lasting.now and tick.at - self._seen > STALE:
            yield from self._reported(self._lasting.stop())
        yield from self._counters()

    def _counters(self) -> Iterator[Sample]:
        for kind, metric in COUNTED.items():
            yield Sample(metric, self._seconds[kind])
            self._seconds[kind] = 0.0
