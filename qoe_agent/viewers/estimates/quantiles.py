"""Student's t without a library: p values and quantiles.

The tail is a regularised incomplete beta function by Lentz's continued fraction (Abramowitz and Stegun 26.5.8, 26.7.1).
"""

from __future__ import annotations

from math import exp, inf, isinf, lgamma, log, log1p
from statistics import NormalDist

TINY = 1e-300
NORMAL = NormalDist()


def t_tail(t: float, freedom: float) -> float:
    """Two-sided p value of a t statistic; infinite freedom gives the normal distribution's."""
    if isinf(freedom):
        return 2.0 * NORMAL.cdf(-abs(t))
    return _beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)


def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors to either side hold a share of `level` in the middle."""
    if not 0.0 < level < 1.0 or freedom <= 0.0:
        raise ValueError(f"no t quantile for level {level} and {freedom} degrees of freedom")
    if isinf(freedom):
        return NORMAL.inv_cdf(0.5 + level / 2.0)
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > 1.0 - level:
        low, high = high, high * 2.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2.0
        if not low < middle < high:
            break
        low, high = (middle, high) if t_tail(middle, freedom) > 1.0 - level else (low, middle)
    return (low + high) / 2.0


def _beta(x: float, a: float, b: float) -> float:
    """I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > TINY else TINY


def interval(value: float, error: float, freedom: float, level: float = 0.95) -> tuple[float, float]:
    """A t interval; without freedom it has no ends."""
    if freedom < 1.0:
        return -inf, inf
    reach = t_quantile(level, freedom) * error
    return value - reach, value + reach
