"""Whether two pictures in a row are whole pictures, or each woven of two fields taken at different times.

Each row is compared with what lies around it in the picture before: a field that was taken just after the other
field of the picture before is near to it, the other one is far. In whole pictures both are equally far, whatever
vertical detail they hold, because it is in both comparisons alike. The idea and its two thresholds are those of
FFmpeg's vf_idet.c (interlace_threshold 1.04, progressive_threshold 1.5), which asks the picture after as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

Weave: TypeAlias = Literal["", "whole", "top", "bottom"]
"""Nothing moves enough to tell; whole pictures; fields, the top or the bottom one first."""

WOVEN = 1.06
"""How much farther one field is than the other. A little more than idet's, which asks two neighbours."""
BETWEEN = 1.4
"""Of three fields in a row the second is about as far from the first as from the third. In whole pictures it is far
from the one and near to the other, also where thin lines that climb make one field farther than the other."""
MOVES = 1.5
"""How much farther the picture before is than the rows around, for whole pictures that move."""
STILL = 0.05
"""Mean difference of rows below which nothing can be told."""


ENOUGH = 480
"""Columns, from the middle of the picture, that are looked at."""


def middle(luma: Plane) -> Plane:
    """The middle columns with every row, as they are: a view of the picture."""
    spare = max(0, luma.shape[1] - ENOUGH) // 2
    return luma[:, spare : spare + ENOUGH]


def weave(before: Plane, now: Plane) -> Weave:
    """How two pictures in a row (see `middle`) were woven."""
    if before.shape != now.shape or now.shape[0] < 8:
        return ""
    rows = now.shape[0] & ~1
    top, bottom = now[0:rows:2], now[1:rows:2]
    first, first_within = _far(top[1:], before[1:rows:2]), _far(top[1:], bottom)
    second, second_within = _far(bottom[:-1], before[0:rows:2]), _far(bottom[:-1], top)
    if min(first, second, first_within, second_within) <= STILL:
        return ""
    # detail that lies in rows of one kind makes them far from the others in every comparison
    ahead = second * first_within / (first * second_within)
    if ahead > WOVEN and first * first < BETWEEN * second * first_within:
        return "top"
    if ahead < 1 / WOVEN and second * second < BETWEEN * first * second_within:
        return "bottom"
    return "whole" if min(first / first_within, second / second_within) > MOVES else ""


def _far(rows: Plane, others: Plane) -> float:
    """Mean difference between rows and the mean of the two other rows around each."""
    around = cv2.addWeighted(others[:-1], 0.5, others[1:], 0.5, 0.0)
    return cv2.norm(rows, around, cv2.NORM_L1) / rows.size
