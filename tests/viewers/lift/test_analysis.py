"""Experiments from files to verdicts, against what is known to be true of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="needs the extra viewers")

from qoe_agent.viewers import lift
from qoe_agent.viewers.lift import Asked, Columns, Design, Unusable, metrics, registration
from qoe_agent.viewers.lift.assignment import arm, block_arm
from tests.viewers.effects.counted import FILES, NEEDS_PUFFER, puffer
from tests.viewers.lift.experiments import BEGAN, experiment, written

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift import Lift
    from qoe_agent.viewers.lift.shapes import Check, Estimate

COLUMNS = Columns("user", "arm", "watch_seconds")
DESIGN = Design(control="sd", smallest_effect=0.06)
USERS = 12_000


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HD makes every session a quarter longer."""
    return written(tmp_path_factory.mktemp("made") / "made.parquet", experiment(USERS, {"sd": 0.0, "hd": 0.25}))


@pytest.fixture(scope="module")
def plain(longer: Path) -> Lift:
    return analysed(longer)


def analysed(path: Path, design: Design = DESIGN, **more: Any) -> Lift:
    return lift.analyse(Asked(files=(path,), columns=more.pop("columns", COLUMNS), design=design, **more))


def check(found: Lift, name: str) -> Check:
    return next(each for each in found.checks if each.name == name)


def estimate(found: Lift, metric: str, cap: float | None = None, **more: Any) -> Estimate:
    (one,) = [each for each in found.estimates if each.metric == metric and each.cap == cap
              and all(getattr(each, name) == value for name, value in {"segment": None, **more}.items())]  # fmt: skip
    return one


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


def test_several_treatments_are_all_told_and_adjusted(tmp_path: Path) -> None:
    path = written(tmp_path / "three.csv", experiment(9000, {"sd": 0.0, "hd": 0.0, "uhd": 0.25}))
    found = analysed(path, replace(DESIGN, smallest_effect=0.2))
    assert [each.treatment for each in found.estimates[:2]] == ["uhd", "hd"], "the surest first, if none is named"
    assert found.code == "better"
    assert found.estimates[0].p_adjusted == pytest.approx(2 * found.estimates[0].p)
    named = analysed(path, replace(DESIGN, treatments=("hd",), smallest_effect=0.2))
    assert [each.treatment for each in named.estimates[:1]] == ["hd"]
    assert "uhd" not in check(named, "sample_ratio").text, "only arms that are compared count"
    whole = {"sd": 1 / 3, "hd": 1 / 3, "uhd": 1 / 3}
    all_told = analysed(path, replace(DESIGN, treatments=("hd",), smallest_effect=0.2, allocation=whole))
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
    over = analysed(longer, replace(planned, planned_users=10_000), columns=timed)
    assert not over.design["running"]
    assert check(over, "planned_users").state == "notice"
    assert check(over, "planned_users").text.startswith("12,000 of 10,000 planned users are in: the always-valid inter")
    assert "always-valid interval" in over.text
    assert any(note.startswith("12,000 units are in, of 10,000 planned: the interval of one") for note in over.notes)
    ended = analysed(longer, replace(planned, planned_users=11_700), columns=timed)
    assert "always-valid" not in ended.text
    assert not any("one look" in note for note in ended.notes)
    untimed = analysed(longer, planned)
    assert untimed.text == "No verdict: 12,000 of 40,000 planned users are in: looks before the end need --time COLUMN."
    assert (untimed.code, untimed.estimates[0].always_valid) == ("blocked", None)
    at_the_end = analysed(longer, replace(DESIGN, planned_users=12_000))
    assert (at_the_end.code, check(at_the_end, "planned_users").state) == ("better", "passed")


def test_with_times_come_returns_windows_and_novelty(longer: Path) -> None:
    timed = replace(COLUMNS, time="start")
    found = analysed(longer, columns=timed)
    back = estimate(found, "returned_7d")
    assert back.scale == "points"
    assert 0.1 < back.mean["sd"] < 0.9
    assert back.low < 0.0 < back.high
    assert len(found.novelty) > 3
    windowed = analysed(longer, replace(DESIGN, window=14 * 86_400.0), columns=timed)
    assert sum(windowed.design["pending"].values()) > 1000
    assert any("are pending" in note for note in windowed.notes)
    assert sum(windowed.estimates[0].n.values()) + sum(windowed.design["pending"].values()) == USERS


