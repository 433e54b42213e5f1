"""Scenes of the reference: from cut to cut, by the fingerprints of its frames.

A cut is a frame that differs from the one before far more than frames around it differ among themselves, and stays
different: so neither motion, nor a fade, nor a flash is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.figures.pooling import means
from qoe_agent.compare.shapes import Scene

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats, Scores

LEAST = 6.0
"""Mean difference of luma, in steps of 8 bits, below which nothing is a cut."""
STANDS_OUT = 2.5
"""Times the second largest difference around it: pictures that are shown several times move in leaps."""
AROUND = 8
"""Frames to each side that a difference is compared with."""
SHORTEST = 0.4
"""Seconds of a scene."""
FLASH = 3
"""Frames after which a picture that comes back was only interrupted."""


def scenes(scores: Scores, rate: Fraction | float) -> tuple[Scene, ...]:
    """The scenes, by the reference's frames, with each metric's mean; one scene where there are no fingerprints."""
    count = len(scores.reference)
    if not count:
        return ()
    found = [0, *cuts(scores.thumbs[1], float(rate))] if scores.thumbs else [0]
    return tuple(
        Scene(
            int(scores.reference[first]),
            int(scores.reference[end - 1]) + 1,
            float(scores.reference[first] / float(rate)),
            means(scores, slice(first, end)),
        )
        for first, end in zip(found, [*found[1:], count], strict=True)
    )


def cuts(thumbs: NDArray[np.uint8], rate: float) -> list[int]:
    """Where scenes begin, without the first, in `thumbs` (n, 18, 32) of frames `rate` a second."""
    shortest = max(2, round(SHORTEST * rate))
    found: list[int] = []
    steps = _steps(thumbs, 1)
    for place in np.flatnonzero(steps > LEAST) + 1:
        if place - (found[-1] if found else 0) < shortest or len(thumbs) - place < shortest:
            continue
        if _cut(thumbs, steps, int(place)):
            found.append(int(place))
    return found


def _steps(thumbs: NDArray[np.uint8], apart: int) -> Floats:
    """The mean difference of each frame to the one `apart` after it."""
    return np.array([_apart(one, other) for one, other in zip(thumbs[:-apart], thumbs[apart:], strict=True)])


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def _cut(thumbs: NDArray[np.uint8], steps: Floats, place: int) -> bool:
    here = steps[place - 1]
    near = np.concatenate([steps[max(0, place - 1 - AROUND) : place - 1], steps[place : place + AROUND]])
    if len(near) > 1 and here < STANDS_OUT * float(np.sort(near)[-2]):
        return False
    old, new = thumbs[place - 1], thumbs[place]
    back = [_apart(old, each) for each in thumbs[place + 1 : place + 1 + FLASH]]
    known = [_apart(new, each) for each in thumbs[max(0, place - 1 - FLASH) : place - 1]]
    return bool(min([*back, *known], default=here) > here / 2)
