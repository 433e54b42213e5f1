"""Differences between outputs over paired seconds, and how sure they are where seconds hang together.

Neighbouring seconds are alike, so that n of them tell as much as n (1 - r) / (1 + r) that are not, where r is the
correlation of differences one second apart (first-order autoregression; Bayley and Hammersley, 1946; Wilks,
Statistical Methods in the Atmospheric Sciences, 2011, §5.2.4), corrected for what short series hide of it (Marriott
and Pope, 1954). Intervals are of Student's t with that many degrees of freedom less one; of all measures that are shown
together, p is Holm's (1979).
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.live.shapes import Difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.live.seconds import Measure, Second
    from qoe_agent.compare.live.shapes import Word
    from qoe_agent.compare.shapes import Floats

LEVEL = 0.95
ENOUGH = 10.0
"""Seconds, as if they did not hang together, from which an interval is told."""
MOST = 0.98
"""Correlation beyond which no more is believed."""
NOTHING = 1e-9
"""Spread of differences that is none."""


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
            found.append(_weighed(measure.name, np.array(pairs, np.float64), names[a], names[b]))
    return _together(found)


def _weighed(measure: str, pairs: Floats, a: str, b: str) -> Difference:
    """By itself."""
    numbers, ours, theirs = pairs.T
    apart = theirs - ours
    n, mean = len(apart), float(apart.mean())
    rho, effective = worth(numbers, apart)
    deviation = float(apart.std(ddof=1)) if n > 1 else 0.0
    low = high = p = None
    if effective >= ENOUGH and deviation < NOTHING:
        low, high, p = mean, mean, float(abs(mean) < NOTHING)
    elif effective >= ENOUGH:
        low, high, p = _interval(mean, deviation / sqrt(effective), effective - 1.0)
    means = float(ours.mean()), float(theirs.mean())
    return Difference(measure, a, b, *means, mean, low, high, p, n, effective, rho, "more time needed")


def _interval(mean: float, error: float, freedom: float) -> tuple[float, float, float]:
    from scipy.stats import t

    reach = float(t.ppf(1.0 - (1.0 - LEVEL) / 2, freedom)) * error
    return mean - reach, mean + reach, 2.0 * float(t.sf(abs(mean) / error, freedom))


def _together(found: list[Difference]) -> list[Difference]:
    """With p over all of them, and what that says."""
    known = sorted((one.p, n) for n, one in enumerate(found) if one.p is not None)
    out, before = list(found), 0.0
    for rank, (p, n) in enumerate(known):
        before = max(before, min(1.0, p * (len(known) - rank)))
        one = found[n]
        same = one.low == one.high == 0.0
        word: Word = "identical" if same else "differs" if before < 1.0 - LEVEL else "no difference shown"
        out[n] = replace(one, p=before, word=word)
    return out


def worth(numbers: Floats, apart: Floats) -> tuple[float | None, float]:
    """How alike neighbours are, and how many independent seconds these are worth; `numbers` of seconds, rising."""
    n = len(apart)
    off = apart - apart.mean()
    variance = float(np.mean(np.square(off)))
    beside = np.diff(numbers) == 1
    if n < 3 or variance < NOTHING**2 or beside.sum() < 2:
        return None, float(n)
    r = float(np.mean(off[1:][beside] * off[:-1][beside])) / variance
    r += (1.0 + 4.0 * max(r, 0.0)) / n
    r = min(max(r, 0.0), MOST)
    return r, n * (1.0 - r) / (1.0 + r)
