"""The mean of a series of seconds that resemble their neighbours: its interval, and what the seconds are worth.

Two estimates of its error are made, and the one that says less is taken. One takes the series for AR(1): with rho its
lag-one autocorrelation, corrected for bias, n seconds are worth n (1 - rho) / (1 + rho) (Zwiers and von Storch, Journal
of Climate 8, 1995, eq. 3; the correction after Marriott and Pope, Biometrika 41, 1954), and Student's t has as many
degrees of freedom, less one. But scenes last longer than AR(1) remembers. The other is the mean square of the series'
slowest cosines (periods of 40 s and more in two minutes), which a shorter memory leaves independent; t has
their number of degrees of freedom (Mueller, Journal of Econometrics 141, 2007; Lazarus, Lewis, Stock and Watson,
Journal of Business and Economic Statistics 36, 2018, eq. 10). tests/accuracy/live_pairs.py prints how both hold.
"""

from __future__ import annotations

from math import exp, inf, log, nan, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.student import t_quantile, t_tail

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Floats

ENOUGH = 10.0
"""Independent seconds below which nothing is said."""
SLOW, FEWEST = 0.25, 4
"""Cosines: so many times n to the power 2/3, but not fewer. Six in two minutes."""
LEVEL = 0.95
TUNED = 60.0
"""Independent seconds at which the interval that may be looked at at any time is narrowest."""


class Mean(NamedTuple):
    """A mean over seconds."""

    value: float
    n: int
    """Seconds that have a value."""
    effective: float
    """Independent seconds that they are worth."""
    rho: float
    errors: tuple[tuple[float, float], ...]
    """Standard errors, and the degrees of freedom of each; the one that says less counts."""

    @property
    def enough(self) -> bool:
        """Whether anything may be said."""
        return self.effective >= ENOUGH

    @property
    def constant(self) -> bool:
        """Whether all seconds have the same."""
        return bool(self.errors) and not any(error for error, _ in self.errors)

    def interval(self, level: float = LEVEL, *, always: bool = False) -> tuple[float, float]:
        """By Student's t; `always`: such that it holds however often one looks (see `reach`)."""
        half = max(
            (
                error * (reach(self.effective, freedom, level) if always else t_quantile(level, freedom))
                for error, freedom in self.errors
            ),
            default=inf,
        )
        return self.value - half, self.value + half

    def p(self, *, always: bool = False) -> float:
        """Of a mean so far from nothing with nothing there."""
        if not self.errors:
            return 1.0
        if self.constant:
            return float(self.value == 0.0)
        tail = max(t_tail(abs(self.value) / error, freedom) for error, freedom in self.errors if error)
        return _always(tail, self.effective) if always else tail


def mean(values: Floats) -> Mean:
    """Of one value a second, in order, NaN where there is none: such seconds count for time, not for the mean."""
    had = np.isfinite(values)
    n = int(had.sum())
    if n < 4:
        return Mean(float(values[had].mean()) if n else nan, n, 0.0, 0.0, ())
    value = float(values[had].mean())
    off = np.where(had, values - value, 0.0)
    square = float(np.square(off).sum()) / n
    if square <= 1e-24 * max(1.0, value * value):
        return Mean(value, n, float(n), 0.0, ((0.0, n - 1.0),))
    rho = _rho(off, had, n, square)
    worth = max(1.0, n * (1.0 - rho) / (1.0 + rho))
    # the variance about a mean of their own is too small by what that mean shares with them
    spread = square / max(1.0 - 1.0 / worth, 0.1)
    slow, many = _slow(values - value, had)
    effective = min(worth, spread / slow if slow > 0.0 else inf, float(n))
    return Mean(value, n, effective, rho, ((sqrt(spread / worth), max(worth - 1.0, 1.0)), (sqrt(slow), float(many))))


def _rho(off: Floats, had: Floats, n: int, square: float) -> float:
    """Autocorrelation of values that follow each other as closely as most do, corrected for bias; 0 to nearly 1.

    Where only every tenth second has a value, that is of ten seconds: it is those values that may be alike.
    """
    gaps = np.diff(np.flatnonzero(had))
    near = gaps <= np.median(gaps)
    kept = off[had]
    found = float((kept[1:] * kept[:-1])[near].mean()) / square
    return min(max((found * n + 1.0) / (n - 3.0), 0.0), 0.99)


def _slow(off: Floats, had: Floats) -> tuple[float, int]:
    """Square error of the mean by the slowest cosines over the seconds that have a value, and their number."""
    kept = off[had]
    span = np.flatnonzero(had)
    many = max(FEWEST, int(SLOW * len(kept) ** (2.0 / 3.0)))
    place = (span - span[0] + 0.5) / (span[-1] - span[0] + 1.0)
    waves = np.cos(np.pi * np.outer(np.arange(1, many + 1), place))
    waves -= waves.mean(axis=1, keepdims=True)
    waves /= np.sqrt(np.square(waves).sum(axis=1, keepdims=True))
    return float(np.mean(np.square(waves @ kept))) / len(kept), many


def reach(effective: float, freedom: float, level: float = LEVEL) -> float:
    """Standard errors on either side of an interval that holds at all times together.

    A normal mixture (Robbins, Annals of Mathematical Statistics 41, 1970; for means of any kind Waudby-Smith, Arbour,
    Sinha, Kennedy and Ramdas, Annals of Statistics 52, 2024, eq. 7), narrowest at `TUNED` independent seconds; widened
    as Student's t is against the normal.
    """
    from scipy.special import ndtri, stdtr, stdtrit

    part = max(effective, 1.0) * _mixture(1.0 - level)
    wide = sqrt((1.0 + part) / part * (2.0 * log(1.0 / (1.0 - level)) + log(1.0 + part)))
    tail = float(stdtr(1e9, -wide))
    normal = float(-ndtri(tail)) or wide
    return float(-stdtrit(freedom, tail)) * wide / normal


def _always(tail: float, effective: float) -> float:
    """The p value that may be looked at at any time, from the plain one: by the same mixture, one over its bet."""
    from scipy.special import ndtri

    z = float(-ndtri(max(tail, 1e-300) / 2.0))
    part = max(effective, 1.0) * _mixture(1.0 - LEVEL)
    exponent = min(z * z * part / (2.0 * (1.0 + part)), 700.0)
    return min(1.0, sqrt(1.0 + part) * exp(-exponent))


def _mixture(alpha: float) -> float:
    """Variance of the mixture that is best at `TUNED` (the same, eq. 8)."""
    wide = -2.0 * log(alpha)
    return (wide + log(wide + 1.0)) / TUNED


def events(values: Floats, apart: int = 5) -> int:
    """Stretches of seconds with more than nothing; with fewer than `apart` seconds of nothing between, one stretch."""
    busy = np.flatnonzero(np.nan_to_num(values) > 0.0)
    return int(len(busy) and 1 + (np.diff(busy) > apart).sum())


def tossed(a: int, b: int) -> float:
    """p of `a` against `b` events in the same time, had both as many to expect: given their sum, a fair coin's
    (Przyborowski and Wilenski, Biometrika 31, 1940)."""
    from scipy.special import bdtr

    return min(1.0, 2.0 * float(bdtr(min(a, b), a + b, 0.5))) if a + b else 1.0
