"""Shares of things that happen to users, with intervals that know of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.estimates.jackknife import spread
from qoe_agent.viewers.proof import Figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5
"""Groups of users that an interval needs."""


def portion(part: NDArray[Any], whole: NDArray[Any]) -> Figure | None:
    """A share by groups of users, with its jackknife interval; None: too few groups."""
    some = whole > 0
    if some.sum() < FEWEST:
        return None
    value = float(part.sum() / whole.sum())
    copies = (part.sum() - part[some]) / (whole.sum() - whole[some])
    reach = t_quantile(0.95, float(some.sum() - 1)) * float(spread(copies))
    return Figure(value, max(0.0, value - reach), min(1.0, value + reach))
