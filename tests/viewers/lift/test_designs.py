"""What designs may ask for: windows, blocks, covariates, guardrails, mappings, registrations, nobody's chance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="needs the extra viewers")

from qoe_agent.viewers import lift
from qoe_agent.viewers.lift import Unusable, metrics, registration
from qoe_agent.viewers.lift.assignment import arm, block_arm
from tests.viewers.lift.analyses import COLUMNS, DESIGN, USERS, analysed, check, estimate
from tests.viewers.lift.experiments import BEGAN, experiment, written

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift import Lift


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
    rows = {"user": [*users, *(f"v{each}" for each in range(3000))], "arm": [*arms, *["hd"] * 3000]}
    path = written(tmp_path / "lost.csv", rows)
    columns = replace(COLUMNS, arm="none")
    found = analysed(longer, replace(DESIGN, allocation={"sd": 0.4, "hd": 0.6}), mapping=path, columns=columns)
    assert check(found, "sample_ratio").state == "passed", "it is of those assigned"
    assert found.text.startswith("No verdict: too many of those assigned to an arm were never seen: ")


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
