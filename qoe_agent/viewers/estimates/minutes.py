"""What a viewer who leaves would still have watched: the restricted mean of what remains (VIEWERS.md §2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.shapes import TENURE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.estimates.jackknife import Study

    Floats = NDArray[np.float64]

HORIZON = 3600.0
"""Seconds: no more than this is counted as lost with one viewer."""


def remaining(found: Study, horizon: float = HORIZON) -> float:
    """Seconds still watched, at most `horizon`, by those who leave in an incident that makes all leave faster alike.

    Such an incident strikes tenures in proportion to the exits that they have anyway (hazard times person-time).
    """
    hazards = _known(found)
    weights = found.seconds[:, : len(TENURE)].sum(axis=0) * hazards
    if not weights.sum():
        return horizon
    low = np.array(TENURE, float)
    middles = low + np.append(np.diff(low), low[-1]) / 2.0
    lasting = np.array([restricted(hazards, middle, horizon) for middle in middles])
    return float(weights @ lasting / weights.sum())


def _known(found: Study) -> Floats:
    """Hazards, where a bin that nobody reached has that of the last one before."""
    hazards = found.hazards.copy()
    for place in range(1, len(hazards)):
        if not found.seconds[:, place].sum():
            hazards[place] = hazards[place - 1]
    return hazards


def restricted(hazards: Floats, tenure: float, horizon: float = HORIZON) -> float:
    """Mean of min(time left, horizon) for one who has watched for `tenure` seconds: the area under what survives."""
    low = np.array(TENURE, float)
    high = np.append(low[1:], np.inf)
    lengths = np.clip(np.minimum(high, tenure + horizon) - np.maximum(low, tenure), 0.0, None)
    through = hazards * lengths
    left = np.exp(-(np.cumsum(through) - through))
    rates = np.where(hazards > 0.0, hazards, 1.0)
    area = np.where(through > 1e-12, -np.expm1(-through) / rates, lengths)
    return float(left @ area)
