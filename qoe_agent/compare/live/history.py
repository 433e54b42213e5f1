"""The seconds of a live comparison, in little room however long it runs: beyond an hour, several become one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 3600
"""Seconds, or spans of them, that are kept; beyond, every two become one."""


@dataclass(slots=True)
class Second:
    """A second of the source; or several that became one, with the means of their values."""

    number: int
    """Of the source's clock; the first, of several."""
    values: list[dict[str, float]]
    """By output: measure and value; what is not known is not there."""
    scored: list[dict[str, float]]
    """By output: full-reference metrics, where this second was sampled."""
    provisional: bool = True
    span: int = 1
    """Seconds."""

    def value(self, output: int, name: str) -> float | None:
        """Of one output."""
        return self.values[output].get(name, self.scored[output].get(name))


class History:
    """Seconds that are as they will be, added in order."""

    def __init__(self, outputs: int, names: Sequence[str], most: int = MOST) -> None:
        """`names`: measures that are kept."""
        self.span = 1
        self._names, self._most = tuple(names), most
        self._many = 0
        shape = most, outputs, len(self._names)
        self._numbers = np.zeros(most, np.int64)
        self._sums, self._counts = np.zeros(shape), np.zeros(shape, np.int32)
        self.totals, self.counted = np.zeros(shape[1:]), np.zeros(shape[1:], np.int64)
        """Of each output and measure over all that was added: the sum, and of how many."""

    def add(self, second: Second) -> None:
        """One more."""
        number = second.number // self.span * self.span
        if not self._many or self._numbers[self._many - 1] != number:
            if self._many == self._most:
                self._halve()
                self.add(second)
                return
            self._numbers[self._many] = number
            self._many += 1
        row = self._many - 1
        for output in range(len(second.values)):
            known = {**second.values[output], **second.scored[output]}
            for n, name in enumerate(self._names):
                if name in known:
                    self._sums[row, output, n] += known[name]
                    self._counts[row, output, n] += 1
                    self.totals[output, n] += known[name]
                    self.counted[output, n] += 1

    def means(self, output: int, later: Sequence[Second] = ()) -> dict[str, float]:
        """Of each measure, over all seconds that have it, and over `later` ones that are not kept yet."""
        found = {}
        for n, name in enumerate(self._names):
            more = [value for one in later if (value := one.value(output, name)) is not None]
            count = int(self.counted[output, n]) + len(more)
            if count:
                found[name] = (float(self.totals[output, n]) + sum(more)) / count
        return found

    def seconds(self) -> list[Second]:
        """All, by time."""
        return [
            Second(int(self._numbers[row]), [self._known(row, output) for output in range(self._sums.shape[1])],
                   [{} for _ in range(self._sums.shape[1])], False, self.span)
            for row in range(self._many)
        ]  # fmt: skip

    def _known(self, row: int, output: int) -> dict[str, float]:
        counts = self._counts[row, output]
        return {name: float(self._sums[row, output, n] / counts[n]) for n, name in enumerate(self._names) if counts[n]}

    def _halve(self) -> None:
        """Spans of twice the length; those of one number become one."""
        self.span *= 2
        numbers = self._numbers[: self._many] // self.span * self.span
        firsts = np.flatnonzero(np.concatenate([[True], np.diff(numbers) != 0]))
        many = len(firsts)
        self._numbers[:many] = numbers[firsts]
        for kept in (self._sums, self._counts):
            joined = np.add.reduceat(kept[: self._many], firsts, axis=0)
            kept[:many], kept[many:] = joined, 0
        self._many = many
