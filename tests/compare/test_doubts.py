"""Which frames of a path are certain: short ends, changes of lag, pictures that may be late."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qoe_agent.compare.aligning import doubts
from qoe_agent.compare.aligning.clocks import Reading
from tests.compare.laid import pictures

FRAMES = 96


@pytest.mark.parametrize(
    ("nats", "moves", "left_out"),
    [pytest.param(1.0, True, range(41, 55), id="little tells on which side they are"),
     pytest.param(0.1, True, range(FRAMES), id="nothing tells, however far from it"),
     pytest.param(9.0, True, (), id="each frame tells"),
     pytest.param(1.0, False, (), id="it does not matter")],
)  # fmt: skip
def test_frames_beside_a_change_of_lag_are_left_out_where_they_may_lie_beyond_it(
    nats: float, moves: bool, left_out: Any
) -> None:
    reading = Reading("times", np.arange(float(FRAMES)), np.arange(199), 1)
    laid: Any = SimpleNamespace(reading=reading, lags=np.repeat([8.0, 12.0], 48),
                                broad=SimpleNamespace(reference=pictures(199, moves)))  # fmt: skip
    laid.frames = reading.frames(0.0, reading.at + laid.lags)
    laid.gains = lambda lags: (n := np.flatnonzero(lags != laid.lags), np.full(len(n), nats))
    sure = np.ones(FRAMES, bool)

    doubts._borders(laid, sure, [(0, 48), (48, FRAMES)])

    assert np.flatnonzero(~sure).tolist() == list(left_out)


@pytest.mark.parametrize(
    ("lags", "fresh", "skipped", "left_out"),
    [pytest.param([14.0, 12.5, 10.0], (), [9, 1, 1], range(24, 48), id="on the way to older ones"),
     pytest.param([14.0, 12.5, 14.0], (), [9, 1, 9], range(24, 48), id="for a while"),
     pytest.param([14.0, 12.5, 14.0], (), [9, 9, 9], (), id="though the next frames differ by much"),
     pytest.param([14.0, 12.5, 10.0], (), [9, 1, 9], (), id="before a freeze"),
     pytest.param([14.0, 12.5, 14.0], (), [9] * 24 + [1] * 6 + [9] * 8 + [1] * 10 + [9] * 24, (*range(24, 30),
                  *range(38, 48)), id="but not between those of them whose next frames differ by much"),
     pytest.param([14.0, 12.5, 10.0], (30,), [9, 1, 1], (), id="with a picture coded by itself"),
     pytest.param([19.0, 12.5, 10.0], (), [9, 1, 1], (), id="older by more than an encoder is late"),
     pytest.param([14.0, 12.5, 12.5], (), [9, 1, 1], (), id="as those after it")],
)  # fmt: skip
def test_pieces_that_may_be_late_are_left_out(
    lags: list[float], fresh: tuple[int, ...], skipped: list[float], left_out: Any
) -> None:
    at = np.arange(72) / 2
    reading = Reading("times", at, np.arange(99), 2)
    laid: Any = SimpleNamespace(reading=reading, lags=np.repeat(lags, 24), fresh=np.isin(np.arange(72), fresh))
    laid.frames = reading.frames(0.0, at + laid.lags)
    laid.fit, laid.left, laid.usual = None, np.zeros(72), np.ones(72)
    laid.look = SimpleNamespace(apart=lambda some, frames, fit: np.repeat(skipped, 72 // len(skipped))[some])

    assert [n for piece in doubts._dips(laid) for n in range(*piece)] == list(left_out)


@pytest.mark.parametrize(
    ("apart", "known", "few"),
    [pytest.param([9.0] * 9, True, False, id="most neighbours differ by more than coding leaves"),
     pytest.param([9.0] * 9, False, True, id="so they may with edges that are fitted"),
     pytest.param([9.0] * 5 + [1.0] * 4, True, True, id="too few of them do")],
)  # fmt: skip
def test_few_frames_at_an_end_must_differ_from_their_neighbours(apart: list[float], known: bool, few: bool) -> None:
    reading = Reading("times", np.arange(9.0), np.arange(99), 1)
    laid: Any = SimpleNamespace(reading=reading, lags=np.full(9, 12.0), fit=None, left=np.zeros(9), usual=np.ones(9))
    laid.look = SimpleNamespace(apart=lambda some, frames, fit: np.array(apart)[some])

    assert doubts._few(laid, 0, 9, known) == few
    assert not doubts._few(laid, 0, doubts.SHORT, known=False)


@pytest.mark.parametrize(
    ("each", "kept"),
    [pytest.param(9.0, [0.0] * 85 + [-1.0] * 11, id="only after the last of those, where these say otherwise"),
     pytest.param(1.0, [-1.0] * 96, id="all of it, where these say little")],
)  # fmt: skip
def test_what_pictures_that_lean_on_others_have_for_an_older_path_counts(each: float, kept: list[float]) -> None:
    fresh = np.arange(FRAMES) % 12 == 0
    gains = np.where(fresh, each, -1.0)
    laid: Any = SimpleNamespace(fresh=fresh)

    doubts._unlate(laid, gains, 0, FRAMES)

    assert gains.tolist() == np.where(fresh, each, kept).tolist()


@pytest.mark.parametrize(
    ("leaning", "left_out"),
    [pytest.param([1.0] * 24, range(25), id="with all that lean on it"),
     pytest.param([1.0] * 9 + [20.0] * 15, range(10), id="up to one that tells more")],
)  # fmt: skip
def test_a_key_frame_that_shows_another_is_left_out(leaning: list[float], left_out: Any) -> None:
    laid: Any = SimpleNamespace(fresh=np.arange(50) % 25 == 0)
    gains = np.array([-15.0, *leaning, 15.0, *leaning])
    sure = np.ones(50, bool)

    doubts._strayed(laid, sure, gains, 0, 50)

    assert np.flatnonzero(~sure).tolist() == list(left_out)
