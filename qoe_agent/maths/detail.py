"""How much detail, motion, blur, blocking and noise a luma plane shows, in strips that fit the cache.

Spatial and temporal information are those of ITU-T P.910 (2008), on 8-bit codes as they are coded: FFmpeg's `siti`
first stretches limited range to full, so that its numbers are 255/219 times these there. The others are ours, after
the sources named; they look at a part of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Floats = NDArray[np.float32]

STRIP = 32
"""Rows at a time."""


def spatial(luma: Plane) -> float:
    """SI: standard deviation of the Sobel gradient's magnitude, all pixels but the border."""
    rows, columns = luma.shape
    total = squares = 0.0
    for top in range(1, rows - 1, STRIP):
        bottom = min(top + STRIP, rows - 1)
        strip = luma[top - 1 : bottom + 1]
        across, down = cv2.Sobel(strip, cv2.CV_32F, 1, 0), cv2.Sobel(strip, cv2.CV_32F, 0, 1)
        inside = cv2.magnitude(across, down)[1:-1, 1:-1]
        total += cv2.sumElems(inside)[0]
        squares += cv2.norm(inside, cv2.NORM_L2SQR)
    count = (rows - 2) * (columns - 2)
    return float(np.sqrt(max(0.0, squares / count - (total / count) ** 2))) if min(rows, columns) > 2 else 0.0


def temporal(before: Plane, luma: Plane) -> float:
    """TI: standard deviation of the difference between two pictures that follow one another."""
    total = squares = 0.0
    for top in range(0, len(luma), STRIP):
        change = cv2.subtract(luma[top : top + STRIP], before[top : top + STRIP], dtype=cv2.CV_16S)
        total += cv2.sumElems(change)[0]
        squares += cv2.norm(change, cv2.NORM_L2SQR)
    return float(np.sqrt(max(0.0, squares / luma.size - (total / luma.size) ** 2)))


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
    across, down = _steps(luma[::4]), _steps(luma[:, ::4].T)
    found = [Blocks(min(_grid(across, period), _grid(down, period)), period) for period in PERIODS]
    best = max(grid for grid in found if grid.period >= SMALLEST)
    finer = max(grid.ratio for grid in found if grid.period < SMALLEST)
    return best if best.ratio > 1.0 and finer - 1.0 <= FINER * (best.ratio - 1.0) else NONE


def _steps(plane: Plane) -> Floats:
    """Mean step between each column and the next, over that of its neighbours."""
    step = cv2.absdiff(np.ascontiguousarray(plane[:, 1:]), np.ascontiguousarray(plane[:, :-1]))
    mean = cv2.reduce(step, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0] + VISIBLE
    padded = np.pad(mean, 3, mode="edge")
    beside = sum(padded[3 + d : 3 + d + len(mean)] for d in (-3, -2, -1, 1, 2, 3))
    return np.asarray(np.minimum(6.0 * mean / beside, 4.0), np.float32)


def _grid(steps: Floats, period: float) -> float:
    """Steps on the best phase of a grid over those elsewhere."""
    count = int((len(steps) - 1) / period)
    if count < 8:
        return 1.0
    lines = np.rint(np.arange(count) * period).astype(np.intp)
    phases = np.arange(min(int(period), len(steps) - int(lines[-1])))
    on = float(steps[lines + phases[:, None]].sum(axis=1).max())
    return (on / count) / max(1e-6, (float(steps.sum()) - on) / (len(steps) - count))


FLAT = 0.2
"""Part of the blocks that are the flattest."""


def noise(luma: Plane, black: int = 16, white: int = 235) -> float | None:
    """Standard deviation of the grain, in codes, where the picture is flat; None if there is no such place.

    Immerkær's operator (CVIU 1996) in blocks of 16 x 16; flat are those whose 4 x 4 means differ least. Encoders take
    grain away, and this does not see what they took.
    """
    found: list[Floats] = []
    for top in range(0, luma.shape[0] - 17, 64):
        strip = luma[top : top + 18]
        fine = cv2.sepFilter2D(strip, cv2.CV_32F, SECOND, SECOND)[1:17]
        width = strip.shape[1] // 16 * 16
        if not width:
            return None
        inner = strip[1:17, :width]
        coarse = cv2.resize(inner, (width // 4, 4), interpolation=cv2.INTER_AREA).reshape(4, -1, 4)
        grain = cv2.resize(np.abs(fine[:, :width]), (width // 16, 1), interpolation=cv2.INTER_AREA)[0]
        lowest, highest = coarse.min(axis=(0, 2)), coarse.max(axis=(0, 2))
        found.append(np.stack([grain, (highest - lowest).astype(np.float32), lowest, highest]))
    if not found:
        return None
    grain, activity, lowest, highest = np.concatenate(found, axis=1)
    inside = (lowest > black + 4) & (highest < white - 4)
    if np.count_nonzero(inside) < 20:
        return None
    grain, activity = grain[inside], activity[inside]
    flat = grain[activity <= max(4.0, float(np.quantile(activity, FLAT)))]
    return float(np.median(flat)) * float(np.sqrt(np.pi / 2) / 6.0)


SECOND = np.asarray([1.0, -2.0, 1.0], np.float32)
