"""Retention and causes: what was seen, with intervals that hold for users and not for sessions."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.viewers.estimates import breakdown, curve, hazards, incidence, remaining, retention, study
from qoe_agent.viewers.estimates.minutes import restricted
from qoe_agent.viewers.shapes import CAUSES, PIECES, TENURE
from tests.viewers.crowd import NEVER, PUFFER, cells, crowd, heartbeats

if TYPE_CHECKING:
    from qoe_agent.viewers.shapes import Cells
    from tests.viewers.crowd import Floats


def true_share(seconds: float) -> float:
    held = np.clip(np.minimum(np.append(TENURE[1:], NEVER), seconds) - np.array(TENURE), 0.0, None)
    return exp(-float(held @ np.array(PUFFER)))


@pytest.mark.parametrize("every", [0.0, 5.0, 30.0])
def test_shares_are_those_the_audience_was_made_with(every: float) -> None:
    people = crowd(np.random.default_rng(1), 60_000, stalls=0)
    known = heartbeats(np.random.default_rng(2), people, every) if every else ()
    marks = retention(cells(people, *known))
    assert [mark.seconds for mark in marks] == [3.0, 30.0, 180.0]
    for mark in marks:
        assert mark.low < true_share(mark.seconds) < mark.high
        assert mark.high - mark.low < 0.03


def test_a_report_at_each_stall_does_not_move_the_curve() -> None:
    people = crowd(np.random.default_rng(1), 100_000)
    held = cells(people, *heartbeats(np.random.default_rng(2), people, 30.0))
    seen = float((people.exit > 30.0).mean())
    told = retention(held, [30.0])[0]
    assert told.low < seen < told.high
    blind = cells(people, *heartbeats(np.random.default_rng(2), people, 30.0), by_state=False)
    assert retention(blind, [30.0])[0].low > seen, "a model without stalls would be fooled"


def test_who_left_before_the_first_picture_left_early() -> None:
    """The first picture is reported: who left before it was last seen at the start, and could have left much later."""
    source = np.random.default_rng(21)
    people = crowd(source, 80_000, stalls=0)
    startup = np.exp(source.normal(-0.3, 0.6, 80_000))
    low, high = heartbeats(source, people, 30.0)
    low = np.where((people.exit > startup) & (low < startup), startup, low)
    made = cells(people, low, high, by_state=False)
    began = startup < np.where(people.exit < NEVER, people.exit, people.censor)
    waits = np.minimum(startup, np.where(people.exit < NEVER, low, people.censor))
    waiting = cells(people._replace(exit=np.full(80_000, NEVER), censor=waits), by_state=False)
    told = _by_startup(made, waiting, people.exit, began)
    seen = float((people.exit > 3.0).mean())
    assert retention(made, [3.0])[0].low > seen + 0.01
    assert retention(told, [3.0])[0].share == pytest.approx(seen, abs=0.006)
    assert retention(told, [30.0])[0].share == pytest.approx(float((people.exit > 30.0).mean()), abs=0.003)


def _by_startup(whole: Cells, waiting: Cells, exits: Floats, began: np.ndarray) -> Cells:
    """Time until the first picture and exits before it at the level unknown."""
    place = began[exits < NEVER]
    exit_cell = np.where(whole.exit_cell >= 0, whole.exit_cell * 2 + (~place)[:, None], -1)
    time_cell = np.concatenate([whole.time_cell * 2, waiting.time_cell * 2, waiting.time_cell * 2 + 1])
    seconds = np.concatenate([whole.time_seconds, -waiting.time_seconds, waiting.time_seconds])
    return replace(
        whole, factors=("startup",), levels=(("1–2", "unknown"),), bins=np.repeat(whole.bins, 2),
        design=np.tile(np.arange(2), len(whole.bins))[:, None].astype(np.int32), time_cell=time_cell,
        time_bucket=np.concatenate([whole.time_bucket, waiting.time_bucket, waiting.time_bucket]),
        time_seconds=seconds, exit_cell=exit_cell,
    )  # fmt: skip


def test_the_interval_is_that_of_users() -> None:
    """Within 5 % of the exact user-level delta error (of the log cumulative hazard); sessions alone say too little."""
    people = crowd(np.random.default_rng(12), 100_000, users=25_000, frailty=0.8, stalls=0)
    edges = np.array([*TENURE[:9], NEVER])
    watched = np.clip(np.minimum(edges[1:], people.watched[:, None]) - edges[:-1], 0.0, None)
    left = (people.exit[:, None] > edges[:-1]) & (people.exit[:, None] <= edges[1:]) & (people.exit[:, None] < NEVER)
    rates = left.sum(axis=0) / watched.sum(axis=0)
    lasting = np.clip(np.minimum(edges[1:], 120.0) - edges[:-1], 0.0, None)
    pulls = (left - rates * watched) @ (lasting / watched.sum(axis=0)) / float(rates @ lasting)
    exact, alone = (_error(each) for each in (np.bincount(people.user, pulls), pulls))
    told = retention(cells(people), [120.0])[0]
    error = log(log(told.low) / log(told.high)) / 2 / 1.9623
    assert error == pytest.approx(exact, rel=0.05)
    assert alone < 0.9 * exact


def _error(pulls: Floats) -> float:
    return float(np.sqrt((pulls**2).sum()))


def test_golden() -> None:
    """Ten leave after 2 s, ten after 4 s, eighty watch for 5 s: 100, 190 and 170 person-seconds in three bins."""
    people = crowd(np.random.default_rng(0), 100, stalls=0)
    people = people._replace(exit=np.repeat([2.0, 4.0, NEVER], [10, 10, 80]), censor=np.full(100, 5.0))
    marks = curve(cells(people, buckets=10))
    assert [mark.seconds for mark in marks] == [1.0, 3.0, 5.0]
    assert [mark.share for mark in marks] == pytest.approx(
        [1.0, exp(-2 * 10 / 190), exp(-2 * 10 / 190 - 2 * 10 / 170)], rel=3e-4
    )
    assert marks[0].high == 1.0
    assert marks[0].low == pytest.approx(exp(-3.689 / 100), rel=1e-3), "nobody of a hundred is not nobody of all"


def test_what_nobody_was_seen_to_reach_is_left_out() -> None:
    people = crowd(np.random.default_rng(0), 100, stalls=0)
    people = people._replace(exit=np.full(100, NEVER), censor=np.full(100, 40.0))
    marks = retention(cells(people))
    assert [(mark.seconds, mark.share, mark.high) for mark in marks] == [(3.0, 1.0, 1.0), (30.0, 1.0, 1.0)]
    assert retention(cells(people), [0.0, 1e9]) == ()


@pytest.mark.parametrize("every", [0.0, 10.0])
def test_causes_share_those_who_are_gone(every: float) -> None:
    source = np.random.default_rng(3)
    people = crowd(source, 30_000, stalls=0)
    early = people.exit < 30.0
    causes = np.where(source.random(30_000) < np.where(early, 0.4, 0.1), 1, 0)
    known = heartbeats(source, people, every) if every else ()
    held = cells(people, *known, causes=causes)
    rows = {(row["seconds"], row["cause"]): row for row in incidence(held)}
    assert {cause for _, cause in rows} == {"left", "failed"}
    for (seconds, cause), row in rows.items():
        seen = float(((people.exit < seconds) & (causes == CAUSES.index(cause))).mean())
        assert row["low"] - 0.003 < seen < row["high"] + 0.003
    gone = [sum(rows[mark.seconds, cause]["share"] for cause in ("left", "failed")) for mark in retention(held)]
    assert gone == pytest.approx([1 - mark.share for mark in retention(held)], abs=1e-6)


def test_a_region_that_leaves_sooner_stands_out_and_the_others_do_not() -> None:
    source = np.random.default_rng(5)
    hasty, others = crowd(source, 4000, stalls=0, scale=1.3), crowd(source, 16_000, stalls=0)
    people = type(hasty)(*(np.concatenate(each) for each in zip(others, hasty, strict=True)))
    people = people._replace(user=np.arange(20_000))
    region = np.repeat([0, 1, 2, 3, 4], 4000)
    parts = [cells(type(people)(*(each[region == code] for each in people)), by_state=False) for code in range(5)]
    names = ("north", "east", "south", "west", "hasty")
    made = replace(
        parts[0], factors=("region",), levels=(names,), bins=np.repeat(np.arange(17), 5).astype(np.int32),
        design=np.tile(np.arange(5), 17)[:, None].astype(np.int32),
        **{
            field: np.concatenate([
                _moved(getattr(part, field), code) if field.endswith("_cell") else getattr(part, field)
                for code, part in enumerate(parts)
            ])
            for field in ("time_cell", "time_bucket", "time_seconds", "exit_bucket", "exit_cause", "exit_count",
                          "exit_cell", "exit_seconds")
        },
    )  # fmt: skip
    rows = breakdown({"region": made}, sessions={("region", "hasty"): 4000})
    found = {row["level"]: row for row in rows if row["seconds"] == 30.0}
    assert found["hasty"]["p_adjusted"] < 1e-6
    assert found["hasty"]["share"] < found["north"]["low"]
    assert (found["hasty"]["sessions"], found["north"]["sessions"]) == (4000, None)
    assert set(rows[0]) == {"attribute", "level", "sessions", "seconds", "share", "low", "high", "p_adjusted"}


def _moved(bins: np.ndarray, code: int) -> np.ndarray:
    return np.where(bins >= 0, bins * 5 + code, -1)


def test_what_remains_is_the_mean_of_what_survives() -> None:
    flat = np.full(17, 1 / 600)
    assert restricted(flat, 77.0, 3600.0) == pytest.approx(600 * (1 - exp(-6)))
    assert restricted(np.zeros(17), 77.0, 3600.0) == 3600.0
    people = crowd(np.random.default_rng(1), 20_000, stalls=0)
    left = people.exit < NEVER
    later = [np.minimum(people.exit[people.exit > at] - at, 3600.0).mean() for at in people.exit[left][:400]]
    assert remaining(study(cells(people))) == pytest.approx(float(np.mean(later)), rel=0.3)


def test_those_of_a_level_who_left_at_once_are_among_those_gone() -> None:
    """Their level has no time watched and so no ratio, but they have gone."""
    people = crowd(np.random.default_rng(1), 20_000, stalls=0)
    there = cells(people, by_state=False)
    fresh, count = len(there.bins), 20
    made = replace(
        there, factors=("region",), levels=(("eu", "us"),), bins=np.append(there.bins, 0).astype(np.int32),
        design=np.append(np.zeros(fresh), 1)[:, None].astype(np.int32),
        exit_bucket=np.append(there.exit_bucket, np.arange(count)).astype(np.int32),
        exit_cause=np.append(there.exit_cause, np.zeros(count)).astype(np.int32),
        exit_count=np.append(there.exit_count, np.full(count, 100.0)),
        exit_cell=np.vstack([there.exit_cell, np.tile([fresh] + [-1] * (PIECES - 1), (count, 1))]),
        exit_seconds=np.vstack([there.exit_seconds, np.zeros((count, PIECES))]),
    )  # fmt: skip
    (told,) = retention(made, [30.0])
    assert told.low < float((people.exit > 30.0).mean()) * 20 / 22 < told.high
    gone = sum(each["share"] for each in incidence(made, [30.0]))
    assert gone == pytest.approx(1.0 - told.share, abs=0.002)


def test_where_all_left_at_once_nothing_can_be_told() -> None:
    people = crowd(np.random.default_rng(1), 50, stalls=0)
    there = cells(people, by_state=False)
    none = there.time_cell[:0]
    made = replace(
        there, time_cell=none, time_bucket=none.astype(np.int32), time_seconds=there.time_seconds[:0],
        exit_cell=np.where(there.exit_cell >= 0, 0, -1), exit_seconds=there.exit_seconds * 0.0,
    )  # fmt: skip
    assert study(made) is None
    assert retention(made) == incidence(made) == ()


@pytest.mark.parametrize("sessions", [50, 200])
def test_of_few_sessions_intervals_are_about_as_wide_as_a_count_would_give(sessions: int) -> None:
    """Also where the model has more factors than so few exits carry, and intervals hide in which bin an exit lies."""
    for seed in range(10):
        source = np.random.default_rng(seed)
        people = crowd(source, sessions, stalls=1 / 30)
        made = cells(people, *heartbeats(source, people, 5.0))
        there = replace(
            made, factors=("stall", "height"), levels=(made.levels[0], ("720", "480", "1080")),
            design=np.column_stack([made.design[:, 0], np.arange(len(made.design)) % 3]).astype(np.int32),
        )  # fmt: skip
        with np.errstate(all="raise", under="ignore"):
            told = retention(there, [30.0])[0]
            told_of = hazards(there)
        usual = 3.92 * (told.share * (1.0 - told.share) / sessions) ** 0.5
        assert 0.6 * usual < told.high - told.low < 2.0 * usual, f"seed {seed}"
        assert all(each.hazard_ratio is None or each.exits >= 10 for each in told_of)
