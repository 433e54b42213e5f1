"""Decisions against margins that were set beforehand: non-inferiority and equivalence.

A margin holds where the whole two-sided interval lies on its good side, which is a one-sided test at half of alpha
(for equivalence two of them: Schuirmann 1987).
"""

from __future__ import annotations


def tolerable(better: str, margin: float, low: float, high: float) -> bool:
    """Whether a guardrail is no worse than its margin: `more` is better: above it, `less`: below it, otherwise within
    as much of none to both sides."""
    if better == "more":
        return low > margin
    return high < margin if better == "less" else within(abs(margin), low, high)


def within(smallest: float, low: float, high: float) -> bool:
    """Whether an effect is smaller than the smallest that matters, in either direction: equivalence."""
    return -smallest < low and high < smallest
