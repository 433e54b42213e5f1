"""The likeliest way of a test through the reference: dynamic programming over lags, frame by frame.

A state is a lag; staying on it is free, leaving it has a price, so that noise alone does not bend the path, and only
what lasts, or what is seen clearly, counts as a dropped or a duplicated frame.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading

    Floats = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]

LEAVING = 18.0
"""Price, in nats, of another lag by less than `FAR` frames; a frame that is dropped, say."""
LEAPING = 25.0
"""Of any other lag."""
AGAIN = 8.0
"""Of showing the same frame again, where the test's picture does not change."""
SLIPPING = 8.0
"""Of half a frame or less, where rates differ."""
FAR = 4
BLOCK = 64
"""Frames whose costs are held at once."""


class Band(NamedTuple):
    """The lags that are tried."""

    lags: Floats
    """Rising, in frames of the reference's rate."""
    fine: int
    """Lags to a frame."""


class Path(NamedTuple):
    """For each frame of the test the lag it has, as an index into the band's; and the price of it all."""

    states: Numbers
    total: float


def bands(middles: list[float], reach: float, fine: int) -> Band:
    """Lags within `reach` frames of the `middles`."""
    steps = np.arange(-round(reach * fine), round(reach * fine) + 1)
    every = {round(middle * fine) + int(step) for middle in middles for step in steps}
    return Band(np.array(sorted(every), np.float64) / fine, fine)


def pieces(lags: Floats | NDArray[np.bool_], least: float = 0.99) -> list[tuple[int, int]]:
    """From change to change, by more than `least`: of the lag by a frame or more."""
    cuts = np.flatnonzero(np.abs(np.diff(lags)) > least) + 1
    return list(itertools.pairwise([0, *cuts.tolist(), len(lags)]))


def likeliest(
    reading: Reading, band: Band, costs: Callable[[Numbers], Singles], still: Singles, dear: float = 1.0
) -> Path:
    """The cheapest path. `costs`: of the test's frames named, at each lag (frames, lags); `still`: 0 to 1 by frame,
    how sure it is that its picture is the one before it again; `dear`: times the usual prices of another lag."""
    count, width = len(reading.at), len(band.lags)
    moves = _Moves(band, dear)
    back = np.zeros((count, width), np.int32)
    total = np.zeros(width)
    here = np.arange(width, dtype=np.int32)
    for start in range(0, count, BLOCK):
        some = np.arange(start, min(count, start + BLOCK))
        block = costs(some)
        for n, row in zip(some, block, strict=True):
            if n == 0:
                total = row.astype(np.float64)
                back[0] = here
                continue
            advance = float(reading.at[n] - reading.at[n - 1])
            total, back[n] = moves.step(total, advance, float(still[n]))
            total = total + row
    states = np.zeros(count, np.int64)
    states[-1] = int(total.argmin())
    for last in range(count - 1, 0, -1):
        states[last - 1] = back[last, states[last]]
    return Path(states, float(total.min()))


class _Moves:
    """Ways from one frame's lag to the next one's."""

    def __init__(self, band: Band, dear: float) -> None:
        self.lags, self.dear = band.lags, dear
        self.here = np.arange(len(band.lags), dtype=np.int32)
        steps = [step for step in range(-FAR * band.fine, FAR * band.fine + 1) if step]
        ways = [self._from(-step / band.fine) for step in steps]
        self.sources, self.there = (np.array([way[n] for way in ways]) for n in (0, 1))
        prices = [SLIPPING if 2 * abs(step) <= band.fine else LEAVING + 0.5 * max(abs(step) / band.fine - 1, 0)
                  for step in steps]  # fmt: skip
        self.prices, self.less = np.array(prices)[:, None] * dear, np.array(steps)[:, None] < 0

    def _from(self, by: float) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """For each lag the state `by` frames from it, and whether there is one."""
        wanted = self.lags + by
        source = np.clip(np.searchsorted(self.lags, wanted - 1e-6), 0, len(self.lags) - 1)
        return source.astype(np.int32), np.abs(self.lags[source] - wanted) < 1e-6

    def step(self, total: Floats, advance: float, still: float) -> tuple[Floats, NDArray[np.int32]]:
        """The cheapest way to each lag, and where it comes from."""
        paid = np.where(self.less, self.prices + (AGAIN * self.dear - self.prices) * still, self.prices)
        near = np.where(self.there, total[self.sources] + paid, np.inf)
        first = near.argmin(axis=0), self.here
        better = near[first] < total
        best, source = np.where(better, near[first], total), np.where(better, self.sources[first], self.here)
        # Time does not run backwards: a lag can come only from those it does not fall behind.
        order = np.minimum.accumulate(total)
        lowest = np.maximum.accumulate(np.where(total <= order, self.here, 0))
        limit = np.searchsorted(self.lags, self.lags + advance + 1e-6, side="right") - 1
        other = order[limit] + LEAPING * self.dear
        better = other < best
        return np.where(better, other, best), np.where(better, lowest[limit].astype(np.int32), source)
