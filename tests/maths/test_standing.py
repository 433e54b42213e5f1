"""Conditions over time, and clocks beside one another."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.pace import Pace
from qoe_agent.maths.standing import Standing, Step


def run(standing: Standing, *steps: Step) -> list[bool]:
    return [standing.take(step, 0.1 * n, 0.1) for n, step in enumerate(steps)]


def test_a_condition_stands_after_enough_bad_steps() -> None:
    standing = Standing(0.3, 0.2)
    run(standing, "good", "bad", "unsure", "bad")
    before = standing.stands
    standing.take("bad", 0.4, 0.1)
    assert (before, standing.stands) == (False, True)
    assert (standing.start, standing.end, standing.heard) == pytest.approx((0.1, 0.5, 0.3))


def test_it_is_over_when_all_is_well_for_long_enough() -> None:
    standing = Standing(0.2, 0.2)
    assert run(standing, "bad", "bad", "good", "bad", "good", "good") == [False] * 5 + [True]
    assert standing.end == pytest.approx(0.4)
    standing.clear()
    assert standing.start is None


@pytest.mark.parametrize("ratio", [0.0, 1e-4, -3e-5, 0.01])
def test_a_pace_is_found_under_jitter(ratio: float) -> None:
    random, pace = np.random.default_rng(1), Pace()
    for second in range(600):
        pace.add(float(second), ratio * second - abs(random.normal(0, 0.02)))
    assert pace.value == pytest.approx(ratio, abs=2e-5)


def test_a_pace_needs_a_minute_and_begins_anew_when_time_goes_back() -> None:
    pace = Pace()
    for second in range(60):
        pace.add(float(second), 0.0)
    early = pace.value
    for second in range(60, 90):
        pace.add(float(second), 0.0)
    assert (early, pace.value) == (None, 0.0)
    pace.add(3.0, 0.0)
    assert pace.value is None