def test_a_switchback_counts_blocks(tmp_path: Path) -> None:
    source = np.random.default_rng(5)
    rows: list[tuple[str, int, str, float]] = []
    for stream in ("a", "b", "c"):
        for block in range(120):
            name = block_arm("switch", stream, block * 3600.0, 3600.0, (("sd", 0.5), ("hd", 0.5))) or ""
            mood = source.gamma(20.0, 30.0) * (1.3 if name == "hd" else 1.0)
            rows += [(stream, BEGAN + block * 3600 + int(source.integers(0, 3600)), name, float(each))
                     for each in source.exponential(mood, 40)]  # fmt: skip
    named = dict(zip(("stream", "start", "arm", "watch_seconds"), map(list, zip(*rows, strict=True)), strict=True))
    path = written(tmp_path / "switch.parquet", named)
    columns = replace(COLUMNS, user=None, time="start", stream="stream")
    found = analysed(path, replace(DESIGN, switchback=3600.0, smallest_effect=0.2), columns=columns)
    assert found.design["kind"] == "switchback"
    one = found.estimates[0]
    assert (one.unit, one.method, sum(one.n.values())) == ("block", "blocks", 360)
    assert one.low < 0.3 < one.high
    assert found.code == "better"
    by_session = analysed(path, replace(DESIGN, smallest_effect=0.2), columns=columns).estimates[0]
    assert by_session.high - by_session.low < one.high - one.low, "blocks vary more than their sessions tell"
    assert {each.name for each in found.checks} == {
        "sample_ratio", "one_arm_a_block", "carry_over", "delivered_contrast"}  # fmt: skip
    assert {check(found, name).state for name in ("carry_over", "one_arm_a_block")} == {"passed"}
    wrong = analysed(path, replace(DESIGN, switchback=4000.0, smallest_effect=0.2), columns=columns)
    assert wrong.code == "blocked"
    assert "have sessions of several arms: these are not the blocks to which arms were given" in wrong.text


def test_covariates_narrow_the_interval_and_segments_are_told_apart(longer: Path, plain: Lift) -> None:
    found = analysed(longer, replace(DESIGN, pre=("liked",), segments=("country",), strata=("country",)))
    one = found.estimates[0]
    assert one.method == "cuped and post-stratified"
    assert one.high - one.low < 0.95 * (plain.estimates[0].high - plain.estimates[0].low)
    assert one.low < 0.25 < one.high
    assert [each.segment for each in found.estimates if each.segment] == [
        ("country", name) for name in ("de", "fr", "us")
    ]
    assert any(note.startswith("hd by country: effects differ") for note in found.notes)
    assert any("without covariates and strata the lift is" in note for note in found.notes)


def test_guardrails_and_metrics_of_ones_own(longer: Path) -> None:
    wanted = (metrics.metric("orders"), metrics.metric("stall_seconds/orders"), metrics.guardrail("stall_ratio:0.5"),
              metrics.guardrail("orders_per_hour:-0.0001"))  # fmt: skip
    found = analysed(longer, replace(DESIGN, metrics=wanted))
    assert estimate(found, "orders").lift == pytest.approx(0.25, abs=0.1)
    assert estimate(found, "stall_seconds/orders").mean["sd"] > 0.0
    assert estimate(found, "stall_ratio").ship is True
    assert estimate(found, "orders_per_hour").ship is False


def test_columns_that_nobody_asked_for_need_not_be_numbers(tmp_path: Path) -> None:
    made = experiment(500, {"sd": 0.0, "hd": 0.0})
    odd = made | {"height": ["720p"] * len(made["user"]), "orders": ["none"] * len(made["user"])}
    for name in ("odd.csv", "odd.parquet"):
        found = analysed(written(tmp_path / name, odd))
        assert "orders_per_hour" not in {each.metric for each in found.estimates}
        assert "stall_ratio" in {each.metric for each in found.estimates}
    with pytest.raises(Unusable, match="orders"):
        analysed(tmp_path / "odd.csv", replace(DESIGN, metrics=(metrics.metric("orders"),)))


def test_arms_can_come_from_a_mapping(longer: Path, plain: Lift, tmp_path: Path) -> None:
    shares = (("sd", 0.5), ("hd", 0.5))
    users = [f"u{each}" for each in range(USERS)]
    arms = [arm("made-1", user, shares) for user in users]
    mapping = written(tmp_path / "arms.csv", {"user": users, "arm": arms})
    found = analysed(longer, mapping=mapping, columns=replace(COLUMNS, arm="none")).estimates[0]
    told = plain.estimates[0]
    assert (found.n, found.lift, found.low) == (told.n, pytest.approx(told.lift), pytest.approx(told.low))


