"""Two arms' means or ratios from sums: as they are, after CUPED, after post-stratification, or after both.

A ratio of sums over units varies by its linearisation (x - r y) / mean(y) (Deng, Knoblich, Lu, KDD 2018). CUPED takes
from each arm's value what covariates from before explain, with one slope for both arms (Deng, Xu, Kohavi, Walker, WSDM
2013). Post-stratification weighs strata alike in both arms (Miratrix, Sekhon, Yu, JRSS B 2013).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qoe_agent.viewers.lift.shapes import Amount, Floats, Moments

LEAST = 2
"""Units of each arm in a stratum; smaller strata are joined."""


class Pair(NamedTuple):
    """Control and treatment."""

    values: tuple[float, float]
    variance: float
    """Of the difference of the values, or of their logarithms."""
    units: tuple[int, int]


class _Cells(NamedTuple):
    """Units by stratum and arm: how many (cells, 2), means (cells, 2, amounts) and covariances of amounts."""

    units: Floats
    mean: Floats
    spread: Floats

    @property
    def weight(self) -> Floats:
        """Of each stratum: its share of all units."""
        return np.asarray(self.units.sum(axis=1) / self.units.sum())


def pair(of: Amount, over: Amount | None, cells: Sequence[tuple[Moments, Moments]], pre: Sequence[Amount],
         logarithms: bool) -> Pair:  # fmt: skip
    """Of control and treatment, given by stratum (one: none)."""
    halves = [of] if over is None else [of, over]
    there = _summed([*halves, *pre], cells)
    first, weight = len(halves), there.weight
    whole = np.einsum("k,kac->ac", weight, there.mean)
    below = whole[:, 1] if over is not None else np.ones(2)
    ratio = whole[:, 0] / below
    slope = _slopes(there, over is not None, first)
    middle = np.einsum("ka,kac->c", there.units, there.mean)[first:] / there.units.sum()
    values = ratio - (whole[:, first:] - middle) @ slope
    along = np.ones((2, whole.shape[1])) / below[:, None]
    along[:, 1:first] *= -ratio[:, None]
    along[:, first:] = -slope
    along /= values[:, None] if logarithms else 1.0
    within = np.einsum("ac,kacd,ad->ka", along, there.spread, along)
    apart = np.einsum("ac,kac->ka", along, there.mean) @ np.array([-1.0, 1.0])
    differing = weight @ (apart - weight @ apart) ** 2 / there.units.sum()
    variance = float((weight[:, None] ** 2 * within / there.units).sum() + differing)
    control, treatment = (int(each) for each in there.units.sum(axis=0))
    return Pair((float(values[0]), float(values[1])), variance, (control, treatment))


def strata(cells: Iterable[tuple[Moments, Moments]]) -> list[tuple[Moments, Moments]]:
    """Those with enough units of both arms; the others together, with the smallest of these if that is too few."""
    ordered = sorted(cells, key=_least)
    joined = [ordered.pop(0)] if ordered else []
    while ordered and (_least(joined[0]) < LEAST or _least(ordered[0]) < LEAST):
        control, treatment = ordered.pop(0)
        joined = [(joined[0][0] + control, joined[0][1] + treatment)]
    return joined + ordered


def _least(cell: tuple[Moments, Moments]) -> int:
    return min(each.units for each in cell)


def _summed(amounts: Sequence[Amount], cells: Sequence[tuple[Moments, Moments]]) -> _Cells:
    tables = [[_table(each, amounts) for each in cell] for cell in cells]
    units = np.array([[each.units for each in cell] for cell in cells], float)
    mean = np.array([[table[0] for table in row] for row in tables])
    return _Cells(units, mean, np.array([[table[1] for table in row] for row in tables]))


def _table(moments: Moments, amounts: Sequence[Amount]) -> tuple[Floats, Floats]:
    places = [moments.amounts.index(each) for each in amounts]
    sums, products = moments.sums[places], moments.products[np.ix_(places, places)]
    spread = (products - np.outer(sums, sums) / moments.units) / (moments.units - 1)
    return sums / moments.units, spread


def _slopes(there: _Cells, ratio: bool, first: int) -> Floats:
    """Of the linearised value on the covariates, within strata, over both arms together."""
    size = there.mean.shape[2]
    if first == size:
        return np.zeros(0)
    inside = np.einsum("ka,kacd->cd", there.units - 1.0, there.spread)
    difference = there.mean[:, 1] - there.mean[:, 0]
    share = there.units.prod(axis=1) / there.units.sum(axis=1)
    scatter = inside + np.einsum("k,kc,kd->cd", share, difference, difference)
    mean = np.einsum("ka,kac->c", there.units, there.mean) / there.units.sum()
    along = np.zeros(size)
    along[:first] = [1.0 / mean[1], -mean[0] / mean[1] ** 2] if ratio else [1.0]
    unit = np.sqrt(np.diag(scatter)[first:])
    unit = np.where(unit > 0.0, unit, 1.0)
    alike = scatter[first:, first:] / np.outer(unit, unit)
    return np.asarray(np.linalg.pinv(alike, rcond=1e-9, hermitian=True) @ (scatter[first:] @ along / unit) / unit)
