"""The convex hull over resolutions, where they cross, and ladders."""

from __future__ import annotations

from itertools import pairwise
from math import log

import numpy as np
import pytest

from qoe_agent.compare.figures import ladders
from qoe_agent.compare.figures.hull import Dot, courses, dots, hull, upper
from tests.compare.sweep_made import curve, point, quality

SIZES = ((640, 360), (960, 540), (1280, 720))
KNOWN = [each for size in SIZES for each in curve("x264 veryfast", size=size)]


def dot(rate: float, score: float, size: tuple[int, int] = (1280, 720), value: float = 28.0) -> Dot:
    return Dot(rate, score, size, "crf", value)


def test_the_hull_is_what_no_mixture_of_others_reaches() -> None:
    rng = np.random.default_rng(3)
    cloud = [dot(float(rate), float(score)) for rate, score in zip(rng.uniform(1, 99, 60), rng.uniform(0, 90, 60),
                                                                   strict=True)]  # fmt: skip
    best = upper(cloud)
    logs, scores = [log(each.rate) for each in best], [each.quality for each in best]
    assert logs == sorted(logs)
    assert scores == sorted(scores)
    slopes = np.diff(scores) / np.diff(logs)
    assert all(np.diff(slopes) < 0)
    for each in cloud:
        inside = np.interp(log(each.rate), logs, scores, left=-1)
        assert each.rate < best[0].rate or each.quality <= inside + 1e-9


def test_it_holds_points_of_all_resolutions_and_the_rates_where_they_cross() -> None:
    found = hull(KNOWN, "vmaf[v1]")
    heights = [each.encoded.setting.height for each in found.points]
    assert heights == sorted(heights)
    assert set(heights) == {360, 540, 720}
    for crossing in found.crossings:
        at = crossing.bits_per_second
        below, above = quality(at, size=crossing.below), quality(at, size=crossing.above)
        assert below == pytest.approx(above, abs=1.0)
        assert crossing.quality == pytest.approx(above, abs=1.0)
        assert quality(at / 1.3, size=crossing.below) > quality(at / 1.3, size=crossing.above)
    assert [each.above[1] for each in found.crossings] == [540, 720]


def test_of_one_resolution_nothing_crosses() -> None:
    found = hull(curve("x264 veryfast"), "vmaf[v1]")
    assert len(found.points) == 5
    assert found.crossings == ()
    assert found.notes == ()


def test_a_crossing_between_far_points_is_said_to_be_guessed() -> None:
    apart = [point("a", 1e5, 40, size=(640, 360)), point("a", 2e6, 80)]
    found = hull(apart, "vmaf[v1]")
    assert found.crossings[0].bits_per_second == pytest.approx(np.sqrt(1e5 * 2e6))
    assert "not measured closely" in found.notes[0]


def test_what_has_no_or_infinite_quality_is_left_out() -> None:
    assert dots([point("a", 1e6, float("inf"))], "vmaf[v1]") == ()
    assert dots([point("a", 1e6, 50)], "xpsnr_y") == ()


def test_a_ladder_tops_at_the_least_rate_that_meets_the_target() -> None:
    rungs, met = ladders.ladder(dots(KNOWN, "vmaf[v1]"), 90.0, ladders.NOTICED)
    assert met
    top = rungs[-1]
    assert top.quality == pytest.approx(90, abs=1e-3)
    assert quality(top.bits_per_second) == pytest.approx(90, abs=0.6)
    assert (top.height, top.interpolated, top.control) == (720, True, "crf")
    assert 20 < top.value < 24 or 24 < top.value < 28
    ratios = [b.bits_per_second / a.bits_per_second for a, b in pairwise(rungs)]
    assert all(1.5 - 1e-6 <= each <= 2 + 1e-6 for each in ratios)
    heights = [each.height for each in rungs]
    assert heights == sorted(heights)
    assert rungs[0].bits_per_second >= min(each.encoded.bits_per_second for each in KNOWN)


def test_each_rung_has_the_resolution_that_is_best_at_its_rate() -> None:
    rungs, _ = ladders.ladder(dots(KNOWN, "vmaf[v1]"), 90.0, ladders.NOTICED)
    for rung in rungs:
        others = [quality(rung.bits_per_second, size=size) for size in SIZES]
        assert rung.quality >= max(others) - 1.0


def test_a_target_out_of_reach_gives_the_best_measured_and_says_so() -> None:
    rungs, met = ladders.ladder(dots(KNOWN, "vmaf[v1]"), 99.99, ladders.NOTICED)
    assert not met
    assert rungs[-1].value == 20
    assert not rungs[-1].interpolated


def test_without_a_step_that_is_noticed_rungs_are_even_and_end_at_the_floor() -> None:
    rungs, _ = ladders.ladder(dots(KNOWN, "vmaf[v1]"), 90.0, None, floor=5e5)
    ratios = [b.bits_per_second / a.bits_per_second for a, b in pairwise(rungs)]
    assert ratios[1:] == pytest.approx([ladders.EVEN] * (len(ratios) - 1))
    assert rungs[0].bits_per_second >= 5e5 - 1


def test_a_gap_between_resolutions_holds_no_rung() -> None:
    low = [dot(1e5 * 1.3**n, 30 + 3 * n, (640, 360), 30 - n) for n in range(4)]
    high = [dot(3e6 * 1.3**n, 80 + 4 * n, (1280, 720), 30 - n) for n in range(4)]
    rungs, _ = ladders.ladder([*low, *high], 90.0, ladders.NOTICED)
    rates = [each.bits_per_second for each in rungs]
    assert rates == sorted(rates)
    assert not [each for each in rates if low[-1].rate * 1.01 < each < high[0].rate * 0.99]
    assert ladders.ladder([], 90.0) == ((), False)


def test_one_ladder_for_all_clips_is_made_of_settings_that_all_have() -> None:
    points = [*curve("a"), *curve("a", name="lake", scale=1.5)][:-1]
    found = ladders.shared(points, "vmaf[v1]", 2)
    assert [each.value for each in found] == [20, 24, 28, 32]
    assert found[0].rate == pytest.approx(6e6 / 1.5**0.5)
    assert found[0].spread == pytest.approx(0, abs=1e-9)


def test_where_two_rate_controls_were_tried_settings_of_one_are_used() -> None:
    mixed = [dot(1e6, 60), dot(2e6, 70), Dot(3e6, 75, (1280, 720), "abr", 3e6)]
    assert [each.control for each in courses(mixed)[0].dots] == ["crf", "crf"]