def test_those_who_were_assigned_and_never_came_are_counted(longer: Path, tmp_path: Path) -> None:
    shares = (("sd", 0.5), ("hd", 0.5))
    users = [f"u{each}" for each in range(USERS)]
    arms = [arm("made-1", each, shares) for each in users]
    columns = replace(COLUMNS, arm="none")
    found = {}
    for name, more in (("even", ["sd", "hd"] * 1500), ("lost", ["hd"] * 3000)):
        rows = {"user": [*users, *(f"v{each}" for each in range(3000))], "arm": [*arms, *more]}
        path = written(tmp_path / f"{name}.csv", rows)
        found[name] = analysed(longer, mapping=path, columns=columns)
    assert {check(found["even"], name).state for name in ("sample_ratio", "showed_up")} == {"passed"}
    assert (found["even"].code, found["lost"].code) == ("better", "blocked")
    assert check(found["lost"], "sample_ratio").state == "failed"
    allocated = analysed(longer, replace(DESIGN, allocation={"sd": 0.4, "hd": 0.6}), mapping=path, columns=columns)
    assert check(allocated, "sample_ratio").state == "passed"
    assert allocated.text.startswith("No verdict: too many of those assigned to an arm were never seen: ")


def test_what_was_decided_after_the_fact_is_told(longer: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    registration.register(path, DESIGN, "made", "user", "2026-11-22")
    as_said = analysed(longer, lift.registered(path), plan=path)
    assert as_said.registered == ()
    assert check(as_said, "registration").state == "passed"
    other = analysed(longer, replace(DESIGN, caps=(3600.0,)), plan=path)
    assert other.registered == ("caps: registered 9000, none, 3600, analysed 3600",)
    assert check(other, "registration").state == "notice"
    assert other.code == "better"
    assert other.text.endswith("; not as registered: cap.")
    path.write_text(path.read_text().replace("0.06", "0.05"))
    forged = analysed(longer, lift.registered(path), plan=path)
    assert forged.code == "blocked"
    assert forged.text.startswith("No verdict: the registration is not what was written on 2026-11-22")


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


def test_arms_that_nobody_randomised_get_no_verdict(tmp_path: Path) -> None:
    source = np.random.default_rng(1)
    fast = source.random(6000) < 0.5
    hd = source.random(6000) < np.where(fast, 0.8, 0.2)
    watch = np.round(source.exponential(np.where(fast, 900.0, 600.0)), 2)
    columns = {"user": [f"u{each}" for each in range(6000)], "arm": np.where(hd, "hd", "sd").tolist(),
               "watch_seconds": watch.tolist(), "net": np.where(fast, "fibre", "mobile").tolist()}  # fmt: skip
    path = written(tmp_path / "seen.csv", columns)
    found = analysed(path, replace(DESIGN, treatments=("hd",)), observational=True, covariates=("net",))
    assert (found.code, found.design["kind"]) == ("observational", "observational")
    assert [each.method for each in found.comparisons] == ["naive", "stratified", "matched", "doubly robust"]
    naive, *_, robust = found.comparisons
    assert naive.low > 0.1
    assert robust.low < 0.0 < robust.high
    assert found.text.startswith("Nobody randomised these arms: as they are, hd watched ")
    assert any(each.startswith("Zero lies within its interval") for each in found.notes)
    assert not any("treated" in each for each in found.notes)
    pairs = next(each for each in found.notes if "matched pairs" in each)
    assert " points, is no lift" in pairs
    assert "watch time is capped at 2.5 h" in found.notes
    assert found.estimates == ()


@pytest.mark.parametrize(
    ("covariates", "why"),
    [((), "needs --covariate"), (("net", "watch_seconds"), "the outcome itself"), (("user",), "who watched"),
     (("arm",), "what is compared"), (("same",), "nothing would be adjusted for")],
)  # fmt: skip
def test_what_cannot_be_adjusted_for_is_refused(tmp_path: Path, covariates: tuple[str, ...], why: str) -> None:
    columns = {"user": [f"u{each}" for each in range(80)], "arm": ["hd", "sd"] * 40, "net": ["a", "a", "b", "b"] * 20,
               "watch_seconds": list(range(80)), "same": ["x"] * 80}  # fmt: skip
    path = written(tmp_path / "seen.csv", columns)
    with pytest.raises(Unusable, match=why):
        analysed(path, DESIGN, observational=True, covariates=covariates)
