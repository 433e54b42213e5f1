"""Whether figures may be trusted: covariates of before, strata, ties, tails, and looks beyond a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from qoe_agent.viewers.effects import (
    block_balance,
    carry_over,
    compare,
    covariate_balance,
    decides,
    lacking,
    rank,
    skewness,
    strata_balance,
    switchback,
)
from qoe_agent.viewers.lift.shapes import Amount, Moments, Trial
from tests.viewers.effects.blocks import DESIGNS, switched
from tests.viewers.effects.blocks import Design as Blocks
from tests.viewers.effects.counted import MEAN, WATCH, binned, moments, watched

LIKED, AGE = Amount("liked", before=True), Amount("age", before=True)
ARMS = ("sd", "hd", "uhd")


def users(seed: int, shift: float = 0.0) -> Moments:
    source = np.random.default_rng(seed)
    return moments({WATCH: source.exponential(600.0, 4000), LIKED: source.normal(100.0 + shift, 20.0, 4000),
                    AGE: source.normal(40.0, 9.0, 4000)})  # fmt: skip


Counts = dict[tuple[str, ...], Mapping[str, Moments]]


def of(*units: int) -> dict[str, Moments]:
    none = Moments((), 0, np.zeros(0), np.zeros((0, 0)))
    return {arm: replace(none, units=each) for arm, each in zip(ARMS, units, strict=False)}


def test_a_covariate_that_differs_was_not_measured_before() -> None:
    arms = {"sd": users(1), "hd": users(5), "uhd": users(3, 10.0)}
    alike = covariate_balance((LIKED, AGE), "sd", ("hd",), arms)
    assert (alike.name, alike.state, alike.blocks) == ("covariate_balance", "passed", False)
    found = covariate_balance((LIKED, AGE), "sd", ("hd", "uhd"), arms)
    assert (found.state, found.blocks) == ("failed", True)
    assert found.text.startswith("--pre liked differs between the arms (uhd 109.9, sd 99.69, p = ")
    assert found.text.endswith(": it was not measured before assignment, or assignment was not by chance")
    assert covariate_balance((AGE,), "sd", ("uhd",), arms).state == "passed"
    assert covariate_balance((AGE,), "sd", ("none",), arms).state == "not possible"


def test_a_covariates_p_is_of_the_z_test_adjusted_for_how_many() -> None:
    source = np.random.default_rng(4)
    values = {arm: source.normal(100.0 + more, 20.0, 4000) for arm, more in (("sd", 0.0), ("hd", 0.6))}
    arms = {arm: moments({WATCH: each, LIKED: each, AGE: each[::-1]}) for arm, each in values.items()}
    one = covariate_balance((LIKED,), "sd", ("hd",), arms)
    both = [each.mean() for each in values.values()], sum(each.var(ddof=1) / 4000 for each in values.values())
    assert one.p == pytest.approx(2 * stats.norm.sf(abs(both[0][1] - both[0][0]) / both[1] ** 0.5))
    assert covariate_balance((LIKED, AGE), "sd", ("hd",), arms).p == pytest.approx(2.0 * (one.p or 0.0))
    assert one.state == "notice"


@pytest.mark.parametrize("drawn", DESIGNS)
def test_of_blocks_a_covariate_of_afterwards_is_found_within_streams(drawn: str) -> None:
    source = np.random.default_rng(9)
    trial = switched(source, Blocks(8, 60, drawn, lift=0.3, noise=0.1))
    amounts = (*trial.arms["sd"].amounts, LIKED, AGE)
    none = Moments(amounts, 1, np.zeros(4), np.zeros((4, 4)))
    level = {name: source.normal(100.0, 40.0) for name, *_ in trial.blocks}
    blocks = [(name, at, arm, np.array([*sums, sums[0] / sums[1], source.normal(level[name], 5.0)]))
              for name, at, arm, sums in trial.blocks]  # fmt: skip
    trial = replace(trial, arms={"sd": none, "hd": none}, blocks=tuple(blocks))
    alike = block_balance(trial, MEAN, (AGE,), "sd", ("hd",))
    assert alike.state in ("passed", "notice")
    found = block_balance(trial, MEAN, (LIKED, AGE), "sd", ("hd",))
    assert (found.state, found.blocks) == ("failed", True)
    assert found.text.startswith("--pre liked differs between the arms (hd ")
    few = replace(trial, blocks=trial.blocks[:3])
    assert block_balance(few, MEAN, (AGE,), "sd", ("hd",)).state == "not possible"


def test_strata_that_differ_between_arms_block_and_segments_are_told() -> None:
    even: Counts = {("de",): of(500, 510), ("fr",): of(300, 290)}
    odd: Counts = {("old",): of(400, 600), ("new",): of(400, 200)}
    found = strata_balance(("country",), ("sd", "hd"), {("country",): even})
    assert (found.name, found.state) == ("strata_balance", "passed")
    assert found.p == pytest.approx(stats.chi2_contingency([[500, 510], [300, 290]], correction=False).pvalue)
    segment = strata_balance(("country",), ("sd", "hd"), {("country",): even, ("version",): odd})
    assert (segment.state, segment.blocks) == ("failed", False)
    assert segment.text.startswith("version differs between the arms")
    assert strata_balance(("version",), ("sd", "hd"), {("version",): odd}).blocks
    assert strata_balance((), ("sd", "hd"), {("rare",): {("a",): of(9, 9), ("b",): of(1, 0)}}).state == "not possible"


def test_values_with_few_units_count_together() -> None:
    rare: Counts = {(f"v{each}",): of(2, 0) for each in range(30)}
    assert strata_balance((), ("sd", "hd"), {("v",): {("all",): of(500, 560), **rare}}).state == "failed"


def test_shifts_within_a_bin_are_said_not_to_show() -> None:
    source = np.random.default_rng(5)
    near = {"sd": binned(source.uniform(585.0, 595.0, 500)), "hd": binned(source.uniform(597.0, 607.0, 500))}
    told = rank("watch", "sd", "hd", near)
    assert told.note.startswith("100 % of pairs are ties")
    far = {arm: binned(source.lognormal(5.0, 2.0, 500)) for arm in ("sd", "hd")}
    assert rank("watch", "sd", "hd", far).note == ""


def test_beyond_the_plan_the_band_decides_again() -> None:
    assert [decides(units, 1000) for units in (999, 1000, 1050, 1051, 5000)] == [True, False, False, True, True]
    source = np.random.default_rng(6)
    arms = {"sd": watched(source.exponential(600.0, 4000)), "hd": watched(source.exponential(600.0, 4000))}
    at, beyond = (compare(MEAN, "sd", "hd", arms, planned=each) for each in (8000, 6000))
    assert (beyond.minimum_detectable_effect or 0.0) > 1.3 * (at.minimum_detectable_effect or 1.0)


def test_going_on_after_the_plan_finds_nothing_that_is_not_there() -> None:
    """Of Gaussian walks looked at 200 times from the planned end on, to ten times as many."""
    from qoe_agent.viewers.effects.sequential import widening

    source = np.random.default_rng(7)
    at = np.linspace(1000.0, 10_000.0, 200)
    steps = np.sqrt(np.diff(at, prepend=0.0))
    walks = np.abs((source.normal(size=(2000, 200)) * steps).cumsum(axis=1)) / np.sqrt(at)
    wide = np.array([widening(each, 1000.0, 0.05) if decides(each, 1000.0) else 1.96 for each in at])
    assert (walks > 1.96).any(axis=1).mean() > 0.25
    assert (walks > wide).any(axis=1).mean() < 0.08


def test_skewed_amounts_need_more_units() -> None:
    seconds = np.random.default_rng(8).lognormal(6.0, 1.0, 20_000)
    for cap in (None, 3600.0):
        values = seconds if cap is None else np.minimum(seconds, cap)
        assert skewness(binned(seconds), cap) == pytest.approx(stats.skew(values), rel=0.02)
    assert skewness(binned(np.full(9, 600.0))) is None
    assert (lacking(50, 0.1), lacking(200, None), lacking(1000, 2.0), lacking(1420, 2.0)) == (200, None, 1420, None)


@pytest.mark.filterwarnings("error")
def test_blocks_of_no_use_bring_no_warning() -> None:
    arms = {arm: watched(np.array([1.0, 2.0])) for arm in ("sd", "hd")}
    for blocks in ((), (("a", 0.0, "other", np.ones(1)),), (("a", 0.0, "hd", np.ones(1)),)):
        trial = Trial("block", arms, {}, {}, {}, {}, {}, {}, blocks=blocks)
        assert switchback(trial, MEAN, "sd", "hd").lift is None
        assert carry_over(trial, MEAN, "sd", "hd").state == "not possible"
