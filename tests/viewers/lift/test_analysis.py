"""Experiments from files to verdicts, against what is known to be true of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="needs the extra viewers")

from qoe_agent.viewers.lift import Columns, Design, Unusable, metrics
from tests.viewers.effects.counted import FILES, NEEDS_PUFFER, puffer
from tests.viewers.lift.analyses import COLUMNS, DESIGN, USERS, analysed, check, estimate
from tests.viewers.lift.experiments import experiment, written

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift import Lift


def test_a_true_lift_is_found_and_said(plain: Lift) -> None:
    found = plain
    assert found.code == "better"
    one = found.estimates[0]
    assert (one.metric, one.cap, one.treatment, one.unit) == ("watch", 9000.0, "hd", "user")
    assert one.low < 0.25 < one.high
    assert found.text.startswith(f"hd arm watched {100 * one.lift:.1f} % longer than sd, 95 % interval ")
    assert {check(found, name).state for name in ("sample_ratio", "one_arm_a_user")} == {"passed"}
    assert check(found, "delivered_contrast").state == "not possible"
    assert [each.cap for each in found.estimates[:3]] == [9000.0, None, 3600.0]
    assert estimate(found, "watch_per_session", 9000.0).low < 0.25 < estimate(found, "watch_per_session", 9000.0).high
    assert estimate(found, "sessions").low < 0.0 < estimate(found, "sessions").high
    assert estimate(found, "rank").lift > 0.0
    assert estimate(found, "longer_than_180s").scale == "points"
    assert 0.004 < estimate(found, "stall_ratio").mean["sd"] < 0.006
    assert 0.9 < estimate(found, "orders_per_hour").mean["sd"] < 1.1
    assert found.retention["hd"][0] == (0.0, 1.0)
    assert all(each.p_adjusted is not None for each in found.estimates if each.p is not None)


def test_equal_arms_are_equal(tmp_path: Path) -> None:
    found = analysed(written(tmp_path / "same.csv", experiment(USERS, {"sd": 0.0, "hd": 0.0})))
    assert found.code == "equivalent"
    assert found.estimates[0].low < 0.0 < found.estimates[0].high


def test_arms_of_the_wrong_size_get_no_verdict(tmp_path: Path) -> None:
    made = experiment(3000, {"sd": 0.0, "hd": 0.5})
    kept = [place for place, name in enumerate(made["arm"]) if name == "sd" or int(made["user"][place][1:]) % 5]
    path = written(tmp_path / "lost.csv", {name: [values[place] for place in kept] for name, values in made.items()})
    found = analysed(path)
    assert (found.code, check(found, "sample_ratio").passed) == ("blocked", False)
    assert found.text.startswith("No verdict: arms are not of the sizes that they were to have: ")
    assert "longer" not in found.text
    uneven = {"sd": 0.58, "hd": 0.42}
    assert check(analysed(path, replace(DESIGN, allocation=uneven)), "sample_ratio").state == "passed"


def test_arms_drawn_for_each_session_get_no_verdict(tmp_path: Path) -> None:
    made = experiment(2000, {"sd": 0.0, "hd": 0.0})
    source = np.random.default_rng(2)
    found = analysed(written(tmp_path / "mixed.csv", made | {"arm": source.choice(["sd", "hd"], len(made["arm"]))}))
    assert found.code == "blocked"
    assert check(found, "one_arm_a_user").state == "failed"
    assert "arms were not given to users" in found.text


def test_without_users_it_is_said_that_intervals_are_too_narrow(longer: Path, plain: Lift) -> None:
    found = analysed(longer, columns=replace(COLUMNS, user=None))
    assert found.design["unit"] == "session"
    assert "too narrow" in found.notes[0]
    by_user = plain.estimates[0]
    one = found.estimates[0]
    assert one.high - one.low < by_user.high - by_user.low


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = experiment(9000, {"sd": 0.0, "hd": 0.0, "uhd": 0.25})
    return written(tmp_path_factory.mktemp("three") / "three.parquet", made)


def test_several_treatments_are_all_told_and_adjusted(three: Path) -> None:
    found = analysed(three, replace(DESIGN, smallest_effect=0.2))
    assert [each.treatment for each in found.estimates[:2]] == ["uhd", "hd"], "the surest first, if none is named"
    assert found.code == "better"
    assert found.estimates[0].p_adjusted == pytest.approx(2 * found.estimates[0].p)
    assert "uhd" in check(found, "sample_ratio").text


def test_only_arms_that_are_compared_count(three: Path) -> None:
    named = analysed(three, replace(DESIGN, treatments=("hd",), smallest_effect=0.2))
    assert [each.treatment for each in named.estimates[:1]] == ["hd"]
    assert "uhd" not in check(named, "sample_ratio").text, "only arms that are compared count"
    whole = {"sd": 1 / 3, "hd": 1 / 3, "uhd": 1 / 3}
    all_told = analysed(three, replace(DESIGN, treatments=("hd",), smallest_effect=0.2, allocation=whole))
    assert "uhd" in check(all_told, "sample_ratio").text, "or those that are named"
    assert {each.treatment for each in named.estimates} == {"hd"}


def test_while_it_runs_the_band_decides(longer: Path) -> None:
    timed = replace(COLUMNS, time="start")
    planned = replace(DESIGN, planned_users=40_000)
    found = analysed(longer, planned, columns=timed)
    assert found.design["running"]
    one = found.estimates[0]
    assert one.always_valid is not None
    assert one.always_valid[1] - one.always_valid[0] > 1.3 * (one.high - one.low)
    assert "always-valid interval" in found.text
    assert f"so far: {sum(one.n.values()):,} of 40,000 users are in" in found.text
    assert len(found.over_time) > 10
    assert found.over_time[-1][1:4] == pytest.approx((one.lift, one.low, one.high))
    untimed = analysed(longer, planned)
    assert untimed.text == "No verdict: 12,000 of 40,000 planned users are in: looks before the end need --time COLUMN."
    assert (untimed.code, untimed.estimates[0].always_valid) == ("blocked", None)


def test_far_beyond_its_plan_the_band_still_decides(longer: Path) -> None:
    timed = replace(COLUMNS, time="start")
    over = analysed(longer, replace(DESIGN, planned_users=10_000), columns=timed)
    assert not over.design["running"]
    assert check(over, "planned_users").state == "notice"
    assert check(over, "planned_users").text.startswith("12,000 of 10,000 planned users are in: the always-valid inter")
    assert "always-valid interval" in over.text
    assert any(note.startswith("12,000 units are in, of 10,000 planned: the interval of one") for note in over.notes)
    untimed = analysed(longer, replace(DESIGN, planned_users=10_000))
    assert untimed.text == over.text, "however the times of sessions are known"
    assert untimed.estimates[0].always_valid == pytest.approx(over.estimates[0].always_valid)


def test_somewhat_beyond_its_plan_it_is_over(longer: Path) -> None:
    ended = analysed(longer, replace(DESIGN, planned_users=11_700), columns=replace(COLUMNS, time="start"))
    assert "always-valid" not in ended.text
    assert not any("one look" in note for note in ended.notes)


@pytest.mark.parametrize(
    ("design", "columns", "told"),
    [
        (Design(control=""), COLUMNS, "--control NAME is required: which of the arms others are compared with"),
        (Design(control="SD"), COLUMNS, "no arm 'SD' in arm; there are hd, sd"),
        (Design(control="sd", treatments=("fhd",)), COLUMNS, "no arm 'fhd' in arm; there are hd, sd"),
        (DESIGN, replace(COLUMNS, arm="group"), "no column 'group'"),
        (replace(DESIGN, metrics=(metrics.metric("gifts"),)), COLUMNS, "no column 'gifts'"),
        (replace(DESIGN, pre=("age",)), COLUMNS, "no column 'age'"),
        (replace(DESIGN, pre=("watch_seconds",)), COLUMNS, "--pre watch_seconds: it is the outcome itself"),
        (replace(DESIGN, pre=("orders",)), COLUMNS, "--pre orders: it is what a metric is made of"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_line(longer: Path, design: Design, columns: Columns, told: str) -> None:
    with pytest.raises(Unusable) as caught:
        analysed(longer, design, columns=columns)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_arm_is_nothing_to_compare(tmp_path: Path) -> None:
    path = written(tmp_path / "one.csv", {"arm": ["sd"] * 3, "watch_seconds": [1, 2, 3]})
    with pytest.raises(Unusable, match="one arm only, 'sd'"):
        analysed(path, columns=replace(COLUMNS, user=None))


@NEEDS_PUFFER
def test_puffer_by_the_plain_way_in(tmp_path: Path) -> None:
    arms = {name: puffer(name) for name in FILES}
    columns = {"arm": [name for name, values in arms.items() for _ in values],
               "watch": [float(each) for values in arms.values() for each in values]}  # fmt: skip
    path = written(tmp_path / "puffer.parquet", columns)
    found = {name: analysed(path, Design(control=name, treatments=("fugu",)), columns=Columns(None, "arm", "watch"))
             for name in ("bba", "mpc")}  # fmt: skip
    lifts = {name: 100 * estimate(each, "watch").lift for name, each in found.items()}
    assert lifts == {"bba": pytest.approx(4.675, abs=0.001), "mpc": pytest.approx(9.091, abs=0.001)}
    assert {each.code for each in found.values()} == {"underpowered"}
    assert estimate(found["bba"], "watch", 9000.0).p > 0.05
    assert check(found["bba"], "sample_ratio").state == "notice"
    assert found["mpc"].text.startswith("fugu arm watched 3.3 % longer than mpc, 95 % interval")
    assert found["bba"].tail["fugu"] == pytest.approx((0.053, 0.549), abs=0.001)


@NEEDS_PUFFER
def test_two_thousand_sessions_an_arm_are_always_too_few(tmp_path: Path) -> None:
    source = np.random.default_rng(7)
    for draw in range(2):
        drawn = np.concatenate([source.choice(puffer(name), 2000) for name in ("fugu", "bba")])
        columns = {"arm": ["fugu"] * 2000 + ["bba"] * 2000, "watch": drawn.tolist()}
        path = written(tmp_path / f"{draw}.parquet", columns)
        found = analysed(path, Design(control="bba"), columns=Columns(None, "arm", "watch"))
        assert found.code == "underpowered"
        assert "no effect" not in found.text
