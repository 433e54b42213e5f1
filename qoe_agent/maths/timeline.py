"""Media time against arrival time."""

from __future__ import annotations

import math


class Unwrap:
    """Turns a counter that wraps (33-bit 90 kHz, 32-bit milliseconds) into one that does not.

    The step to the nearest representative is taken, so half a period of jump either way is understood.
    """

    __slots__ = ("_last", "_period", "wrapped")

    def __init__(self, period: int) -> None:
        self._period = period
        self._last: int | None = None
        self.wrapped = False
        """Whether the latest value crossed the wrap, forwards."""

    def __call__(self, value: int) -> int:
        last, period = self._last, self._period
        if last is None:
            self._last = value
            return value
        step = (value - last + period // 2) % period - period // 2
        self.wrapped = step > 0 and (last % period) + step >= period
        self._last = last + step
        return self._last


class OpeningBurst:
    """Tells a server's opening burst (GOP cache, demuxer probing) from live delivery, packet by packet.

    In a burst media time runs ahead of arrival, so the smallest (arrival − media time) keeps falling; it is
    over once that floor has fallen by less than 0.1 s over 0.3 s of arrival.
    """

    SETTLE = 0.3
    FALL = 0.1

    __slots__ = ("_floor", "_mark", "_over", "_since")

    def __init__(self) -> None:
        self._floor = math.inf
        self._mark = math.inf
        self._since = -math.inf
        self._over = False

    def over(self, at: float, media: float | None) -> bool:
        """Take a packet's arrival and media time (seconds); whether it came after the burst."""
        if self._over or media is None:
            return self._over
        self._floor = min(self._floor, at - media)
        if self._floor < self._mark - self.FALL:
            self._mark, self._since = self._floor, at
        elif at - self._since >= self.SETTLE:
            self._over = True
        return self._over
