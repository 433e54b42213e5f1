"""Whether a programme's next frames show the same as its frames, but for a camera that moves evenly all the while."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Grey = NDArray[np.float32]

PAIRS, TURNS = 12, 8
"""Pairs of neighbours from which the movement is learnt, and steps of Gauss and Newton's method towards it."""
FURTHEST = 60
"""Pixels at each side, at most, that the movement may take out of sight."""


def softened(picture: Plane) -> Grey:
    """Without its grain."""
    return np.asarray(cv2.GaussianBlur(picture, (9, 9), 0), np.float32)


def carried(pictures: Sequence[Plane]) -> NDArray[np.float64]:
    """By how much each picture differs from the one before, on the mean, in codes, once all are moved and scaled alike.

    A test that was cropped shows such a programme a frame late as well as cropped a little elsewhere.
    """
    some = np.unique(np.linspace(0, len(pictures) - 2, PAIRS).astype(np.int64))
    pairs = [(softened(pictures[n]), softened(pictures[n + 1])) for n in some]
    across, down = np.median([cv2.phaseCorrelate(one, other)[0] for one, other in pairs], axis=0)
    high, wide = pairs[0][0].shape
    moved = np.array([[1.0, 0.0, across], [0.0, 1.0, down]])
    edge = min(8 + int(max(abs(across), abs(down))), FURTHEST)
    inside = slice(edge, high - edge), slice(edge, wide - edge)
    for _ in range(TURNS):
        step = _step(pairs, moved, inside)
        moved += [[step[1], 0, step[0] - step[1] * wide / 2], [0, step[3], step[2] - step[3] * high / 2]]
    soft = [softened(each) for each in pictures]
    apart = [np.abs(a - _seen(b, moved))[inside].mean() for a, b in itertools.pairwise(soft)]
    return np.asarray(apart, np.float64)


def _seen(picture: Grey, moved: NDArray[np.float64]) -> Grey:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, moved, picture.shape[::-1], flags=flags), np.float32)


def _step(
    pairs: Sequence[tuple[Grey, Grey]], moved: NDArray[np.float64], inside: tuple[slice, slice]
) -> NDArray[np.float64]:
    """Movement and growth across, then down, that suits all pairs better; what fits badly (a cut) counts less."""
    high, wide = pairs[0][0].shape
    x, y = (each[inside].ravel() for each in np.meshgrid(np.arange(wide) - wide / 2, np.arange(high) - high / 2))
    normal, wanted = np.zeros((4, 4)), np.zeros(4)
    for one, other in pairs:
        placed = _seen(other, moved)
        left = (one - placed)[inside].ravel()
        slopes = [each[inside].ravel() for each in np.gradient(placed)[::-1]]
        columns = np.stack([slopes[0], slopes[0] * x, slopes[1], slopes[1] * y])
        weighed = columns / (1 + np.abs(left) / 3)
        normal += weighed @ columns.T
        wanted += weighed @ left
    found = np.linalg.solve(normal + 1e-6 * np.trace(normal) * np.eye(4), wanted)
    return np.asarray(np.clip(found, (-3, -0.02, -3, -0.02), (3, 0.02, 3, 0.02)), np.float64)
