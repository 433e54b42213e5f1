"""A planned experiment, tried on past units: how often it would see the effect that it was made for."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.estimates.quantiles import t_quantile
from qoe_agent.viewers.lift.needs import Tried

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Floats


def tried(
    source: np.random.Generator,
    counts: NDArray[np.int64],
    seconds: Floats,
    *,
    cap: float | None,
    effect: float,
    units: int,
    alpha: float = 0.05,
    draws: int = 2000,
) -> Tried:
    """Draws of `units` an arm, with replacement, from past ones by length (how many, and what they watched in all, as
    of Trial.lengths and Trial.watched); in one arm each watches `effect` longer. Decided once, as by `compare`."""
    there = counts > 0
    values = seconds[there] / counts[there]
    values = values if cap is None else np.minimum(values, cap)
    powers = np.array([values, values**2]).T
    first, second = (source.multinomial(units, counts[there] / counts.sum(), draws) @ powers / units for _ in range(2))
    spread = [(each[:, 1] / each[:, 0] ** 2 - 1.0) / (units - 1) for each in (first, second)]
    theta = np.log(second[:, 0] / first[:, 0]) + np.log1p(effect)
    seen = float((np.abs(theta) > t_quantile(1.0 - alpha, float("inf")) * np.sqrt(sum(spread))).mean())
    return Tried(cap, effect, units, seen, sqrt(seen * (1.0 - seen) / draws), draws)
