"""Where pairs of frames are reached with the least decoding: near key frames of both files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media

    Numbers = NDArray[np.int64]

AROUND = 0.25
"""Share of the pairs by which a place may lie off where it is wanted."""


def behind(media: Media, numbers: Numbers) -> Numbers:
    """How many frames must be decoded before each of these numbers; 0 for all where keys are not known."""
    keys = media.video.keys
    if keys is None or not len(keys):
        return np.zeros_like(numbers)
    last = keys[np.maximum(np.searchsorted(keys, numbers, "right") - 1, 0)]
    return np.asarray(np.maximum(numbers - last, 0), np.int64)


def within(
    media: tuple[Media, Media], frames: Numbers, shares: tuple[float, float], count: int, near: int
) -> int | None:
    """From which of the test's frames `count` are had cheapest between two shares of them all; None if nowhere.

    `media` are reference and test, `frames` the reference's of each of the test's, −1 for none; `near` of them before
    the first are needed, too.
    """
    first, last = round(shares[0] * (len(frames) - 1)), min(round(shares[1] * len(frames)), len(frames)) - count
    starts = np.arange(first, last + 1)
    starts = starts[(frames[starts] >= 0) & (frames[starts + count - 1] >= 0)]
    if not len(starts):
        return None
    before = np.maximum(frames[starts] - near, 0)
    return int(starts[np.argmin(behind(media[0], before) + behind(media[1], starts))])


def near(count: int, share: float) -> Numbers:
    """The places that stand for a share of so many pairs."""
    wanted, reach = round(share * (count - 1)), round(AROUND * count)
    return np.arange(max(0, wanted - reach), min(count, wanted + reach + 1))


def cheap(
    media: tuple[Media, Media], numbers: tuple[Numbers, Numbers], shares: Iterable[float], seen: Collection[int] = ()
) -> list[int]:
    """Places in the pairs `numbers` of the two `media`: for each share the cheapest around it, then just there.

    Of those frames of the second that are `seen` nothing is to be decoded any more.
    """
    count = len(numbers[0])
    cost = behind(media[0], numbers[0]) + behind(media[1], numbers[1])
    cost[np.isin(numbers[1], list(seen))] = 0
    found, exact = [], []
    for share in shares:
        wanted, around = round(share * (count - 1)), near(count, share)
        best = around[cost[around] == cost[around].min()]
        found.append(int(best[np.abs(best - wanted).argmin()]))
        exact.append(wanted)
    return list(dict.fromkeys([*found, *exact]))
