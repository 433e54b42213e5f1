"""Is a picture a test card of vertical colour bars?

All standard bars (SMPTE ECR 1-1978, SMPTE RP 219, EBU Tech 3373, 75 % and 100 %) show yellow, cyan, green, magenta,
red, blue from left to right, in falling luma, in the upper part of the picture; what is below, beside or written over
them varies. So the columns of that part are looked at: rows must agree, and the hues must come in that order.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

ROWS = np.linspace(0.12, 0.56, 9)
"""Where rows are looked at, as shares of the height: SMPTE RP 219 keeps its bars to seven twelfths."""
COLUMNS = 160
PAIR = 2, 6
"""Two of the rows, which are compared first."""
AGREE = 6
"""Codes by which rows may differ."""
AGREEING = 0.8
"""Share of pixels that must agree with their column's median."""
GRAY = 18.0
"""Codes of chroma below which a column has no hue."""
TURN = 30.0
"""Degrees that a hue may be off: the difference between the matrices of BT.601 and BT.709, and coding."""
NARROW, UNEQUAL = 0.05, 2.5
"""The narrowest bar as a share of the width, and the widest against the narrowest."""

# Directions of (Cb, Cr) by BT.601: yellow, cyan, green, magenta, red, blue.
HUES = np.degrees(np.arctan2([0.081, -0.5, -0.419, 0.419, 0.5, -0.081], [-0.5, 0.169, -0.331, 0.331, -0.169, 0.5]))


def is_bars(view: View) -> bool:
    """Whether it shows standard colour bars."""
    rows, columns = _places(view.small.shape)
    one, other = (view.small[rows[n]].take(columns) for n in PAIR)
    if np.count_nonzero(cv2.absdiff(one, other) <= AGREE) < 0.5 * COLUMNS:
        return False
    luma = view.small[rows].take(columns, axis=1)
    profile = _medians(luma)
    if np.count_nonzero(cv2.absdiff(luma, np.broadcast_to(profile, luma.shape)) <= AGREE) < AGREEING * luma.size:
        return False
    planes = view.chroma
    if planes is None:
        return False
    rows, columns = _places(planes[0].shape)
    blue, red = (_medians(plane[rows].take(columns, axis=1)) - np.float64(128.0) for plane in planes)
    return _ordered(_hues(blue, red), profile)


@lru_cache(maxsize=16)
def _places(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows and columns of a plane that are looked at."""
    columns = (np.arange(COLUMNS) + 0.5) / COLUMNS * shape[1]
    return (ROWS * shape[0]).astype(np.intp), columns.astype(np.intp)


def _medians(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of every column."""
    return np.asarray(np.partition(rows, len(ROWS) // 2, axis=0)[len(ROWS) // 2])


def _hues(blue: NDArray[np.float64], red: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each column's place among the six hues; −1: none."""
    angle = np.degrees(np.arctan2(red, blue))
    off = np.abs((angle[:, None] - HUES + 180.0) % 360.0 - 180.0)
    nearest = np.argmin(off, axis=1)
    sure = (off[np.arange(len(angle)), nearest] <= TURN) & (np.hypot(blue, red) >= GRAY)
    return np.asarray(np.where(sure, nearest, -1), np.int64)


def _ordered(hues: NDArray[np.int64], luma: NDArray[np.uint8]) -> bool:
    """Whether the wide runs are the six bars, side by side, each darker than the one before."""
    runs, at = [], 0
    for hue, members in groupby(hues.tolist()):
        length = len(list(members))
        if hue >= 0 and length >= NARROW * COLUMNS:
            runs.append((hue, length, float(np.median(luma[at : at + length]))))
        at += length
    if [hue for hue, _, _ in runs] != list(range(6)):
        return False
    lengths, levels = [length for _, length, _ in runs], [level for _, _, level in runs]
    falling = all(a > b for a, b in pairwise(levels))
    return falling and max(lengths) <= UNEQUAL * min(lengths)
