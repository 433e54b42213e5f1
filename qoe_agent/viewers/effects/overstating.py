"""By how much results that pass for significant overstate an effect (type M error: Gelman and Carlin, Perspectives on
Psychological Science 2014; Lu, Qiu, Deng, British Journal of Mathematical and Statistical Psychology 2019)."""

from __future__ import annotations

from math import erf, exp, pi, sqrt


def exaggeration(effect: float, reach: float) -> float:
    """On average, of an effect in standard errors: E |estimate| / effect where |estimate| is more than `reach`."""
    tails = _area(reach + effect), _area(reach - effect)
    bump = _height(reach + effect) + _height(reach - effect)
    whole = effect * (tails[1] - tails[0]) + bump
    return whole / ((tails[0] + tails[1]) * effect)


def _area(z: float) -> float:
    """Of the normal distribution above z."""
    return (1.0 - erf(z / sqrt(2.0))) / 2.0


def _height(z: float) -> float:
    return exp(-z * z / 2.0) / sqrt(2.0 * pi)
