"""How much detail, motion, blur, blocking and noise a luma plane shows.

Spatial and temporal information are those of ITU-T P.910 (2008), on 8-bit codes as they are coded: FFmpeg's `siti`
first stretches limited range to full, so that its numbers are 255/219 times these there. The others are ours, after
the sources named; they look at a part of the rows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Floats = NDArray[np.float32]

STRIP = 64
"""Rows at a time, which fit the cache."""


def spatial(luma: Plane) -> float:
    """SI: standard deviation of the Sobel gradient's magnitude, all pixels but the border."""
    rows, columns = luma.shape
    if min(rows, columns) <= 2:
        return 0.0
    across, down = np.empty((2, STRIP + 2, columns), np.int16)  # kept from strip to strip: fresh memory costs more
    both = np.empty((2, STRIP, columns), np.float32)
    total = squares = 0.0
    for top in range(1, rows - 1, STRIP):
        high = min(STRIP, rows - 1 - top)
        cv2.spatialGradient(luma[top - 1 : top + high + 1], across[: high + 2], down[: high + 2])
        both[0, :high], both[1, :high] = across[1 : high + 1], down[1 : high + 1]
        sums = cv2.reduce(cv2.magnitude(both[0, :high], both[1, :high], both[0, :high]), 0, cv2.REDUCE_SUM)
        total += cv2.sumElems(sums[:, 1:-1])[0]
        inside = slice(1, high + 1), slice(1, -1)
        squares += cv2.norm(across[inside], cv2.NORM_L2SQR) + cv2.norm(down[inside], cv2.NORM_L2SQR)
    count = (rows - 2) * (columns - 2)
    return float(np.sqrt(max(0.0, squares / count - (total / count) ** 2)))


def temporal(before: Plane, luma: Plane) -> float:
    """TI: standard deviation of the difference between two pictures that follow one another."""
    mean = (cv2.sumElems(luma)[0] - cv2.sumElems(before)[0]) / luma.size
    return float(np.sqrt(max(0.0, cv2.norm(before, luma, cv2.NORM_L2SQR) / luma.size - mean**2)))


EDGE = 40
"""Codes that an edge must span."""
EDGES = 200
"""Edge pixels needed."""


