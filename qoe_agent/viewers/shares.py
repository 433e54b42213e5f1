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


def apart(
    part: NDArray[Any], whole: NDArray[Any], other_part: NDArray[Any], other_whole: NDArray[Any]
) -> Figure | None:
    """The difference of two shares of the same groups of users, likewise; None: too few groups of either."""
    if min((whole > 0).sum(), (other_whole > 0).sum()) < FEWEST:
        return None
    some = (whole > 0) | (other_whole > 0)
    value = float(part.sum() / whole.sum() - other_part.sum() / other_whole.sum())
    copies = (part.sum() - part[some]) / (whole.sum() - whole[some])
    copies -= (other_part.sum() - other_part[some]) / (other_whole.sum() - other_whole[some])
    reach = t_quantile(0.95, float(some.sum() - 1)) * float(spread(copies))
    return Figure(value, max(-1.0, value - reach), min(1.0, value + reach))
