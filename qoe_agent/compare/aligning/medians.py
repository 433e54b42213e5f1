"""Running medians."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def around(values: NDArray[Any], reach: int) -> NDArray[Any]:
    """Of each value and those up to so many places beside it."""
    count = len(values)
    ends = [*range(min(reach, count)), *range(max(reach, count - reach), count)]
    found = np.array([np.median(values[max(0, n - reach) : n + reach + 1]) for n in ends])
    if count <= 2 * reach:
        return found
    inside = np.median(np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1), axis=1)
    return np.concatenate([found[:reach], inside, found[reach:]])
