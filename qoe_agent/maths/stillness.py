"""Standing pictures and repeated pictures of one stream: freezes, slides, and the rate at which pictures are new.

All tiles are watched, and apart from them those away from the border: a frozen picture may have a clock or a ticker
that was burnt in further on.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.maths.motion import ABRUPT
from qoe_agent.maths.past import Past
from qoe_agent.maths.ranks import Ranks
from qoe_agent.maths.rim import middle
from qoe_agent.maths.sameness import changes, tiling
from qoe_agent.maths.standstill import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.maths.runs import Run
    from qoe_agent.maths.sameness import Plane

    Chosen = NDArray[np.bool_]

VETOES = ("cut", "dissolve", "gradual")
MANY, LITTLE = 9, 0.35
"""Changes between pictures apart that tell what is usual, and the share of that from which on one is so small that
things may have stood still for most of the time."""
NEAR = 0.1
"""Seconds between beginnings that are one."""
SETTLES, RESTS, LAPSES = 1.0, 1.2, 10.0
"""Seconds after the middle within which the border, too, comes to rest where something left the picture; those that all
of it then stands still, which it does not where a clock or a ticker was burnt in; and those from which on the middle
stands too still for all that."""
COVERED = 0.25
"""Of a tile's area: from there on a mask covers it."""


class Spell(NamedTuple):
    """A picture that stands still, for at least the minimum so far."""

    start: float
    """Media time of the first frozen picture."""
    until: float
    """Media time of the last."""
    pictures: int
    difference: float
    """Largest change against the first, in code values, where most changes."""
    floor: float
    """Change between pictures below which nothing moves, as learnt."""
    before: float
    """Typical change between pictures while things move."""
    leaps: int
    """Pictures among them before which others were left out."""
    why_not: str
    """Empty: a freeze. Else what speaks against it: flat, habit, unknown (nothing was seen of what came before),
    still, noise, cut, gradual, dissolve."""
    masked: int
    """Tiles at the border that went on moving."""


class Seen(NamedTuple):
    """What a picture adds."""

    apart: bool
    """Pictures were left out before it."""
    change: float
    """Against the picture before, in code values, as a mean."""
    spell: Spell | None
    ended: float | None
    """Media time of the first picture after a spell, at its end."""
    repeats: int
    fresh: int
    """Pictures in motion that were, and that were not, like the one before; told once it is known that it was no
    spell."""
    motion: float
    """Seconds of these."""
    share: float | None
    """Of the time, in which this stream stands still without being frozen; None while too little is known."""


def read(told: Any) -> Seen | None:
    """What a look said; out of a recording it comes as plain lists."""
    if told is None or isinstance(told, Seen):
        return told
    apart, change, spell, *rest = told
    return Seen(apart, change, spell and Spell(*spell), *rest)