def edge_width(luma: Plane, part: float = 0.25) -> float | None:
    """Pixels that the sharper edges take: their height over their steepest slope, the `part` quantile.

    A cheap relative of Marziliano et al. (ICIP 2002) and FFmpeg's `blurdetect`: no edge detector, across only, every
    eighth row. None without edges.
    """
    rows = np.ascontiguousarray(luma[4::8])
    if min(rows.shape) < 16:
        return None
    reach = max(4, luma.shape[0] // 64)
    around = np.ones((1, 2 * reach + 1), np.uint8)
    span = cv2.subtract(cv2.dilate(rows, around), cv2.erode(rows, around))
    steepest = cv2.dilate(cv2.absdiff(rows[:, 1:], rows[:, :-1]), around)
    edges = span[:, 1:] >= EDGE
    if np.count_nonzero(edges) < EDGES:
        return None
    widths = span[:, 1:][edges] / np.maximum(steepest[edges], 1).astype(np.float32)
    return float(np.quantile(widths, part))


class Blocks(NamedTuple):
    """A grid in the picture."""

    ratio: float
    """Steps across the grid over steps elsewhere, each against its neighbours; 1: none."""
    period: float
    """Pixels between its lines."""


NONE = Blocks(1.0, 8.0)
VISIBLE = 1.5
"""Codes that weaken steps too small to see."""
SMALLEST = 6.0
FINER = 1.3
"""A finer grid, so much stronger, is pixels that were scaled up, and no blocks."""
PERIODS = (*map(float, range(2, 25)), 9.6, 10 + 2 / 3, 13 + 1 / 3, 14 + 2 / 9, 17 + 7 / 9, 21 + 1 / 3)
"""Blocks of 8 and 16, scaled up or not."""


def blocks(luma: Plane) -> Blocks:
    """The strongest grid that shows both ways, after Muijs and Kirenko (EUSIPCO 2005): a step counts against its
    neighbours, period and phase are searched. Deblocking in the loop (H.264, HEVC, AV1) leaves little to find."""
    if min(luma.shape) < 64:
        return NONE
    rows, columns = luma[::4], np.ascontiguousarray(luma[:, ::4])
    across = _standing_out(cv2.reduce(cv2.absdiff(rows[:, 1:], rows[:, :-1]), 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F))
    down = _standing_out(cv2.reduce(cv2.absdiff(columns[1:], columns[:-1]), 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F))
    found = [Blocks(min(_grid(across, period), _grid(down, period)), period) for period in PERIODS]
    best = max(grid for grid in found if grid.period >= SMALLEST)
    finer = max(grid.ratio for grid in found if grid.period < SMALLEST)
    return best if best.ratio > 1.0 and finer - 1.0 <= FINER * (best.ratio - 1.0) else NONE


def _standing_out(steps: NDArray[Any]) -> Floats:
    """Each mean step over those of its neighbours."""
    mean = steps.ravel() + VISIBLE
    padded = np.concatenate([mean[:1].repeat(3), mean, mean[-1:].repeat(3)])
    beside = sum(padded[3 + d : 3 + d + len(mean)] for d in (-3, -2, -1, 1, 2, 3))
    return np.asarray(np.minimum(6.0 * mean / beside, 4.0), np.float32)


def _grid(steps: Floats, period: float) -> float:
    """Steps on the best phase of a grid over those elsewhere."""
    count = int((len(steps) - 1) / period)
    if count < 8:
        return 1.0
    if period.is_integer():
        grids = steps[: count * int(period)].reshape(count, -1)
    else:
        grids = steps[_places(len(steps), count, period)]
    on = float(grids.sum(axis=0).max())
    return (on / count) / max(1e-6, (float(steps.sum()) - on) / (len(steps) - count))


@lru_cache(maxsize=64)
def _places(size: int, count: int, period: float) -> NDArray[np.intp]:
    """Where the lines (rows) of a grid lie, by phase (columns)."""
    lines = np.rint(np.arange(count) * period).astype(np.intp)
    return np.asarray(lines[:, None] + np.arange(min(int(period), size - int(lines[-1]))), np.intp)


FLAT = 0.2
"""Part of the blocks that are the flattest."""


def noise(luma: Plane, black: int = 16, white: int = 235) -> float | None:
    """Standard deviation of the grain, in codes, where the picture is flat; None if there is no such place.

    Immerkær's operator (CVIU 1996) in blocks of 16 x 16; flat are those whose 4 x 4 means differ least. Encoders take
    grain away, and this does not see what they took.
    """
    width = luma.shape[1] // 16 * 16
    tops = range(0, luma.shape[0] - 17, 64)
    if not width or not tops:
        return None
    strips = np.concatenate([luma[top : top + 18] for top in tops])
    fine = np.abs(cv2.sepFilter2D(strips, cv2.CV_16S, SECOND, SECOND)).reshape(len(tops), 18, -1)[:, 1:17, :width]
    grain = fine.sum(axis=1, dtype=np.int16).reshape(-1, 16).sum(axis=1) / np.float32(256.0)  # 16 * 8 * 255 at most
    inner = np.concatenate([luma[top + 1 : top + 17, :width] for top in tops])
    means = cv2.resize(inner, (width // 4, 4 * len(tops)), interpolation=cv2.INTER_AREA).reshape(len(tops), 4, -1)
    lowest = means.min(axis=1).reshape(-1, 4).min(axis=1)
    highest = means.max(axis=1).reshape(-1, 4).max(axis=1)
    activity = highest - lowest
    inside = (lowest > black + 4) & (highest < white - 4)
    if np.count_nonzero(inside) < 20:
        return None
    grain, activity = grain[inside], activity[inside]
    flat = grain[activity <= max(4.0, float(np.quantile(activity, FLAT)))]
    return float(np.median(flat)) * float(np.sqrt(np.pi / 2) / 6.0)


SECOND = np.asarray([1.0, -2.0, 1.0], np.float32)
