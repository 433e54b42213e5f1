"""Whether what led to a standing picture was no motion: an encoder short of bits, that refined it, or a cut."""

from __future__ import annotations

from itertools import accumulate, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 5.0
"""Change, in code values of the busiest tiles, that refinement makes at most."""
SAME, HALF, AGO, TWICE = 1.25, 0.5, 0.4, 2
"""Change to the standing picture up to which one shows the same, though coded worse, if others since differ by more
(share of that): motion does not lead back. How many seconds before it such ones lie, and how many they must be."""
STOOD, EVEN, LEAST = 3, 0.02, 0.3
"""Pictures further back that stood still themselves if what they differ by is the same, but for this share, or this."""
OTHER, MANIFOLD, AWAY = 30.0, 4.0, 0.8
"""Change to another picture in a part of it, at least, in code values and as a multiple of what motion makes; all that
were shown before differ by the same, but for this share: motion leads there over others."""
BEGAN = 0.1
"""Seconds before the oldest picture known that a stream may have begun."""


def refined(before: Sequence[tuple[float, float]], seen: float) -> bool:
    """Whether only coding got better before a picture that stands still.

    `before`: how many seconds before it pictures lie, oldest first, and by how much they differ from it; `seen`:
    seconds of the stream before it. It was so if all that differ by less than `MOST` follow the beginning of the
    stream, or a picture that stood still until another came at once, or if those of a while ago show the same already.
    """
    near = list(takewhile(lambda each: each[1] <= MOST, reversed(before)))
    since = accumulate((change for _, change in near), max)
    alike = [change <= min(SAME, HALF * most) for (ago, change), most in zip(near, since, strict=True) if ago >= AGO]
    if sum(alike) >= TWICE:
        return True
    far = [change for _, change in before[: len(before) - len(near)]]
    if not far:
        return bool(near) and seen <= near[-1][0] + BEGAN
    return bool(near) and len(far) >= STOOD and max(far) - min(far) <= max(EVEN * max(far), LEAST)


def appeared(before: Sequence[tuple[float, float]], last: float, usual: float) -> bool:
    """Whether a picture that stands still came at once, though most of it is as it was, as a title card may be that is
    dark like the scene before. `before`: as above; `last`: change to it; `usual`: typical change while things move."""
    far = [change for _, change in before]
    if last <= max(OTHER, MANIFOLD * usual) or len(far) < STOOD:
        return False
    return min(far) >= AWAY * last and max(far) <= last / AWAY
