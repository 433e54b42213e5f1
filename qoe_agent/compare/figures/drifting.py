"""Sound that runs by another clock: windows stretched until they fit, so that there is a delay to be found.

Where a clock is wrong by r, the delay grows by r times its length within a window; once that is some milliseconds, high
frequencies cancel, and phase correlation has no peak.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.figures.delays import Agreed, Delay

RATES = tuple(sign * each / 1000 for each in range(1, 5) for sign in (1, -1))
"""Seconds a second by which a clock may be wrong, least first; each serves for half a thousandth around it."""


class Drift(NamedTuple):
    """An offset that grows evenly, as far as it does."""

    begin: float
    """Seconds, where the pictures begin."""
    grows: float
    """Seconds until they end."""


def stretched(wave: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
    """As if its clock had run so much slower, about its middle."""
    if not rate:
        return wave
    at = np.arange(len(wave), dtype=np.float64)
    middle = (len(wave) - 1) / 2
    return np.interp(middle + (at - middle) * (1 + rate), at, wave).astype(np.float32)


def slope(delays: Sequence[Delay], at: Sequence[float]) -> float:
    """By how much a second those that are sure grow: the median of the slopes between any two (Theil and Sen)."""
    known = [(when, each.seconds) for each, when in zip(delays, at, strict=True) if each.sure]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(known, 2) if b[0] > a[0]]
    return float(np.median(slopes)) if slopes else 0.0


def levelled(delays: Sequence[Delay], at: Sequence[float], rate: float) -> list[Delay]:
    """Without what a clock that is wrong by `rate` adds to each from time 0 of `at` on."""
    return [each._replace(seconds=each.seconds - rate * when) for each, when in zip(delays, at, strict=True)]


def drift(found: Agreed, rate: float, length: float, least: float) -> Drift | None:
    """Of delays without `rate`, over so many seconds; None where it is less than `least`, or not even."""
    if found.seconds is None:
        return None
    whole = (rate + found.drift) * length
    # Where a rate was taken out, what is left of it agrees within the window's own error.
    even = bool(rate) or abs(whole) > 0.8 * (found.most - found.least)
    if abs(whole) <= least or not even:
        return None
    return Drift(found.seconds - found.drift * length / 2, whole)
