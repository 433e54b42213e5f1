"""CUPED and post-stratification: right errors (by leaving units out), right centres, and less noise."""

from __future__ import annotations

from math import log1p, sqrt

import numpy as np
import pytest

from qoe_agent.viewers.effects import compare, variation
from qoe_agent.viewers.effects.adjusting import strata
from qoe_agent.viewers.lift.shapes import Amount, Metric, Moments
from tests.viewers.effects.counted import MEAN, WATCH, moments

OVER, LONG, SHORT = Amount("sessions"), Amount("past", before=True), Amount("recent", before=True)
RATIO, SHARE = Metric("ratio", WATCH, OVER), Metric("longer", Amount("watch", above=30.0), OVER)
LEVELS = ("phone", "tv", "web")


class People:
    """Users of two kinds of covariates; televisions watch most, and gain most from the treatment."""

    def __init__(self, seed: int, n: int, lift: float = 0.0, more: float = 0.0) -> None:
        source = np.random.default_rng(seed)
        self.level = source.choice(3, n, p=(0.5, 0.3, 0.2))
        taste = source.lognormal(0.0, 0.6, n) * np.array([1.0, 4.0, 2.0])[self.level]
        sessions = 1.0 + source.poisson(1.0, n)
        watch = taste * sessions * source.lognormal(0.0, 0.3, n) * (1.0 + lift + more * (self.level == 1))
        self.columns = {
            WATCH: watch, OVER: sessions, SHARE.of: source.binomial(sessions.astype(int), 0.6),
            LONG: taste * source.lognormal(0.0, 0.4, n), SHORT: taste * source.lognormal(0.0, 0.4, n),
        }  # fmt: skip

    def sums(self, kept: np.ndarray | None = None) -> dict[tuple[str, ...], Moments]:
        """By level; () is all of them."""
        kept = np.ones(len(self.level), bool) if kept is None else kept
        cut = {(name,): kept & (self.level == number) for number, name in enumerate(LEVELS)} | {(): kept}
        return {
            key: moments({amount: each[mine] for amount, each in self.columns.items()}) for key, mine in cut.items()
        }


def told(metric: Metric, control: dict, treatment: dict, pre: tuple[Amount, ...], stratified: bool):
    by = {key: {"sd": control[key], "hd": treatment[key]} for key in control if key} if stratified else None
    return compare(metric, "sd", "hd", {"sd": control[()], "hd": treatment[()]}, pre=pre, strata=by)


WAYS = [((), False), ((LONG,), False), ((LONG, SHORT), False), ((), True), ((LONG, SHORT), True)]
NAMES = ["plain", "one covariate", "two covariates", "strata", "both"]


def left_out(metric: Metric, arms: tuple[People, People], pre: tuple[Amount, ...], stratified: bool) -> float:
    """The error by a jackknife of the whole estimator, weights and slopes and all, on the scale of the interval."""
    sums = [each.sums() for each in arms]
    total = 0.0
    for side, people in enumerate(arms):
        thetas = []
        for out in range(len(people.level)):
            both = list(sums)
            row = np.array([each[out] for each in people.columns.values()])
            for key in ((), (LEVELS[people.level[out]],)):
                whole = sums[side][key]
                less = whole.sums - row, whole.products - np.outer(row, row)
                both[side] = {**both[side], key: Moments(whole.amounts, whole.units - 1, *less)}
            lift = told(metric, *both, pre, stratified).lift
            thetas.append(lift if metric is SHARE else log1p(lift))
        total += (len(thetas) - 1) * np.var(thetas)
    return sqrt(total)


def error(metric: Metric, arms: tuple[People, People], pre: tuple[Amount, ...], stratified: bool) -> float:
    """The same by its interval."""
    estimate = told(metric, *(each.sums() for each in arms), pre, stratified)
    low, high = (each if metric is SHARE else log1p(each) for each in (estimate.low, estimate.high))
    return (high - low) / 2 / 1.959964


