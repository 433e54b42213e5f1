"""Intervals of comparisons that are functions of cells' sums: what a ratio would be without each bucket of users.

Users are whole in a bucket, so what is alike within a user counts once. Without buckets sessions are taken as
independent, and the variance is that of the ratio's first derivatives (infinitesimal jackknife, Efron 1982).
"""

from __future__ import annotations

from math import exp, inf, isfinite, log, sqrt
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from qoe_agent.maths.student import interval, t_tail
from qoe_agent.viewers.estimates.jackknife import spread

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Covered
    from qoe_agent.viewers.lift.shapes import Floats

FEWEST = 20
"""Buckets of users that an interval needs."""


class Means(NamedTuple):
    """Mean watch times of both arms, made alike, as sums over cells: (treated, control)."""

    treated: float
    control: float
    pulls: Floats
    """(cells, 2, 2): by cell and arm what a session, and what a second of it, does to the logarithm of their ratio."""


class Way(Protocol):
    """A way to make arms alike."""

    def __call__(self, count: Floats, total: Floats) -> Means | None:
        """Of sessions and seconds by cell and arm (cells, 2). None: the arms have nothing in common."""


class Ratio(NamedTuple):
    """A lift, its 95 % interval and p."""

    lift: float
    low: float | None
    high: float | None
    p: float | None


def ratio(covered: Covered, way: Way) -> Ratio | None:
    """What `way` makes of these sessions. None: nothing."""
    found = way(covered.count, covered.total)
    value = _log(found)
    if found is None or value is None:
        return None
    error, freedom = _error(covered, way, found)
    if not isfinite(error) or error <= 0.0:
        return Ratio(exp(value) - 1.0, None, None, None)
    low, high = interval(value, error, freedom)
    return Ratio(exp(value) - 1.0, exp(low) - 1.0, exp(high) - 1.0, t_tail(value / error, freedom))


def _log(found: Means | None) -> float | None:
    if found is None or not (found.treated > 0.0 and found.control > 0.0):
        return None
    return log(found.treated / found.control)


def _error(covered: Covered, way: Way, found: Means) -> tuple[float, float]:
    """Standard error of the logarithm, and its degrees of freedom."""
    if covered.buckets is None:
        of_count, of_total = found.pulls[..., 0], found.pulls[..., 1]
        parts = of_count**2 * covered.count + 2 * of_count * of_total * covered.total + of_total**2 * covered.squares
        return sqrt(max(0.0, float(parts.sum()))), inf
    held = covered.buckets[covered.buckets[..., 0].sum(axis=(1, 2)) > 0.0]
    if len(held) < FEWEST:
        return inf, 0.0
    copies = [_log(way(covered.count - each[..., 0], covered.total - each[..., 1])) for each in held]
    if any(each is None for each in copies):
        return inf, 0.0
    return float(spread(np.array(copies, float))), len(held) - 1.0
