"""A picture at a glance: 64 x 36 means, in which a re-encoded still differs less than anything that moves.

Measured over five encoders: two pictures of one freeze, up to a third of a second apart, differ by at most 3 in any
cell; pans, film, and talking heads a tenth of a second apart by 7 and more in some. Pictures of little contrast
differ by as much less, frozen or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from qoe_agent.maths import sameness
from qoe_agent.maths.rim import edge, middle
from qoe_agent.maths.sameness import NOISY, POP, displaced

if TYPE_CHECKING:
    from qoe_agent.maths.sameness import Plane

Thumb: TypeAlias = NDArray[np.uint8]

LEAST = 32
"""Rows and columns that a picture must have to be seen nearer."""
SIZE = (64, 36)
"""Columns and rows."""
STILL, SHARE = (1.0, 3.0), 0.02
"""Difference in any cell up to which two thumbs show the same: least, most, and as a share of the contrast."""


def thumb(plane: Plane) -> Thumb:
    """The thumb of a small plane."""
    return np.asarray(cv2.resize(plane, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def twins(first: Plane, second: Plane) -> bool:
    """Whether two pictures soon after one another show the same: seen at a glance, or nearer and away from the border,
    where a clock or ticker may run. However much a poor `first` was refined, nothing is displaced."""
    if first.shape != second.shape:
        return False
    large = min(first.shape) >= LEAST
    return same(thumb(first), thumb(second)) or (large and not displaced(first, second, middle(first.shape)))


def lasts(first: Plane, second: Plane) -> bool:
    """Whether two pictures further apart do, of which neither is poor: no more is different than coding and noise
    make. What is quite another costs a glance."""
    if first.shape != second.shape:
        return False
    one, other = thumb(first), thumb(second)
    down, across = edge(one.shape)
    inner = np.s_[down:-down, across:-across]
    near = min(first.shape) >= LEAST and cv2.norm(one[inner], other[inner], cv2.NORM_INF) <= POP
    return same(one, other) or (near and sameness.same(first, second, middle(first.shape), NOISY))


def same(one: Thumb, other: Thumb) -> bool:
    """Whether they show the same picture."""
    darkest, brightest, *_ = cv2.minMaxLoc(one)
    allowed = min(max(STILL[0], SHARE * (brightest - darkest)), STILL[1])
    return cv2.norm(one, other, cv2.NORM_INF) <= allowed
