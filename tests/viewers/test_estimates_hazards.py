"""Hazard ratios are those that the audience was made with, however coarsely its exits are known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers.estimates import hazards, of_cause, study
from qoe_agent.viewers.estimates.design import modelled
from qoe_agent.viewers.shapes import Cells, Hazard, Naive
from tests.viewers.crowd import NEVER, RECENT, TRUE, Crowd, cells, crowd, heartbeats

if TYPE_CHECKING:
    from qoe_agent.viewers.estimates import Study
    from tests.viewers.crowd import Floats

SESSIONS = 120_000
IMMORTAL = "long sessions have time to meet a stall"


@cache
def audience() -> Crowd:
    return crowd(np.random.default_rng(7), SESSIONS)


@cache
def reports(every: float) -> tuple[Floats, Floats]:
    return heartbeats(np.random.default_rng(8), audience(), every)


def stalls(found: Cells | Study, naive: tuple[Naive, ...] = ()) -> dict[str, Hazard]:
    return {each.level: each for each in hazards(found, naive) if each.factor == "stall"}


@pytest.mark.parametrize("every", [5.0, 10.0, 30.0])
def test_ratios_are_recovered_however_rare_reports_are(every: float) -> None:
    found = stalls(cells(audience(), *reports(every)))
    for level, true in TRUE.items():
        told = found[level]
        assert told.low is not None
        assert told.low < true < told.high
        assert told.high / told.low < 1.12


def test_a_rule_for_the_moment_of_an_exit_would_be_biased() -> None:
    low, high = reports(30.0)
    middle, last = ((low + high) / 2,) * 2, (low, low)
    for known in (middle, last):
        assert stalls(cells(audience(), *known))["recent"].high < 0.9 * TRUE["recent"]


def test_naive_figures_of_the_wrong_sign_are_named() -> None:
    people = audience()
    ever, gone = people.stall < NEVER, people.exit < NEVER
    rates = [gone[each].sum() / people.watched[each].sum() for each in (ever, ~ever)]
    told = stalls(cells(people), (Naive("stall", "recent", rates[0] / rates[1], IMMORTAL),))["recent"]
    assert told.naive < 0.3
    assert told.hazard_ratio > 2.8
    assert told.note == f"against none; the naive figure has the wrong sign: {IMMORTAL}"


def test_an_honest_naive_figure_is_let_pass() -> None:
    ratio = stalls(cells(audience()))["recent"].hazard_ratio
    told = stalls(cells(audience()), (Naive("stall", "recent", ratio, IMMORTAL),))["recent"]
    assert told.note == "against none"


def test_tenure_is_told_against_the_bin_where_most_leave() -> None:
    found = {each.level: each for each in hazards(cells(audience())) if each.factor == "tenure"}
    assert found["10-20 s"].low < 0.0078 / 0.0061 < found["10-20 s"].high
    assert found["1800-3600 s"].low < 0.00024 / 0.0061 < found["1800-3600 s"].high
    assert "30-60 s" not in found


def test_a_replicate_is_what_a_refit_without_the_bucket_gives() -> None:
    people = crowd(np.random.default_rng(3), 6000, users=500, frailty=0.5)
    whole = cells(people, *heartbeats(np.random.default_rng(4), people, 10.0), buckets=50)
    found = study(whole)
    first = found.model.first[0]
    for bucket in range(0, 50, 7):
        again = modelled(_without(whole, bucket)).fitted
        assert again.converged
        moved, step = (
            theta[first:] - found.model.fitted.theta[first:] for theta in (again.theta, found.thetas[bucket])
        )
        assert step == pytest.approx(moved, abs=3e-4, rel=0.02)


def _without(whole: Cells, bucket: int) -> Cells:
    time, exits = whole.time_bucket != bucket, whole.exit_bucket != bucket
    return replace(
        whole, time_cell=whole.time_cell[time], time_bucket=whole.time_bucket[time],
        time_seconds=whole.time_seconds[time], exit_bucket=whole.exit_bucket[exits],
        exit_cause=whole.exit_cause[exits], exit_count=whole.exit_count[exits], exit_cell=whole.exit_cell[exits],
        exit_seconds=whole.exit_seconds[exits],
    )  # fmt: skip


def test_what_few_met_has_no_figure_but_a_reason() -> None:
    few = crowd(np.random.default_rng(5), 300, stalls=1 / 20_000)
    told = stalls(cells(few))["recent"]
    assert told.hazard_ratio is told.low is told.high is None
    assert "too few to say" in told.note or "nobody" in told.note


def test_exits_of_few_users_have_no_figure() -> None:
    people = crowd(np.random.default_rng(5), 3000, users=3)
    told = stalls(cells(people))["recent"]
    assert told.hazard_ratio is None
    assert told.note == "too few to say: exits in 3 groups of users, 5 are needed; against none"


def test_nobody_left_no_hazards() -> None:
    people = crowd(np.random.default_rng(5), 50, scale=1e-9)
    assert hazards(cells(people)) == ()


def test_golden() -> None:
    """Two bins and two states by hand: the ratio of two rates in each bin is 2, so it is 2 over both."""
    made = Cells(
        factors=("stall",), levels=(("none", "recent"),), bins=np.array([0, 0, 1, 1], np.int32),
        design=np.array([[0], [1], [0], [1]], np.int32), time_cell=np.repeat(np.arange(4), 10),
        time_bucket=np.tile(np.arange(10), 4).astype(np.int32),
        time_seconds=np.repeat([100.0, 50.0, 400.0, 200.0], 10), exit_bucket=np.tile(np.arange(10), 4).astype(np.int32),
        exit_cause=np.zeros(40, np.int32), exit_count=np.repeat([10.0, 10.0, 20.0, 20.0], 10),
        exit_cell=np.repeat(np.arange(4), 10)[:, None], exit_seconds=np.zeros((40, 1)),
    )  # fmt: skip
    told = stalls(made)["recent"]
    assert told.hazard_ratio == pytest.approx(2.0, rel=1e-4)
    assert (told.exits, told.person_seconds) == pytest.approx((300.0, 2500.0))
    assert log(told.high / told.hazard_ratio) < 0.01, "each bucket says the same: nothing varies"
    rates = [exp(value) for value in study(made).model.fitted.theta[:2]]
    assert rates == pytest.approx([0.1, 0.05], rel=1e-3)


def by_region(*levels: tuple[str, float, int], at_once: int = 0) -> Cells:
    """Of each region, in the first bin: seconds watched and exits, of ten groups of users each; of the last exits of
    people who did not stay for any time."""
    count = len(levels)
    exits = np.array([float(gone) / 10 for _, _, gone in levels] + [at_once / 10] * bool(at_once))
    place = np.repeat(np.arange(len(exits)), 10)
    seconds = np.array([each for _, each, _ in levels])
    return Cells(
        factors=("region",), levels=((*(name for name, _, _ in levels), *["nowhere"] * bool(at_once)),),
        bins=np.zeros(len(exits), np.int32), design=np.arange(len(exits), dtype=np.int32)[:, None],
        time_cell=np.repeat(np.arange(count), 10), time_bucket=np.tile(np.arange(10), count).astype(np.int32),
        time_seconds=np.repeat(seconds / 10, 10), exit_bucket=np.tile(np.arange(10), len(exits)).astype(np.int32),
        exit_cause=np.zeros(len(place), np.int32), exit_count=exits[place], exit_cell=place[:, None],
        exit_seconds=np.zeros((len(place), 1)),
    )  # fmt: skip


def regions(found: Cells) -> dict[str, Hazard]:
    return {each.level: each for each in hazards(found) if each.factor == "region"}


def test_a_state_is_not_compared_with_one_that_nobody_left() -> None:
    whole = replace(by_region(("none", 50_000.0, 0), ("recent", 5000.0, 100)), factors=("stall",))
    told = stalls(whole)["recent"]
    assert told.hazard_ratio is told.low is told.high is None
    assert told.note == "too few in the reference to say: 0 exits, 10 are needed; against none"


def test_a_commonest_level_that_few_left_gives_way_to_the_one_that_most_left() -> None:
    told = regions(by_region(("a", 50_000.0, 5), ("b", 5000.0, 50), ("c", 5000.0, 100), ("other", 9000.0, 900)))
    assert set(told) == {"a", "b", "other"}
    assert told["b"].hazard_ratio == pytest.approx(0.5, rel=1e-3)
    assert told["a"].note == "too few to say: 5 exits, 10 are needed; against c"


def test_levels_that_few_left_are_compared_with_what_is_left_over() -> None:
    told = regions(by_region(("a", 50.0, 2), ("b", 40.0, 2), ("other", 9000.0, 900), ("unknown", 9000.0, 1000)))
    assert set(told) == {"a", "b", "unknown"}
    assert "against other" in told["a"].note


def test_a_level_without_any_time_spoils_no_other() -> None:
    levels = ("a", 5000.0, 100), ("b", 5000.0, 200)
    told, without = regions(by_region(*levels, at_once=50)), regions(by_region(*levels))
    assert told["nowhere"].hazard_ratio is None
    assert told["nowhere"].note == "too few to say: whoever was in it left at once; against a"
    assert told["nowhere"].exits == 50
    assert told["b"][2:] == pytest.approx(without["b"][2:])


def test_a_level_in_which_nobody_is_known_to_have_stayed_has_no_figure() -> None:
    """All left before their first report, so that nothing bounds how fast."""
    made = by_region(("a", 5000.0, 100), at_once=50)
    told = regions(replace(made, exit_seconds=np.repeat([[0.0], [5.0]], 10, axis=0)))["nowhere"]
    assert told.hazard_ratio is None
    assert told.note == "too few to say: nobody is known to have stayed for any time; against a"


@pytest.mark.parametrize("every", [0.0, 10.0])
def test_of_ways_to_go_that_compete_each_has_its_own_ratios(every: float) -> None:
    """After a stall viewers leave 3 times as fast in all; a third of them fails, of others a twentieth."""
    people, source = audience(), np.random.default_rng(9)
    recent = (people.exit > people.stall) & (people.exit <= people.stall + RECENT)
    failed = source.random(len(recent)) < np.where(recent, 1 / 3, 1 / 20)
    known = reports(every) if every else ()
    found = cells(people, *known, causes=failed.astype(int))
    for cause, true in (("left", TRUE["recent"] * (2 / 3) / 0.95), ("failed", TRUE["recent"] * (1 / 3) / 0.05)):
        told = stalls(of_cause(found, cause))["recent"]
        assert told.low is not None
        assert told.low < true < told.high
    both = [of_cause(found, cause) for cause in ("left", "failed")]
    assert sum(float(each.exit_count.sum()) for each in both) == found.exit_count.sum()
