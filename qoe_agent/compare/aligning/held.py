"""Waves of the test and of the reference under one fit, and what pairs of them differ by, measured once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.close import Seen

    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]

WAYS = 8
"""Distances in frames that pairs may have, all at a time, for what they differ by to be remembered."""
BLOCK = 64
"""Pairs that are looked at at a time."""


@dataclass(slots=True)
class Held:
    """So that the mean square of their error is one."""

    fit: Seen
    ours: Singles
    theirs: Singles
    known: NDArray[np.bool_]
    """Which of `theirs` are there."""
    _apart: dict[int, Singles] = field(default_factory=dict)
    """By how many frames later the reference's number is: of each of the test's, not a number if it was not asked."""

    def apart(self, some: Numbers, frames: Numbers, predict: Callable[[Numbers], None]) -> Singles:
        """Mean square differences of frames of the test and the reference's, one by one; `predict` fills `theirs`."""
        later = frames - some
        ways = np.unique(later)
        if len(ways) > WAYS:
            return self._measured(some, frames, predict)
        found = np.empty(len(some), np.float32)
        for way in ways.tolist():
            here = later == way
            rows, known = some[here], self._apart.setdefault(way, np.full(len(self.ours), np.nan, np.float32))
            new = rows[np.isnan(known[rows])]
            known[new] = self._measured(new, new + way, predict)
            found[here] = known[rows]
        return found

    def _measured(self, some: Numbers, frames: Numbers, predict: Callable[[Numbers], None]) -> Singles:
        predict(frames)
        found = np.empty(len(some), np.float32)
        for start in range(0, len(some), BLOCK):
            part = slice(start, start + BLOCK)
            off = self.theirs[frames[part]] - self.ours[some[part]]
            found[part] = np.einsum("ij,ij->i", off, off) / off.shape[1]
        return found
