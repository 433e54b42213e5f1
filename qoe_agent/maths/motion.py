"""How things moved before a picture stood still: how much, how long, and whether they stopped at once."""

from __future__ import annotations

from collections import deque
from math import exp
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.ranks import Ranks
from qoe_agent.maths.sameness import FAINTEST, SLIGHT, STRONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.maths.sameness import Grid, Plane

DROP = 0.4
"""Of the recent change between pictures: what is less is still."""
NOISE, HUSHED = 0.3, 0.7
"""A noise floor from this on, in code values, is a camera's; in a freeze no more than this share of it is left."""
REPEATED = 0.12
"""Of the recent change: what is less is a repeated picture, if it is less than STRONGEST; and REPEATED at least."""
RESIDUE = 0.9
"""Of the recent change: what residue may make of a faint picture, between SLIGHT and twice that."""
ABRUPT = 0.5
"""Change that may be left at once, of what there was just before, in a freeze."""
HUM, HUMS = 0.05, 0.15
"""Change of the middle tile from which on it is noise, if it goes on; and if it stops:"""
STEADY, SILENT, MANY = 0.75, 0.15, 20
"""it did not decline if the last of it was so near to the usual, and stopped if no more than this is left; so many
pictures tell."""
EVERYWHERE = 0.2
"""Of the tiles: where noise goes on in so many, it is a camera's, though it is coded here and there only."""
LEFT = 0.3
"""Of one change, the next one at most, if it is residue after motion that stopped."""
LEAD, LOWEST = 6, 0.05
"""Changes before a standing picture that tell when motion stopped; and the least that one counts as."""
FITS, REST, NEAR = 0.8, 0.2, 2.0
"""Motion comes to rest by itself if a falling line fits its last changes (share of variance) and would end so near to
nothing (share of the largest), or has (share of the usual), and the last is so near to it (times what is still)."""
HELD = 0.15
"""Seconds for which a picture may be repeated and the time still count as motion."""
MEMORY = 30.0
"""Seconds (time constant) over which is counted whether standing still is normal."""
HABIT, KNOWN = 0.5, MEMORY * (1.0 - exp(-3.0 / MEMORY))
"""Share of the time from which on it is, and what is left, as it fades, of the 3 s that must be known to say so."""
CUT, CUTS = 8.0, 4.0
"""Change that is a cut, in code values and as a multiple of the recent change."""
WHOLE = 0.15
"""Of the change in the busiest tiles, in the middle one: there is a cut in the whole picture."""


class Step(NamedTuple):
    """From one picture to the next."""

    pts: float
    """Media time of the second."""
    most: float
    """Change where most changed, in code values."""
    middle: float
    """And in the middle tile."""
    key: bool
    tiles: Grid
    """In every tile."""


