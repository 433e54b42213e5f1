"""Whether some of a picture's tiles stand still, since when, and whether that is a break with their motion.

A freeze is a break: motion that accumulates (noise does not) stops from one picture to the next, without a cut or a
dissolve into the still, in a stream that does not stand still most of the time anyway. FFmpeg's vf_freezedetect.c
compares means of whole planes with one threshold, and so finds slides, and no freeze that was encoded again.
"""

from __future__ import annotations

from collections import deque
from math import exp
from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.sameness import FAINTEST, POP, STRONGEST, changes, dissolving, same, top

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.sameness import Grid, Plane

    Chosen = NDArray[np.bool_]

DROP = 0.4
"""Of the recent change between pictures: what is less is still."""
MOTION = 1.0
"""Change, in code values, that must have come about within half a second before a freeze."""
APART = 0.15
"""Seconds between the pictures kept for that."""
REPEATED = 0.12
"""Of the recent change: what is less is a repeated picture, if it is less than STRONGEST; and REPEATED at least."""
HELD = 0.15
"""Seconds for which a picture may be repeated and the time still count as motion."""
LATELY = 1.5
"""Seconds before a freeze in which there must have been motion for a third of the time."""
MEMORY = 30.0
"""Seconds (time constant) over which is counted whether standing still is normal."""
HABIT = 0.5
"""Share of the time from which on it is."""
CUT, CUTS = 8.0, 4.0
"""Change that is a cut, in code values and as a multiple of the recent change."""
WHOLE = 0.15
"""Of the change in the busiest tiles, in the middle one: there is a cut in the whole picture."""
REST = 1.0
"""Seconds between a cut and the still that it leads to, at most."""
HOLE = 0.5
"""A step of more seconds between pictures that follow one another is no standing still."""
FLAT = 3.0
"""Standard deviation below which a picture is one colour: black and its kin, which are told apart elsewhere."""
CHECK = 1.0
"""Seconds after which a standing picture is compared with its first again."""
STEPS = 2
"""Pictures in a row that may differ by residue."""


class Past:
    """The last pictures."""

    __slots__ = ("recent", "since", "sparse")

    def __init__(self, since: float) -> None:
        self.since = since
        """Media time from which on nothing was left out."""
        self.recent: deque[Plane] = deque(maxlen=5)
        self.sparse: deque[tuple[float, Plane]] = deque(maxlen=4)

    def add(self, pts: float, plane: Plane) -> None:
        """A picture was seen."""
        self.recent.append(plane)
        if not self.sparse or not 0 <= pts - self.sparse[-1][0] < APART:
            self.sparse.append((pts, plane))


class Run:
    """A picture stands still, so far."""

    __slots__ = (
        "after", "border", "checked", "difference", "first", "past", "pictures", "repeats", "start", "steps", "until",
        "why_not",
    )  # fmt: skip

    def __init__(self, start: float, first: Plane, past: Past, change: Grid) -> None:
        self.start = self.until = self.checked = start
        self.first = first
        self.past = list(past.recent), [plane for _, plane in past.sparse], start - past.since
        self.after: list[float] = []
        self.border = np.zeros(change.shape, np.bool_)
        self.difference = 0.0
        self.pictures = 1
        self.repeats = 0
        self.steps = 0
        self.why_not: str | None = None
        """None: not judged yet; empty: a freeze."""


