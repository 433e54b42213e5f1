"""A real experiment with known figures: Puffer's live television (Yan et al., "Learning in situ", NSDI 2020)."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.viewers.effects import compare, needed, rank, sample_ratio, supposed, variation
from qoe_agent.viewers.lift.shapes import HOUR, LONG
from qoe_agent.viewers.lift.verdicts import Grounds, verdict
from tests.accuracy import lift
from tests.viewers.effects.counted import FILES, MEAN, NEEDS_PUFFER, binned, puffer, watched

pytestmark = NEEDS_PUFFER


@pytest.mark.parametrize(
    ("control", "lift", "low", "high"), [("bba", 4.675, 0.90, 8.59), ("mpc", 9.091, 5.14, 13.19)], ids=["bba", "mpc"]
)
def test_fugu_is_watched_longer(control: str, lift: float, low: float, high: float) -> None:
    told = compare(MEAN, control, "fugu", {arm: watched(puffer(arm)) for arm in FILES}, unit="session")
    assert 100 * told.lift == pytest.approx(lift, abs=0.001)
    assert [100 * told.low, 100 * told.high] == pytest.approx([low, high], abs=0.01)
    assert told.n == {control: len(puffer(control)), "fugu": 46249}


def test_the_first_lift_is_barely_significant() -> None:
    told = compare(MEAN, "bba", "fugu", {arm: watched(puffer(arm)) for arm in FILES})
    assert told.p == pytest.approx(0.0147, abs=5e-5)


def test_without_the_tail_it_is_not_longer_than_bba() -> None:
    arms = {arm: watched(puffer(arm), LONG) for arm in FILES}
    found = {control: compare(MEAN, control, "fugu", arms, cap=LONG) for control in ("bba", "mpc")}
    told = {name: [100 * each.lift, 50 * (each.high - each.low)] for name, each in found.items()}
    assert told == {"bba": pytest.approx([-0.6, 2.3], abs=0.05), "mpc": pytest.approx([3.4, 2.4], abs=0.06)}
    assert found["bba"].p > 0.6
    assert found["mpc"].p < 0.01


def test_shipped_arms_are_noticed_and_published_counts_block() -> None:
    counts = {arm: len(puffer(arm)) for arm in FILES}
    pairs = [{arm: counts[arm] for arm in pair} for pair in (("fugu", "bba"), ("fugu", "mpc"), tuple(FILES))]
    checks = [sample_ratio(pair) for pair in pairs]
    assert [check.p for check in checks] == pytest.approx([0.034, 0.013, 0.027], abs=5e-4)
    assert {check.state for check in checks} == {"notice"}
    published = sample_ratio(dict(zip("abcde", (46249, 45606, 45494, 43950, 44966), strict=True)))
    assert (published.state, published.blocks, published.passed) == ("failed", True, False)
    assert published.p == pytest.approx(2e-13, rel=0.2)


def test_few_sessions_can_never_show_a_small_effect() -> None:
    source = np.random.default_rng(51)
    for _ in range(200):
        arms = {arm: watched(source.choice(puffer(arm), 2000), LONG, HOUR) for arm in ("fugu", "bba")}
        found = [compare(MEAN, "bba", "fugu", arms, cap=cap) for cap in (None, LONG, HOUR)]
        assert min(each.minimum_detectable_effect for each in found) > 0.05
        codes, texts = zip(*(verdict(Grounds(each)) for each in found), strict=True)
        assert set(codes) == {"underpowered"}
        assert not any("no effect" in text.lower() for text in texts)


def test_ranks_know_nothing_of_the_tail() -> None:
    told = rank("watch", "bba", "fugu", {arm: binned(puffer(arm)) for arm in ("fugu", "bba")})
    assert told.low < 0.0 < told.high
    assert told.high - told.low < 0.01


def test_what_stands_in_for_past_sessions_varies_as_they_do() -> None:
    whole = np.concatenate([puffer(arm) for arm in FILES])
    for cap in (None, LONG, HOUR):
        there = variation(MEAN, watched(whole, LONG, HOUR), cap=cap)
        assert there == pytest.approx((whole if cap is None else np.minimum(whole, cap)).std() / (
            whole if cap is None else np.minimum(whole, cap)).mean(), rel=1e-4)  # fmt: skip
        assert supposed(cap) == pytest.approx(there, rel=0.04)


def test_a_tenth_longer_needs_twelve_thousand_six_hundred_an_arm() -> None:
    found = variation(MEAN, watched(puffer("mpc")))
    assert needed(found, 0.103) == pytest.approx(12_600, rel=0.01)
    assert needed(found, 0.103, always_valid=True) / needed(found, 0.103) == pytest.approx(2.0, abs=0.1)


def test_intervals_hold_the_truth_and_bands_at_every_look() -> None:
    """`python -m tests.accuracy.lift` draws more often; four Monte-Carlo errors are granted here."""
    draws = 300
    found = lift.drawn(draws, lift.whole(), lift.whole(), lift.LIFT)
    for cap, each in found.items():
        z = (each.theta - lift.true(lift.whole(), lift.whole(), lift.LIFT, cap)) / each.error
        assert np.mean(np.abs(z[:, -1]) < lift.ONE_LOOK) == pytest.approx(0.95, abs=0.05)
        assert np.mean((np.abs(z) > lift.band(lift.USERS)).any(axis=1)) < 0.05
        assert np.mean((np.abs(z) > lift.ONE_LOOK).any(axis=1)) > 0.2
