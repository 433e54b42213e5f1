"""Naive, in strata and doubly robust: by hand, where one model is wrong, and on sessions whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fixtures import confounded
from qoe_agent.viewers.effects.balance import kish
from qoe_agent.viewers.effects.naive import naive
from qoe_agent.viewers.effects.strata import stratified
from qoe_agent.viewers.effects.weighting import doubly_robust
from qoe_agent.viewers.lift.observational import compared, words
from tests.viewers.effects.unassigned import counted, made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.observed import Comparison, Covered

TWO = (("low", "high", "unknown"),)
SQUARE = (("a", "b", "unknown"), ("c", "d", "unknown"))
CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def said(comparisons: Sequence[Comparison]) -> str:
    return " ".join(words(comparisons, "hd", "sd"))


def test_strata_are_weighted_as_the_treated_are() -> None:
    """Simpson's paradox: twice as long in each cell, and shorter as they are."""
    covered = made([[100, 900], [900, 100]], [[1000, 18_000], [90_000, 20_000]], [[0], [1]], TWO)
    assert naive(covered).estimate == pytest.approx(38_000 / 91_000 - 1)
    told = stratified(covered)
    assert told.estimate == pytest.approx((18_000 + 20_000) / (900 * 10 + 100 * 100) - 1)
    assert told.used == 1.0
    assert told.balance[0].before == pytest.approx(0.8 / 0.3)
    assert told.balance[0].after == pytest.approx(0.0)


def test_treated_without_controls_are_not_spoken_of() -> None:
    covered = made([[100, 100], [0, 300]], [[1000, 1100], [0, 9000]], [[0], [1]], TWO)
    told = stratified(covered)
    assert told.estimate == pytest.approx(0.1)
    assert told.used == 0.25
    assert "It speaks of 25 % of hd's sessions" in said([told])
    assert "once alike in the covariates, hd watched 10.0 % longer" in said([told])
    trimmed = doubly_robust(replace(covered, count=covered.count * 100, total=covered.total * 100,
                                    squares=covered.squares * 100))  # fmt: skip
    assert trimmed.used == 0.25
    assert trimmed.estimate == pytest.approx(0.1, abs=1e-6)


def test_naive_interval_is_the_delta_method() -> None:
    """log(y1 / y0) +- 1.96 sqrt(s1^2 / (n1 y1^2) + s0^2 / (n0 y0^2)), sessions taken as independent."""
    rng = np.random.default_rng(2)
    arms = [rng.lognormal(3, 1, size) for size in (400, 500)]
    covered = made([[400, 500]], [[each.sum() for each in arms]], [[0]], (("all", "unknown"),))
    covered = replace(covered, squares=np.array([[(each**2).sum() for each in arms]]))
    told = naive(covered)
    error = sqrt(sum(each.var() / len(each) / each.mean() ** 2 for each in arms))
    middle = log(arms[1].mean() / arms[0].mean())
    assert told.low == pytest.approx(exp(middle - 1.959964 * error) - 1, rel=1e-6)
    assert told.high == pytest.approx(exp(middle + 1.959964 * error) - 1, rel=1e-6)


def corners(propensities: list[float], means: list[float], lift: float, size: float = 1e7) -> Covered:
    """Four cells without noise."""
    count = size * np.array([[1 - each, each] for each in propensities])
    total = count * np.array([[each, each * (1 + lift)] for each in means])
    return made(count, total, CORNERS, SQUARE)


@pytest.mark.parametrize(
    ("propensities", "means"),
    [
        ([1 / (1 + exp(-each)) for each in (-1.0, 0.2, 0.5, 1.7)], [100.0, 300.0, 200.0, 150.0]),
        ([0.2, 0.7, 0.8, 0.3], [100.0, 200.0, 150.0, 300.0]),
    ],
    ids=["only treatment has main effects", "only watch time has main effects"],
)
def test_one_right_model_does(propensities: list[float], means: list[float]) -> None:
    covered = corners(propensities, means, 0.03)
    told = doubly_robust(covered)
    assert told.estimate == pytest.approx(0.03, abs=1e-4)
    assert abs((naive(covered).estimate or 0.0) - 0.03) > 0.02
    assert stratified(covered).estimate == pytest.approx(0.03, abs=1e-9)


