"""Whether two pictures are the same one coded twice, or something moved: tiles, residue, displacement.

Re-encoding leaves residue in a picture that stands still: refinement that decays, and a step in the whole picture at
key frames (quantisation pumping). It differs from motion in that it is spread evenly, displaces nothing (the optical
flow of Lucas and Kanade 1981, tile by tile) and keeps every tile's mean.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Grid = NDArray[np.float64]

LONG, SHORT = 16, 9
"""Tiles along the longer and the shorter side."""
FAINTEST, STRONGEST = 0.3, 1.0
"""Bounds of the change between pictures, in code values, below which nothing moves."""
POP = 6.0
"""The largest change that quantisation makes."""
UNEVEN = 4.0
"""Residue in the busiest tiles, at most, as a multiple of that in the middle one."""
EXPLAINED, SHIFT, FAR = 0.2, 0.03, 0.3
"""Something was displaced if displacement explains this share of the change and amounts to so many pixels (of the
small plane), or to so many whatever it explains."""
LIKE_SHIFT = 0.6
"""Mean change as a multiple of the mean gradient, at most: what a displacement of so many pixels would make."""
BLENDED = 1.4
"""Pixels of displacement that it would take at least to change a picture as a dissolve does within nine pictures."""
BLENDS = ((0.12, 0.12, 0.0), (0.6, 0.0, 0.011))
"""What else makes a dissolve of a change: displacement explains less than the first of it, and the picture halfway is
off the mean of its neighbours, as a share of the change (of squares), by less than the second and the third for every
such pixel."""
GRAIN, GRAINY = 1.2, 0.02
"""What noise adds to that, in squares of code values, but no larger a share."""
STRAIGHT, UNMOVED = 0.02, 0.4
"""Or if it is off that mean by less than the first, and displacement explains less than the second."""
SLIGHT = 1.2
"""Change that residue may make however faint the picture is, unless the caller knows better."""
NOISY = 3.0
"""Change that noise and residue together make of pictures further apart."""
FADE = 1.2
"""Change of a tile's mean by which it became lighter or darker."""


class Tiling:
    """How a plane of some shape is cut into tiles."""

    __slots__ = ("area", "columns", "rows")

    def __init__(self, height: int, width: int) -> None:
        down, across = (SHORT, LONG) if width >= height else (LONG, SHORT)
        self.rows = np.linspace(0, height, down + 1).astype(np.intp)
        self.columns = np.linspace(0, width, across + 1).astype(np.intp)
        self.area = np.outer(np.diff(self.rows), np.diff(self.columns)).astype(np.float64)

    def sums(self, plane: NDArray[np.floating | np.integer]) -> Grid:
        """The sum over every tile."""
        corners = cv2.integral(plane)[self.rows[:, None], self.columns]
        return np.asarray(np.diff(np.diff(corners, axis=0), axis=1), np.float64)

    def means(self, plane: NDArray[np.floating | np.integer]) -> Grid:
        """The mean over every tile."""
        return self.sums(plane) / self.area


@lru_cache(64)
def tiling(height: int, width: int) -> Tiling:
    """The tiling of planes of this shape."""
    return Tiling(height, width)


def changes(first: Plane, second: Plane) -> Grid:
    """The mean difference over every tile, in code values."""
    tiles, off = tiling(*first.shape), cv2.absdiff(first, second)
    bands = np.empty((len(tiles.rows) - 1, off.shape[1]), np.int32)
    for n, (start, end) in enumerate(pairwise(tiles.rows.tolist())):
        cv2.reduce(off[start:end], 0, cv2.REDUCE_SUM, bands[n : n + 1], cv2.CV_32S)
    return np.asarray(np.add.reduceat(bands, tiles.columns[:-1], axis=1) / tiles.area)


def top(change: Grid) -> float:
    """The change where most changes: the mean over the busiest twenty-fourth of the tiles, at least three."""
    return busy(change)[0]


