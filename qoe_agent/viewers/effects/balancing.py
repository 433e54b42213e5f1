"""Whether arms were alike before anything was done to them: covariates from before, strata and segments.

Who was sorted into arms by chance differs in nothing from before by more than chance. What does was measured after
assignment, where the treatment may have changed it, and adjusting for it takes the effect away; or something other
than chance sorted. Each p value is adjusted by Holm for how many are looked at.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.families import holm
from qoe_agent.maths.student import t_tail
from qoe_agent.viewers.effects.allocation import BLOCKS, LEAST, NOTICE
from qoe_agent.viewers.effects.switching import before
from qoe_agent.viewers.lift.shapes import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Amount, Floats, Metric, Moments, Trial

COVARIATES, STRATA = "covariate_balance", "strata_balance"
NOT_BEFORE = "it was not measured before assignment, or assignment was not by chance"


class _Seen(NamedTuple):
    told: str
    p: float


def covariate_balance(pre: Sequence[Amount], control: str, treatments: Sequence[str],
                      moments: Mapping[str, Moments]) -> Check:  # fmt: skip
    """The mean of each covariate in each treatment against control's (z test). Below p = 0.001 it blocks."""
    known = [one for one in treatments
             if min(moments[arm].units if arm in moments else 0 for arm in (control, one)) > 1]  # fmt: skip
    return _judged(pre, [_apart(each, control, one, moments) for each in pre for one in known])


def block_balance(trial: Trial, metric: Metric, pre: Sequence[Amount], control: str,
                  treatments: Sequence[str]) -> Check:  # fmt: skip
    """The same of blocks that have something of `metric`, within streams."""
    found = []
    for each in pre:
        for one in treatments:
            if (seen := before(trial, metric, each, control, one)) is not None:
                found.append(_Seen(_told(each, control, one, seen.control, seen.treatment), seen.p))
    return _judged(pre, found)


def _judged(pre: Sequence[Amount], found: Sequence[_Seen]) -> Check:
    if not found:
        return Check(COVARIATES, "not possible", "needs more units of each arm")
    p, told = _least(found)
    return _graded(COVARIATES, p, told, "measured", ", ".join(f"--pre {each.column}" for each in pre))


def _graded(name: str, p: float, told: str, known: str, looked: str, blocking: bool = True) -> Check:
    """The check of the smallest of these p values; `told`: what it is of, `known` before, among all that is `looked`
    at; `blocking`: whether it blocks where it fails."""
    if p < BLOCKS:
        return Check(name, "failed", f"{told}: {NOT_BEFORE}", p, blocks=blocking)
    if p < NOTICE:
        return Check(name, "notice", f"{told}: more than chance usually makes it; was it {known} before?", p)
    return Check(name, "passed", f"arms are alike in {looked} (least p = {p:.2g})", p)


def _apart(pre: Amount, control: str, treatment: str, moments: Mapping[str, Moments]) -> _Seen:
    halves = [moments[arm] for arm in (control, treatment)]
    first, second = (each.mean(pre) for each in halves)
    error = sqrt(sum(max(0.0, each.covariance(pre, pre)) / each.units for each in halves))
    told = _told(pre, control, treatment, first, second)
    if error > 0.0:
        return _Seen(told, t_tail((second - first) / error, inf))
    return _Seen(told, 0.0 if first != second else 1.0)


def _told(pre: Amount, control: str, treatment: str, first: float, second: float) -> str:
    return f"--pre {pre.column} differs between the arms ({treatment} {second:.4g}, {control} {first:.4g}"


def _least(found: Sequence[_Seen]) -> tuple[float, str]:
    """The smallest p value, adjusted, and what it is of."""
    adjusted = holm([each.p for each in found])
    place = int(np.argmin(adjusted))
    return adjusted[place], f"{found[place].told}, p = {adjusted[place]:.2g})"


def strata_balance(
    strata: Sequence[str],
    arms: Sequence[str],
    groups: Mapping[tuple[str, ...], Mapping[tuple[str, ...], Mapping[str, Moments]]],
) -> Check:
    """Whether units of all values of strata and segments are spread over the arms alike (chi-square). Below p = 0.001
    strata block; what segments show would be of units that were sorted by the arm, which is only said."""
    known = [(columns, p) for columns, by in groups.items() if (p := _spread(by, arms)) is not None]
    if not known:
        return Check(STRATA, "not possible", f"needs two values with {LEAST:.0f} units expected in each arm")
    adjusted = holm([p for _, p in known])
    place = int(np.argmin(adjusted))
    columns, p = known[place][0], adjusted[place]
    blocking = any(p < BLOCKS for (columns, _), p in zip(known, adjusted, strict=True) if columns == tuple(strata))
    told = f"{', '.join(columns)} differs between the arms (chi-square p = {p:.2g})"
    return _graded(STRATA, p, told, "known", "; ".join(", ".join(each) for each, _ in known), blocking)


def _spread(by: Mapping[tuple[str, ...], Mapping[str, Moments]], arms: Sequence[str]) -> float | None:
    """p of Pearson's chi-square of units by value and arm; values with too few units count as one."""
    from scipy.special import chdtrc

    table = np.array([[each[arm].units if arm in each else 0 for arm in arms] for each in by.values()], float)
    table = _joined(table[table.sum(axis=1) > 0.0])
    if len(table) < 2 or not table.sum(axis=0).all():
        return None
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    found = float(((table - expected) ** 2 / expected).sum())
    return float(chdtrc((len(table) - 1) * (len(arms) - 1), found))


def _joined(table: Floats) -> Floats:
    if not len(table):
        return table
    few = table.sum(axis=1) * table.sum(axis=0).min() / table.sum() < LEAST
    rest = table[few].sum(axis=0, keepdims=True)
    enough = bool(rest.sum() * table.sum(axis=0).min() / table.sum() >= LEAST)
    return np.concatenate((table[~few], rest)) if enough else np.asarray(table[~few])
