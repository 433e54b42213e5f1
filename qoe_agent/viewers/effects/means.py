"""How much more one arm has of something than another, from sums over units.

The lift is a ratio of means less 1: theta = log(mean of treatment / mean of control) with the delta variance, so that
its interval is exp(theta +- z se) - 1 and p = 2 Phi(-|theta| / se). Shares (of sessions longer than …, of users who
came back) are told as differences instead, in points.
"""

from __future__ import annotations

from math import expm1, inf, isfinite, log, sqrt
from typing import TYPE_CHECKING, Literal, NamedTuple

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.effects.adjusting import LEAST, pair, strata
from qoe_agent.viewers.effects.margins import tolerable
from qoe_agent.viewers.effects.sequential import decides, widening
from qoe_agent.viewers.lift.shapes import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Amount, Metric, Moments

POWER = 0.8
EMPTY = "no ratio: an arm has none of it"


def share(metric: Metric) -> bool:
    """Whether it is a share, whose arms are told as points apart."""
    return metric.of.above is not None or metric.of.column == "returned"


def capped(metric: Metric, cap: float | None) -> Metric:
    """The same metric of amounts that count at most `cap`; None: as it is."""
    return metric if cap is None else metric._replace(of=metric.of._replace(cap=cap))


class Known(NamedTuple):
    """What is found on the scale on which chance is normal, before it is told."""

    theta: float
    error: float
    units: int
    planned: float | None = None
    freedom: float = inf


def compare(
    metric: Metric,
    control: str,
    treatment: str,
    moments: Mapping[str, Moments],
    *,
    alpha: float = 0.05,
    cap: float | None = None,
    strata: Mapping[tuple[str, ...], Mapping[str, Moments]] | None = None,
    pre: Sequence[Amount] = (),
    planned: float | None = None,
    unit: str = "user",
    segment: tuple[str, str] | None = None,
) -> Estimate:
    """Treatment over control. With `pre` by CUPED, with `strata` (by their values, then the arm) post-stratified.

    `planned`: units in all arms of `moments` together when the experiment ends; while fewer are in, and where many more
    are, the always-valid interval is the one that counts. None: no always-valid interval.
    """
    metric = capped(metric, cap)
    n = {arm: moments[arm].units for arm in (control, treatment) if arm in moments}
    told = Estimate(
        metric.name, control, treatment, None, None, None, None, n, {}, unit=unit, segment=segment,
        margin=metric.margin,
        cap=None if metric.of.column == "returned" else metric.of.cap, scale="points" if share(metric) else "ratio",
        method=" and ".join(["cuped"] * bool(pre) + ["post-stratified"] * bool(strata)) or "delta",
    )  # fmt: skip
    if min(n.get(arm, 0) for arm in (control, treatment)) < LEAST:
        return told._replace(note=f"needs {LEAST} {unit}s in each arm")
    of_all = planned / sum(each.units for each in moments.values()) if planned else None
    return _told(told, metric, _cells(control, treatment, moments, strata), pre, alpha, of_all)


def _told(told: Estimate, metric: Metric, cells: Sequence[tuple[Moments, Moments]], pre: Sequence[Amount],
          alpha: float, of_all: float | None) -> Estimate:  # fmt: skip
    """With what the cells say; `of_all`: how many times as many units as now are planned."""
    if metric.over is not None and not all(sum(cell[arm].mean(metric.over) for cell in cells) > 0.0 for arm in (0, 1)):
        return told._replace(note="nothing is known of it in an arm")
    found = pair(metric.of, metric.over, cells, pre, logarithms=False)
    means = dict(zip((told.control, told.treatment), found.values, strict=True))
    told = told._replace(mean={arm: mean for arm, mean in means.items() if isfinite(mean)})
    if len(told.mean) < 2:
        return told._replace(note="nothing is known of it in an arm")
    first, second = found.values
    theta = second - first
    if told.scale == "ratio":
        if not min(found.values) > 0.0:
            return told._replace(note=EMPTY)
        found = pair(metric.of, metric.over, cells, pre, logarithms=True)
        theta = log(second / first)
    units = sum(found.units)
    known = Known(theta, sqrt(max(0.0, found.variance)), units, of_all * units if of_all else None)
    return finished(told, known, alpha, metric.better)


def _cells(control: str, treatment: str, moments: Mapping[str, Moments],
           by: Mapping[tuple[str, ...], Mapping[str, Moments]] | None) -> list[tuple[Moments, Moments]]:  # fmt: skip
    if not by:
        return [(moments[control], moments[treatment])]
    none = {arm: _none(moments[arm]) for arm in (control, treatment)}
    return strata((arms.get(control, none[control]), arms.get(treatment, none[treatment])) for arms in by.values())


def _none(moments: Moments) -> Moments:
    return type(moments)(moments.amounts, 0, moments.sums * 0.0, moments.products * 0.0)


def finished(told: Estimate, known: Known, alpha: float, better: Literal["more", "less", ""] = "more") -> Estimate:
    """With lift, intervals, p value, the smallest effect that could be detected, and what a margin says of it."""
    back = expm1 if told.scale == "ratio" else float
    theta, error, units, planned, freedom = known
    told = told._replace(lift=back(theta))
    if not error > 0.0 or not isfinite(error):
        return told._replace(note=told.note or "no interval: nothing varies")
    reach = t_quantile(1.0 - alpha, freedom)
    low, high = back(theta - reach * error), back(theta + reach * error)
    told = told._replace(low=low, high=high, p=t_tail(theta / error, freedom))
    if planned:
        wide = widening(units, planned, alpha)
        always = back(theta - wide * error), back(theta + wide * error)
        told = told._replace(always_valid=always)
        if decides(units, planned):
            reach, (low, high) = wide, always
    detectable = back((reach + t_quantile(2.0 * POWER - 1.0, freedom)) * error)
    ship = None if told.margin is None else tolerable(better, told.margin, low, high)
    return told._replace(minimum_detectable_effect=detectable, ship=ship)
