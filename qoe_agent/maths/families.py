"""p values of a family: what still stands when many are looked at together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """By Holm (Scandinavian Journal of Statistics 6, 1979): any false discovery among those at most a level is as
    unlikely as that level."""
    if not len(ps):
        return []
    values = np.asarray(ps, float)
    order = np.argsort(values)
    found = np.empty(len(values))
    found[order] = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return [float(each) for each in np.minimum(found, 1.0)]
