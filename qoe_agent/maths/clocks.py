"""What time it is, out of what time servers answered: the best of the last eight answers, or what all of them allow.

RFC 5905: clock filter (§10), frequency tolerance PHI (§7.3).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

KEPT = 8
PHI = 15e-6
"""Seconds per second by which an answer grows worse."""


class Answer(NamedTuple):
    """What a server's time says of ours."""

    at: float
    """When it came (agent time)."""
    unix: float
    """Agent time plus this is Unix time …"""
    bound: float
    """… give or take this many seconds."""


def exchange(sent: float, received: float, replied: float, returned: float) -> tuple[float, float]:
    """Offset and delay of an exchange (RFC 5905 §8): `sent` and `returned` by our clock, the others by the server's."""
    return ((received - sent) + (replied - returned)) / 2, (returned - sent) - (replied - received)


class Filter:
    """The last answers; `best` is what they say now."""

    __slots__ = ("_answers", "_coarse", "_keep")

    def __init__(self, keep: float, *, coarse: bool = False) -> None:
        """`keep`: seconds for which an answer is used. `coarse`: answers err by their notation, so that each narrows
        down what the others allow; else the closest one is taken."""
        self._keep, self._coarse = keep, coarse
        self._answers: deque[Answer] = deque(maxlen=KEPT)

    def add(self, answer: Answer) -> None:
        """Take an answer."""
        self._answers.append(answer)

    def best(self, at: float) -> tuple[float, float] | None:
        """Unix time minus agent time, and how far that may be off; None without a recent answer."""
        recent = [a._replace(bound=a.bound + PHI * (at - a.at)) for a in self._answers if at - a.at <= self._keep]
        if not recent:
            return None
        best = min(recent, key=lambda answer: answer.bound)
        if self._coarse:
            low, high = max(a.unix - a.bound for a in recent), min(a.unix + a.bound for a in recent)
            if low <= high:
                return (low + high) / 2, (high - low) / 2
            best = recent[-1]  # they contradict one another: the server's clock was set
        return best.unix, best.bound
