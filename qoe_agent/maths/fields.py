"""Whether two pictures in a row are whole pictures, or each woven of two fields taken at different times.

Each row is compared with what lies around it in the picture before: a field that was taken just after the other
field of the picture before is near to it, the other one is far. In whole pictures both are equally far, whatever
vertical detail they hold, because it is in both comparisons alike. The idea and its two thresholds are those of
FFmpeg's vf_idet.c (interlace_threshold 1.04, progressive_threshold 1.5), which asks the picture after as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

Weave: TypeAlias = Literal["", "whole", "top", "bottom"]
"""Nothing moves enough to tell; whole pictures; fields, the top or the bottom one first."""

WOVEN = 1.06
"""How much farther one field is than the other. A little more than idet's, which asks two neighbours."""
MOVES = 1.5
"""How much farther the picture before is than the rows around, for whole pictures that move."""
STILL = 0.05
"""Mean difference of rows below which nothing can be told."""


WIDE = 1280
"""Columns from which on the middle half of a picture is enough."""


def narrowed(luma: Plane) -> Plane:
    """Half the columns (of wide pictures: of their middle), every row: what `weave` works on."""
    if luma.shape[1] >= WIDE:
        luma = luma[:, luma.shape[1] // 4 : luma.shape[1] * 3 // 4]
    rows, columns = luma.shape
    return np.asarray(cv2.resize(luma, (max(1, columns // 2), rows), interpolation=cv2.INTER_AREA), np.uint8)


def weave(before: Plane, now: Plane) -> Weave:
    """How two pictures in a row (see `narrowed`) were woven."""
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
    if ahead > WOVEN:
        return "top"
    if ahead < 1 / WOVEN:
        return "bottom"
    return "whole" if first > MOVES * first_within else ""


def _far(rows: Plane, others: Plane) -> float:
    """Mean difference between rows and the mean of the two other rows around each."""
    around = cv2.addWeighted(others[:-1], 0.5, others[1:], 0.5, 0.0)
    return cv2.norm(rows, around, cv2.NORM_L1) / rows.size