class Watch:
    """Follows the `chosen` tiles; motion in others is overlooked as long as it keeps to one border."""

    __slots__ = (
        "_chosen", "_cut", "_lately", "_levels", "_minimum", "_moved", "_moving", "_still", "ended", "fresh", "motion",
        "repeats", "run",
    )  # fmt: skip

    def __init__(self, chosen: Chosen, minimum: float) -> None:
        self._chosen, self._minimum = chosen, minimum
        self._levels: deque[float] = deque(maxlen=60)
        """Changes between pictures while things moved."""
        self._moved: deque[float] = deque(maxlen=3)
        """Those of the last pictures that moved, but for key frames."""
        self._lately: deque[tuple[float, float]] = deque(maxlen=120)
        """(media time, seconds) of the last motion."""
        self._moving = self._still = 0.0
        self._cut: tuple[float, Plane] | None = None
        self.run: Run | None = None
        self.ended: float | None = None
        """Media time of the first picture after the last run."""
        self.repeats = self.fresh = 0
        """Pictures in motion that were like the one before, and that were not."""
        self.motion = 0.0
        """Seconds of that."""

    @property
    def level(self) -> float:
        """The typical change between pictures while things move."""
        return median(self._levels) if self._levels else 0.0

    @property
    def floor(self) -> float:
        """Change between pictures below which nothing moves."""
        return min(max(DROP * self.level, FAINTEST), STRONGEST)

    @property
    def share(self) -> float:
        """Of the time, in which nothing moved and it was no freeze."""
        return self._still / max(self._still + self._moving, 1e-9)

    def step(self, now: float, then: float, plane: Plane, past: Past, change: Grid, key: bool) -> None:
        """The next picture; the one before, `then`, is the last of `past`."""
        most, run = top(change[self._chosen]), self.run
        still = most <= self.floor
        if run and not still and run.pictures > 2 and run.steps < STEPS and most <= POP:
            still = same(past.recent[-1], plane, self._chosen)
            run.steps += not key
        elif run and still:
            run.steps = 0
        if not still or now - then > HOLE:
            self._move(now, then, plane, change[self._chosen], key)
            return
        if run is None:
            run = self.run = Run(then, past.recent[-1], past, change)
        run.pictures += 1
        run.repeats += most <= min(max(REPEATED * self.level, REPEATED), STRONGEST)
        run.border |= ~self._chosen & (change > self.floor)
        run.until = run.until if run.steps else now
        if len(run.after) < 3 and not key:
            run.after.append(most)
        self._check(run, now, plane)

    def leap(self, now: float, then: float, plane: Plane, past: Past, change: Grid) -> None:
        """The next picture, but for others that were left out between."""
        self._moved.clear()
        if not same(past.recent[-1], plane, self._chosen):
            self.end(then)
            self._add(moving=now - then)
            return
        if self.run is None:
            self.run = Run(then, past.recent[-1], past, change)
            self.run.why_not = "habit" if self.share > HABIT else "unknown"
        self.run.pictures += 1
        self.run.until = now
        self._check(self.run, now, plane)

    def _move(self, now: float, then: float, plane: Plane, change: Grid, key: bool) -> None:
        self.end(now)
        most, level, seconds = top(change), self.level, min(now - then, HELD)
        if most > max(CUTS * level, CUT) and float(np.median(change)) > WHOLE * most:
            self._cut = now, plane
        if not key:
            self._levels.append(most)
            self._moved.append(most)
        self._lately.append((now, seconds))
        self._add(moving=seconds)
        self.fresh += 1
        self.motion += max(0.0, now - then)

    def _add(self, moving: float = 0.0, still: float = 0.0) -> None:
        fading = exp(-(moving + still) / MEMORY)
        self._moving = self._moving * fading + moving
        self._still = self._still * fading + still

    def end(self, now: float) -> None:
        """Nothing stands still any longer."""
        run, self.run = self.run, None
        if run is None:
            return
        self.ended = now if not run.steps else run.until
        seconds = run.until - run.start
        if run.why_not == "":
            return
        if seconds >= self._minimum:
            self._add(still=seconds)
            return
        self._add(moving=min(seconds, HELD))
        self._lately.append((run.until, min(seconds, HELD)))
        self._count(run)

    def _count(self, run: Run) -> None:
        self.repeats += run.repeats
        self.fresh += run.pictures - 1 - run.repeats
        self.motion += run.until - run.start

    def _check(self, run: Run, now: float, plane: Plane) -> None:
        """Compare with the first, at the minimum and then once a second."""
        masked = bool(run.border.any())
        if run.why_not is None and now - run.start < self._minimum * (1 + masked):
            return
        if run.why_not is not None and now - run.checked < CHECK:
            return
        run.checked = now
        run.difference = max(run.difference, top(changes(run.first, plane)[self._chosen]))
        if not same(run.first, plane, self._chosen):
            self._crept(run)
        elif masked and not one_sided(run.border):
            self.end(now)
        elif run.why_not is None:
            run.why_not = self._judge(run)

    def _crept(self, run: Run) -> None:
        """It moved all the time, too slowly to be seen from one picture to the next."""
        if run.why_not == "":
            self.end(run.until)
            return
        self.run = None
        self._levels.extend(run.after)
        self._moved.extend(run.after)
        self._lately.append((run.until, run.until - run.start))
        self._add(moving=run.until - run.start)
        self._count(run)

    def _judge(self, run: Run) -> str:
        """Why this is no freeze; empty if it is one."""
        lead, before, seen = run.past
        if float(run.first.std()) < FLAT:
            return "flat"
        if self.share > HABIT:
            return "habit"
        if seen < LATELY / 3:
            return "unknown"
        moved = sum(seconds for at, seconds in self._lately if run.start - LATELY <= at <= run.start)
        if moved < LATELY / 3:
            return "still"
        if max((top(changes(plane, run.first)[self._chosen]) for plane in before), default=0.0) < MOTION:
            return "noise"
        if self._cut and 0 <= run.start - self._cut[0] <= REST and same(self._cut[1], run.first, self._chosen):
            return "cut"
        last = fmean(self._moved) if self._moved else 0.0
        if last < 0.3 * self.level or fmean(run.after) > 0.5 * last:
            return "gradual"
        return "dissolve" if dissolving(lead, self._chosen) else ""


def one_sided(moving: Chosen) -> bool:
    """Whether tiles move at one edge of the picture only."""
    down, across = edge(moving.shape)
    inside = [moving[down:], moving[:-down], moving[:, across:], moving[:, :-across]]
    return any(not rest.any() for rest in inside)


def edge(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many rows and columns of tiles are the border."""
    return max(1, round(shape[0] * 0.2)), max(1, round(shape[1] * 0.2))
