"""Many effects at once: which of them still stand, and whether segments differ.

The primary estimates were chosen beforehand and are kept apart: those of the first metric and cap over everybody, one a
treatment, are adjusted by Holm (1979), so that any false one is as unlikely as alpha says. All others (metrics, caps,
segments) by Benjamini and Hochberg (1995): of those that stand, alpha are false on average.
"""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.families import holm
from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.estimates.many import adjusted as discovered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Estimate


def adjusted(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """The same with `p_adjusted`; where p is not known that is not either."""
    if not estimates:
        return ()
    first = estimates[0]
    primary = [each.metric == first.metric and each.cap == first.cap and each.segment == first.segment
               and each.scale == first.scale for each in estimates]  # fmt: skip
    found: dict[int, float] = {}
    for mine, correct in ((True, holm), (False, discovered)):
        family = [place for place, each in enumerate(estimates) if primary[place] == mine and each.p is not None]
        found |= zip(family, correct([estimates[place].p or 0.0 for place in family]), strict=True)
    return tuple(each._replace(p_adjusted=found.get(place)) for place, each in enumerate(estimates))


class Interaction(NamedTuple):
    """Whether an effect differs between the values of a segment by more than chance."""

    column: str
    p: float
    q: float
    freedom: int


def interaction(estimates: Sequence[Estimate], alpha: float = 0.05) -> Interaction | None:
    """Cochran's Q over the values of one segment, of estimates of one metric, cap and treatment with fixed intervals at
    level `alpha`. None: fewer than two of them are known."""
    from scipy.special import chdtrc

    known = [each for each in estimates if each.segment and each.lift is not None and each.low is not None]
    if len(known) < 2:
        return None
    theta, error = np.array([_normal(each, alpha) for each in known]).T
    weight = error**-2.0
    q = float(weight @ (theta - weight @ theta / weight.sum()) ** 2)
    column = known[0].segment[0] if known[0].segment else ""
    return Interaction(column, float(chdtrc(len(known) - 1, q)), q, len(known) - 1)


def _normal(estimate: Estimate, alpha: float) -> tuple[float, float]:
    """An estimate and its standard error on the scale on which its interval is symmetric."""
    ends = [each or 0.0 for each in (estimate.lift, estimate.low, estimate.high)]
    theta, low, high = (log1p(each) for each in ends) if estimate.scale == "ratio" else ends
    return theta, (high - low) / 2.0 / t_quantile(1.0 - alpha, float("inf"))
