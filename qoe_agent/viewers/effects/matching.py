"""Pairs of a treated and an untreated session with the same covariates: which of them watched longer.

A quasi-experiment (Krishnan and Sitaraman, IMC 2012; IEEE/ACM ToN 2013): its net outcome is no lift.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.effects.balance import balance
from qoe_agent.viewers.effects.sensitivity import bound, gamma
from qoe_agent.viewers.lift.observed import Comparison

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Covered
    from qoe_agent.viewers.lift.shapes import Floats


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p that one of two is as often ahead as the other: exact; ties tell nothing."""
    return min(1.0, 2.0 * bound(max(wins, losses), min(wins, losses), 1.0))


def net_outcome(wins: int, losses: int, ties: int) -> tuple[float, float, float]:
    """Share of pairs won less share lost, ties in the count, and its 95 % interval (of two shares of one sample)."""
    pairs = wins + losses + ties
    net = (wins - losses) / pairs
    reach = t_quantile(0.95, inf) * sqrt(max(0.0, (wins + losses) / pairs - net**2) / pairs)
    return net, max(-1.0, net - reach), min(1.0, net + reach)


def weights(count: Floats) -> Floats:
    """(cells, 2): what a session counts on average: whether it is in a pair."""
    pairs = count.min(axis=1, keepdims=True)
    return np.asarray(pairs / np.where(count > 0.0, count, 1.0))


def matched(covered: Covered) -> Comparison:
    """Net outcome, sign test, and how much hidden bias it withstands."""
    wins, losses, ties = covered.wins
    pairs = wins + losses + ties
    treated = max(float(covered.count[:, 1].sum()), 1.0)
    weighted = weights(covered.count)
    used = float((weighted * covered.count)[:, 1].sum()) / treated
    if not pairs:
        return Comparison("matched", None, None, None, None, 0.0, used, note="no cell holds both arms")
    net, low, high = net_outcome(wins, losses, ties)
    note = f"{pairs:,} pairs: longer {wins:,}, shorter {losses:,}, alike {ties:,}; pairs count as independent"
    return Comparison("matched", net, low, high, sign_test(wins, losses), float(pairs), used,
                      gamma=gamma(wins, losses), balance=balance(covered, weighted), note=note)  # fmt: skip
