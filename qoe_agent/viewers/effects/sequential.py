"""Intervals that hold at every look: asymptotic confidence sequences by Robbins' mixture.

Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas ("Time-uniform central limit theory and asymptotic confidence sequences",
Annals of Statistics 2024, theorem 2.2, and its appendix for the time at which the band is to be narrow).
"""

from __future__ import annotations

from math import log, log1p, sqrt

ENDED = 1.05
"""Times the planned number of units up to which the experiment is at its planned end."""


def decides(units: float, planned: float) -> bool:
    """Whether it is this band that decides: before the planned end, and where somebody went on after it. At the end the
    interval of one look does, as that was the one look."""
    return units < (1.0 - 1e-9) * planned or units > ENDED * planned


def widening(units: float, planned: float, alpha: float) -> float:
    """Of a band that holds at every look: its half-width in standard errors when so many units are in.

    It is made for an experiment of `planned` units, narrow from half of them on: there 1.56 times the interval of one
    look (at alpha 0.05), and wider than 1.6 times from 2.2 times the plan on.
    """
    odds = -2.0 * log(alpha)
    counted = units * (odds + log1p(odds)) / (planned / 2.0)
    return sqrt(2.0 * (counted + 1.0) / counted * (log1p(counted) / 2.0 - log(alpha)))
