"""Is a picture empty: black, or one colour all over?

FFmpeg's blackdetect asks that 98 % of all pixels lie below a tenth of the range (vf_blackdetect.c): night scenes with
lamps pass, and so do titles on black. Here the middle of the picture (three fifths of either side) must be empty but
for 0.2 % of it, while the borders, where a channel's logo, a clock or our own stamp sit, may hold 3 % of the picture.
Black is below 5 % of the range, or below 10 % (levels converted twice) where the picture is flat as well, and gray: the
luma of pure blue is only 7 %. Flat means within 4 codes of its median. The means of squares of pixels are judged, so
noise counts little. What is held already is let go a little later than it is taken up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from qoe_agent.maths.bars import is_bars
from qoe_agent.maths.view import TINY, halved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

    Plane = NDArray[np.uint8]
    Counts = NDArray[np.float64]

DARK, HELD_DARK = 0.05, 0.07
"""Of the range of luma: below is black."""
DIM = 0.10
"""Of the range of luma: below is black if the picture is flat."""
FLAT, HELD_FLAT = 4, 6
"""Codes around the median."""
NOISE, NOISY = 12, 0.15
"""Codes by which noise may make a flat picture differ before it is averaged more, and the share where it does."""
MIDDLE, HELD_MIDDLE = 0.002, 0.005
"""Share of the middle that may differ."""
BORDER, HELD_BORDER = 0.03, 0.04
"""Share of the picture that may differ."""
TINT, PAGE = 30, 0.03
"""From so many codes of chroma on a flat picture is a coloured page; the share of its middle that words may take."""
QUARTERS = (TINY[0] * TINY[1] // 4, 3 * TINY[0] * TINY[1] // 4)
"""Places in the order of `tiny`'s cells."""
CELLS = (64, 36)
"""Across and down: where chroma is looked at."""
EDGE = 0.2
"""Share of either side that is border."""


class Face(NamedTuple):
    """What a picture amounts to."""

    kind: str
    """`black`, `solid_colour`, `colour_bars` or nothing."""
    level: float
    """Median luma of what it is, of its range."""
    differs: float
    """Share of pixels that are not black (of a black picture), or not of the colour."""


NOTHING = Face("", 0.0, 0.0)


def mask_of(shape: tuple[int, int], without: Sequence[Sequence[float]]) -> Plane | None:
    """255 where pixels count; `without`: rectangles left, top, width, height as shares of the picture."""
    if not without:
        return None
    rows, columns = shape
    mask = np.full(shape, 255, np.uint8)
    for left, top, width, height in without:
        first, last = int(np.floor(top * rows)), int(np.ceil((top + height) * rows))
        mask[max(0, first) : last, max(0, int(np.floor(left * columns))) : int(np.ceil((left + width) * columns))] = 0
    return mask if mask.any() else None


def face_of(view: View, held: str = "", mask: Plane | None = None) -> Face:
    """What the picture amounts to; `held`: what the one before did; `mask`: of the size of `small`."""
    span = view.white - view.black
    some, few = (HELD_BORDER, HELD_MIDDLE) if held else (BORDER, MIDDLE)
    dark = round(view.black + span * (HELD_DARK if held == "black" else DARK))
    if _varied(view, dark, mask):
        return _bars(view, mask)
    whole, middle = _both(view.small, mask)
    shown = _level(whole, view)
    lit = float(1.0 - whole[dark])
    if lit <= some and 1.0 - middle[dark] <= few and (_tint(view) or 0.0) < TINT:
        return Face("black", shown, lit)
    if _outside(whole, int(np.searchsorted(whole, 0.5)), NOISE) > NOISY:
        return _bars(view, mask)
    rows, columns = view.small.shape
    if min(rows, columns) > 1:
        whole, middle = _both(halved(view.small), None if mask is None else mask[1:rows:2, 1:columns:2])
    level, width = int(np.searchsorted(whole, 0.5)), HELD_FLAT if held else FLAT
    outside, off = _outside(whole, level, width), _outside(middle, level, width)
    if outside <= some and off <= PAGE and (tint := _tint(view)) is not None:
        if off <= few and tint < TINT and level <= view.black + span * DIM:
            return Face("black", shown, outside)
        if off <= few or tint >= TINT:
            return Face("solid_colour", shown, outside)
    return _bars(view, mask)


def _bars(view: View, mask: Plane | None) -> Face:
    """What is neither black nor flat."""
    return Face("colour_bars", _level(_cumulated(view.small, mask), view), 0.0) if is_bars(view) else NOTHING


def _level(cumulated: Counts, view: View) -> float:
    return min(max((int(np.searchsorted(cumulated, 0.5)) - view.black) / (view.white - view.black), 0.0), 1.0)


def _varied(view: View, dark: int, mask: Plane | None) -> bool:
    """Whether it is neither black nor flat, as most pictures are not, known without counting every level.

    If of two levels 2 x NOISE apart or more each has between NOISY and the rest of the pixels above it, no colour's
    NOISE up and down holds all but NOISY of them; and if so many are above one that is not dark, it is not black.
    """
    ordered = np.partition(view.tiny, QUARTERS, axis=None)
    low, high = int(ordered[QUARTERS[0]]), int(ordered[QUARTERS[1]]) - 1
    if high - low < 2 * NOISE or high < dark:
        return False
    total = view.small.size if mask is None else cv2.countNonZero(mask)
    for level in (low, high):
        lit = cv2.threshold(view.small, level, 255, cv2.THRESH_BINARY)[1]
        above = cv2.countNonZero(lit if mask is None else cv2.bitwise_and(lit, mask))
        if not NOISY * total < above < (1 - NOISY) * total:
            return False
    return True


def _both(plane: Plane, mask: Plane | None) -> tuple[Counts, Counts]:
    """Shares of pixels up to each level: of the whole, and of the middle."""
    rows, columns = plane.shape
    inside = slice(int(EDGE * rows), rows - int(EDGE * rows)), slice(int(EDGE * columns), columns - int(EDGE * columns))
    return _cumulated(plane, mask), _cumulated(plane[inside], None if mask is None else mask[inside])


def _cumulated(plane: Plane, mask: Plane | None) -> Counts:
    counts = np.cumsum(cv2.calcHist([plane], [0], mask, [256], [0, 256]).ravel(), dtype=np.float64)
    return np.asarray(counts / counts[-1] if counts[-1] else np.ones(256))


def _outside(cumulated: Counts, level: int, width: int) -> float:
    below = cumulated[level - width - 1] if level > width else 0.0
    return float(1.0 - cumulated[min(255, level + width)] + below)


def _tint(view: View) -> float | None:
    """How far a flat picture's chroma is from gray; None if it is not flat."""
    planes = view.chroma
    if planes is None:
        return 0.0
    far = 0.0
    for plane in planes:
        step = max(1, plane.shape[0] // (2 * CELLS[1]))
        few = cv2.resize(np.ascontiguousarray(plane[::step, ::step]), CELLS, interpolation=cv2.INTER_AREA)
        ordered = np.sort(few, axis=None)
        middle = (int(ordered[few.size // 2 - 1]) + int(ordered[few.size // 2])) / 2
        first, last = (
            np.searchsorted(ordered, middle - HELD_FLAT),
            np.searchsorted(ordered, middle + HELD_FLAT, "right"),
        )
        if few.size - (last - first) > HELD_BORDER * few.size:
            return None
        far = max(far, abs(middle - 128.0))
    return far
