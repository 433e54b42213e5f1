"""A series by second, kept in little room however long it grows: sums over blocks of time, which grow with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Floats

MOST = 512
"""Blocks; beyond, every two become one."""
GAP = 30
"""Seconds: a longer gap is taken for as long, as nothing is remembered over it."""
FILLED = 0.9
"""Share of gaps between values that a step of an even series must span."""


@dataclass(slots=True)
class Blocks:
    """Values by second, added in order."""

    n: int = 0
    """Values."""
    total: float = 0.0
    squares: float = 0.0
    least: float = inf
    most: float = -inf
    step: int = 1
    """Seconds of a block."""
    sums: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    """Of each block."""
    _last: int | None = None
    """Number of the latest second …"""
    _at: int = 0
    """… and its place, over gaps that are cut short."""
    _first: float = 0.0
    """The first value: products are of what is more than it."""
    _before: float = 0.0
    _pairs: tuple[int, float, float] = (0, 0.0, 0.0)
    """Values that follow one another: how many pairs, the sum of their products, the sum of both."""

    def add(self, number: int, value: float) -> None:
        """One more, of a later second than all before."""
        gap = 0 if self._last is None else min(max(number - self._last, 1), GAP)
        self._at, self._last = self._at + gap, number
        self._follow(value, gap)
        self.n += 1
        self.total += value
        self.squares += value * value
        self.least, self.most = min(self.least, value), max(self.most, value)
        while self._at // self.step >= MOST:
            self._halve()
        missing = self._at // self.step + 1 - len(self.sums)
        self.sums += [0.0] * missing
        self.counts += [0] * missing
        self.sums[-1] += value
        self.counts[-1] += 1

    def copy(self) -> Blocks:
        """One that goes its own way."""
        return Blocks(self.n, self.total, self.squares, self.least, self.most, self.step, self.sums.copy(),
                      self.counts.copy(), self._last, self._at, self._first, self._before, self._pairs)  # fmt: skip

    def even(self) -> Floats:
        """Means over steps of equal length, long enough that nearly all have a value; those without are left out."""
        sums, counts = np.array(self.sums), np.array(self.counts)
        gaps = np.diff(np.flatnonzero(counts))
        wide = int(np.quantile(gaps, FILLED, method="inverted_cdf")) if len(gaps) else 1
        if wide > 1:
            starts = np.arange(0, len(sums), wide)
            sums, counts = np.add.reduceat(sums, starts), np.add.reduceat(counts, starts)
        had = counts > 0
        return np.asarray(sums[had] / counts[had], float)

    @property
    def rho(self) -> float:
        """Autocorrelation of values that follow one another, corrected for what their own mean hides (Marriott and
        Pope, Biometrika 41, 1954); 0 to nearly 1."""
        many, products, both = self._pairs
        mean = self.total / max(self.n, 1) - self._first
        variance = self.squares / max(self.n, 1) - (mean + self._first) ** 2
        if many < 4 or variance <= 0.0:
            return 0.0
        found = (products / many - mean * both / many + mean * mean) / variance
        return min(max((found * self.n + 1.0) / (self.n - 3.0), 0.0), 0.99)

    def _follow(self, value: float, gap: int) -> None:
        if gap == 0:
            self._first = value
        value -= self._first
        if 0 < gap < GAP:
            many, products, both = self._pairs
            self._pairs = many + 1, products + value * self._before, both + value + self._before
        self._before = value

    def _halve(self) -> None:
        self.step *= 2
        odd = len(self.sums) % 2
        self.sums = [a + b for a, b in zip(self.sums[::2], [*self.sums[1::2], *([0.0] * odd)], strict=True)]
        self.counts = [a + b for a, b in zip(self.counts[::2], [*self.counts[1::2], *([0] * odd)], strict=True)]


@dataclass(slots=True)
class Events:
    """Stretches of seconds with more than nothing, counted as seconds come, in order."""

    apart: int = 5
    """With fewer seconds of nothing between, one stretch."""
    count: int = 0
    _last: int | None = None

    def add(self, number: int, value: float) -> None:
        """One more second."""
        if value > 0.0:
            self.count += self._last is None or number - self._last > self.apart
            self._last = number

    def copy(self) -> Events:
        """One that goes its own way."""
        return Events(self.apart, self.count, self._last)
