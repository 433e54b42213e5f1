"""Switchbacks and arms that disturb each other, against generators whose truth is known."""

from __future__ import annotations

import re
from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from qoe_agent.viewers.effects import carry_over, interference, switchback
from qoe_agent.viewers.lift.shapes import Amount, Metric, Shared, Trial
from tests.viewers.effects.blocks import DESIGNS, SESSIONS, WATCH, Design, switched

MEAN = Metric("watch", WATCH)


def of(rows: list[tuple[str, float, str, float, float]], like: Trial) -> Trial:
    """Blocks by what they watched and their sessions."""
    return replace(like, blocks=tuple((*row[:3], np.array(row[3:])) for row in rows))


@pytest.mark.parametrize("drawn", DESIGNS)
@pytest.mark.parametrize(("streams", "blocks"), [(1, 28), (6, 28)])
def test_intervals_hold_the_truth(drawn: str, streams: int, blocks: int) -> None:
    design, held = Design(streams, blocks, drawn), []
    for draw in range(60):
        told = switchback(switched(np.random.default_rng([draw, 3]), design), MEAN, "sd", "hd")
        held += [told.low <= design.lift <= told.high] if told.low is not None else []
    assert len(held) > 40
    assert np.mean(held) > 0.87


def test_streams_of_different_levels_are_compared_within() -> None:
    """One stream is watched ten times as long, and has the treatment more often."""
    design, rows = Design(1, 8), []
    for stream, level, arms in (("a", 100.0, "hhhs" * 6), ("b", 1000.0, "sssh" * 6)):
        for at, arm in enumerate(arms):
            more = 1.2 if arm == "h" else 1.0
            amount = 50.0 * level * more * (1.0 + 0.01 * np.sin(7.0 * at))
            rows.append((stream, float(at), {"h": "hd", "s": "sd"}[arm], amount, 50.0))
    told = switchback(of(rows, switched(np.random.default_rng(1), design)), MEAN, "sd", "hd")
    assert told.lift == pytest.approx(0.2, abs=0.02)
    assert told.mean["hd"] < told.mean["sd"], "taken together it looks the other way round"
    assert (told.unit, told.method, told.n) == ("block", "blocks", {"sd": 24, "hd": 24})


def test_sessions_are_counted_by_block() -> None:
    trial = switched(np.random.default_rng(3), Design(6, 28))
    told = switchback(trial, Metric("sessions", SESSIONS), "sd", "hd")
    by_arm = {arm: np.mean([sums[1] for _, _, of, sums in trial.blocks if of == arm]) for arm in ("sd", "hd")}
    assert told.mean == pytest.approx(by_arm)
    assert told.low < 0.0 < told.high
    assert told.high - told.low > 0.01


def test_few_blocks_tell_little() -> None:
    wide, narrow = (switchback(switched(np.random.default_rng(2), Design(streams, 28)), MEAN, "sd", "hd")
                    for streams in (1, 30))  # fmt: skip
    assert wide.minimum_detectable_effect > 3 * narrow.minimum_detectable_effect
    nothing = switchback(switched(np.random.default_rng(2), Design(1, 6)), MEAN, "sd", "hd")
    assert (nothing.lift, nothing.low, nothing.p) == (None, None, None)
    assert "needs 4 blocks" in nothing.note


def test_an_arm_that_no_stream_shares_with_the_other_tells_nothing() -> None:
    rows = [(stream, float(at), arm, 900.0 + at, 9.0) for stream, arm in (("a", "sd"), ("b", "hd")) for at in range(9)]
    told = switchback(of(rows, switched(np.random.default_rng(1), Design(1, 8))), MEAN, "sd", "hd")
    assert told.lift is None
    assert "no stream" in told.note


def test_noise_that_lasts_costs_alternating_arms_nothing() -> None:
    """What lasts for blocks is in both arms alike, and the interval knows it."""
    reach = {}
    for drawn in DESIGNS[:2]:
        trials = [switched(np.random.default_rng([4, draw]), Design(8, 28, drawn, lasting=0.9)) for draw in range(20)]
        found = [switchback(each, MEAN, "sd", "hd") for each in trials]
        reach[drawn] = np.median([each.minimum_detectable_effect for each in found])
    assert reach["alternating"] < 0.75 * reach["drawn block by block"]


