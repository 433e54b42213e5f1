"""The ladder: up at once, down slowly, and no flapping whatever the load does."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.overload import AGAIN, HOLD, LAG, LEFT_OUT, LONGEST, REST, WAIT, WINDOW, Load, Overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CALM = Load(0.0, 0.0, 0.0, 0)
LATE = Load(2 * WAIT, 0.0, 0.0, 0)
TOP = len(LEFT_OUT)
LOADS = st.builds(
    Load,
    st.floats(0.0, 4 * WAIT),
    st.floats(0.0, 2 * LAG),
    st.floats(0.0, 3.0),
    st.sampled_from([0, 0, 0, 5]),
)
SECONDS = st.lists(st.one_of(st.just(CALM), st.just(LATE), LOADS), max_size=120)
BUDGETS = st.one_of(st.none(), st.floats(0.1, 2.0))


def levels(loads: Iterable[Load], budget: float | None = None, every: float = 1.0) -> list[int]:
    overload = Overload(budget)
    return [overload.step(1000.0 + n * every, load) for n, load in enumerate(loads)]


def reached(level: int, over: Callable[[int], Load], budget: float | None = None) -> int:
    """The second in which a level is reached; `over`: the load, by the level."""
    overload = Overload(budget)
    return next(n for n in range(1000) if overload.step(1000.0 + n, over(overload.level)) >= level)


@pytest.mark.parametrize("load", [LATE, Load(0.0, 2 * LAG, 0.0, 0), Load(0.0, 0.0, 0.0, 1)])
def test_the_first_strained_second_takes_it_up_and_strain_that_stays_to_the_top_in_ten(load: Load) -> None:
    assert reached(1, lambda _: load) == 0
    assert reached(TOP, lambda _: load) <= 10


def test_while_jobs_are_turned_away_it_does_not_wait_for_an_effect() -> None:
    assert reached(TOP, lambda _: Load(2 * WAIT, 0.0, 0.0, 3)) == TOP - 1
    assert levels([LATE, LATE, LATE._replace(refused=1), LATE]) == [1, 1, 2, 2]


def test_too_much_cpu_over_some_seconds_takes_it_up_until_it_is_no_more_than_allowed() -> None:
    costs = {0: 4.0, 1: 3.6, 2: 0.4, 3: 0.3, 4: 0.2}
    assert reached(1, lambda level: Load(0.0, 0.0, costs[level], 0), 0.5) == WINDOW
    assert reached(2, lambda level: Load(0.0, 0.0, costs[level], 0), 0.5) <= 2 * WINDOW
    overload = Overload(0.5)
    seen = [overload.step(float(n), Load(0.0, 0.0, costs[overload.level], 0)) for n in range(300)]
    assert seen[30:] == [2] * 270  # at level 2 it is neither too much nor so little that level 1 were worth a try


def test_a_second_of_much_cpu_is_none() -> None:
    assert set(levels([Load(0.0, 0.0, 2.0 if n % 10 == 5 else 0.2, 0) for n in range(100)], 1.0)) == {0}


def test_without_a_budget_cpu_does_not_matter() -> None:
    assert set(levels([Load(0.0, 0.0, 100.0, 0)] * 60)) == {0}


def test_a_paused_machine_is_late_but_its_jobs_did_not_wait_for_decoding() -> None:
    assert max(levels([CALM, Load(30.0, 30.0, 0.0, 0), *[CALM] * 20])) == 1
    assert levels([CALM, Load(30.0, 30.0, 0.0, 0), *[CALM] * 20])[-1] == 0


def test_what_gets_better_by_itself_goes_no_further() -> None:
    falling = [Load(8 * WAIT * 0.9**n, 0.0, 0.0, 0) for n in range(40)]
    assert max(levels(falling)) == 1


def test_one_strained_second_costs_a_few_and_no_more() -> None:
    seen = levels([LATE, *[CALM] * 20])
    assert seen.count(1) == HOLD
    assert seen[-1] == 0


def test_a_load_that_comes_back_as_soon_as_it_may_is_met_less_and_less_often() -> None:
    overload, changes, before = Overload(0.5), [], 0
    for second in range(4 * 3600):
        level = overload.step(float(second), Load(0.0, 0.0, 0.1 if overload.level else 2.0, 0))
        if level != before:
            changes.append(second)
        before = level
    assert 0 < sum(second >= 7200 for second in changes) <= 2 * 7200 / LONGEST
    assert len(changes) < 2 * 14400 / LONGEST + 20


@given(SECONDS, BUDGETS)
def test_it_moves_by_one_and_only_down_after_it_has_rested(loads: list[Load], budget: float | None) -> None:
    seen = [0, *levels(loads, budget)]
    for n, (was, now) in enumerate(itertools.pairwise(seen)):
        assert abs(now - was) <= 1
        assert 0 <= now <= TOP
        if now < was:
            calm = loads[n + 1 - int(HOLD) : n + 1]
            assert len(calm) == HOLD
            assert all(max(load.wait - load.lag, 0.0) <= REST * WAIT for load in calm)
            assert all(load.lag <= REST * LAG and not load.refused for load in calm)


@given(SECONDS, BUDGETS, LOADS, st.floats(0.0, 10.0), st.floats(0.0, 1.0), st.floats(0.0, 3.0), st.integers(0, 3))
def test_a_worse_second_never_leads_to_a_lower_level(
    loads: list[Load], budget: float | None, load: Load, wait: float, lag: float, cpu: float, refused: int
) -> None:
    worse = Load(load.wait + wait + lag, load.lag + lag, load.cpu + cpu, load.refused + refused)
    assert levels([*loads, worse], budget)[-1] >= levels([*loads, load], budget)[-1]


@given(st.floats(0.0, 12.0), st.floats(0.0, 12.0))
def test_more_strain_that_stays_leads_as_high_or_higher(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert levels([Load(less, 0.0, 0.0, 0)] * 30)[-1] <= levels([Load(more, 0.0, 0.0, 0)] * 30)[-1]


@given(SECONDS, BUDGETS)
def test_whatever_was_it_is_back_at_nothing_after_long_rest(loads: list[Load], budget: float | None) -> None:
    rest = int(TOP * (LONGEST + WINDOW)) + 1
    assert levels([*loads, *[CALM] * rest], budget)[-1] == 0


@given(SECONDS)
def test_whatever_was_strain_that_stays_takes_it_to_the_top_in_bounded_time(loads: list[Load]) -> None:
    assert levels([*loads, *[LATE] * 40])[-1] == TOP


@given(st.lists(st.booleans(), min_size=600, max_size=600))
def test_in_ten_minutes_it_changes_a_few_times_whatever_the_load_does(strained: list[bool]) -> None:
    seen = levels([LATE if bad else CALM for bad in strained])
    falls = sum(b < a for a, b in itertools.pairwise(seen))
    assert falls <= 600 / (AGAIN + HOLD) * TOP + 10


def test_a_budget_that_is_taken_away_matters_no_more() -> None:
    overload = Overload(0.1)
    for second in range(20):
        overload.step(float(second), Load(0.0, 0.0, 1.0, 0))
    assert overload.level > 1
    overload.budget = None
    assert [overload.step(20.0 + n, Load(0.0, 0.0, 1.0, 0)) for n in range(60)][-1] == 0
