"""How fast one clock runs beside another, from pairs of their times."""

from __future__ import annotations

from collections import deque

from qoe_agent.maths.window import slope

EVERY = 10.0
"""Seconds between points."""
POINTS = 60
"""Points kept: ten minutes."""
FEWEST = 7
"""Points from which a rate is told: a minute."""


class Pace:
    """Seconds that the second clock gains on the first, per second of the first, over ten minutes."""

    __slots__ = ("_next", "_points", "_value")

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=POINTS)
        self._next: tuple[float, float] | None = None
        self._value: float | None = None

    def add(self, first: float, gained: float) -> None:
        """At `first` the second clock is ahead by `gained`; of those between two points, the most counts."""
        if self._next is None or first < self._next[0]:
            self._points.clear()
            self._next, self._value = (first, gained), None
            return
        began, most = self._next
        self._next = began, max(most, gained)
        if first - began >= EVERY:
            self._points.append((began, self._next[1]))
            self._next = first, gained
            self._value = slope(self._points) if len(self._points) >= FEWEST else None

    @property
    def value(self) -> float | None:
        """None until a minute was seen."""
        return self._value
