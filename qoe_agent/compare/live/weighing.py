"""Differences between outputs over paired seconds, and how sure they are where seconds hang together. Pure.

Neighbouring seconds are alike, so that n of them tell as much as n (1 - r) / (1 + r) that are not, where r is the
correlation of differences one second apart (first-order autoregression; Bayley and Hammersley, 1946; Wilks,
Statistical Methods in the Atmospheric Sciences, 2011, §5.2.4), corrected for what short series hide of it (Marriott
and Pope, 1954). Intervals are of Student's t with that many degrees of freedom less one; of all measures that are shown
together, one in twenty at most says too much by chance (Bonferroni's correction).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.live.seconds import Measure, Second
    from qoe_agent.compare.shapes import Floats

LEVEL = 0.95
ENOUGH = 10.0
"""Seconds, as if they did not hang together, from which an interval is told."""
MOST = 0.98
"""Correlation beyond which no more is believed."""


class Difference(NamedTuple):
    """One measure of one output against the first's."""

    measure: str
    a: str
    b: str
    mean_a: float
    mean_b: float
    difference: float
    """b less a, over seconds that both have."""
    low: float | None
    """Of the 95 % interval, all measures together; None where more time is needed."""
    high: float | None
    p: float | None
    """Corrected for the number of measures."""
    n: int
    """Seconds."""
    effective: float
    """What they are worth."""
    better: Literal["more", "less"] | None

    @property
    def sure(self) -> bool:
        """Whether the difference is real."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high

    @property
    def wins(self) -> int:
        """1: b is surely better; -1: a is; 0: neither."""
        if not self.sure or self.better is None:
            return 0
        return 1 if (self.difference > 0) == (self.better == "more") else -1


def differences(
    seconds: Sequence[Second], names: Sequence[str], measures: Sequence[Measure], a: int, b: int
) -> list[Difference]:
    """Of output `b` less output `a`, for each measure that both have."""
    found = []
    for measure in measures:
        pairs = [
            (one.number, x, y)
            for one in seconds
            if (x := one.value(a, measure.name)) is not None and (y := one.value(b, measure.name)) is not None
        ]
        if pairs:
            found.append((measure, np.array(pairs, np.float64)))
    return [_weighed(measure, pairs, names[a], names[b], len(found)) for measure, pairs in found]


def _weighed(measure: Measure, pairs: Floats, a: str, b: str, family: int) -> Difference:
    numbers, ours, theirs = pairs.T
    apart = theirs - ours
    n, mean = len(apart), float(apart.mean())
    means = float(ours.mean()), float(theirs.mean())
    effective = worth(numbers, apart)
    deviation = float(apart.std(ddof=1)) if n > 1 else 0.0
    low = high = p = None
    if effective >= ENOUGH and deviation < 1e-12:
        low, high, p = mean, mean, float(mean == 0.0)
    elif effective >= ENOUGH:
        low, high, p = _interval(mean, deviation / sqrt(effective), effective, family)
    return Difference(measure.name, a, b, *means, mean, low, high, p, n, effective, measure.better)


def _interval(mean: float, error: float, effective: float, family: int) -> tuple[float, float, float]:
    from scipy.stats import t

    freedom = effective - 1.0
    reach = float(t.ppf(1.0 - (1.0 - LEVEL) / (2 * family), freedom)) * error
    p = min(1.0, family * 2.0 * float(t.sf(abs(mean) / error, freedom)))
    return mean - reach, mean + reach, p


def worth(numbers: Floats, apart: Floats) -> float:
    """How many independent seconds these are worth: `numbers` of seconds, rising, and a value of each."""
    n = len(apart)
    if n < 3:
        return float(n) if n else 0.0
    off = apart - apart.mean()
    variance = float(np.mean(np.square(off)))
    if variance < 1e-24:
        return float(n)
    next_to = np.diff(numbers) == 1
    if next_to.sum() < 2:
        return float(n)
    r = float(np.mean(off[1:][next_to] * off[:-1][next_to])) / variance
    r += (1.0 + 4.0 * max(r, 0.0)) / n
    r = min(max(r, 0.0), MOST)
    return n * (1.0 - r) / (1.0 + r)
