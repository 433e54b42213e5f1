"""Differences between tests, and the bootstrap over scenes."""

from __future__ import annotations

from math import inf, log10

import numpy as np
import pytest

from qoe_agent.compare.figures.pairs import ENOUGH, Draws, difference, pairs
from tests.compare.scored import candidate


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def noise(scale: float = 1.0, frames: int = 400, seed: int = 1) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(frames)


CUTS = tuple(range(40, 400, 40))


def test_a_pair_is_b_less_a_in_every_metric_that_both_have() -> None:
    a = candidate("a", {"vmaf[v1]": 80 + noise(), "ssim": 0.9 + noise(0.001)}, cuts=CUTS)
    b = candidate("b", {"vmaf[v1]": 83 + noise(seed=2), "psnr_y": 40 + noise()}, cuts=CUTS)
    (found,) = pairs(a, b, rng())
    assert (found.a, found.b, found.metric, found.n_scenes) == ("a", "b", "vmaf[v1]", 10)
    assert found.difference == pytest.approx(3.0, abs=0.2)
    assert found.low is not None
    assert found.high is not None
    assert 2.5 < found.low < found.difference < found.high < 3.5
    assert found.note == ""


def test_only_frames_that_both_show_count() -> None:
    ramp = np.arange(100.0)
    a = candidate("a", {"vmaf[v1]": ramp})
    b = candidate("b", {"vmaf[v1]": ramp[10:60] + 1}, reference=np.arange(10, 60))
    assert pairs(a, b, rng())[0].difference == pytest.approx(1.0)
    c = candidate("c", {"vmaf[v1]": ramp[:5]}, reference=np.arange(200, 205))
    assert pairs(a, c, rng()) == ()


def test_frames_are_not_replicates() -> None:
    few = np.where(np.arange(400) < 200, 2.0, -1.0)
    zero = np.zeros(400)
    within = difference("vmaf[v1]", zero, few, np.repeat(np.arange(ENOUGH - 1), 80), Draws(rng()))
    assert within is not None
    assert (within.low, within.high, within.n_scenes) == (None, None, ENOUGH - 1)
    scenes = difference("vmaf[v1]", zero, few, np.repeat(np.arange(10), 40), Draws(rng()))
    assert scenes is not None
    assert scenes.low is not None
    assert scenes.high is not None
    assert scenes.low < 0 < scenes.high, "ten scenes, half of them up and half down: nothing is certain"


def test_too_few_scenes_are_said_to_speak_of_this_clip_only() -> None:
    (found,) = pairs(candidate("a", {"ssim": np.full(50, 0.9)}), candidate("b", {"ssim": np.full(50, 0.95)}), rng())
    assert found.low is found.high is None
    assert found.note == "for this clip only: 1 scene, and an interval takes 6"


def test_two_copies_of_one_encode_differ_by_exactly_nothing() -> None:
    values = {"vmaf[v1]": 80 + noise(), "psnr_y": 40 + noise(), "xpsnr_y": 40 + noise()}
    for found in pairs(candidate("a", values, cuts=CUTS), candidate("b", values, cuts=CUTS), rng()):
        assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)


def test_psnr_is_averaged_as_mean_square_error_and_xpsnr_as_its_root() -> None:
    a, b = np.array([30.0, 40.0]), np.array([35.0, 35.0])
    scenes = np.zeros(2)
    psnr = difference("psnr_y", a, b, scenes, Draws(rng()))
    xpsnr = difference("xpsnr_y", a, b, scenes, Draws(rng()))
    assert psnr is not None
    assert xpsnr is not None
    assert psnr.difference == pytest.approx(35 + 10 * log10((1e-3 + 1e-4) / 2))
    assert xpsnr.difference == pytest.approx(35 + 20 * log10((10**-1.5 + 10**-2) / 2))


def test_pictures_equal_to_the_reference_do_not_upset_the_average() -> None:
    scenes = np.repeat(np.arange(10), 40)
    a, b = 40 + noise(), 41 + noise(seed=2)
    a[:60], b[:40] = inf, inf
    found = difference("psnr_y", a, b, scenes, Draws(rng()))
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.difference < found.high
    (whole,) = pairs(candidate("a", {"psnr_y": 40 + noise()}), candidate("b", {"psnr_y": np.full(400, inf)}), rng())
    assert whole.difference == inf
    assert whole.note == "one of them is identical to the reference"


def test_frames_without_a_value_are_left_out() -> None:
    a, b = np.array([1.0, np.nan, 3.0]), np.array([2.0, 2.0, np.nan])
    found = difference("vmaf[v1]", a, b, np.zeros(3), Draws(rng()))
    assert found is not None
    assert found.difference == 1.0
    assert difference("vmaf[v1]", a[1:2], b[1:2], np.zeros(1), Draws(rng())) is None


def test_scenes_weigh_by_their_frames() -> None:
    scenes = np.repeat(np.arange(8), [93, 1, 1, 1, 1, 1, 1, 1])
    found = difference("vmaf[v1]", np.zeros(100), np.where(scenes == 0, 1.0, 0.0), scenes, Draws(rng()))
    assert found is not None
    assert found.difference == pytest.approx(0.93)
