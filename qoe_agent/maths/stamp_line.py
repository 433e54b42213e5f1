"""The line of capture time over media time that a set of stamps agrees on.

Stamp time minus media time is constant but for drift. Where these offsets lie most densely is the line's level; of two
levels as dense the later one, because an old stamp is always too old, never too new. On the line are the stamps
within half a frame of it whose counters and times rise together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.stamp import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = 3
"""Stamps that must agree."""
CROWD, SHARE = 12, 0.75
"""Stamps, and share of the first sights, that must agree where some were seen late and none is sure."""
DRIFT = 0.002
"""Largest difference of the clocks' speeds."""
SPAN, MANY = 3.0, 16
"""Seconds and number of marks from which on their drift is estimated."""
FRAME = (0.004, 0.1)
"""Shortest and longest duration of a frame that is believed, in seconds."""
SLACK = 0.002
"""Seconds beyond half a frame by which a stamp may lie off the line: rounded times."""
REACH = (2.0, 15.0)
"""Seconds beyond the last stamp that a line holds: three times their distance, within these."""


class Seen(NamedTuple):
    """A stamp and the media time of the picture that it was first seen on."""

    pts: float
    ms: int
    counter: int
    sure: bool = False
    """The picture before was read and showed another stamp: this one is not old."""


@dataclass(frozen=True, slots=True)
class Line:
    """Capture time over media time."""

    origin: float
    """Media time at which `at` holds."""
    at: float
    drift: float
    """Seconds by which capture time gains on media time in a second."""
    first: float
    last: float
    """Media time of the first and last stamp on it."""
    marks: int
    frame: float
    """Seconds between frames where they are stamped."""
    scatter: float
    """95 % of its stamps lie so close to it, in seconds."""
    band: float
    """Seconds by which a stamp on it may lie beside it."""
    reach: float
    """Seconds beyond the last stamp that it holds."""

    def captured(self, pts: float) -> float:
        """Unix seconds at which what is shown at `pts` was made."""
        return self.at + (pts - self.origin) * (1.0 + self.drift)

    def off(self, seen: Seen) -> float:
        """By how much a stamp is newer than the line says."""
        return seen.ms / 1000 - self.captured(seen.pts)


def drawn(marks: Sequence[Seen], shown: float, stale: bool = False) -> Line | None:
    """The line through first sights in order of media time; None where too few agree.

    `shown`: seconds from picture to picture; `stale`: some stamps were seen more than once.
    """
    if len(marks) < LEAST:
        return None
    base, start = marks[0].ms, marks[0].pts
    pts = np.array([m.pts - start for m in marks])
    made = np.array([(m.ms - base) / 1000 for m in marks])
    counters = np.array([m.counter for m in marks])
    offsets = made - pts
    frame = _frame(made, counters)
    band = max(frame, shown) / 2 + SLACK
    drift, on = 0.0, _dense(offsets, band)
    long = pts[-1] >= SPAN and len(pts) >= MANY
    if long and on.sum() < len(pts):
        half = len(pts) // 2
        slope = np.median(offsets[half:]) - np.median(offsets[:half])
        slope = float(slope / (np.median(pts[half:]) - np.median(pts[:half])))
        other = _dense(offsets - slope * pts, band)
        if abs(slope) <= DRIFT and other.sum() > on.sum():
            drift, on = slope, other
    on[on] = _rising(made[on], counters[on], frame)
    sure = np.array([m.sure for m in marks])
    enough = LEAST if on.all() and not stale else max(CROWD, SHARE * len(on))
    if on.sum() < enough and (on & sure).sum() < LEAST:
        return None
    at, level = float(pts[on].mean()), float(offsets[on].mean())
    if pts[on][-1] - pts[on][0] >= SPAN and on.sum() >= MANY:
        apart = pts[on] - at
        drift = float(np.clip((apart * offsets[on]).sum() / (apart**2).sum(), -DRIFT, DRIFT))
    scatter = float(np.quantile(np.abs(offsets[on] - level - drift * (pts[on] - at)), 0.95))
    if on.sum() >= MANY:
        band = min(band, 4 * scatter + 2 * SLACK)
    reach = min(max(3 * float(np.median(np.diff(pts[on]))), REACH[0]), REACH[1])
    first, last = (float(v) + start for v in pts[on][[0, -1]])
    return Line(start + at, base / 1000 + at + level, drift, first, last, int(on.sum()), frame, scatter, band, reach)


def _frame(made: Floats, counters: NDArray[np.int64]) -> float:
    """Seconds between source frames."""
    frames = np.diff(counters) % COUNTERS
    steps = np.diff(made)
    fine = (frames > 0) & (frames < COUNTERS // 2) & (steps > 0)
    each = float(np.median(steps[fine] / frames[fine])) if fine.any() else 0.0
    return min(max(each, FRAME[0]), FRAME[1])


def _dense(offsets: Floats, band: float) -> NDArray[np.bool_]:
    """Which offsets lie around where most do; of two such places the later one."""
    order = np.sort(offsets)
    many = np.searchsorted(order, order + band / 2, side="right") - np.arange(len(order))
    core = len(order) - 1 - int(many[::-1].argmax())
    level = float(order[core : core + many[core]].mean())
    for _ in range(2):
        level = float(offsets[np.abs(offsets - level) <= band].mean())
    return np.asarray(np.abs(offsets - level) <= band)


def _rising(made: Floats, counters: NDArray[np.int64], frame: float) -> NDArray[np.bool_]:
    """Which marks agree with the one before or the one after on how many frames passed in the time between."""
    frames, steps = np.diff(counters) % COUNTERS, np.diff(made)
    fine = (frames > 0) & (steps > 0) & (steps < 3 * frame * frames) & (steps > frame * frames / 3)
    agree = np.zeros(len(made), np.bool_)
    agree[1:] |= fine
    agree[:-1] |= fine
    return agree
