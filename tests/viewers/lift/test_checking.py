"""Whether the picture differed as it was to, and what it did to those who got it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qoe_agent.viewers.lift.checking import (
    cap,
    complied,
    delivered_contrast,
    indistinct,
    one_arm_a_block,
    one_arm_a_user,
    planned_users,
)
from qoe_agent.viewers.lift.curves import retention, tail
from qoe_agent.viewers.lift.shapes import LENGTHS, Amount, Design, Dose, Estimate, Moments, Shared, Trial
from tests.viewers.effects.counted import binned, watched


def dose(arm: str, mean: float | None, hd: float | None = None, measure: str = "height", source: str = "told",
         half: float = 2.0) -> Dose:  # fmt: skip
    low, high = (None, None) if mean is None else (mean - half, mean + half)
    return Dose(arm, measure, source, mean, low, high, hd)  # type: ignore[arg-type]


def test_pictures_that_differ_pass() -> None:
    found = delivered_contrast((dose("sd", 480, 0.02), dose("hd", 930, 0.81)), "sd", "hd")
    assert found.state == "passed"
    assert found.text.startswith(
        "hd 930 lines, sd 480 lines, at 720 lines and more 81 % and 2 % of the time watched, as"
    )


def test_the_same_picture_in_both_arms_blocks_the_verdict() -> None:
    found = delivered_contrast((dose("sd", 716, 0.95), dose("hd", 720, 0.97)), "sd", "hd")
    assert (found.state, found.blocks) == ("failed", True)
    assert found.text.startswith("hd was delivered the same picture as sd (")
    assert "never happened" in found.text


def test_what_was_measured_counts_and_not_what_players_told() -> None:
    told = dose("sd", 480, 0.0), dose("hd", 1080, 1.0)
    seen = [dose(arm, 470, 0.0, "effective_height", "measured") for arm in ("sd", "hd")]
    assert delivered_contrast((*told, *seen), "sd", "hd").state == "failed"
    sharper = [dose("sd", 3.1, measure="mos", source="measured", half=0.05),
               dose("hd", 3.9, measure="mos", source="measured", half=0.05)]  # fmt: skip
    assert delivered_contrast((*seen, *sharper), "sd", "hd").state == "passed", "the picture was better all the same"
    half_known = (*told, seen[0], dose("hd", None, measure="effective_height", source="measured"))
    assert delivered_contrast(half_known, "sd", "hd").state == "passed"


def lines(arm: str, coded: float, detail: float, score: float, half: float = 2.0) -> list[Dose]:
    return [dose(arm, coded, measure="height", source="measured"),
            dose(arm, detail, measure="effective_height", source="measured", half=half),
            dose(arm, score, measure="mos", source="measured", half=0.01)]  # fmt: skip


def test_an_hd_arm_that_was_scaled_up_blocks_the_verdict() -> None:
    """As measured over nginx-rtmp: camera pictures of 360 lines, the same scaled up to 720, and 720 lines."""
    small = lines("sd", 360, 311, 2.89)
    found = delivered_contrast((*small, *lines("hd", 720, 360, 4.34)), "sd", "hd")
    assert (found.state, found.blocks) == ("failed", True)
    assert found.text.startswith(
        "hd was delivered 720 lines, of which the agent found 360 to carry detail, against 360 and 311 of sd"
    )
    back = delivered_contrast((*small, *lines("hd", 720, 360, 4.34)), "hd", "sd")
    assert back.state == "failed", "also where HD is the control"
    assert back.text.startswith("hd was delivered 720 lines")


def test_more_lines_with_their_detail_pass() -> None:
    assert delivered_contrast((*lines("sd", 360, 308, 2.9), *lines("hd", 720, 540, 4.29)), "sd", "hd").state == "passed"
    narrow = (*lines("480p", 480, 390, 3.1), *lines("540p", 540, 432, 3.4))
    assert delivered_contrast(narrow, "480p", "540p").state == "passed"
    unsure = (*lines("sd", 360, 311, 2.9, half=80), *lines("hd", 720, 360, 4.3, half=80))
    assert delivered_contrast(unsure, "sd", "hd").state == "passed", "what is that uncertain accuses nobody"


def test_soft_pictures_are_no_scaled_up_ones() -> None:
    """As measured over nginx-rtmp: an animated film, which needs 432 of 720 lines; a night scene needs 240 of any."""
    small = lines("sd", 360, 357, 2.84)
    found = delivered_contrast((*small, *lines("hd", 720, 432, 4.56)), "sd", "hd")
    assert (found.state, found.blocks) == ("notice", False), "360 lines could not carry that"
    assert "of which the agent found 432 to carry detail, against 360 and 357 of sd: less of a contrast" in found.text
    assert delivered_contrast((*small, *lines("hd", 720, 360, 4.75)), "sd", "hd").state == "failed"
    dark = delivered_contrast((*lines("sd", 360, 240, 2.9), *lines("hd", 720, 240, 4.3)), "sd", "hd")
    assert (dark.state, dark.blocks) == ("notice", False)
    assert "too soft, in either arm" in dark.text


def test_scaled_up_pictures_of_arms_that_were_about_coding_are_only_told() -> None:
    found = delivered_contrast((*lines("x264", 360, 311, 2.9), *lines("x265", 720, 360, 4.3)), "x264", "x265")
    assert (found.state, found.blocks) == ("notice", False)


def test_arms_that_were_not_about_the_picture_are_only_told() -> None:
    found = delivered_contrast((dose("old-player", 716), dose("new-player", 718)), "old-player", "new-player")
    assert (found.state, found.blocks) == ("notice", False)


def test_too_little_known_of_the_picture_is_no_failure() -> None:
    assert delivered_contrast((), "sd", "hd").state == "not possible"
    assert delivered_contrast((dose("sd", 700), dose("hd", None)), "sd", "hd").state == "not possible"
    unsure = delivered_contrast((dose("sd", 600, half=200), dose("hd", 640, half=200)), "sd", "hd")
    assert unsure.state == "notice"
    assert "too little is known" in unsure.text


def test_what_is_measured_of_streams_that_both_watch_cannot_tell_arms_apart() -> None:
    trial = Trial("user", {}, {}, {}, {}, {}, {}, {})
    both = Shared("show", 0.0, {"sd": 5, "hd": 5}, {"sd": 500.0, "hd": 500.0})
    alone = Shared("show-hd", 0.0, {"hd": 9}, {"hd": 900.0})
    assert not indistinct(trial, "sd", "hd")
    assert indistinct(replace(trial, shared=(both,)), "sd", "hd")
    assert not indistinct(replace(trial, shared=(both, alone)), "sd", "hd")


def test_a_cap_that_cuts_nearly_all_sessions_leaves_nothing_to_compare() -> None:
    """As where lengths are in milliseconds."""
    seconds = np.array([300_000.0] * 95 + [5_000.0] * 5)
    lengths = {"sd": binned(seconds), "hd": binned(1.1 * seconds)}
    trial = Trial("user", {}, {}, {}, {}, lengths, {arm: each.astype(float) for arm, each in lengths.items()}, {})
    found = cap(trial, Design("sd", ("hd",)))
    assert found is not None
    assert (found.state, found.blocks) == ("failed", True)
    assert found.text.startswith("95 % of sessions are longer than 9000 s, and all of these count as 9000 s: are")
    for fine in (Design("sd", ("hd",), caps=(1e6,)), Design("sd", ("hd",), caps=(None,)),
                 Design("sd", ("hd",), cap_unit="user")):  # fmt: skip
        assert cap(trial, fine) is None


@pytest.mark.parametrize(
    ("planned", "always", "state", "told"),
    [(100, False, "passed", "100 of 100"), (98, False, "notice", "100 of 98 planned users are in: more than"),
     (80, True, "notice", "100 of 80 planned users are in: the always-valid interval decides"),
     (400, False, "failed", "100 of 400 planned users are in: looks before the end need --time COLUMN"),
     (400, True, "passed", "100 of 400 planned users are in: the always-valid interval decides")],
)  # fmt: skip
def test_looks_before_and_after_the_planned_end(planned: int, always: bool, state: str, told: str) -> None:
    arms = {arm: Moments((), 50, np.zeros(0), np.zeros((0, 0))) for arm in ("sd", "hd")}
    found = planned_users(Trial("user", arms, {}, {}, {}, {}, {}, {}), planned, always)
    assert (found.state, found.blocks) == (state, True)
    assert found.text.startswith(told)


@pytest.mark.parametrize(("mixed", "state"), [(0, "passed"), (9, "notice"), (12, "failed")])
def test_blocks_with_several_arms(mixed: int, state: str) -> None:
    trial = Trial("block", {}, {"sd": 50, "hd": 50 - mixed}, {}, {}, {}, {}, {}, several=mixed)
    assert one_arm_a_block(trial).state == state


@pytest.mark.parametrize(("several", "state"), [(0, "passed"), (5, "notice"), (400, "failed")])
def test_users_in_several_arms(several: int, state: str) -> None:
    trial = Trial("user", {}, {"sd": 5000, "hd": 5000}, {}, {}, {}, {}, {}, several=several)
    found = one_arm_a_user(trial)
    assert (found.state, found.blocks) == (state, state == "failed")
    assert one_arm_a_user(replace(trial, unit="session")).state == "not possible"


def test_the_effect_of_what_was_delivered_is_recovered() -> None:
    source = np.random.default_rng(3)
    inside, estimates = 0, []
    for _ in range(200):
        users = 4000
        wants = source.random((2, users)) < np.array([[0.1], [0.6]])
        watch = source.exponential(600.0, (2, users)) * (1.0 + 0.4 * wants)
        moments = [watched(each) for each in watch]
        hd = [float((each * got).sum() / each.sum()) for each, got in zip(watch, wants, strict=True)]
        means = watch.mean(axis=1)
        error = (sum(each.var() / users / each.mean() ** 2 for each in watch)) ** 0.5
        theta = np.log(means[1] / means[0])
        low, high = np.expm1(theta - 1.96 * error), np.expm1(theta + 1.96 * error)
        one = Estimate("watch", "sd", "hd", float(np.expm1(theta)), float(low), float(high), 0.01, {}, {})
        doses = (dose("sd", 500, hd[0]), dose("hd", 800, hd[1]))
        found = complied(one, doses, moments, 0.05)
        assert found is not None
        estimates.append(found.lift)
        # of time watched: 0.1347 and 0.6774 in the mean; ITT 1.24 / 1.04 - 1
        inside += found.low <= (1.24 / 1.04 - 1.0) / (0.6774 - 0.1347) <= found.high  # type: ignore[operator]
    assert inside >= 180
    assert np.mean(estimates) == pytest.approx(0.3544, abs=0.01)


def test_nothing_is_divided_by_a_difference_that_may_be_none() -> None:
    moments = Moments((Amount("watch"),), 100, np.array([100.0]), np.array([[300.0]]))
    one = Estimate("watch", "sd", "hd", 0.1, 0.0, 0.2, 0.05, {}, {})
    assert complied(one, (dose("sd", 500, 0.5), dose("hd", 520, 0.53)), (moments, moments), 0.05) is None
    assert complied(one, (dose("sd", 500, 0.4), dose("hd", 520, 0.6)), (moments, moments), 0.05) is None, "too few"
    assert complied(one, (), (moments, moments), 0.05) is None
    assert complied(one, (dose("sd", 500, 0.0), dose("hd", 1080, 1.0 + 1e-15)), (moments, moments), 0.05) is None, "all"


def test_curves_tell_who_is_left_and_what_the_longest_hold() -> None:
    seconds = np.array([10.0] * 50 + [1000.0] * 40 + [20_000.0] * 10)
    place = np.searchsorted(LENGTHS, seconds, side="right")
    lengths = {"sd": binned(seconds)}
    sums = {"sd": np.bincount(place, seconds, len(LENGTHS) + 1)}
    (curve,) = retention(lengths).values()
    left = dict(curve)
    assert curve[0] == (0.0, 1.0)
    assert left[8.0] == 1.0
    assert left[64.0] == pytest.approx(0.5)
    assert left[8192.0] == pytest.approx(0.1)
    assert curve[-1] == (pytest.approx(20_346.6, abs=0.1), pytest.approx(0.0))
    assert tail(lengths, sums, 9000.0)["sd"] == pytest.approx((0.1, 200_000 / 240_500))
    assert tail(lengths, sums, 1e9)["sd"] == (0.0, 0.0)
    even = np.exp(np.linspace(np.log(8000.0), np.log(10_000.0), 100_001))
    share = np.log(10_000 / 9000) / np.log(10_000 / 8000)
    assert tail({"x": binned(even)}, {"x": binned(even).astype(float)}, 9000.0)["x"][0] == pytest.approx(
        share, abs=0.001
    )