class Stillness:
    """Feed it the small planes in order."""

    def __init__(self, minimum: float = 0.5, mask: Sequence[Sequence[float]] = ()) -> None:
        """`minimum`: seconds; `mask`: (left, top, width, height) of what to overlook, as fractions of the picture."""
        self._minimum, self._mask = minimum, mask
        self._shape: tuple[int, ...] = ()
        self._watches: list[Watch] = []
        self._past = Past(0.0)
        self._then: float | None = None
        self._keyed = False
        """The last picture was a key picture: of two in a row, the second is no step in quality."""
        self._spell: Spell | None = None
        self._apart = Ranks(MANY)
        """Changes between pictures that lie apart."""

    @property
    def alert(self) -> bool:
        """Something stands still and is not judged yet."""
        return any(w.run is not None and w.run.why_not is None and not w.motion.rare for w in self._watches)

    @property
    def moves(self) -> bool:
        """Something moved up to the last picture, before which none was left out."""
        follows = self._then is not None and self._past.since < self._then
        return follows and not any(w.run is not None or w.motion.rare for w in self._watches)

    def suspects(self, plane: Plane) -> bool:
        """Whether what was left out before this picture may hold the beginning or the end of a freeze."""
        if self._then is None or plane.shape != self._shape or self._watches[0].motion.rare:
            return False
        last = self._past.recent[-1][1]
        frozen = any(watch.run is not None and watch.run.why_not == "" for watch in self._watches)
        if frozen != any(watch.alike(last, plane) for watch in self._watches):
            return True
        return not frozen and float(changes(last, plane).mean()) < LITTLE * self._apart.median

    def see(self, plane: Plane, pts: float, *, key: bool, follows: bool) -> Seen | None:
        """The next picture; None for the first. The plane is kept."""
        if plane.shape != self._shape:
            self._begin(plane)
        then, past = self._then, self._past
        if then is None or pts <= then:
            self._past = Past(pts, began=True)
            for watch in self._watches:
                watch.end(pts)
        else:
            change = changes(past.recent[-1][1], plane)
            for watch in self._watches:
                if follows:
                    watch.step(pts, then, plane, past, change, key and not self._keyed)
                else:
                    watch.leap(pts, then, plane, past, change)
            if not follows:
                self._past = Past(pts)
                self._apart.add(float(change.mean()))
        self._then, self._keyed = pts, key
        self._past.add(pts, plane)
        return None if then is None or pts <= then else self._seen(not follows, float(change.mean()))

    def _begin(self, plane: Plane) -> None:
        self._shape, self._then = plane.shape, None
        areas = self._areas()
        self._watches = [Watch(chosen, areas[0] & ~chosen, self._minimum) for chosen in areas]

    def _areas(self) -> list[Chosen]:
        """All tiles that no mask covers, and those of them away from the border."""
        tiles = tiling(*self._shape)
        height, width = self._shape
        covered = np.zeros(self._shape, np.uint8)
        for left, top, across, down in self._mask:
            strip = covered[round(top * height) : round((top + down) * height)]
            strip[:, round(left * width) : round((left + across) * width)] = 1
        free = tiles.means(covered) < COVERED
        return [area for area in (free, free & middle(self._shape)) if area.any()]

    def _seen(self, apart: bool, change: float) -> Seen:
        whole = self._watches[0]
        before, now = self._spell, self._present()
        if before and not before.why_not and (now is None or now.why_not):
            now = self._taken_over(before) or now
        if before and now and before.start != now.start <= before.until and before.why_not == now.why_not:
            now = now._replace(start=before.start)
        self._spell = now
        ended = None
        if before and (now is None or now.start > before.until):
            ends = [w.ended for w in self._watches if w.ended is not None and w.ended >= before.until]
            ended = before.until if apart else min(ends, default=before.until)
        seen = Seen(apart, change, now, ended, whole.repeats, whole.fresh, whole.seconds, whole.motion.share)
        whole.repeats = whole.fresh = 0
        whole.seconds = 0.0
        return seen

    def _present(self) -> Spell | None:
        """The spell there is: a freeze rather than another, of the whole picture rather than of its middle; but what
        looks like a cut or a dissolve to either, or as if it came to rest by itself, is none."""
        judged = [(w, w.run) for w in self._watches if w.run and w.run.why_not is not None]
        found = [self._told(w, run) for w, run in judged if w is self._watches[0] or not self._settles(run)]
        vetoes = [each for each in found if each.why_not in VETOES]
        for n, each in enumerate(found):
            veto = next((v.why_not for v in vetoes if abs(v.start - each.start) <= NEAR), "")
            found[n] = each._replace(why_not=each.why_not or veto)
        return min(found, key=lambda each: each.why_not != "", default=None)

    def _settles(self, inner: Run) -> bool:
        """Whether the border came to rest soon after the middle: by itself, then this is no freeze; or it may be."""
        whole, known = self._watches[0].run, self._spell
        if inner.lent and inner.until - inner.start >= LAPSES:
            inner.why_not, inner.lent = "", False
            return False
        if inner.why_not or inner.leaps or not whole or not NEAR < whole.start - inner.start <= SETTLES:
            return False
        start, until, first = self._watches[0].rested
        lately = median(list(self._watches[0].motion.last)[-3:] or [0.0])
        if abs(start - inner.start) <= NEAR < until - start and first and first[0].most <= ABRUPT * lately:
            return False  # it stopped at once, with the middle, but for what a clock or a key frame changes
        lasts = inner.until - inner.start < LAPSES
        if lasts and whole.why_not and whole.until - whole.start >= RESTS:
            inner.why_not, inner.lent = whole.why_not, True
        told = known is not None and known.start == inner.start and not known.why_not
        return lasts and not told and whole.why_not != ""

    def _taken_over(self, before: Spell) -> Spell | None:
        """A freeze that goes on away from the border, where a clock ticks, and is not judged there yet."""
        runs = [w.run for w in self._watches if w.run and w.run.why_not is None and w.run.start <= before.start + NEAR]
        return before._replace(until=runs[0].until, masked=int(runs[0].border.sum())) if runs else None

    def _told(self, watch: Watch, run: Run) -> Spell:
        return Spell(
            run.start, run.until, run.pictures, run.difference, watch.motion.floor, watch.motion.level, run.leaps,
            run.why_not or "", int(run.border.sum()),
        )  # fmt: skip
