"""Live outputs laid on each other second by second: loops, drift, pictures that do not tell."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent import config
from qoe_agent.compare.live import watching
from qoe_agent.compare.live.laid import Laid
from qoe_agent.compare.live.laying import Laying
from qoe_agent.compare.live.taking import Shown, Taken
from qoe_agent.config import reading
from qoe_agent.ring import Budget
from tests.compare.test_live_lags import RATE, coded, show


class Pair:
    """Two outputs that are fed as time passes."""

    def __init__(self, ours: np.ndarray, theirs: np.ndarray, ahead: float, drift: float = 0.0) -> None:
        """Fingerprints of both; the second's time stamps are ahead, and its clock is fast."""
        self.taken = [Taken(name, Budget(1 << 16).ring()) for name in "AB"]
        self.laying = Laying(self.taken)
        self._prints = ours, theirs
        self._clocks = (0.0, 1.0), (ahead, 1.0 + drift)
        self._given = 0

    def upto(self, seconds: int) -> None:
        """Feed pictures until then, and look once a second."""
        while self._given < seconds * RATE:
            for one, prints, (start, pace) in zip(self.taken, self._prints, self._clocks, strict=True):
                for n in range(self._given, self._given + RATE):
                    one.newest = start + pace * n / RATE
                    one.shown.append(Shown(one.newest, prints[n], None))
            self._given += RATE
            self.laying.step()

    def shift(self) -> float:
        """What is added to the second's latest media time."""
        place = self.taken[1].newest
        return float(self.laying.laid[1].source(np.array([place]))[0]) - place


def test_another_round_of_a_loop_is_not_taken_for_the_same() -> None:
    loop = np.concatenate([show(8)] * 8)
    pair = Pair(coded(loop, 2), coded(np.roll(loop, -3 * RATE, axis=0), 3), 7.0)
    for seconds in range(14, 60):
        pair.upto(seconds)
        assert not pair.laying.ready, f"a whole loop has been seen after {seconds} s"
    assert "repeats" in pair.laying.why_not()


def test_what_is_known_well_is_kept_through_pictures_that_repeat() -> None:
    once = show(50)
    whole = np.concatenate([once, once[-10 * RATE :]])
    pair = Pair(coded(whole, 2), coded(whole, 3), 7.0)
    pair.upto(60)
    assert pair.laying.ready
    assert pair.shift() == pytest.approx(-7.0, abs=0.02)


def test_drift_goes_on_where_nothing_moves() -> None:
    moving = show(30)
    whole = np.concatenate([moving, np.repeat(moving[-1:], 10 * RATE, axis=0)])
    pair = Pair(coded(whole, 2), coded(whole, 3), 7.0, drift=0.01)
    pair.upto(30)
    assert pair.shift() == pytest.approx(-7.0 - 0.01 * 30, abs=0.05)
    pair.upto(38)
    assert pair.shift() == pytest.approx(-7.0 - 0.01 * 38, abs=0.05)


def test_what_lies_about_a_jump_is_left_out_and_the_rest_is_right() -> None:
    whole = show(60)
    skipped = np.concatenate([whole[: 30 * RATE], whole[33 * RATE :]])
    pair = Pair(coded(whole, 2), coded(skipped, 3), 7.0)
    pair.upto(50)
    laid, media = pair.laying.laid[1], 7.0 + np.arange(2.0, 46.0, 0.1)
    truth = np.where(media < 37.0, media - 7.0, media - 4.0)
    known = np.isfinite(laid.source(media))
    assert np.abs(laid.source(media) - truth)[known].max() < 0.05
    assert known.mean() > 0.85
    assert not known[np.abs(media - 37.0) < 0.5].any()


def test_an_output_that_begins_anew_is_laid_anew() -> None:
    whole = show(60)
    pair = Pair(coded(whole, 2), coded(whole, 3), 7.0)
    pair.upto(25)
    other = pair.taken[1]
    other.epoch, other.begun = 1, 107.0
    pair._clocks = pair._clocks[0], (107.0, 1.0)
    pair.upto(45)
    assert pair.shift() == pytest.approx(-107.0, abs=0.02)
    kept = pair.laying.laid[1].source(np.array([20.0, 33.0, 140.0]))
    assert kept == pytest.approx([13.0, np.nan, 33.0], abs=0.02, nan_ok=True)


def test_nothing_is_drawn_over_a_jump() -> None:
    laid = Laid()
    for place, shift in ((0.0, 1.0), (10.0, 1.1), (20.0, 4.0)):
        laid.add(place, shift)
    assert laid.source(np.array([5.0, 14.0, 16.0])).tolist() == pytest.approx([6.05, 15.1, 20.0])
    assert laid.media(6.05) == pytest.approx(5.0, abs=0.001)


def test_an_output_that_showed_something_is_not_said_to_have_shown_nothing() -> None:
    known = config.parse("", "", {})
    stream = reading.one({"name": "B", "url": "rtmp://host/live/b"}, known.profiles, "compare").single()
    (output,) = watching.outputs([stream], ["B"])
    assert output.why == "nothing came"
    output.taken.pictures = 3
    assert output.why == "no more pictures came"