def busy(change: Grid) -> tuple[float, float]:
    """The change where most changes, as `top`, and the median over all tiles."""
    ranked = sorted(change.ravel().tolist())
    most, half = ranked[-max(3, len(ranked) // 24) :], len(ranked) // 2
    middle = ranked[half] if len(ranked) % 2 else 0.5 * (ranked[half - 1] + ranked[half])
    return sum(most) / len(most), middle


class Flow(NamedTuple):
    """How one picture lies to another."""

    shift: float
    """Pixels by which things were displaced, as a root mean square weighted by texture."""
    likeness: float
    """Mean change over mean gradient."""
    explained: float
    """Share of the change that displacement explains."""


def flow(first: Plane, second: Plane, chosen: NDArray[np.bool_]) -> Flow:
    """Lucas and Kanade's displacement of every tile, without what noise alone would give, over the `chosen` tiles."""
    tiles = tiling(*first.shape)
    a, b = first.astype(np.float32), second.astype(np.float32)
    change, middle = b - a, 0.5 * (a + b)
    gx = cv2.Sobel(middle, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(middle, cv2.CV_32F, 0, 1, scale=1 / 8)
    xx, xy, yy, xd, yd, dd = (
        tiles.sums(p * q)[chosen]
        for p, q in ((gx, gx), (gx, gy), (gy, gy), (gx, change), (gy, change), (change, change))
    )
    texture = xx + yy + 1e-6
    determinant = xx * yy - xy * xy + 1e-3 * texture * texture
    energy = np.clip((yy * xd * xd - 2 * xy * xd * yd + xx * yd * yd) / determinant, 0, dd)
    area = tiles.area[chosen]
    moved = float((energy - 2 * (dd - energy) / np.maximum(area - 2, 1)).sum())
    gradient = float(np.sqrt(texture / area).mean()) + 1e-3
    likeness = float(np.sqrt(dd / area).mean()) / gradient
    shift = (max(0.0, moved) / (0.5 * float(texture.sum()) + 1e-6)) ** 0.5
    return Flow(shift, likeness, max(0.0, moved) / (float(dd.sum()) + 1e-6))


def same(first: Plane, second: Plane, chosen: NDArray[np.bool_], slight: float = SLIGHT) -> bool:
    """Whether two pictures are one, coded twice."""
    tiles = tiling(*first.shape)
    change = changes(first, second)[chosen]
    most, middle = busy(change)
    if most <= FAINTEST:
        return True
    if most > POP or most > max(1.5, UNEVEN * middle):
        return False
    lighter = np.abs(tiles.means(first) - tiles.means(second))[chosen]
    if float(np.median(lighter)) > FADE:
        return False
    moved = flow(first, second, chosen)
    if moved.shift > FAR or (moved.explained > EXPLAINED and moved.shift > SHIFT):
        return False
    return moved.likeness <= LIKE_SHIFT or most <= slight


def displaced(first: Plane, second: Plane, chosen: NDArray[np.bool_]) -> bool:
    """Whether anything moved between two pictures shown soon after one another, whatever coding changed."""
    moved = flow(first, second, chosen)
    return moved.shift > FAR or moved.explained > EXPLAINED or moved.likeness > LIKE_SHIFT


def dissolving(first: Plane, halfway: Plane, last: Plane, chosen: NDArray[np.bool_]) -> bool:
    """Whether a dissolve or a fade ends with `last`: the picture halfway is the mean of its neighbours, and what
    changed is no displacement."""
    a, m, b = (plane.astype(np.float32) for plane in (first, halfway, last))
    tiles = tiling(*last.shape)
    whole = float((tiles.sums(np.square(b - a))[chosen]).sum())
    bent = float((tiles.sums(np.square(m - 0.5 * (a + b)))[chosen]).sum())
    if whole <= tiles.area[chosen].sum():
        return False
    moved = flow(first, last, chosen)
    if bent < STRAIGHT * whole and moved.explained < UNMOVED:
        return True
    bent -= min(GRAIN * float(tiles.area[chosen].sum()), GRAINY * whole)
    return moved.likeness > BLENDED and any(
        moved.explained < share and bent < (off + each * moved.likeness) * whole for share, off, each in BLENDS
    )
