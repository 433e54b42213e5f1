"""Student's t: p values, quantiles and intervals. Infinite freedom gives the normal distribution's."""

from __future__ import annotations

from math import inf


def t_tail(t: float, freedom: float) -> float:
    """Two-sided p value of a t statistic."""
    from scipy.special import stdtr

    return 2.0 * float(stdtr(freedom, -abs(t)))


def t_quantile(level: float, freedom: float) -> float:
    """How many standard errors to either side hold a share of `level` in the middle."""
    from scipy.special import stdtrit

    if not 0.0 < level < 1.0 or freedom <= 0.0:
        raise ValueError(f"no t quantile for level {level} and {freedom} degrees of freedom")
    return float(stdtrit(freedom, 0.5 + level / 2.0))


def interval(value: float, error: float, freedom: float, level: float = 0.95) -> tuple[float, float]:
    """A t interval; without freedom it has no ends."""
    if freedom < 1.0:
        return -inf, inf
    reach = t_quantile(level, freedom) * error
    return value - reach, value + reach
