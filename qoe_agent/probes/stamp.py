"""The stamp: is there a machine-readable mark in picture and sound, and can it be read?

What the marks mean is for other probes (latency, content offset): they read the looks here. Nothing is counted, and
next to nothing spent, until a stamp was found and three of its marks agree. The search for it takes 8 ms at 1080p,
every fourth time 30, in steps that each take another picture (so that none costs more than 8 ms); it is made again
after two seconds at first and then ever more rarely, down to twice a minute and one picture in twelve.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from qoe_agent.maths.marks import Marks
from qoe_agent.maths.stamp import Place, read
from qoe_agent.maths.stamp_search import steps
from qoe_agent.maths.tone_reader import Reader
from qoe_agent.model import Lost, Metric, Observation, Opened, Picture, Sample, Sound, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.stamp import Mark, Spot
    from qoe_agent.maths.stamp_search import Found
    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

FRAMES = Metric(
    "qoe_stamp_frames_total", "counter", "Pictures looked at, once a stamp was found: its mark was read, was "
    "unreadable, or was stale (an older one than belongs there).", ("state",),
)  # fmt: skip
REPEATS = Metric(
    "qoe_stamp_repeats_total", "counter", "Pictures whose mark, by its counter, was that of the picture before."
)
DROPS = Metric(
    "qoe_stamp_drops_total", "counter", "Stamped pictures that, by the counter, are missing between two that came."
)
SOUND_MARKS = Metric("qoe_stamp_sound_marks_total", "counter", "Marks heard in the sound (ten a second).")

SOONEST, RAREST = 2.0, 30.0
"""Seconds from one search to the next: the first, doubled each time until the last."""
PICTURES = 12
"""Pictures that pass between searches when they are rarest: once a minute where a picture comes every 5 s."""
UNREAD = 1.0
"""Seconds without a mark after which a stamp may have moved."""
FINE = 4
"""One search of so many is for small stamps in large pictures too."""
VAIN = 3.5
"""Seconds of sound in which its mark would be heard."""
GONE = 30.0
"""Seconds without a mark after which a stamp's spot is forgotten."""


class Patience:
    """When to search again: ever more rarely while nothing is found."""

    __slots__ = ("_due", "_passed", "_wait")

    def __init__(self) -> None:
        self.found()

    def found(self) -> None:
        """Start again with the shortest wait."""
        self._due, self._wait = -1e300, SOONEST
        self._passed = PICTURES

    def due(self, pts: float) -> bool:
        """Whether to search in this picture; media time may have gone back."""
        self._passed += 1
        late = pts >= self._due or pts < self._due - 2 * RAREST
        return late and self._passed >= PICTURES * self._wait / RAREST

    def failed(self, pts: float) -> None:
        """A search ended in vain."""
        self._due, self._wait = pts + self._wait, min(2 * self._wait, RAREST)
        self._passed = 0


class Spy:
    """The look at pictures: (ms, counter, quality, follows), the first two None where the mark cannot be read;
    None while no stamp was found."""

    def __init__(self, place: Place | None) -> None:
        self._place = place
        self._spot: Spot | None = None
        self._read = 0.0
        """Media time of the last mark."""
        self._patience = Patience()
        self._searches = 0
        self._left: list[Callable[[NDArray[np.uint8]], Found]] = []
        """Steps of the search under way."""

    def __call__(self, view: View) -> tuple[int | None, int | None, float, bool] | None:
        pts = view.pts
        if pts is None:
            return None
        mark = self._mark(view, pts)
        if mark:
            self._read = pts
            self._patience.found()
            self._left.clear()
            return mark.ms, mark.counter, mark.quality, view.follows
        if self._spot and not 0.0 <= pts - self._read <= GONE:
            self._spot = None
        return (None, None, 0.0, view.follows) if self._spot else None

    def _mark(self, view: View, pts: float) -> Mark | None:
        spot = self._spot or (self._place.spot(view.width, view.height) if self._place else None)
        mark = read(view.luma, spot) if spot else None
        if mark:
            self._spot = spot
        elif not self._place and self._patience.due(pts) and not (self._spot and pts - self._read < UNREAD):
            self._spot, mark = self._seek(view.luma, pts) or (self._spot, None)
        return mark

    def _seek(self, luma: NDArray[np.uint8], pts: float) -> Found:
        """The next step of a search."""
        if not self._left:
            self._searches += 1
            self._left = list(steps(fine=self._searches % FINE == 0))
        found = self._left.pop(0)(luma)
        if found is None and not self._left:
            self._patience.failed(pts)
        return found


