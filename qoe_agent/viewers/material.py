"""What claims are tested with, out of a fitted model of exits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.claims import Figure
from qoe_agent.viewers.estimates.jackknife import spread
from qoe_agent.viewers.estimates.quantiles import t_quantile
from qoe_agent.viewers.estimates.retention import exposure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Hazard

FEWEST = 5
"""Groups of users that an interval needs."""


def pace(study: Study, span: tuple[float, float], beside: tuple[float, float]) -> Figure | None:
    """Exits a second of those there in one span of time watched, over those in another; None: too little is known."""
    if study.buckets < FEWEST:
        return None
    copies = _log_rate(study.copies, span) - _log_rate(study.copies, beside)
    value = float((_log_rate(study.hazards, span) - _log_rate(study.hazards, beside))[()])
    error = float(spread(copies))
    if not math.isfinite(value) or not math.isfinite(error):
        return None
    reach = t_quantile(0.95, study.buckets - 1) * error
    return Figure(math.exp(value), math.exp(value - reach), math.exp(value + reach))


def _log_rate(hazards: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.float64]:
    """Of the mean hazard within a span of time watched."""
    held = exposure(np.array(span))
    mean = hazards @ (held[1] - held[0]) / (span[1] - span[0])
    return np.log(np.where(mean > 0, mean, np.nan))


def arms(hazards: Sequence[Hazard], reference: str) -> dict[str, Figure | None]:
    """Hazard ratios of experiment arms, the reference first; empty where one of them has no figure."""
    found: dict[str, Figure | None] = {reference: None}
    for one in hazards:
        if one.factor == "arm" and one.level != reference:
            if one.hazard_ratio is None or one.low is None or one.high is None:
                return {}
            found[one.level] = Figure(one.hazard_ratio, one.low, one.high)
    return found
