"""Is a picture a test card of vertical colour bars?

All standard bars (SMPTE ECR 1-1978, SMPTE RP 219, EBU Tech 3373, 75 % and 100 %) show yellow, cyan, green, magenta,
red, blue from left to right, in falling luma, in the upper part of the picture; what is below, beside or written over
them varies. So the columns of that part are looked at: rows must agree, and the hues must come in that order.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

ROWS = np.linspace(0.12, 0.56, 9)
"""Where rows are looked at, as shares of the height: SMPTE RP 219 keeps its bars to seven twelfths."""
COLUMNS = 160
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
    luma = _rows(view.small).astype(np.int16)
    if np.mean(np.abs(luma[2] - luma[6]) <= AGREE) < 0.5:
        return False
    profile = np.median(luma, axis=0)
    if np.mean(np.abs(luma - profile) <= AGREE) < AGREEING:
        return False
    planes = view.chroma
    if planes is None:
        return False
    blue, red = (np.median(_rows(plane), axis=0) - 128.0 for plane in planes)
    return _ordered(_hues(blue, red), profile)


def _rows(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = (ROWS * plane.shape[0]).astype(int)
    columns = ((np.arange(COLUMNS) + 0.5) / COLUMNS * plane.shape[1]).astype(int)
    return np.asarray(plane[rows[:, None], columns])


def _hues(blue: NDArray[np.float64], red: NDArray[np.float64]) -> NDArray[np.int64]:
    """Each column's place among the six hues; −1: none."""
    angle = np.degrees(np.arctan2(red, blue))
    off = np.abs((angle[:, None] - HUES + 180.0) % 360.0 - 180.0)
    nearest = np.argmin(off, axis=1)
    sure = (off[np.arange(len(angle)), nearest] <= TURN) & (np.hypot(blue, red) >= GRAY)
    return np.asarray(np.where(sure, nearest, -1), np.int64)


def _ordered(hues: NDArray[np.int64], luma: NDArray[np.float64]) -> bool:
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