def test_a_covariate_of_blocks_takes_its_share_of_noise() -> None:
    before = Amount("past", before=True)
    source = np.random.default_rng(5)
    trial = switched(source, Design(6, 28, lasting=0.0))
    moods = {}
    rows = []
    for stream, began, arm, sums in trial.blocks:
        rate = sums[0] / sums[1] / (1.05 if arm == "hd" else 1.0)
        moods[stream, began] = log(rate) + source.normal(0.0, 0.1)
        rows.append((stream, began, arm, np.append(sums, moods[stream, began])))
    arms = {arm: replace(each, amounts=(*each.amounts, before)) for arm, each in trial.arms.items()}
    more = replace(trial, arms=arms, blocks=tuple(rows))
    plain, less = (switchback(more, MEAN, "sd", "hd", pre=pre) for pre in ((), (before,)))
    assert less.minimum_detectable_effect < 0.6 * plain.minimum_detectable_effect
    assert less.low < 0.05 < less.high


def test_a_share_of_sessions_is_told_in_points() -> None:
    longer = Metric("longer_than_30s", Amount("watch", above=30.0), SESSIONS)
    trial = switched(np.random.default_rng(6), Design(6, 28))
    source = np.random.default_rng(7)
    rows = [(stream, began, arm, np.array([source.binomial(int(sums[1]), 0.76 if arm == "hd" else 0.7), sums[1]]))
            for stream, began, arm, sums in trial.blocks]  # fmt: skip
    arms = {arm: replace(each, amounts=(longer.of, SESSIONS)) for arm, each in trial.arms.items()}
    told = switchback(replace(trial, arms=arms, blocks=tuple(rows)), longer, "sd", "hd")
    assert told.scale == "points"
    assert told.low < 0.06 < told.high
    assert told.high - told.low < 0.03


def test_what_lasts_beyond_a_change_of_arm_is_noticed() -> None:
    states = {}
    for carried in (0.0, 0.6):
        design = Design(20, 56, lift=0.5, lasting=0.0, noise=0.1, carried=carried)
        found = [carry_over(switched(np.random.default_rng([8, draw]), design), MEAN, "sd", "hd") for draw in range(20)]
        states[carried] = sum(each.state == "notice" for each in found)
        assert not any(each.blocks for each in found)
    assert states[0.0] <= 4
    assert states[0.6] >= 18


def test_alternating_arms_cannot_show_what_lasts() -> None:
    trial = switched(np.random.default_rng(9), Design(6, 28, DESIGNS[1]))
    assert carry_over(trial, MEAN, "sd", "hd").state == "not possible"


def shared(seed: int, effect: float, spread: float, moments: int = 240) -> list[Shared]:
    """Moments of five streams where all watch exp(effect x share of hd) times as long."""
    source = np.random.default_rng(seed)
    found = []
    for number in range(moments):
        hd = source.binomial(60, np.clip(0.5 + spread * source.normal(), 0.02, 0.98))
        level = 300.0 * exp(0.4 * (number % 5) + 0.3 * source.normal() + effect * hd / 60)
        sessions = {"sd": 60 - hd, "hd": hd}
        watched = {arm: level * source.gamma(max(each, 0.1) / 7.7, 7.7) for arm, each in sessions.items()}
        found.append(Shared(f"s{number % 5}", 3600.0 * (number // 5), sessions, watched))
    return found


def test_arms_that_take_from_each_other_are_noticed() -> None:
    states = {effect: [interference(shared(seed, effect, 0.3), "sd", "hd").state for seed in range(20)]
              for effect in (0.0, -0.8)}  # fmt: skip
    assert states[0.0].count("notice") <= 4
    assert states[-0.8].count("notice") >= 18


def test_a_lift_is_no_interference() -> None:
    """Of who watches beside whom nothing depends, only of the own arm."""
    moments = shared(3, 0.0, 0.3)
    lifted = [each._replace(watched={**each.watched, "hd": 1.5 * each.watched["hd"]}) for each in moments]
    assert interference(lifted, "sd", "hd").p == pytest.approx(interference(moments, "sd", "hd").p, abs=0.01)


def test_shares_that_are_alike_everywhere_tell_nothing() -> None:
    told = interference(shared(4, 0.0, 0.0), "sd", "hd")
    assert (told.state, told.blocks) == ("not possible", False)
    assert "switchback" in told.text
    even = [each._replace(sessions={"sd": 30, "hd": 30}) for each in shared(4, 0.0, 0.0)]
    assert interference(even, "sd", "hd").state == "not possible"
    assert interference(shared(4, 0.0, 0.3)[:9], "sd", "hd").state == "not possible"
    assert interference((), "sd", "hd").state == "not possible"


def test_what_would_be_watched_is_told_in_words() -> None:
    text = interference(shared(4, 0.0, 0.3), "sd", "hd").text
    assert re.search(r"both arms would watch \d+\.\d % shorter to \d+\.\d % longer", text), text
    told = carry_over(switched(np.random.default_rng(8), Design(4, 28)), MEAN, "sd", "hd").text
    assert re.search(r"show \d+\.\d % (less|more) to \d+\.\d % (less|more) of the effect", told), told
