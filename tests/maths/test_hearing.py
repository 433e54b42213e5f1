"""Stretches of sound as numbers: gaps between them, and two channels compared."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.hearing import Heard, Hearing, pairs

RATE = 48_000
NOISE = np.random.default_rng(4).normal(0, 0.1, (2, 20 * RATE)).astype(np.float32)


def heard(*stretches: tuple[float, float]) -> list[Heard | None]:
    """Noise, at each pts for so many seconds."""
    hearing = Hearing()
    return [hearing.hear(NOISE[:, : round(seconds * RATE)], RATE, pts) for pts, seconds in stretches]


def gaps(*stretches: tuple[float, float]) -> list[tuple[float, float]]:
    """In media time."""
    return [
        (pts + start, pts + end)
        for (pts, _), told in zip(stretches, heard(*stretches), strict=True)
        if told
        for start, end, kind in told.dropouts
        if kind == "gap"
    ]


def test_a_frame_that_is_missing_is_a_gap() -> None:
    assert gaps((5.0, 1.0), (6.0213, 1.0), (7.0213, 1.0)) == [pytest.approx((6.0, 6.0213))]


def test_a_gap_of_half_a_second_is_one_and_a_longer_hole_is_not_known() -> None:
    assert gaps((0.0, 1.0), (1.4, 1.0)) == [pytest.approx((1.0, 1.4))]
    assert gaps((0.0, 1.0), (5.0, 1.0)) == []


def test_timestamps_that_jitter_or_drift_are_no_gaps() -> None:
    random = np.random.default_rng(1)
    assert gaps(*((n + float(random.uniform(-0.008, 0.008)), 1.0) for n in range(15))) == []
    assert gaps(*((n * 1.0005, 1.0) for n in range(15))) == []


def test_an_overlap_that_is_made_good_is_no_gap() -> None:
    assert gaps((0.0, 1.0), (0.97, 1.0), (2.0, 1.0), (3.0, 1.0)) == []


def test_channels_are_compared_in_tenths_of_a_second() -> None:
    wave = np.stack([NOISE[0], -0.5 * NOISE[0]])[:, : RATE // 2]
    told = pairs(wave, RATE)
    assert len(told) == 5
    for left, right, both in told:
        assert (right, both) == pytest.approx((left / 4, -left / 2), rel=1e-3)


def test_one_channel_has_no_pairs_and_bad_samples_are_no_sound() -> None:
    hearing = Hearing()
    told = hearing.hear(NOISE[:1, :RATE], RATE, 0.0)
    assert told
    assert told.pairs == []
    assert hearing.hear(np.full((2, 1000), np.nan, np.float32), RATE, 1.0) is None
    assert hearing.hear(np.zeros((2, 0), np.float32), RATE, 1.0) is None
