"""Extremes over windows that slide: the busiest second, the lowest value, the slope."""

from __future__ import annotations

from collections import deque
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BREAK = 10.0
"""A step of more seconds than this begins another timeline."""


class Peak:
    """The most bytes in any one second of media time, over the last minute of it."""

    SECOND = 1.0
    EDGE = 0.002
    """Containers round to milliseconds: a packet just under a second old is a second old."""
    MINUTE = 60
    MOST = 4096
    """Packets that are remembered of a second."""

    __slots__ = ("_inside", "_last", "_maxima", "_sum", "_time")

    def __init__(self) -> None:
        self._inside: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._time = 0.0
        self._last: float | None = None
        self._maxima: deque[tuple[int, int]] = deque()

    def add(self, media: float, size: int) -> None:
        """Take the next packet's decoding time and size. Backwards by less than a second counts as at once."""
        step = 0.0 if self._last is None else media - self._last
        inside = self._inside
        if -self.SECOND < step <= 0.0:
            step = 0.0
            self._last = media if self._last is None else self._last
        else:
            self._last = media
        if not 0.0 <= step <= BREAK:
            inside.clear()
            self._sum, step = 0, self.SECOND
        self._time = time = self._time + step
        inside.append((time, size))
        self._sum += size
        while inside[0][0] <= time - self.SECOND + self.EDGE or len(inside) > self.MOST:
            self._sum -= inside.popleft()[1]
        maxima, second = self._maxima, int(time)
        if not maxima or maxima[-1][0] != second:
            maxima.append((second, self._sum))
            while maxima[0][0] <= second - self.MINUTE:
                maxima.popleft()
        elif self._sum > maxima[-1][1]:
            maxima[-1] = (second, self._sum)

    @property
    def value(self) -> float | None:
        """Bytes per second; None until a whole second was seen."""
        return float(max(size for _, size in self._maxima)) if self._time >= self.SECOND else None


class Floor:
    """The lowest value of the last seconds, in steps of one second."""

    __slots__ = ("_lows",)

    def __init__(self) -> None:
        self._lows: deque[tuple[float, float]] = deque()

    def add(self, at: float, value: float) -> None:
        """A value was seen."""
        lows = self._lows
        if lows and abs(at - lows[-1][0]) < 1.0:
            lows[-1] = (lows[-1][0], min(value, lows[-1][1]))
            return
        lows.append((at, value))
        if len(lows) > 120:
            lows.popleft()

    def lowest(self, since: float) -> float | None:
        """The lowest value seen after `since`, which is then the oldest that is remembered."""
        lows = self._lows
        while lows and lows[0][0] < since:
            lows.popleft()
        return min((value for _, value in lows), default=None)


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """The median slope between all pairs of points (Theil 1950, Sen 1968), None without two abscissas."""
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 != x1]
    return median(slopes) if slopes else None
