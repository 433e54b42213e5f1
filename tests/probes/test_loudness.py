"""Loudness as the probe publishes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qoe_agent.model import Lost, Observation, Opened, Sound, Tick
from qoe_agent.probes.loudness import LOUDNESS, RANGE, TRUE_PEAK, Listen
from tests.probes.outcome import Outcome

RATE = 48_000
WINDOWS = {("momentary",), ("short",), ("minute",), ("integrated",)}


def tone(seconds: float, level: float, hertz: float = 1000.0) -> np.ndarray[Any, Any]:
    at = np.arange(round(seconds * RATE)) / RATE
    return np.tile((10 ** (level / 20) * np.sin(2 * np.pi * hertz * at)).astype(np.float32), (2, 1))


def heard(*parts: tuple[float, np.ndarray[Any, Any]], look: Listen | None = None) -> list[Observation]:
    """Stretches of a second from each pts on, arriving at 100 s plus their pts, with a Tick after each."""
    look = look or Listen()
    made: list[Observation] = []
    for pts, samples in parts:
        for first in range(0, samples.shape[1], RATE):
            piece = samples[:, first : first + RATE]
            begin, seconds = pts + first / RATE, piece.shape[1] / RATE
            at = 100.0 + begin + seconds
            made.append(Sound(at, 1, begin, seconds, RATE, 2, at, {"loudness": look(piece, RATE, begin)}))
            made.append(Tick(at))
    return made


def test_a_tone_is_as_loud_as_it_is() -> None:
    seen = Outcome("loudness").feed(heard((0.0, tone(14, -23))))
    for window in WINDOWS:
        assert seen.gauge(LOUDNESS, *window) == pytest.approx(-23.0, abs=0.1)
    assert seen.gauge(RANGE) == pytest.approx(0.0, abs=0.01)
    assert seen.gauge(TRUE_PEAK) == pytest.approx(10 ** (-23 / 20), rel=0.01)


def test_the_true_peak_is_that_of_the_last_minute() -> None:
    seen = Outcome("loudness").feed(heard((0.0, tone(2, -3)), (2.0, tone(50, -30))))
    assert seen.gauge(TRUE_PEAK) == pytest.approx(10 ** (-3 / 20), rel=0.01)
    seen.feed(heard((52.0, tone(20, -30))))
    assert seen.gauge(TRUE_PEAK) == pytest.approx(10 ** (-30 / 20), rel=0.01)


def test_what_is_not_known_is_absent() -> None:
    seen = Outcome("loudness").feed(heard((0.0, tone(1, -23))))
    assert seen.labels(LOUDNESS) == WINDOWS - {("short",)}
    assert seen.gauge(RANGE) is None


def test_sound_in_pieces_with_holes_has_no_short_term_but_an_integrated_level() -> None:
    seen = Outcome("loudness").feed(heard(*[(n * 5.0, tone(1, -23)) for n in range(6)]))
    assert seen.gauge(LOUDNESS, "short") is None
    assert seen.gauge(LOUDNESS, "integrated") == pytest.approx(-23.0, abs=0.1)


def test_a_second_track_is_left_out() -> None:
    look, made = Listen(), []
    for n in range(6):
        made += heard((n * 1.0, tone(1, -23)), look=look) + heard((n + 0.2, tone(1, -6)), look=look)
    seen = Outcome("loudness").feed(made)
    assert seen.gauge(LOUDNESS, "integrated") == pytest.approx(-23.0, abs=0.1)


def test_levels_go_when_no_sound_is_decoded_any_more_and_when_the_pull_ends() -> None:
    seen = Outcome("loudness").feed(heard((0.0, tone(4, -23))))
    assert seen.feed([Tick(110.0)]).labels(LOUDNESS) == WINDOWS
    assert seen.feed([Tick(120.0)]).labels(LOUDNESS) == set()
    seen = Outcome("loudness").feed([*heard((0.0, tone(4, -23))), Lost(105.0, "ended"), Tick(106.0)])
    assert (seen.labels(LOUDNESS), seen.gauge(TRUE_PEAK)) == (set(), None)


def test_a_new_connection_begins_anew() -> None:
    late = heard((0.0, tone(4, -10)))
    seen = Outcome("loudness").feed([Opened(200.0, 199.9, "rtmp"), *late, Tick(201.0)])
    assert seen.labels(LOUDNESS) == set()


def test_a_recording_s_lists_are_understood() -> None:
    sound = Sound(5.0, 1, 0.0, 1.0, RATE, 2, 5.0, {"loudness": [-20.0, None, -20.0, -20.0, None, 0.5]})
    seen = Outcome("loudness").feed([sound, Tick(5.5)])
    assert (seen.gauge(LOUDNESS, "momentary"), seen.gauge(TRUE_PEAK)) == (-20.0, 0.5)
