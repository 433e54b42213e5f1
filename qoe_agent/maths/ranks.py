"""Ranks among the last values, kept in order: a median costs a lookup, a new value two searches in a short list."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque


class Ranks:
    """The last `most` values."""

    __slots__ = ("_last", "_most", "_sorted")

    def __init__(self, most: int = 1_000_000) -> None:
        self._most = most
        self._last: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, value: float) -> None:
        """The next value; the oldest leaves if there are too many."""
        self._last.append(value)
        insort(self._sorted, value)
        if len(self._last) > self._most:
            self.drop()

    def drop(self) -> None:
        """The oldest leaves."""
        ranked = self._sorted
        del ranked[bisect_left(ranked, self._last.popleft())]

    def clear(self) -> None:
        """All leave."""
        self._last.clear()
        self._sorted.clear()

    @property
    def median(self) -> float:
        """The value in the middle, or the mean of both there; 0.0 of none."""
        ranked, half = self._sorted, len(self._sorted) // 2
        if not ranked:
            return 0.0
        return ranked[half] if len(ranked) % 2 else 0.5 * (ranked[half - 1] + ranked[half])

    def at(self, share: float) -> float:
        """The value that so large a share is below; 0.0 of none."""
        ranked = self._sorted
        return ranked[int(share * len(ranked))] if ranked else 0.0
