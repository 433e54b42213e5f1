"""For how long the agent itself stood still of late: no interval of that length is the stream's fault."""

from __future__ import annotations

from collections import deque

TICKS = 3
"""What came while it stood still may lie unread until after the second Tick from then, and is judged by the next."""


class Late:
    """Feed it the `lag` of every Tick."""

    __slots__ = ("_lags",)

    def __init__(self) -> None:
        self._lags = deque([0.0], TICKS)

    def tick(self, lag: float) -> float:
        """The seconds, this Tick's included."""
        self._lags.append(lag)
        return self.seconds

    @property
    def seconds(self) -> float:
        """The seconds up to the last Tick."""
        return sum(self._lags)
