"""The mean of a series of seconds that resemble their neighbours: its interval, and what the seconds are worth.

How long seconds remember is not known, and two minutes hardly tell a memory of fifteen seconds from none; whoever takes
one estimate for the truth is sure too soon. So all memories count, each by how well it explains the series. A series is
a part that forgets exponentially, as scenes of chance lengths do, and a part without memory; memories up to three
quarters of the time and shares from none to all are the models. The slow cosines of the series (periods of eight steps
and more, so that what is shorter need not fit any model) are independent of each other and of the mean, each with the
variance that a model gives it (Mueller, Econometrica 82, 2014; Lazarus, Lewis, Stock and Watson, Journal of Business
and Economic Statistics 36, 2018). With nothing known of mean and variance beforehand, each model gives the mean
Student's t, and together they are a mixture, weighed by their likelihoods (Hoeting, Madigan, Raftery and Volinsky,
Statistical Science 14, 1999). tests/accuracy/live_pairs.py prints how that holds.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, inf, log, nan, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.figures.blocks import Blocks

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Floats

ENOUGH = 10.0
"""Independent seconds below which nothing is said."""
FEWEST = 8
"""Cosines, where there are that many."""
PERIOD = 8.0
"""Steps: shorter periods are not looked at."""
MEMORIES, LONGEST = 8, 0.75
"""From two steps to this share of the time, each a like factor longer than the last."""
SHARES = (0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0)
"""Of the variance that has a memory."""
FORGETFUL = 0.2
"""What is believed beforehand of no memory at all; the rest is spread evenly."""
LEVEL = 0.95
TUNED = 60.0
"""Independent seconds at which the interval that may be looked at at any time is narrowest."""


class Mean(NamedTuple):
    """A mean over seconds."""

    value: float
    n: int
    """Seconds that have a value."""
    effective: float
    """Independent seconds that they are worth: the mean over the models."""
    rho: float
    """Autocorrelation of values that follow one another."""
    weights: Floats
    """Of the models; empty: too little is known …"""
    errors: Floats
    """… and the standard error by each."""
    freedom: int
    """Degrees of freedom."""

    @property
    def enough(self) -> bool:
        """Whether anything may be said."""
        return self.effective >= ENOUGH

    @property
    def constant(self) -> bool:
        """Whether all seconds have the same."""
        return bool(len(self.errors)) and not self.errors.any()

    def interval(self, level: float = LEVEL, *, always: bool = False) -> tuple[float, float]:
        """The middle of the mixture; `always`: such that it holds however often one looks (see `reach`)."""
        if self.constant:
            return self.value, self.value
        half = self._half(_tail(reach(self.effective, level)) if always else 1.0 - level)
        return self.value - half, self.value + half

    def p(self, *, always: bool = False) -> float:
        """Of a mean so far from nothing with nothing there."""
        if not len(self.errors):
            return 1.0
        if self.constant:
            return float(self.value == 0.0)
        tail = self._beyond(abs(self.value))
        return _always(tail, self.effective) if always else tail

    def _beyond(self, far: float) -> float:
        """What the mixture has beyond so far to either side."""
        from scipy.special import stdtr

        return float(2.0 * (self.weights * stdtr(self.freedom, -far / self.errors)).sum())

    def _half(self, tail: float) -> float:
        """How far to either side all but `tail` lies."""
        from scipy.optimize import brentq

        if not len(self.errors):
            return inf
        far = float(self.errors.max())
        while self._beyond(far) > tail:
            far *= 2.0
        return float(brentq(lambda half: log(self._beyond(half) / tail), 0.0, far, rtol=1e-6))


def mean(values: Floats) -> Mean:
    """Of one value a second, in order, NaN where there is none: such seconds count for time, not for the mean."""
    blocks = Blocks()
    for number in np.flatnonzero(np.isfinite(values)).tolist():
        blocks.add(number, float(values[number]))
    return weighed(blocks)


def weighed(blocks: Blocks) -> Mean:
    """Of a series that is kept by blocks."""
    none, n = np.empty(0), blocks.n
    if n < 4:
        return Mean(blocks.total / n if n else nan, n, 0.0, 0.0, none, none, 0)
    value = blocks.total / n
    square = max(blocks.squares / n - value * value, 0.0)
    if blocks.least == blocks.most or square <= 1e-18 * value * value:
        return Mean(value, n, float(n), 0.0, np.ones(1), np.zeros(1), n - 1)
    steps = blocks.even()
    many = len(steps)
    if many < 4:
        return Mean(value, n, float(many), 0.0, none, none, 0)
    off = steps - steps.mean()
    models = _models(many)
    waves = np.square(models.cosines @ off)
    freedom = len(waves)
    sums = (waves / models.gains).sum(axis=1)
    believed = models.beliefs - 0.5 * freedom * np.log(np.maximum(sums, 1e-300))
    weights = np.exp(believed - believed.max())
    weights /= weights.sum()
    errors = np.sqrt(np.maximum(sums / freedom * models.spreads, 1e-300))
    worth = np.minimum(square / np.square(errors), min(n, many * blocks.step))
    effective = float(weights @ worth)
    return Mean(value, n, effective, blocks.rho, weights, errors, freedom)


class _Models(NamedTuple):
    """What each model says of a series of so many steps, whose variance is one."""

    cosines: Floats
    """(waves, steps)"""
    gains: Floats
    """(models, waves): variance of each wave."""
    spreads: Floats
    """(models): variance of the mean."""
    beliefs: Floats
    """(models): logarithms of what is believed beforehand and of what the gains take off the likelihood."""


@lru_cache(maxsize=64)
def _models(many: int) -> _Models:
    """In closed form: cosine j of length n is like itself, k steps later, by ((n - k) cos kw - sin kw / sin w) / n,
    w = pi j / n."""
    waves = min(many - 1, max(FEWEST, int(2 * many / PERIOD)))
    turns = np.pi * np.arange(1, waves + 1) / many
    cosines = sqrt(2.0 / many) * np.cos(np.outer(turns, np.arange(many) + 0.5))
    later = np.arange(1, many)
    apart = np.outer(turns, later)
    alike = ((many - later) * np.cos(apart) - np.sin(apart) / np.sin(turns)[:, None]) / many
    memories = np.geomspace(2.0, max(LONGEST * many, 4.0), MEMORIES)
    fading = np.exp(-later[:, None] / memories)
    slow = np.maximum(1.0 + 2.0 * alike @ fading, 1e-6).T
    level = (1.0 + 2.0 * (1.0 - later / many) @ fading) / many
    shares = np.array(SHARES)[None, :, None]
    gains = (shares * slow[:, None] + 1.0 - shares).reshape(-1, waves)
    spreads = (shares[..., 0] * level[:, None] + (1.0 - shares[..., 0]) / many).ravel()
    gains, spreads = np.vstack([np.ones(waves), gains]), np.concatenate([[1.0 / many], spreads])
    before = np.full(len(spreads), log((1.0 - FORGETFUL) / (len(spreads) - 1)))
    before[0] = log(FORGETFUL)
    return _Models(cosines, gains, spreads, before - 0.5 * np.log(gains).sum(axis=1))


def reach(effective: float, level: float = LEVEL) -> float:
    """Standard errors on either side of an interval that holds at all times together.

    A normal mixture (Robbins, Annals of Mathematical Statistics 41, 1970; for means of any kind Waudby-Smith, Arbour,
    Sinha, Kennedy and Ramdas, Annals of Statistics 52, 2024, eq. 7), narrowest at `TUNED` independent seconds.
    """
    part = max(effective, 1.0) * _mixture(1.0 - level)
    return sqrt((1.0 + part) / part * (2.0 * log(1.0 / (1.0 - level)) + log(1.0 + part)))


def _tail(wide: float) -> float:
    """What a normal distribution has beyond so many standard errors to either side."""
    from scipy.special import ndtr

    return float(2.0 * ndtr(-wide))


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


def tossed(a: int, b: int) -> float:
    """p of `a` against `b` events in the same time, had both as many to expect: given their sum, a fair coin's
    (Przyborowski and Wilenski, Biometrika 31, 1940)."""
    from scipy.special import bdtr

    return min(1.0, 2.0 * float(bdtr(min(a, b), a + b, 0.5))) if a + b else 1.0
