"""Do viewers leave more in some minutes of a stream than in others: where it is crowded, or long after a highlight?

Exits are held against those to be expected by time watched; streams are compared with themselves (Mantel–Haenszel
1959), and half hours of them are the witnesses (jackknife): all who watch share what happens in a minute.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers import costing
from qoe_agent.viewers.estimates.jackknife import spread
from qoe_agent.viewers.proof import Figure
from qoe_agent.viewers.shapes import CAUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Incident
    from qoe_agent.viewers.tables import Audience
    from qoe_agent.viewers.tables.courses import Course

STEP, BLOCK = 60.0, 1800.0
CROWD = 2.0
"""Times its median audience that a stream has in a crowded minute, at least."""
RHYTHM = 480.0
"""Seconds after a highlight in which the next one is due."""
FEWEST_BLOCKS, FEWEST_EXITS = 5, 10


def crowded(audience: Audience, study: Study | None) -> Figure | None:
    """How many times as often sessions fail in crowded minutes as in others; None: it cannot be told."""
    if study is None or not {"causes", "start", "stream"} <= audience.has:
        return None
    found = audience.courses(costing.paces(study), STEP, CAUSES.index("failed"))
    return ratio(found, [busy(each) for each in found])


def paced(audience: Audience, study: Study | None) -> Figure | None:
    """How many times as fast viewers leave more than RHYTHM after the last highlight as until then."""
    if study is None or not audience.highlights or not {"start", "stream"} <= audience.has:
        return None
    found = audience.courses(costing.paces(study), STEP)
    return ratio(found, [long_after(each, audience.highlights) for each in found])


def busy(course: Course) -> NDArray[np.int64]:
    """1: crowded; 0: not; -1: nobody is there."""
    there = course.watching > 0
    usual = float(np.median(course.watching[there])) if there.any() else math.inf
    return np.where(there, (course.watching >= CROWD * usual).astype(np.int64), -1)


def long_after(course: Course, highlights: Sequence[Incident]) -> NDArray[np.int64]:
    """1: the last highlight is long ago; 0: it is not; -1: there was none yet."""
    begun = np.sort([one.start for one in highlights if one.stream == course.stream])
    at = course.start + course.step * (np.arange(len(course.watching)) + 0.5)
    last = np.searchsorted(begun, at, side="right") - 1
    since = at - np.append(begun, math.nan)[last]
    return np.where(last < 0, -1, np.where(since > RHYTHM, 1, 0))


def ratio(courses: Sequence[Course], marks: Sequence[NDArray[np.int64]]) -> Figure | None:
    """Exits over those to be expected where the mark is 1, over the same where it is 0."""
    sums, owner = [], []
    for number, (course, mark) in enumerate(zip(courses, marks, strict=True)):
        block = (np.arange(len(mark)) * course.step // BLOCK).astype(np.int64)
        parts = [np.bincount(block, values * (mark == one)) for one in (1, 0) for values in (course.exits, course.risk)]
        sums.append(np.stack(parts, axis=1))
        owner.append(np.full(len(parts[0]), number))
    if not sums:
        return None
    blocks, whose = np.concatenate(sums), np.concatenate(owner)
    blocks, whose = (each[(blocks[:, 1] + blocks[:, 3]) > 0] for each in (blocks, whose))
    known = min(int((blocks[:, each] > 0).sum()) for each in (1, 3))
    if known < FEWEST_BLOCKS or min(blocks[:, 0].sum(), blocks[:, 2].sum()) < FEWEST_EXITS:
        return None
    totals = np.zeros((len(courses), 4))
    np.add.at(totals, whose, blocks)
    above, below = _weighed(totals)
    mine = _weighed(totals[whose]), _weighed(totals[whose] - blocks)
    copies = np.log(above.sum() - mine[0][0] + mine[1][0]) - np.log(below.sum() - mine[0][1] + mine[1][1])
    value = math.log(above.sum() / below.sum())
    reach = t_quantile(0.95, known - 1) * float(spread(copies))
    return Figure(math.exp(value), math.exp(value - reach), math.exp(value + reach)) if math.isfinite(reach) else None


def _weighed(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerator and denominator of each row: exits there and their risk, exits elsewhere and theirs."""
    whole = np.maximum(sums[:, 1] + sums[:, 3], 1e-300)
    return sums[:, 0] * sums[:, 3] / whole, sums[:, 2] * sums[:, 1] / whole
