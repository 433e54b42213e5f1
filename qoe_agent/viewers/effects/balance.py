"""How alike weighted arms are in their covariates, and how many sessions they amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.lift.observed import Balance

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Covered
    from qoe_agent.viewers.lift.shapes import Floats

UNKNOWN = "unknown"


def balance(covered: Covered, weights: Floats) -> tuple[Balance, ...]:
    """Standardised mean differences, treated less control, before and after sessions are weighted (cells, 2).

    Both are in standard deviations of the arms as they are (Austin 2009). A number is compared by its mean, a word by
    the level that differs most.
    """
    even = np.ones_like(covered.count)
    return tuple(
        Balance(name, _difference(covered, place, even), _difference(covered, place, weights))
        for place, name in enumerate(covered.covariates)
    )


def _difference(covered: Covered, place: int, weights: Floats) -> float:
    levels = covered.levels[place]
    if covered.numbers is not None and covered.ordered and covered.ordered[place]:
        known = covered.design[:, place] != (levels.index(UNKNOWN) if UNKNOWN in levels else -1)
        values, squares = covered.numbers[known, :, place, 0], covered.numbers[known, :, place, 1]
        held = covered.count[known]
        apart = _means(weights[known] * values, weights[known] * held)
        middle = _means(values, held)
        spread = _means(squares, held) - middle**2
    else:
        there = (covered.design[:, place, None] == np.arange(len(levels))).astype(float)
        apart = _means(*(there.T[:, :, None] * (weights * covered.count), weights * covered.count))
        shares = _means(there.T[:, :, None] * covered.count, covered.count)
        spread = shares * (1.0 - shares)
    deviation = np.sqrt(np.maximum(spread.mean(axis=-1), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = np.atleast_1d(np.where(deviation > 0.0, (apart[..., 1] - apart[..., 0]) / deviation, 0.0))
    return float(differences[np.argmax(np.abs(np.nan_to_num(differences)))])


def _means(values: Floats, counts: Floats) -> Floats:
    """Over cells."""
    whole = counts.sum(axis=-2)
    return np.asarray(values.sum(axis=-2) / np.where(whole > 0.0, whole, np.nan))


def kish(count: Floats, weights: Floats) -> float:
    """Sessions that weighted ones are worth, both arms together (Kish 1965): (sum of w)^2 / (sum of w^2) in each."""
    sums, squares = (count * weights).sum(axis=0), (count * weights**2).sum(axis=0)
    return float(np.where(squares > 0.0, sums**2 / np.where(squares > 0.0, squares, 1.0), 0.0).sum())
