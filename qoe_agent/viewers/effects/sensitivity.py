"""How strong something unmeasured would have to be to explain a figure away."""

from __future__ import annotations

from math import inf, isinf, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Comparison

LEVEL = 0.05


def e_value(ratio: float) -> float:
    """Risk ratio that an unmeasured confounder must have with treatment and with outcome, each beyond the measured
    covariates, to explain `ratio` away (VanderWeele and Ding, Ann Intern Med 2017; it holds for ratios of means of
    what is not negative, too: Ding and VanderWeele, Epidemiology 2016)."""
    away = max(ratio, 1.0 / ratio) if ratio > 0.0 else inf
    return away + sqrt(away * (away - 1.0)) if not isinf(away) else inf


def e_value_limit(low: float, high: float) -> float:
    """The same of the interval's end that is nearer to no effect; 1: the interval holds it."""
    if low <= 1.0 <= high:
        return 1.0
    return e_value(low if low > 1.0 else high)


def with_e_values(told: Comparison) -> Comparison:
    """A comparison of means with its E-values."""
    if told.estimate is None:
        return told
    limit = None if told.low is None or told.high is None else e_value_limit(1.0 + told.low, 1.0 + told.high)
    return told._replace(e_value=e_value(1.0 + told.estimate), e_value_limit=limit)


def bound(wins: int, losses: int, gamma: float) -> float:
    """Largest one-sided p of a sign test, if within pairs the odds of treatment differ by a factor of up to `gamma`
    (Rosenbaum, Observational Studies, 2002, 4.3.2): P(Bin(wins + losses, gamma / (1 + gamma)) >= wins)."""
    from scipy.special import betainc

    return float(betainc(wins, losses + 1, gamma / (1.0 + gamma))) if wins else 1.0


def gamma(wins: int, losses: int, level: float = LEVEL) -> float:
    """How large the factor may be before the two-sided p (twice the bound) passes `level`; 1: it is above as it is."""
    from scipy.special import betaincinv

    more, less = max(wins, losses), min(wins, losses)
    if not more:
        return 1.0
    share = float(betaincinv(more, less + 1, level / 2.0))
    return max(1.0, share / (1.0 - share)) if share < 1.0 else inf