def test_two_wrong_models_do_not() -> None:
    """Else the test above would say nothing."""
    told = doubly_robust(corners([0.2, 0.7, 0.8, 0.3], [100.0, 300.0, 300.0, 110.0], 0.03))
    assert abs((told.estimate or 0.0) - 0.03) > 0.05


def test_controls_weigh_as_the_odds_that_their_like_is_treated() -> None:
    known = np.array([1 / (1 + exp(-each)) for each in (-1.0, 0.2, 0.5, 1.7)])
    covered = corners(known.tolist(), [100.0] * 4, 0.0)
    odds = np.stack([known / (1 - known), np.ones(4)], axis=1)
    assert doubly_robust(covered).effective == pytest.approx(kish(covered.count, odds), rel=1e-5)


def test_intervals_by_buckets_and_by_derivatives_agree_where_sessions_are_independent() -> None:
    found = confounded.sessions(60_000, 4)
    alone = replace(found, user=np.arange(len(found.user)))
    by_buckets, by_derivatives = (
        compared(each) for each in (counted(alone, 3600.0), replace(counted(alone, 3600.0), buckets=None))
    )
    for one, other in zip(by_buckets, by_derivatives, strict=True):
        if one.method != "matched":
            assert one.estimate == other.estimate
            assert one.low is not None
            assert one.high is not None
            assert other.low is not None
            assert other.high is not None
            assert (one.high - one.low) / (other.high - other.low) == pytest.approx(1.0, abs=0.2)


def test_no_interval_of_a_handful_of_users() -> None:
    covered = counted(confounded.sessions(5000, 4), None)
    assert covered.buckets is not None
    told = doubly_robust(replace(covered, buckets=covered.buckets[:5]))
    assert told.estimate is not None
    assert (told.low, told.high, told.p) == (None, None, None)


@pytest.mark.parametrize("cap", confounded.CAPS)
def test_one_per_cent_looks_like_ten_until_arms_are_made_alike(cap: float | None) -> None:
    """The demonstration, as it is written by default."""
    found = confounded.sessions(400_000, confounded.SEED)
    truth = next(each for each in confounded.truth(found, hidden=False)["caps"] if each["cap"] == cap)
    assert round(truth["lift"], 3) == 0.010
    plain, strata, _, robust = compared(counted(found, cap))
    assert plain.estimate is not None
    assert 0.09 <= plain.estimate <= 0.105
    assert plain.low is not None
    assert plain.low > truth["lift"]
    for each in (strata, robust):
        assert each.low is not None
        assert each.high is not None
        assert each.low <= truth["lift"] <= each.high
    assert max(abs(each.before) for each in robust.balance) > 0.5
    assert max(abs(each.after) for each in robust.balance) < 0.1


def test_what_no_column_tells_no_method_sees() -> None:
    """Significant at any level and wrong; the E-value is what says how little it takes."""
    found = confounded.sessions(400_000, confounded.SEED, hidden=True)
    truth = confounded.truth(found, hidden=True)
    comparisons = compared(counted(found, 9000.0))
    robust = comparisons[-1]
    assert robust.low is not None
    assert robust.low > 3 * truth["caps"][1]["lift"]
    assert robust.p is not None
    assert robust.p < 1e-10
    assert robust.e_value is not None
    hidden = truth["confounder"]
    assert robust.e_value < max(hidden["share_hd"] / hidden["share_sd"], hidden["longer"])
    told = said(comparisons)
    assert "significance is not validity" in told
    assert f"{robust.e_value:.2f} times" in told


def test_what_bins_leave_is_told_where_it_matters() -> None:
    covered = counted(confounded.sessions(400_000, confounded.SEED), 3600.0)
    assert "Within its levels" not in said(compared(covered))
    assert covered.buckets is not None
    assert covered.numbers is not None
    many = replace(covered, count=covered.count * 100, total=covered.total * 100, squares=covered.squares * 100,
                   buckets=None, numbers=covered.numbers * 100)  # fmt: skip
    assert "Within its levels bandwidth still differs" in said(compared(many))


def test_words_of_arms_that_have_nothing_in_common() -> None:
    covered = made([[5, 0], [0, 5]], [[1, 0], [0, 1]], [[0], [1]], TWO)
    told = compared(covered)
    assert told[1].estimate is None
    assert "no sessions in common" in said([told[1]])
