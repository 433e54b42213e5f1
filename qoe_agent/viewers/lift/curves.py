"""Who is still watching, and how much of all watching is in the tail, from counts of sessions by length. Pure."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.lift.shapes import LENGTHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Floats

Curve = tuple[tuple[float, float], ...]


def retention(lengths: Mapping[str, NDArray[np.int64]]) -> dict[str, Curve]:
    """By arm: (seconds, share still watching), at the lower ends of bins, until nobody is."""
    return {arm: _stayed(counts) for arm, counts in lengths.items() if counts.sum()}


def _stayed(counts: NDArray[np.int64]) -> Curve:
    left = 1.0 - np.cumsum(counts)[:-1] / counts.sum()
    last = int(np.flatnonzero(counts)[-1])
    shares = (max(0.0, float(each)) for each in left[: last + 1])
    return ((0.0, 1.0), *zip(LENGTHS[: last + 1], shares, strict=False))


def tail(
    lengths: Mapping[str, NDArray[np.int64]], watched: Mapping[str, Floats], beyond: float
) -> dict[str, tuple[float, float]]:
    """By arm: share of sessions longer than `beyond` seconds, and of the time watched that is in them. Within the bin
    in which that lies, lengths are taken to be even on their logarithmic scale."""
    place = int(np.searchsorted(LENGTHS, beyond, side="right"))
    within = 0.0
    if 0 < place < len(LENGTHS):
        low, high = LENGTHS[place - 1], LENGTHS[place]
        within = (log(high) - log(beyond)) / (log(high) - log(low))
    found = {}
    for arm, counts in lengths.items():
        both = [float(each[place + 1 :].sum() + within * each[place]) / float(each.sum()) if each.sum() else 0.0
                for each in (counts, watched[arm])]  # fmt: skip
        found[arm] = (both[0], both[1])
    return found
