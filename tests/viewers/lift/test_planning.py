"""Plans: what effects need, from published figures or from one's own past, and the design written down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="needs the extra viewers")

from qoe_agent.viewers import lift
from qoe_agent.viewers.lift import Asked, Columns, Design, Unusable, registration
from tests.viewers.lift.experiments import experiment, written

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift import Plan
    from qoe_agent.viewers.lift.needs import Need


def need(plan: Plan, effect: float, cap: float | None) -> Need:
    (one,) = [each for each in plan.needs if (each.effect, each.cap) == (effect, cap)]
    return one


@pytest.fixture(scope="module")
def plan() -> Plan:
    return lift.planned(Asked())


def test_what_effects_need_by_published_watch_times(plan: Plan) -> None:
    assert need(plan, 0.103, None).fixed == pytest.approx(12_600, rel=0.04)
    assert need(plan, 0.103, None).always_valid == pytest.approx(2 * need(plan, 0.103, None).fixed, rel=0.1)
    assert [each.effect for each in plan.needs[:3]] == [0.103, 0.01, 0.0015]
    assert need(plan, 0.01, 9000.0).fixed < need(plan, 0.01, None).fixed
    assert need(plan, 0.0015, 3600.0).fixed > 10_000_000
    assert need(plan, 0.01, 9000.0).days_fixed is None
    assert "Puffer" in plan.source
    assert plan.text.startswith(
        "To see a lift of 1 % in watch time, capped at 2.5 h, with 80 % power takes 512,000 sessions"
    )


def test_needs_hold_when_such_experiments_are_drawn(plan: Plan) -> None:
    assert [each.cap for each in plan.tried] == [9000.0, None, 3600.0]
    for each in plan.tried:
        assert each.power == pytest.approx(0.8, abs=4 * each.error)
        assert each.units == pytest.approx(need(plan, each.effect, each.cap).fixed, rel=0.01)


def test_plans_from_ones_own_past_count_users(tmp_path: Path) -> None:
    made = experiment(6000, {"all": 0.0}, days=20)
    path = written(tmp_path / "past.parquet", {name: values for name, values in made.items() if name != "arm"})
    asked = Asked(files=(path,), columns=Columns("user", "arm", "watch_seconds", time="start"))
    plan = lift.planned(asked)
    users: dict[str, float] = {}
    for user, watch in zip(made["user"], made["watch_seconds"], strict=True):
        users[user] = users.get(user, 0.0) + min(watch, 3600.0)
    whole = np.array(list(users.values()))
    assert (plan.unit, plan.units) == ("user", len(users))
    assert need(plan, 0.01, 3600.0).variation == pytest.approx(whole.std() / whole.mean(), rel=0.001)
    assert plan.per_day is not None
    one = need(plan, 0.01, 3600.0)
    assert one.days_fixed is not None
    assert one.days_fixed < one.days_always_valid
    assert str(path) in plan.source
    with_covariate = lift.planned(replace(asked, design=Design(control="", pre=("liked",))))
    assert need(with_covariate, 0.01, 3600.0).fixed < 0.95 * one.fixed


def test_days_follow_from_users_a_day_and_windows() -> None:
    plan = lift.planned(Asked(users_per_day=1000.0))
    one = need(plan, 0.103, 9000.0)
    assert one.days_fixed == pytest.approx(2 * one.fixed / 1000.0)
    waiting = lift.planned(Asked(users_per_day=1000.0, design=Design(control="", window=7 * 86400.0)))
    assert need(waiting, 0.103, 9000.0).days_fixed == pytest.approx(one.days_fixed + 7.0)


def test_days_are_those_in_which_the_past_came(tmp_path: Path) -> None:
    """400 new users a day for 30 days, some of whom come back until day 64."""
    users = np.arange(12_000)
    first = users * 216
    back = users % 5 == 0
    source = np.random.default_rng(1)
    columns = {"user": [*users, *users[back]], "watch_seconds": source.exponential(600.0, 14_400).round(1).tolist(),
               "start": (1_795_291_200 + np.concatenate((first, first[back] + 34 * 86_400))).tolist()}  # fmt: skip
    path = written(tmp_path / "steady.parquet", columns)
    asked = Asked(files=(path,), columns=Columns("user", "arm", "watch_seconds", time="start"), effects=(0.1,))
    for window in (None, 7 * 86_400.0):
        plan = lift.planned(replace(asked, design=Design(control="", window=window, caps=(None,))))
        one = need(plan, 0.1, None)
        assert plan.per_day == pytest.approx(400, rel=0.04)
        assert one.days_fixed == pytest.approx(2 * one.fixed / 400.0 + (7.0 if window else 0.0), abs=0.6)


def test_more_arms_and_uneven_shares_need_more(plan: Plan) -> None:
    two = need(plan, 0.01, 9000.0)
    three = need(lift.planned(Asked(design=Design(control="sd", treatments=("hd", "uhd")))), 0.01, 9000.0)
    assert three.fixed == pytest.approx(1.21 * two.fixed, rel=0.01), "each of two comparisons is made at half of alpha"
    uneven = lift.planned(Asked(design=Design(control="sd", allocation={"sd": 0.9, "hd": 0.1}), users_per_day=100.0))
    one = need(uneven, 0.01, 9000.0)
    assert one.fixed == pytest.approx(5 * two.fixed)
    assert one.days_fixed == pytest.approx(one.fixed / 0.9 / 100.0)
    with pytest.raises(Unusable, match="--allocation names no share of 'uhd'"):
        lift.planned(Asked(design=Design(control="sd", treatments=("uhd",), allocation={"sd": 0.9, "hd": 0.1})))


def test_a_design_is_registered_with_as_many_users_as_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "hd.yml"
    design = Design(control="sd", treatments=("hd",), smallest_effect=0.05)
    plan = lift.planned(Asked(design=design, register=path, experiment="hd-2026"))
    assert plan.registered == str(path)
    found = registration.read(path)
    assert found.sound is True
    assert found.said.experiment == "hd-2026"
    assert found.design.planned_users == pytest.approx(2 * need(plan, 0.05, 9000.0).fixed, abs=2)
    assert replace(found.design, planned_users=None) == design
    assert lift.registered(path) == found.design
    assert found.said.columns is None, "nobody named one, and none was read"
    named = Columns(None, "variant", "watch_seconds", time="start")
    lift.planned(Asked(design=design, register=tmp_path / "named.yml", columns=named))
    assert registration.read(tmp_path / "named.yml").said.columns == {"arm": "variant", "time": "start"}
    with pytest.raises(Unusable, match="written once"):
        lift.planned(Asked(design=design, register=path))


def test_a_past_in_which_nobody_watched_is_none(tmp_path: Path) -> None:
    path = written(tmp_path / "none.csv", {"user": ["a", "b"], "watch_seconds": [0, 0]})
    with pytest.raises(Unusable, match="no plan can be made of it"):
        lift.planned(Asked(files=(path,)))
