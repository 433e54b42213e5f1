"""From the reference's frame of each of the test's frames to runs of pairs, and what was dropped and shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.shapes import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


class Paired(NamedTuple):
    """Pairs in rising order, and what lies between the first and the last of them."""

    test: Numbers
    reference: Numbers
    dropped: int
    duplicated: int

    @property
    def runs(self) -> tuple[Run, ...]:
        """The same, as few runs."""
        return runs(self.test, self.reference)


def paired(frames: Numbers, certain: NDArray[np.bool_] | None = None) -> Paired:
    """From the reference's frame of each of the test's, −1 for none: the first that shows a frame is its pair.

    Frames that are not `certain` count where those dropped and shown again are counted, and are left out after that.
    """
    test = np.flatnonzero(frames >= 0)
    reference = frames[test]
    new = _new(reference)
    # What follows the last pair may only be taken for its picture, where the test goes on after the reference.
    again = int((~new[: np.flatnonzero(new)[-1]]).sum()) if len(new) else 0
    missing = int(reference[new][-1] - reference[new][0]) + 1 - int(new.sum()) if len(reference) else 0
    if certain is not None:
        test, reference = test[certain[test]], reference[certain[test]]
        new = _new(reference)
    return Paired(test[new], reference[new], missing, again)


def _new(reference: Numbers) -> NDArray[np.bool_]:
    """Which frames come after all before them."""
    new = np.ones(len(reference), bool)
    new[1:] = reference[1:] > np.maximum.accumulate(reference)[:-1]
    return new


def runs(test: Numbers, reference: Numbers) -> tuple[Run, ...]:
    """Rising pairs as runs of even steps."""
    found: list[Run] = []
    start, count = 0, len(test)
    while start < count:
        if start + 1 == count:
            found.append(Run(int(test[start]), int(reference[start]), 1))
            break
        steps = int(test[start + 1] - test[start]), int(reference[start + 1] - reference[start])
        end = start + 1
        while (
            end + 1 < count
            and test[end + 1] - test[end] == steps[0]
            and reference[end + 1] - reference[end] == steps[1]
        ):
            end += 1
        # Two frames with a gap between them are no rhythm: the second begins what follows.
        if end == start + 1 and steps != (1, 1):
            found.append(Run(int(test[start]), int(reference[start]), 1))
            start += 1
            continue
        found.append(Run(int(test[start]), int(reference[start]), end - start + 1, *steps))
        start = end + 1
    return tuple(found)


def pairs(all_runs: tuple[Run, ...]) -> tuple[Numbers, Numbers]:
    """The frames of the test and of the reference, pair by pair."""
    if not all_runs:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    test = [run.test + run.test_step * np.arange(run.frames) for run in all_runs]
    reference = [run.reference + run.reference_step * np.arange(run.frames) for run in all_runs]
    return np.concatenate(test), np.concatenate(reference)
