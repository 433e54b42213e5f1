"""Whether there are units enough for means to vary as the normal distribution says.

Of a skewed amount 355 x skewness^2 units an arm are needed for that (Kohavi, Deng, Longbotham, Xu: "Seven rules of
thumb for web site experimenters", KDD 2014, rule 7). Intervals of fewer may be too narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.lift.shapes import LENGTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Floats

FEW = 200
"""Units of an arm, however little they are skewed."""
RULE = 355.0


def skewness(counts: NDArray[np.int64], cap: float | None = None) -> float | None:
    """Of lengths by bins (`shapes.LENGTHS`), each at most `cap` seconds. None: nothing varies."""
    edges = np.array([0.0, *LENGTHS, LENGTHS[-1] ** 2 / LENGTHS[-2]])
    values: Floats = np.minimum((edges[:-1] + edges[1:]) / 2.0, np.inf if cap is None else cap)
    weights = counts / max(1, counts.sum())
    apart = values - weights @ values
    variance = float(weights @ apart**2)
    return float(weights @ apart**3) / variance**1.5 if variance > 0.0 else None


def lacking(units: int, skewed: float | None) -> int | None:
    """How many units an arm needs for its interval to hold what it says, if it has fewer; `skewed`: None: not known."""
    needs = max(FEW, round(RULE * (skewed or 0.0) ** 2))
    return needs if units < needs else None
