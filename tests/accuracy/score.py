"""What was injected against what was found: recall, precision, errors of onset and duration, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Z = 1.959964
"""Normal quantile of a two-sided 95 % interval."""


class Span(NamedTuple):
    """An interval in media time, seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def shared(self, other: Span) -> float:
        """Seconds that both cover."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))


@dataclass(slots=True)
class Tally:
    """Found, missed and invented intervals of one detector over many clips."""

    found: int = 0
    missed: int = 0
    invented: int = 0
    onset: list[float] = field(default_factory=list)
    """Seconds found − injected."""
    duration: list[float] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)
    """Seconds from the injected start to when it was said."""

    def add(self, truth: Sequence[Span], found: Sequence[Span], said: Sequence[float] = (), share: float = 0.5) -> None:
        """Take one clip. An injected interval is found by the first that covers half of it; what is found and lies
        for less than half of its length in anything injected is invented. `said`: when each was first reported;
        `share`: another share than half; 0: any overlap will do, where times are only known to some seconds."""
        for true in truth:
            hit = next((n for n, one in enumerate(found) if _covers(one.shared(true), share * true.seconds)), None)
            if hit is None:
                self.missed += 1
                continue
            self.found += 1
            self.onset.append(found[hit].start - true.start)
            self.duration.append(found[hit].seconds - true.seconds)
            if said:
                self.delay.append(said[hit] - true.start)
        for one in found:
            if not _covers(sum(one.shared(true) for true in truth), share * one.seconds):
                self.invented += 1

    @property
    def recall(self) -> float | None:
        return ratio(self.found, self.found + self.missed)

    @property
    def precision(self) -> float | None:
        return ratio(self.found, self.found + self.invented)

    @property
    def f1(self) -> float | None:
        return ratio(2 * self.found, 2 * self.found + self.missed + self.invented)


def _covers(shared: float, least: float) -> bool:
    return shared > 0 and shared >= least


def ratio(part: int, whole: int) -> float | None:
    """None where there was nothing."""
    return part / whole if whole else None


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927)."""
    if not whole:
        return 0.0, 1.0
    p, zz = part / whole, Z * Z
    middle = (p + zz / (2 * whole)) / (1 + zz / whole)
    half = Z / (1 + zz / whole) * sqrt(p * (1 - p) / whole + zz / (4 * whole * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def spread(errors: Iterable[float]) -> tuple[float, float, float] | None:
    """Mean, and the range that holds 95 % of the errors."""
    values = np.fromiter(errors, float)
    if not values.size:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
