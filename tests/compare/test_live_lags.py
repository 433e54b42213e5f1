"""One live output laid on another by what their pictures show."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.compare.aligning import lags
from qoe_agent.compare.live import failing
from qoe_agent.compare.shapes import Unfit

RATE = 25


def show(seconds: float, seed: int = 1) -> np.ndarray:
    """Fingerprints of something that moves and never repeats."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 6, (int(seconds * RATE), 18, 32)).cumsum(axis=0)
    steps -= np.linspace(0, 1, len(steps))[:, None, None] * steps[-1]
    return np.clip(128 + steps, 0, 255).astype(np.uint8)


def coded(prints: np.ndarray, seed: int) -> np.ndarray:
    """As another encoder leaves them."""
    noise = np.random.default_rng(seed).normal(0, 1.0, prints.shape)
    return np.clip(prints + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("behind", [0.0, 3.0, 11.0, 20.0])
def test_the_lag_is_found_to_a_few_milliseconds(behind: float) -> None:
    whole = show(45)
    times = np.arange(len(whole)) / RATE
    late = times < 40 - behind
    ours = lags.gridded(times[late] + 7.017, coded(whole[late], 2))
    found = lags.find(ours, lags.gridded(times, coded(whole, 3)))
    assert found.answer == "found"
    assert found.seconds == pytest.approx(-7.017, abs=0.005), "what is added to our time stamps for theirs"


def test_what_is_not_the_same_is_unlike() -> None:
    times = np.arange(20 * RATE) / RATE
    found = lags.find(lags.gridded(times, show(20, 1)), lags.gridded(times, show(20, 5)))
    assert found.answer == "unlike"


def test_what_repeats_is_not_guessed() -> None:
    loop = np.concatenate([show(8)] * 4)
    times = np.arange(len(loop)) / RATE
    found = lags.find(lags.gridded(times, coded(loop, 2)), lags.gridded(times, coded(loop, 3)))
    assert found.answer == "repeats"


def test_what_stands_still_is_not_guessed() -> None:
    still = np.repeat(show(1)[:1], 20 * RATE, axis=0)
    times = np.arange(len(still)) / RATE
    assert lags.find(lags.gridded(times, still), lags.gridded(times, still)).answer == "still"


def test_conditions_are_read() -> None:
    found = failing.condition("qp[B-A] > 1", ("A", "B"))
    assert (found.measure, found.one, found.other, found.sign, found.number) == ("qp", "B", "A", ">", 1.0)
    assert failing.condition(" vmaf<92 ", ("A",)).one == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [("vmaf", "expected such as"), ("beauty < 3", "no measure beauty"), ("vmaf[C] < 3", "no output C")],
)
def test_a_wrong_condition_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        failing.condition(text, ("A", "B"))
