"""Is a picture a test card of vertical colour bars?

All standard bars (SMPTE ECR 1-1978, SMPTE RP 219, EBU Tech 3373, 75 % and 100 %) show yellow, cyan, green, magenta,
red, blue from left to right, in falling luma, in the upper part of the picture; what is below, beside or written over
them varies. So the columns of that part are looked at: rows must agree, and the hues must come in that order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

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
WIDE = re.compile(rb"([\x00-\x05])\1{%d,}" % (NARROW * COLUMNS - 1))
"""So many columns or more of one hue."""

# Directions of (Cb, Cr) by BT.601: yellow, cyan, green, magenta, red, blue.
HUES = np.degrees(np.arctan2([0.081, -0.5, -0.419, 0.419, 0.5, -0.081], [-0.5, 0.169, -0.331, 0.331, -0.169, 0.5]))


def is_bars(view: View) -> bool:
    """Whether it shows standard colour bars."""
    small = view.small
    rows, columns = _places(small.shape)
    if _agreeing(small[rows[PAIR[0]]][columns], small[rows[PAIR[1]]][columns]) < 0.5:
        return False
    planes = view.chroma
    if planes is None:
        return False
    runs = _runs(planes)
    if not runs:
        return False
    luma = small[rows][:, columns]
    profile = _medians(luma)
    codes = profile.tolist()
    lengths, levels = [b - a for a, b in runs], [median(codes[a:b]) for a, b in runs]
    falling = all(a > b for a, b in pairwise(levels))
    return falling and max(lengths) <= UNEQUAL * min(lengths) and _agreeing(luma, profile) >= AGREEING


def _runs(planes: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> list[tuple[int, int]]:
    """Where the six bars begin and end, if the wide runs are those side by side; else nothing."""
    rows, columns = _places(planes[0].shape)
    chroma = np.concatenate([plane[rows][:, columns] for plane in planes], axis=1)
    blue, red = _medians(chroma).reshape(2, COLUMNS)
    hues = _hues()[blue, red].tobytes()
    runs = [run.span() for run in WIDE.finditer(hues)]
    return runs if [hues[a] for a, _ in runs] == list(range(len(HUES))) else []


def _medians(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of every column."""
    return np.asarray(np.partition(rows, len(ROWS) // 2, axis=0)[len(ROWS) // 2])


def _agreeing(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Share of pixels that are nearly the same."""
    return np.count_nonzero(np.maximum(one, other) - np.minimum(one, other) <= AGREE) / one.size


@lru_cache(maxsize=16)
def _places(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp] | slice]:
    """The rows and columns of a plane that are looked at."""
    columns = ((np.arange(COLUMNS) + 0.5) / COLUMNS * shape[1]).astype(np.intp)
    step, rest = divmod(shape[1], COLUMNS)
    return (ROWS * shape[0]).astype(np.intp), columns if rest else slice(step // 2, None, step)


@lru_cache(maxsize=1)
def _hues() -> NDArray[np.int8]:
    """Each chroma's place among the six hues, by codes of Cb and Cr; −1: none."""
    blue, red = np.mgrid[-128.0:128.0, -128.0:128.0]
    off = np.abs((np.degrees(np.arctan2(red, blue))[..., None] - HUES + 180.0) % 360.0 - 180.0)
    sure = (off.min(axis=-1) <= TURN) & (np.hypot(blue, red) >= GRAY)
    return np.asarray(np.where(sure, off.argmin(axis=-1), -1), np.int8)