class Motion:
    """What there was of it in some tiles."""

    __slots__ = ("_hum", "_lately", "_levels", "_moving", "_noise", "_still", "_tiles", "_unproved", "cut", "last")

    def __init__(self) -> None:
        self._levels = Ranks(60)
        """Changes between pictures, where most changed."""
        self._noise = Ranks(60)
        """And in the middle tile."""
        self.last: deque[float] = deque(maxlen=12)
        """Those where most changed, of the last pictures without a hole between."""
        self._hum: deque[float] = deque(maxlen=12)
        """And those in the middle tile."""
        self._tiles: deque[Grid] = deque(maxlen=12)
        """And those in every tile."""
        self._lately: deque[tuple[float, float]] = deque(maxlen=120)
        """(media time, seconds) of the last motion."""
        self._moving = self._still = self._unproved = 0.0
        self.cut: tuple[float, Plane] | None = None
        """Media time of the last cut, and the picture after it."""

    @property
    def level(self) -> float:
        """The typical change between pictures."""
        return self._levels.median

    @property
    def floor(self) -> float:
        """Change between pictures below which nothing moves."""
        return min(max(DROP * self.level, FAINTEST), STRONGEST)

    @property
    def repeated(self) -> float:
        """Change between pictures below which one repeats the other."""
        return min(max(REPEATED * self.level, REPEATED), STRONGEST)

    @property
    def jolt(self) -> float:
        """Change that a key frame may make of a standing picture, wherever it is: what moves changes far more."""
        return REPEATED * self.level

    @property
    def slight(self) -> float:
        """Change that may be residue in a faint picture."""
        return min(max(RESIDUE * self.level, SLIGHT), 2 * SLIGHT)

    @property
    def share(self) -> float | None:
        """Of the time, in which nothing moved and it was no freeze; None while too little is known."""
        known = self._still + self._moving
        return self._still / known if known >= KNOWN else None

    @property
    def rare(self) -> bool:
        """Standing still is normal here."""
        return (self.share or 0.0) > HABIT

    def still(self, most: float, middle: float) -> bool:
        """Whether nothing moves any more: not even what always does, a camera's noise."""
        return most <= self.floor and self.quiet(middle)

    def refined(self, most: float, middle: float) -> bool:
        """Whether a change that is not still may be one of quality only: less than motion makes."""
        return most <= ABRUPT * self.level and self.quiet(middle)

    def quiet(self, middle: float) -> bool:
        """Whether what always moves does not: a camera's noise."""
        noise = self._noise.at(0.1)
        return noise < NOISE or middle <= HUSHED * noise

    def noisy(self, middle: float) -> bool:
        """Whether pictures further apart differ by no less than neighbours do: noise, which a frozen one has not."""
        return self._noise.median >= NOISE and middle > self._noise.median

    def moved(self, step: Step, seconds: float, plane: Plane) -> None:
        """A picture, shown for so long, differed from the one before."""
        most, middle = step.most, step.middle
        lately = median([0.0, *self._hum][-3:]) / ABRUPT  # what grows to this is no cut
        whole = most > max(CUTS * self.level, CUT) and middle > WHOLE * most
        if whole or middle > max(CUTS * self._noise.median, CUT, lately):
            self.cut = step.pts, plane
        if not step.key:
            self._noise.add(middle)
            self._levels.add(most)
            self._was(step)
        self.went_on(step.pts, min(seconds, HELD))

    def _was(self, step: Step) -> None:
        self.last.append(step.most)
        self._hum.append(step.middle)
        self._tiles.append(step.tiles)

    def crept(self, now: float, seconds: float, steps: Sequence[Step]) -> None:
        """What seemed to stand still moved all the time."""
        for each in steps:
            if not each.key:
                self._levels.add(each.most)
                self._was(each)
        self.went_on(now, seconds)

    def went_on(self, now: float, seconds: float) -> None:
        """There was motion up to now."""
        self._lately.append((now, seconds))
        self._pass(seconds, 0.0)

    def stood(self, seconds: float) -> None:
        """The picture stood still, and it was no freeze."""
        self._pass(0.0, seconds)

    def froze(self) -> None:
        """A freeze is over: what moved before it does not tell whether anything moves after it."""
        self._lately.clear()

    def _pass(self, moving: float, still: float) -> None:
        fading = exp(-(moving + still) / MEMORY)
        self._moving = self._moving * fading + moving
        self._still = self._still * fading + still
        self._unproved += moving

    def proved(self, moved: bool) -> None:
        """Whether what counted as motion since last time led anywhere, or was noise."""
        if not moved:
            noise = min(self._unproved, self._moving)
            self._moving, self._still = self._moving - noise, self._still + noise
        self._unproved = 0.0

    def between(self, start: float, end: float) -> float:
        """Seconds of motion in a stretch of media time."""
        return sum(seconds for at, seconds in self._lately if start <= at <= end)

    def onset(self, trail: Sequence[Step]) -> float | None:
        """When motion stopped, if that was after a picture seemed to stand still already."""
        lately, at = list(self.last)[-LEAD:], self._split(trail)
        if at == 0:
            return None
        head, tail = (fmean(each.most for each in part) for part in (trail[:at], trail[at:]))
        return None if head < ABRUPT * fmean(lately) or tail > ABRUPT * head else trail[at - 1].pts

    def _split(self, trail: Sequence[Step]) -> int:
        """After how many steps of a picture that seems to stand still it does: where all, with those before, fall into
        two levels best."""
        lately = list(self.last)[-LEAD:]
        if len(lately) < 3 or not trail:
            return 0
        logs = np.log(np.maximum([*lately, *(each.most for each in trail)], LOWEST))
        counts = np.arange(1, len(logs))
        sums = np.cumsum(logs)[:-1]
        means, rest = sums / counts, (logs.sum() - sums) / (len(logs) - counts)
        between = counts * (len(logs) - counts) * np.square(means - rest)
        return int(between[len(lately) - 1 :].argmax())

    def goes_on(self, trail: Sequence[Step]) -> bool:
        """Whether the picture changes as it did before, and so by noise that a frozen one has not: the whole of it, or
        many of its tiles, each as it did."""
        if self._patches(trail):
            return True
        before = median(self._hum) if self._hum else 0.0
        if before < HUM or min(self._hum) < ABRUPT * before:
            return False
        return median([each.middle for each in trail if not each.key] or [0.0]) > ABRUPT * before

    def _patches(self, trail: Sequence[Step]) -> bool:
        """Whether many tiles change as they did, lately: what a coder short of bits refines soon changes no more."""
        after = [each.tiles for each in trail if not each.key][-MANY // 2 :]
        if not self._tiles or not after:
            return False
        was, now = np.median(self._tiles, axis=0), np.median(after, axis=0)
        return bool(np.mean((was >= HUM) & (now > ABRUPT * was)) >= EVERYWHERE)

    def hums(self, trail: Sequence[Step]) -> bool:
        """Whether noise goes on, as is known after a while only where some pictures are coded better than others."""
        after = [each.middle for each in trail if not each.key]
        return self._noise.median >= HUM and median(after or [0.0]) > ABRUPT * self._noise.median

    def unheard(self, trail: Sequence[Step]) -> bool:
        """Whether there was noise that may not have stopped, but too few pictures stood still to tell."""
        after, usual = [each.middle for each in trail if not each.key], self._noise.median
        if len(after) >= MANY:
            return False
        return self._patches(trail) or (usual >= HUM and median(after or [usual]) > SILENT * usual)

    def hushed(self, trail: Sequence[Step]) -> bool:
        """Whether noise that did not decline stopped at once: a camera's does not, whatever it shows."""
        hum, after = list(self._hum), [each.middle for each in trail if not each.key]
        usual = median(hum or [0.0])
        steady = len(hum) >= LEAD and usual >= HUMS and min(fmean(hum[-3:]), median(hum[-LEAD:])) >= STEADY * usual
        return steady and median(after or [usual]) <= SILENT * usual

    def gradual(self, trail: Sequence[Step]) -> bool:
        """Whether it did not stop at once. `trail`: the steps of the standing picture."""
        after = [each.most for each in trail if not each.key]
        if not self.last or not after or fmean(after[:3]) > ABRUPT * fmean(list(self.last)[-3:]):
            return True
        if median(after[len(after) // 2 :]) > ABRUPT * median(list(self.last)[-LEAD:]):
            return True  # it moves again already
        known = [*self.last, *(each.most for each in trail[: self._split(trail)] if not each.key)][-12:]
        while len(known) >= LEAD and known[-1] <= min(max(self.floor, self.jolt), LEFT * known[-2]):
            known.pop()
        return self._falls(np.array(known))

    def _falls(self, values: NDArray[np.float64]) -> bool:
        """Whether a falling line fits these changes and leads to nothing."""
        if (n := len(values)) < LEAD:
            return False
        steps = np.arange(n) - (n - 1) / 2
        slope = float(steps @ values) / float(steps @ steps)
        fits = slope * slope * float(steps @ steps) >= FITS * float(np.square(values - values.mean()).sum())
        ends = bool(values.mean() + slope * (n + 1) / 2 <= REST * values.max())
        return slope < 0 and fits and (ends or values[-1] <= min(REST * self.level, NEAR * self.floor))