@pytest.mark.parametrize(("pre", "stratified"), WAYS, ids=NAMES)
@pytest.mark.parametrize("metric", [MEAN, RATIO, SHARE], ids=["mean", "ratio", "share"])
def test_the_error_is_that_of_leaving_units_out(metric: Metric, pre: tuple[Amount, ...], stratified: bool) -> None:
    arms = People(3, 300), People(4, 250, 0.1)
    assert error(metric, arms, pre, stratified) == pytest.approx(left_out(metric, arms, pre, stratified), rel=0.05)


def test_it_knows_that_strata_gain_differently() -> None:
    """How many of them there are is chance, too."""
    arms = People(3, 300), People(4, 250, -0.6, 3.0)
    assert error(MEAN, arms, (), True) == pytest.approx(left_out(MEAN, arms, (), True), rel=0.03)


def test_adjusting_makes_intervals_narrower() -> None:
    arms = [People(seed, 4000, lift).sums() for seed, lift in ((5, 0.0), (6, 0.1))]
    found = {name: told(MEAN, *arms, *way) for name, way in zip(NAMES, WAYS, strict=True)}
    width = {name: log1p(each.high) - log1p(each.low) for name, each in found.items()}
    assert width["both"] < width["two covariates"] < width["one covariate"] < width["plain"]
    assert width["both"] < width["strata"] < width["plain"]
    assert [each.method for each in found.values()] == [
        "delta", "cuped", "cuped", "post-stratified", "cuped and post-stratified"
    ]  # fmt: skip


def test_an_unlucky_draw_of_strata_is_evened_out() -> None:
    """All that differs between the arms is how many televisions are in them."""
    people = People(7, 3000)
    television = people.level == 1
    few = people.sums(~television | (np.arange(3000) % 2 == 0))
    naive, evened = (told(MEAN, people.sums(), few, (), stratified) for stratified in (False, True))
    assert naive.lift < -0.15
    assert evened.lift == pytest.approx(0.0, abs=0.05)


def test_covariates_that_say_the_same_or_nothing_do_no_harm() -> None:
    people = [People(8, 800), People(9, 900, 0.1)]
    again, still = Amount("again", before=True), Amount("still", before=True)
    for each in people:
        each.columns |= {again: 3.0 * each.columns[LONG] + 2.0, still: np.full(len(each.level), 7.0)}
    sums = [each.sums() for each in people]
    alone, more = (told(MEAN, *sums, pre, False) for pre in ((LONG,), (LONG, again, still)))
    assert (more.lift, more.low, more.high) == pytest.approx((alone.lift, alone.low, alone.high), rel=1e-6)


def test_strata_that_an_arm_lacks_are_joined() -> None:
    def units(n: int) -> Moments:
        return moments({WATCH: np.arange(1.0, n + 1.0)})

    cells = [(units(50), units(50)), (units(3), units(0)), (units(1), units(9)), (units(20), units(30))]
    joined = strata(cells)
    assert [(each.units, other.units) for each, other in joined] == [(4, 9), (20, 30), (50, 50)]
    assert strata([]) == []
    one = {("a",): {"sd": units(40)}, ("b",): {"hd": units(40)}}
    arms = {"sd": units(40), "hd": units(40)}
    assert compare(MEAN, "sd", "hd", arms, strata=one).low == pytest.approx(compare(MEAN, "sd", "hd", arms).low)


def test_planning_knows_what_adjusting_will_explain() -> None:
    past = People(10, 5000).sums()
    by = {key: {"": each} for key, each in past.items() if key}
    plain, less, least = (
        variation(MEAN, past[()], pre=pre, by=groups)
        for pre, groups in (((), None), ((LONG, SHORT), None), ((LONG,), by))
    )
    watch = People(10, 5000).columns[WATCH]
    assert plain == pytest.approx(watch.std(ddof=1) / watch.mean(), rel=1e-3)
    width = compare(MEAN, "sd", "hd", dict.fromkeys(("sd", "hd"), past[()]), pre=(LONG, SHORT))
    assert (log1p(width.high) - log1p(width.low)) / 2 / 1.959964 == pytest.approx(less * sqrt(2 / 5000), rel=1e-3)
    assert least < plain
    assert variation(MEAN, moments({WATCH: np.zeros(9)})) is None
