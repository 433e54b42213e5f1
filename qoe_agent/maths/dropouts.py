"""Dropouts: sound that vanishes at once and comes back at once, for 5 to 500 ms, in the middle of a programme.

Lost samples were zeros once; after lossy coding they are a dip with ragged edges. What tells both from pauses in
speech, from notes and from drums: the level falls within a millisecond by 25 dB (35 dB if for less than 10 ms) from
where it stood, not from a decay, and comes back as suddenly to about the level from before. Levels are those of
milliseconds, so are onset and end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

BEFORE, AROUND = 6, 50
"""Milliseconds whose mean is the level at an edge, and that in its surroundings."""
LEAST, BRIEF, MOST = 5, 10, 500
"""Milliseconds of the shortest dropout, of one that is not brief, and of the longest."""
DEEP, DEEPER = 10**-2.5, 10**-3.5
"""Power left in a dropout, and in a brief one, of that before it."""
LOUD = 10**-4.5
"""Mean square before and after: −45 dBFS."""
STEADY, ALIKE = 10.0, 100.0
"""Power by which the edges may differ from their surroundings, and from one another."""
AHEAD = MOST + AROUND + BEFORE + 4
"""Milliseconds that must be known after an edge."""


class Dip(NamedTuple):
    """A dropout, in samples from the beginning of the stretch that ended its search; may be negative."""

    start: int
    end: int
    zeros: bool
    """Nothing but zeros."""


class Dips:
    """Searches a stream's sound, stretch by stretch; what it finds is half a second old."""

    __slots__ = ("_left", "_powers", "_size", "_until")

    def __init__(self, rate: int, channels: int) -> None:
        self._size = max(1, round(rate / 1000))
        self._left = np.zeros((channels, 0), np.float32)
        self._powers = np.zeros((channels, 0))
        self._until = [0] * channels
        """By channel: milliseconds of `_powers` that a dropout already covers."""

    def add(self, samples: NDArray[np.float32]) -> list[Dip]:
        """Dropouts of any channel, those of several joined."""
        size = self._size
        origin = -self._left.shape[1] - self._powers.shape[1] * size
        joined = np.concatenate([self._left, samples], axis=1)
        whole = joined.shape[1] // size
        self._left = joined[:, whole * size :].copy()
        blocks = joined[:, : whole * size].reshape(len(joined), whole, size)
        powers = np.einsum("cbk,cbk->cb", blocks, blocks).astype(np.float64) / size
        self._powers = powers = np.concatenate([self._powers, powers], axis=1)
        done = powers.shape[1] - AHEAD
        if done <= AROUND:
            return []
        found = [dip for channel in range(len(powers)) for dip in self._search(channel, done)]
        drop = done - AROUND
        self._powers = powers[:, drop:].copy()
        self._until = [max(0, until - drop) for until in self._until]
        return [Dip(origin + d.start * size, origin + d.end * size, d.zeros) for d in _merged(found)]

    def _search(self, channel: int, done: int) -> list[Dip]:
        """Dropouts whose first whole millisecond comes before `done`."""
        powers = self._powers[channel]
        sums = np.concatenate([[0.0], np.cumsum(powers)])
        edges = np.arange(AROUND, done)
        level = (sums[edges] - sums[edges - BEFORE]) / BEFORE
        around = (sums[edges] - sums[edges - AROUND]) / AROUND
        after = np.maximum.reduce([powers[edges + n] for n in range(1, LEAST)])
        falls = edges[(level > LOUD) & (after <= level * DEEP) & (level * STEADY >= around)]
        found = []
        for edge in falls.tolist():
            if edge < self._until[channel]:
                continue
            dip = _dip(powers, sums, edge)
            if dip:
                self._until[channel] = dip.end
                found.append(dip)
        return found


def _dip(powers: Reals, sums: Reals, edge: int) -> Dip | None:
    """The dropout whose sound ends within the millisecond `edge`."""
    level = (sums[edge] - sums[edge - BEFORE]) / BEFORE
    back = np.flatnonzero(powers[edge + 1 : edge + MOST + 2] > level * DEEP)
    if not back.size:
        return None
    rise = edge + 1 + int(back[0])
    inside = powers[edge + 1 : rise]
    if len(inside) < LEAST - 1 or (len(inside) < BRIEF and inside.max() > level * DEEPER):
        return None
    after = (sums[rise + 1 + BEFORE] - sums[rise + 1]) / BEFORE
    around = (sums[rise + 1 + AROUND] - sums[rise + 1]) / AROUND
    if after < LOUD or after * STEADY < around or not 1 / ALIKE <= after / level <= ALIKE:
        return None
    begins = edge if powers[edge] <= level * DEEP else edge + 1
    return Dip(begins, rise, not inside.any())


def _merged(found: list[Dip]) -> list[Dip]:
    joined: list[Dip] = []
    for dip in sorted(found):
        if joined and dip.start <= joined[-1].end:
            last = joined[-1]
            joined[-1] = Dip(last.start, max(last.end, dip.end), last.zeros and dip.zeros)
        else:
            joined.append(dip)
    return joined
