"""Intervals over clips, and the speed of repeated runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qoe_agent.compare.figures.corpus import interval, speed
from tests.compare.sweep_made import point


def test_student_s_interval_over_clips() -> None:
    found = interval([-0.33, -0.29, -0.35, -0.27])
    assert found.mean == pytest.approx(-0.31)
    assert found.low is not None
    assert found.high is not None
    # 3.1824 (t with 3 degrees of freedom, from its table) times 0.036515 / 2
    assert (found.low, found.high) == pytest.approx((-0.31 - 0.058103, -0.31 + 0.058103), abs=1e-5)


def test_one_or_two_clips_have_no_interval() -> None:
    assert interval([-0.3])[1:] == (None, None, 1, "for this clip only")
    assert interval([-0.3, -0.2])[1:] == (None, None, 2, "for these 2 clips only")


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    draws = rng.normal(-0.2, 0.06, (600, 5))
    held = 0
    for each in draws:
        found = interval(each.tolist())
        assert found.low is not None
        assert found.high is not None
        held += found.low <= -0.2 <= found.high
    assert held / len(draws) == pytest.approx(0.95, abs=0.03)


def test_speed_is_the_median_and_its_spread_that_of_repeats() -> None:
    made = [point("a", 1e6, 80, cpu=10), point("a", 2e6, 90, cpu=20)]
    wall = [(5.0, 5.5, 6.0), (10.0, 10.0, 10.0)]
    made = [replace(one, encoded=replace(one.encoded, wall=each)) for one, each in zip(made, wall, strict=True)]
    found = speed("a", "1280x720", made)
    assert found is not None
    assert found.frames_per_second == pytest.approx((250 / 5.5 + 25) / 2)
    assert (found.low, found.high) == (25, 50)
    assert found.spread == pytest.approx((((0.5 / 5.5) ** 2) / 2) ** 0.5)
    assert found.cpu == pytest.approx(1.5)
    assert found.n_runs == 6


def test_one_run_has_no_spread_and_none_no_speed() -> None:
    once = speed("a", "", [point("a", 1e6, 80, repeats=1)])
    assert once is not None
    assert once.spread is None
    assert speed("a", "", [point("a", 1e6, 80, repeats=0)]) is None
