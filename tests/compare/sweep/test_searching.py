"""Searches for a target: the right setting, in few tries, whatever the curve looks like."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qoe_agent.compare.shapes import Unfit
from qoe_agent.compare.sweep import searching


def crf_score(crf: float, middle: float, steep: float) -> float:
    """Quality that falls with CRF as it does: slowly, then fast."""
    return 100 - 100 / (1 + math.exp((middle - crf) / steep))


@pytest.mark.parametrize("known", [(20.0, 25.0, 30.0, 35.0), (50.0,), (3.0,), (22.5, 27.5)])
def test_the_highest_crf_that_meets_it_is_found_in_few_tries(known: tuple[float, ...]) -> None:
    draw = np.random.default_rng(7)
    grid = searching.grid("x264", "crf")
    most = 0
    for _ in range(300):
        middle, steep, aim = draw.uniform(15, 55), draw.uniform(2, 8), draw.uniform(60, 99)

        def score(crf: float, middle: float = middle, steep: float = steep) -> float:
            return crf_score(crf, middle, steep)

        expected = [crf for crf in range(52) if score(crf) >= aim]
        found, tried = searching.search(grid, {crf: score(crf) for crf in known}, aim, score)
        assert found == (float(expected[-1]) if expected else None)
        most = max(most, tried)
    assert most <= 8


def test_the_lowest_rate_that_meets_it_is_found_within_two_percent() -> None:
    draw = np.random.default_rng(8)
    grid = searching.grid("x264", "abr")
    for _ in range(300):
        needed = float(np.exp(draw.uniform(np.log(50_000), np.log(50_000_000))))
        known = {rate: 50 + 10 * math.log(rate / needed) for rate in (500_000.0, 1_000_000.0, 4_000_000.0)}
        found, tried = searching.search(grid, known, 50.0, lambda rate, n=needed: 50 + 10 * math.log(rate / n))
        assert found is not None
        assert needed <= found <= needed * 1.05
        assert tried <= 12


def test_what_is_known_is_not_tried_again() -> None:
    def never(_: float) -> float:
        raise AssertionError

    known = {30.0: 95.0, 31.0: 92.0, 20.0: 99.0}
    assert searching.search(searching.grid("x264", "crf"), known, 93.0, never) == (30.0, 0)


def test_a_probe_that_fails_ends_the_search() -> None:
    assert searching.search(searching.grid("x264", "crf"), {20.0: 99.0, 40.0: 50.0}, 93.0, lambda _: None) == (None, 1)


def test_a_curve_that_turns_back_still_gives_a_setting_that_meets_it() -> None:
    known = {20.0: 92.0, 25.0: 94.0, 30.0: 80.0}
    scores = {float(crf): 99.0 if crf < 12 else 90.0 for crf in range(52)} | known
    found, _ = searching.search(searching.grid("x264", "crf"), known, 93.0, scores.__getitem__)
    assert found is not None
    assert scores[found] >= 93.0


def test_targets_are_written_like_conditions() -> None:
    models = ("v1", "neg")
    assert searching.target("vmaf[neg].p5 >= 80", models, ())[1:] == ("vmaf[neg]", "p5", 80.0)
    assert searching.target("vmaf >= 93", models, ())[1:] == ("vmaf[v1]", "mean", 93.0)
    assert searching.target("ssim.min_1s>=0.98", models, ())[1:] == ("ssim", "min_1s", 0.98)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vmaf < 93", "must be a metric that reaches a number"),
        ("vmaf >= inf", "must be a metric that reaches a number"),
        ("bitrate_bits_per_second >= 5", "must be a metric that reaches a number"),
        ("vmaf[4k] >= 93", "not among the models measured"),
        ("cambi >= 1", "cambi is not measured"),
        ("vmav >= 93", "no such name"),
    ],
)
def test_targets_that_cannot_be_are_refused(text: str, said: str) -> None:
    with pytest.raises(Unfit, match=said) as caught:
        searching.target(text, ("v1",), ())
    assert str(caught.value).startswith("--target")
    assert "--fail-if" not in str(caught.value)
