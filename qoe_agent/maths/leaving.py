"""Whether more viewers leave a stream than usual, against the half hour before.

Slots of ten seconds, each with how many viewers watched and how many of them left. Only those who have watched for a
minute count: newcomers leave many times as often, so that a rush of joins would look like a fault. What makes people
leave in bursts (the end of a song, a price that is called) is taken from the stream itself: exits of thirty seconds
vary around their mean by more than chance, as if their rate were log-normal, and by how much is seen in the half hour
(quasi-Poisson dispersion, McCullagh and Nelder 1989, chapter 6).
"""

from __future__ import annotations

from collections import deque
from math import exp, log1p, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOT = 10.0
"""Seconds of a slot."""
BLOCK = 3
"""Slots that are judged together."""
PAST, LEAST = 180, 60
"""Slots that are the past, and how many of them must be known: half an hour, and ten minutes."""
FEW = 20.0
"""Viewers; of fewer there is nothing to say."""
FAR = 4.5
"""Standard deviations, of the log-normal rate and of chance: up to there exits may be as usual."""
AT_LEAST, OVER = 8.0, 1.5
"""Exits more than expected that a surge has; below so many times what is expected it is over."""


class Excess(NamedTuple):
    """Exits beyond those expected."""

    start: float
    until: float
    exits: float
    expected: float
    bound: float
    """So many could still be as usual."""


class Slot(NamedTuple):
    at: float
    watched: float
    """Person-seconds."""
    exits: float


class Usual(NamedTuple):
    rate: float
    """Exits per person-second."""
    wander: float
    """Standard deviation of the rate's logarithm, from one thirty seconds to others."""


class Leaving:
    """One stream's viewers, slot by slot."""

    __slots__ = ("_open", "_slots", "_surged")

    def __init__(self) -> None:
        self._slots: deque[Slot] = deque(maxlen=PAST + BLOCK)
        self._surged: deque[tuple[float, float]] = deque(maxlen=PAST)
        """Surges that are over: no part of the past."""
        self._open: float | None = None
        """Since when there is a surge."""

    def slot(self, at: float, watched: float, exits: float) -> None:
        """Ten seconds from `at` are over: person-seconds of settled viewers, and how many of these left."""
        if self._slots and at - self._slots[-1].at > 1.5 * SLOT:
            self._slots.clear()  # nothing is known of what lies between
            self._open = None
        self._slots.append(Slot(at, watched, exits))

    def surge(self) -> Excess | None:
        """The surge that lasts, if one does."""
        last = list(self._slots)[-BLOCK:]
        if not last:
            return None
        found = self.excess(last[0].at, last[-1].at + SLOT)
        if found is None:
            return None
        if self._open is None:
            if found.exits <= found.bound or found.exits < found.expected + AT_LEAST:
                return None
            self._open = found.start
        elif found.exits < OVER * found.expected:
            self._surged.append((self._open, found.until))
            self._open = None
            return None
        return self.excess(self._open, found.until)

    def excess(self, start: float, until: float) -> Excess | None:
        """Exits between two times against the past before; None where too little is known."""
        within = [each for each in self._slots if start - SLOT / 2 <= each.at < until - SLOT / 2]
        before = [each for each in self._slots if each.at < start - SLOT / 2 and not self._in_surge(each.at)]
        watched, exits = sum(each.watched for each in within), sum(each.exits for each in within)
        usual = usually(before)
        if not within or usual is None or watched < FEW * SLOT * len(within):
            return None
        expected = usual.rate * watched
        most = expected * exp(FAR * usual.wander)
        return Excess(start, until, exits, expected, most + FAR * sqrt(most))

    def _in_surge(self, at: float) -> bool:
        return any(start <= at < until for start, until in self._surged)


def usually(slots: Sequence[Slot]) -> Usual | None:
    """How often viewers leave; None: not enough is known.

    Where nobody left in all that time, half an exit is taken for what may be expected.
    """
    if len(slots) < LEAST:
        return None
    cut = len(slots) % BLOCK
    blocks = [slots[n : n + BLOCK] for n in range(cut, len(slots), BLOCK)]
    sums = [(sum(s.watched for s in block), sum(s.exits for s in block)) for block in blocks]
    sums = [each for each in sums if each[0] > 0]
    watched = sum(there for there, _ in sums)
    if not sums:
        return None
    rate = max(0.5, sum(left for _, left in sums)) / watched
    spread = sum((left - rate * there) ** 2 / (rate * there) for there, left in sums) / max(1, len(sums) - 1)
    return Usual(rate, sqrt(log1p(max(0.0, spread - 1) * len(sums) / (rate * watched))))
