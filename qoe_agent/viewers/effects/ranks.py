"""Whether a unit of one arm watches longer than one of the other: P(T > C), ties half, which no tail can carry.

The variance is that of placements (DeLong, DeLong, Clarke-Pearson 1988; Brunner and Munzel 2000), so that it holds also
where the arms differ in spread.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.effects.means import Known, finished
from qoe_agent.viewers.lift.shapes import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LEAST = 2
TIED = 0.03
"""A share of pairs that are ties from which on it is said."""


def rank(
    metric: str,
    control: str,
    treatment: str,
    units: Mapping[str, NDArray[np.int64]],
    *,
    alpha: float = 0.05,
    planned: float | None = None,
    unit: str = "user",
    segment: tuple[str, str] | None = None,
) -> Estimate:
    """P(treatment > control) less 1/2, from units by ascending bins; within a bin they count as ties. `planned` as of
    `compare`."""
    n = {arm: int(units[arm].sum()) for arm in (control, treatment) if arm in units}
    told = Estimate(metric, control, treatment, None, None, None, None, n=n, mean={}, unit=unit, scale="rank",
                    segment=segment, method="rank")  # fmt: skip
    if len(n) < 2 or min(n.values()) < LEAST:
        return told._replace(note=f"needs {LEAST} {unit}s in each arm")
    first, second = (units[arm].astype(float) for arm in (control, treatment))
    ties = float(first @ second) / n[control] / n[treatment]
    if ties > TIED:
        why = "lengths count as alike that are less than 4.4 % apart, and smaller shifts hardly show"
        told = told._replace(note=f"{100.0 * ties:.0f} % of pairs are ties: {why}")
    above, below = _placed(first), _placed(second)
    variance = _variance(second, above) + _variance(first, below)
    theta = float(second @ above) / n[treatment] - 0.5
    total = sum(int(each.sum()) for each in units.values())
    mine = planned * sum(n.values()) / total if planned else None
    return finished(told, Known(theta, sqrt(variance), sum(n.values()), mine), alpha)


def _placed(others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each bin the share of `others` that are lower, ties half."""
    return np.asarray((np.cumsum(others) - others / 2.0) / others.sum())


def _variance(counts: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Of the mean of values that occur so often."""
    n = counts.sum()
    mean = counts @ values / n
    return float(counts @ (values - mean) ** 2 / (n - 1.0) / n)
