"""Finds the stamp where it does not lie in its place: letterboxed, cropped, stretched, or filmed off a screen.

First every usual place is tried, in the frame and in its active area; then every dark quadrilateral of about the
right shape is taken for the rectangle inside the stamp's white border. That is done in steps of a few milliseconds,
each of which may take another picture: small stamps in large pictures are sought a part of the rows at a time.
Whatever is found has guards and checksum that hold, like any other stamp.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias, get_args

import cv2
import numpy as np

from qoe_agent.maths.stamp import BORDER, COLUMNS, ROWS, Corner, Mark, Place, Spot, boxed, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Points = NDArray[np.float32]
    Box = tuple[int, int, int, int]
    Found: TypeAlias = tuple[Spot, Mark] | None

CELLS = (24.0, 32.0, 40.0, 16.0)
"""Usual sizes of a cell."""
COARSE, FINE = 600, 1200
"""Lines at most of the picture in which quadrilaterals are sought: larger ones are halved."""
SMALL = 400
"""Lines below which they are sought in it at twice its size."""
SHAPE = (COLUMNS + BORDER, ROWS + BORDER)
"""Cells across and down inside the white border."""
SLIMMEST, WIDEST = 1.05, 2.6
"""Longer side over shorter of what may be a stamp in perspective, or stretched."""
LEAST = 2.5
"""Pixels of the smallest cell that is looked for, in the picture it is sought in."""
PARTS, SHARED = 5, 72
"""Parts of the rows in which small stamps are sought, and rows of the picture sought in that neighbours share."""
TRIES = 60
"""Dark patches that are looked at, at most, the largest first ..."""
ROOM = 3.0
"""... as long as together they take no more than so many pictures."""
THINNEST = 0.08
"""Share of its bounding box that a stamp's dark ring fills at least, askew."""
STRAIGHT = 0.02
"""Share of a side by which its ends may lie off a row or column and still be on it."""


def find(luma: Plane, *, fine: bool = False) -> Found:
    """Where the stamp lies and what it says; `fine`: look for small ones in large pictures too, which takes longer."""
    return next(filter(None, (look(luma) for look in steps(fine=fine))), None)


def steps(*, fine: bool = False) -> Iterator[Callable[[Plane], Found]]:
    """The search, step by step."""
    yield placed
    yield quadrilaterals
    if fine:
        yield from (partial(quadrilaterals, part=part) for part in range(PARTS))


def placed(luma: Plane) -> Found:
    """The stamp in a usual place."""
    for spot in usual(luma):
        mark = read(luma, spot)
        if mark:
            return spot, mark
    return None


def usual(luma: Plane) -> Iterator[Spot]:
    """The places where it may have been put: in the frame, and in its active area."""
    height, width = luma.shape
    places = [Place(corner, cell) for cell in CELLS for corner in get_args(Corner)]
    yield from (each.spot(width, height) for each in places)
    left, top, right, bottom = active(luma)
    across, down = right - left, bottom - top
    if (across, down) == (width, height) or min(across, down) < LEAST * 2 * COLUMNS:
        return
    for each in places:
        x, y, cell = each.grid(across, down)
        yield boxed(left + x, top + y, cell, width, height)


def active(luma: Plane) -> Box:
    """Left, top, right and bottom of what is not black bars."""
    rows, columns = _lit(luma[:, ::8], 1), _lit(luma[::8], 0)
    if not len(rows) or not len(columns):
        return 0, 0, luma.shape[1], luma.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _lit(luma: Plane, axis: int) -> NDArray[np.intp]:
    """The rows or columns that are not black."""
    return np.flatnonzero(luma.max(axis=axis) > 40)


