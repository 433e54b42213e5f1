"""Where each frame of a test would lie among the reference's frames, under each way of reading the two clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import grids

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FINEST = 8
"""Largest denominator of a ratio of rates whose phases are all tried; of others, quarters of a frame."""
QUARTERS = 4
ALIKE = 0.25
"""Frames by which two readings of the clocks may differ and still be one."""


CHANGED = 0.1
"""Share by which a programme may have been sped up or slowed down, frame for frame."""


class Side(NamedTuple):
    """Times of a file's frames in seconds, their rate, and whether they keep to it."""

    times: Floats
    rate: Fraction
    constant: bool


class Reading(NamedTuple):
    """One way of reading the clocks."""

    name: Literal["times", "numbers"]
    at: Floats
    """Of each of the test's frames: its place in frames of the reference's rate, from the first of either file."""
    slots: NDArray[np.int64]
    """The reference's frame that is shown at each place 0, 1, 2, ...: that of the place itself, or the last before."""
    fine: int
    """Phases of a frame that are told apart."""

    def frames(self, lag: float, at: Floats | None = None) -> NDArray[np.int64]:
        """The reference's frame for each of the test's, when it lies `lag` later; −1 outside."""
        place = np.floor((self.at if at is None else at) + lag + 1e-6).astype(np.int64)
        inside = (place >= 0) & (place < len(self.slots))
        return np.where(inside, self.slots[np.clip(place, 0, len(self.slots) - 1)], -1)


def readings(test: Side, reference: Side) -> tuple[Reading, ...]:
    """By their times, and by their numbers where that differs (a changed speed, times written anew)."""
    ratio = reference.rate / test.rate
    if reference.constant:
        numbers = grids.numbers(reference.times, reference.rate)
        slots = np.searchsorted(numbers, np.arange(numbers[-1] + 1), side="right") - 1
    else:
        places = np.arange(np.floor((reference.times[-1] - reference.times[0]) * float(reference.rate)) + 1)
        slots = np.searchsorted(reference.times - reference.times[0], (places + 1e-6) / float(reference.rate), "right")
        slots = slots - 1
    if test.constant:
        at = np.asarray(grids.numbers(test.times, test.rate) * float(ratio), np.float64)
    else:
        at = (test.times - test.times[0]) * float(reference.rate)
    fine = ratio.denominator if ratio.denominator <= FINEST and test.constant else QUARTERS
    timed = Reading("times", at, slots.astype(np.int64), fine)
    counted = Reading("numbers", np.arange(len(test.times), dtype=np.float64), np.arange(len(reference.times)), 1)
    if np.array_equal(slots, counted.slots) and np.abs(at - counted.at).max() < ALIKE:
        return (timed,)
    if test.constant and reference.constant and abs(float(ratio) - 1) > CHANGED:
        return (timed,)
    return (timed, counted)
