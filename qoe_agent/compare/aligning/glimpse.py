"""How a test seems to lie, by a few of its pictures: a guess, which all of them must prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.aligning import likeness, spots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading

    Bytes = NDArray[np.uint8]
    Numbers = NDArray[np.int64]

FIRST = 8
"""Frames of the test that are looked for: those right after one that is coded by itself are the least late."""
CLEARLY = 1.1
"""Times by which other lags must leave more."""
ASTRAY = 1.25
"""Times by which a neighbour must leave less further on for the guess to be wrong."""
BESIDE = 2
"""Frames by which neighbours lie off there, at most."""
UNLIKE = 2 * (1 - spots.LOOKALIKE)
"""Square distance, of vectors of length one, from which pictures do not show the same."""


def lag(test: Bytes, fresh: NDArray[np.bool_], reference: Bytes, reading: Reading, lags: Sequence[int]) -> int | None:
    """Of some lags in a row the one at which the first frames of the test look most like those of the reference.

    Both are fingerprints of what comes first. None where the next best is nearly as good, where a frame that is coded
    by itself says otherwise, and where no lag makes them alike.
    """
    ours, theirs = likeness.shaped(test), likeness.shaped(reference)
    apart = {}
    for each in lags:
        own, shown = _first(reading, each, len(test), len(reference))
        if len(own) == FIRST:
            apart[each] = float(np.square(ours[own] - theirs[shown]).sum(axis=1).mean())
    best, *others = sorted(apart, key=apart.__getitem__) or [lags[0]]
    if not others or best in (lags[0], lags[-1]) or apart[best] > UNLIKE or apart[others[0]] < CLEARLY * apart[best]:
        return None
    own, shown = _first(reading, best, len(test), len(reference))
    coded = np.flatnonzero(fresh[own])[:1]
    nearest = [int(np.square(theirs - ours[own[n]]).sum(axis=1).argmin()) for n in coded]
    return best if nearest == shown[coded].tolist() else None


def _first(reading: Reading, by: int, ours: int, theirs: int) -> tuple[Numbers, Numbers]:
    """The first frames of the test that lie on any of the reference's, at that lag, and those; of so many of either."""
    frames = reading.frames(float(by))[:ours]
    own = np.flatnonzero((frames >= 0) & (frames < theirs))[:FIRST]
    return own, frames[own]


def astray(test: Bytes, frames: Numbers, reference: Bytes, numbers: Numbers) -> bool:
    """Whether frames of the test clearly do not show those `frames` of the reference, of which `numbers` are there."""
    ours, theirs = likeness.shaped(test), likeness.shaped(reference)
    left = []
    for by in (0, *(sign * each for each in range(1, BESIDE + 1) for sign in (-1, 1))):
        at = np.searchsorted(numbers, frames + by)
        there = np.flatnonzero((at < len(numbers)) & (numbers[np.minimum(at, len(numbers) - 1)] == frames + by))
        if len(there):
            left.append(float(np.square(ours[there] - theirs[at[there]]).sum(axis=1).mean()))
    return not left or left[0] > UNLIKE or left[0] > ASTRAY * min(left)