def quadrilaterals(luma: Plane, part: int | None = None) -> Found:
    """The stamp anywhere, in any size and mild perspective; `part`: a small one in that part of the rows."""
    lines = min(luma.shape)
    scale = 2.0 if lines < SMALL else 1.0
    while lines * scale > (COARSE if part is None else FINE):
        scale /= 2
    block = max(31, int(lines * scale) // 6 | 1)
    rows, top, largest = luma, 0, max(luma.shape)
    if part is not None:
        share = -(-len(luma) // PARTS)
        top, largest = part * share, 2 * SHARED
        rows = luma[top : top + share + int(SHARED / scale)]
        if not rows.size:
            return None
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    plane = rows if scale == 1.0 else cv2.resize(rows, None, fx=scale, fy=scale, interpolation=method)
    across, down = plane.shape[1] / luma.shape[1], plane.shape[0] / len(rows)
    for quad in _dark(np.asarray(plane, np.uint8), block, largest):
        pixels = (quad + np.float32(0.5)) / np.array((across, down), np.float32) + np.array((0, top), np.float32)
        corners = np.asarray(pixels / np.array(luma.shape[::-1], np.float32), np.float32)
        for turn in range(4):
            spot = _inside(np.roll(corners, turn, axis=0))
            mark = read(luma, spot)
            if mark:
                return spot, mark
    return None


def _dark(plane: Plane, block: int, largest: int) -> Iterator[Points]:
    """The corners of quadrilaterals darker than the `block` around, clockwise, the largest first."""
    binary = cv2.adaptiveThreshold(plane, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, 5)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=4, ltype=cv2.CV_32S)
    wide, tall, dark = (stats[:, n].astype(np.int64) for n in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    least, most = np.minimum(wide, tall), np.maximum(wide, tall)
    fit = (least >= LEAST * SHAPE[1]) & (most <= 2 * WIDEST * least) & (most <= largest)
    fit &= dark >= THINNEST * wide * tall
    fit[0] = False
    left = ROOM * plane.size
    for n in sorted(np.flatnonzero(fit), key=lambda n: -int(wide[n] * tall[n]))[:TRIES]:
        left -= int(wide[n] * tall[n])
        if left < 0:
            continue
        x, y = int(stats[n, cv2.CC_STAT_LEFT]), int(stats[n, cv2.CC_STAT_TOP])
        part = (labels[y : y + tall[n], x : x + wide[n]] == n).view(np.uint8)
        contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
        hull = cv2.convexHull(contours[0])
        quad = _quad(np.asarray(hull, np.int32), cv2.contourArea(hull))
        if quad is not None:
            yield quad


def _quad(hull: NDArray[np.int32], area: float) -> Points | None:
    """The quadrilateral that a hull is, clockwise; None if it is none of a stamp's shape."""
    around = cv2.arcLength(hull, True)
    for share in (0.02, 0.04, 0.06):
        quad = cv2.approxPolyDP(hull, share * around, True)
        if len(quad) <= 4:
            break
    if len(quad) != 4 or cv2.contourArea(quad) < 0.85 * area:
        return None
    points = np.asarray(quad.reshape(4, 2), np.float32)
    sides = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    long, short = max(sides[0] + sides[2], sides[1] + sides[3]), min(sides[0] + sides[2], sides[1] + sides[3])
    if not SLIMMEST <= long / short <= WIDEST:
        return None
    return points


def _inside(corners: Points) -> Spot:
    """The spot of the cells in the rectangle inside the white border."""
    edge = BORDER / 2
    flat = np.array([(0, 0), (SHAPE[0], 0), SHAPE, (0, SHAPE[1])], np.float32)
    grid = np.array(
        [[(edge, edge), (edge + COLUMNS, edge), (edge + COLUMNS, edge + ROWS), (edge, edge + ROWS)]], np.float32
    )
    points = cv2.perspectiveTransform(grid, cv2.getPerspectiveTransform(flat, corners.astype(np.float32)))[0]
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = ((float(x), float(y)) for x, y in points)
    wide, tall = STRAIGHT * abs(bx - ax), STRAIGHT * abs(dy - ay)
    if bx > ax and dy > ay and max(abs(ax - dx), abs(bx - cx)) < wide and max(abs(ay - by), abs(cy - dy)) < tall:
        left, right, top, bottom = (ax + dx) / 2, (bx + cx) / 2, (ay + by) / 2, (cy + dy) / 2
        return Spot(((left, top), (right, top), (right, bottom), (left, bottom)))
    return Spot(((ax, ay), (bx, by), (cx, cy), (dx, dy)))
