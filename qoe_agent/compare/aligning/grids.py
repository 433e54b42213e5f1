"""The grid that frames' times lie on: how many a second, and whether they keep to it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

USUAL = tuple(
    Fraction(each)
    for each in ("24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60", "12", "12.5", "15",
                 "10", "5", "20", "48000/1001", "15000/1001", "90", "100", "120000/1001", "120", "240")
)  # fmt: skip
ROUNDED = 0.00101
"""Seconds by which a time may lie off the grid at least: containers round to milliseconds."""
LARGEST = 0.3
"""Shares of a frame by which it may at most."""
NEAR = 0.05
"""Share by which a usual rate may differ from the median distance of frames."""


class Grid(NamedTuple):
    """Frames a second, and whether all frames lie on multiples of that."""

    rate: Fraction
    constant: bool


def grid(times: Floats, stated: Sequence[Fraction], tick: float) -> Grid:
    """The grid of rising `times` (seconds), a container's `stated` rates and its clock's `tick` in seconds."""
    if len(times) < 2:
        return Grid(stated[0] if stated else Fraction(25), True)
    apart = np.diff(times)
    median = float(np.median(apart))
    if median <= 0:
        return Grid(stated[0] if stated else Fraction(25), False)
    allowed = max(2.1 * tick, ROUNDED)
    for rate in _candidates(times, stated, median):
        if _fits(times, rate, allowed):
            return Grid(rate, True)
    return Grid(Fraction(len(apart) / float(times[-1] - times[0])).limit_denominator(1001), False)


def _candidates(times: Floats, stated: Sequence[Fraction], median: float) -> Iterator[Fraction]:
    """Rates to try, the likeliest first: what is stated, what is usual, what the times themselves say."""
    for whole in (1, 2, 3):
        about = whole / median
        near = [r for r in (*stated, *USUAL) if abs(float(r) / about - 1) < NEAR]
        yield from sorted(near, key=lambda r: round(abs(float(r) / about - 1) / 0.002) if r not in stated else -1)
        steps = np.rint(np.diff(times) * about)
        if steps.min() >= 1:
            yield Fraction(float(steps.sum() / (times[-1] - times[0]))).limit_denominator(1001)


def _fits(times: Floats, rate: Fraction, allowed: float) -> bool:
    """Whether every time lies near a multiple of a frame from the first, each at another one."""
    places = (times - times[0]) * float(rate)
    numbers = np.rint(places)
    off = (places - numbers) / float(rate)
    off -= (off.max() + off.min()) / 2
    return bool(np.abs(off).max() <= min(allowed, LARGEST / float(rate)) and (np.diff(numbers) >= 1).all())


def numbers(times: Floats, rate: Fraction) -> NDArray[np.int64]:
    """Which multiple of a frame each time is, from 0 for the first: gaps show as numbers that are left out."""
    return np.asarray(np.rint((times - times[0]) * float(rate)), np.int64)