class Listen:
    """The look at sound: the chirps that were heard, as (pts, Unix time modulo 102.3 s); None if there were none."""

    when = "search"

    def __init__(self) -> None:
        self._reader = Reader()
        self._heard: float | None = None
        """Media time when chirps were heard last."""
        self.keen = False
        """Lately there were chirps."""
        self._vain = 0.0
        """Seconds of sound without any, after which what the reader holds is not worth its memory."""

    def __call__(self, samples: NDArray[np.float32], rate: int, pts: float | None) -> list[tuple[float, float]] | None:
        if pts is None:
            return None
        tones = self._reader.feed(samples, rate, pts)
        if tones:
            self._heard = pts
        self.keen = self._heard is not None and abs(pts - self._heard) <= GONE
        self._vain = 0.0 if self.keen else self._vain + samples.shape[1] / rate
        if self._vain > VAIN:
            self._reader, self._vain = Reader(), 0.0
        return [(tone.pts, tone.time) for tone in tones] or None


@probe(
    FRAMES, REPEATS, DROPS, SOUND_MARKS,
    sees=(Opened, Picture, Sound, Tick, Lost),
    picture=lambda probe: Spy(None if probe.place == "auto" else Place(probe.place, probe.cell)),
    sound=lambda _: Listen(),
)  # fmt: skip
@dataclass(slots=True)
class Stamp:
    """Reads the stamp of the first video track."""

    place: Literal[
        "auto", "top-left", "top", "top-right", "left", "centre", "right", "bottom-left", "bottom", "bottom-right"
    ] = "auto"
    """Where the stamp is; `auto` searches for it. Elsewhere than in its place no stamp is looked for."""
    cell: float = 24.0
    """Side of its cells, in pixels of a picture whose shorter side has 1080; not needed with `auto`."""

    _marks: Marks = field(default_factory=Marks, init=False, repr=False)
    _known: bool = field(default=False, init=False, repr=False)
    """Marks of this connection agreed."""
    _states: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _counted: tuple[int, int] = field(default=(0, 0), init=False, repr=False)
    """Drops and repeats that are in the counters."""
    _heard: int = field(default=0, init=False, repr=False)
    _track: int | None = field(default=None, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            self._picture(seen)
        elif isinstance(seen, Sound):
            self._heard += len(seen.looks.get("stamp") or ())
        elif isinstance(seen, Tick):
            return self._counters()
        elif isinstance(seen, Lost):
            return [*self._counters(), *self._restart()]
        elif isinstance(seen, Opened):
            return self._restart()
        return ()

    def _picture(self, seen: Picture) -> None:
        if self._track not in (None, seen.track):
            return
        state = self._marks.see(seen.pts, seen.looks.get("stamp"))
        if state:
            self._track = seen.track
            self._known = self._known or self._marks.line is not None
            self._states[state] += 1

    def _restart(self) -> Iterable[Finding]:
        self._marks, self._known, self._track, self._counted = Marks(), False, None, (0, 0)
        self._states.clear()
        return ()

    def _counters(self) -> Iterator[Finding]:
        if self._heard:
            yield Sample(SOUND_MARKS, self._heard)
            self._heard = 0
        if not self._known:
            return
        for state, count in self._states.items():
            yield Sample(FRAMES, count, (state,))
        self._states.clear()
        now = self._marks.drops, self._marks.repeats
        for metric, total, before in zip((DROPS, REPEATS), now, self._counted, strict=True):
            yield Sample(metric, total - before)
        self._counted = now
