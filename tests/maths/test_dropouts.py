"""Holes in sound, told from what sounds like holes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.maths.dropouts import Dip, Dips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

RATE = 48_000


def programme(seconds: float = 4.0, seed: int = 0) -> Wave:
    """Three tones and noise."""
    random, at = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    wave = sum(0.1 * np.sin(2 * np.pi * hertz * at + hertz) for hertz in (147.0, 523.0, 1319.0))
    return np.tile((wave + random.normal(0, 0.01, at.size)).astype(np.float32), (2, 1))


def found(wave: Wave, piece: int = RATE, rate: int = RATE) -> list[tuple[float, float, bool]]:
    """Start, end (seconds) and kind of all dropouts."""
    dips, out = Dips(rate, len(wave)), []
    padded = np.concatenate([wave, np.tile(wave[:, -rate:], (1, 1))], axis=1)
    for first in range(0, padded.shape[1], piece):
        for dip in dips.add(padded[:, first : first + piece]):
            out.append(((first + dip.start) / rate, (first + dip.end) / rate, dip.zeros))
    return out


@pytest.mark.parametrize("seconds", [0.006, 0.012, 0.05, 0.2, 0.48])
@pytest.mark.parametrize("piece", [1024, RATE, 4 * RATE])
def test_zeros_are_found_to_the_millisecond(seconds: float, piece: int) -> None:
    wave, start = programme(), 1.73337
    wave[:, round(start * RATE) : round((start + seconds) * RATE)] = 0.0
    ((begin, end, zeros),) = found(wave, piece)
    assert begin == pytest.approx(start, abs=0.0011)
    assert end == pytest.approx(start + seconds, abs=0.0011)
    assert zeros


def test_a_dip_is_no_zeros() -> None:
    wave = programme()
    wave[:, RATE : RATE + 2400] *= 0.01
    ((begin, end, zeros),) = found(wave)
    assert (begin, end) == pytest.approx((1.0, 1.05), abs=0.001)
    assert not zeros


def test_a_dropout_of_one_channel_counts_once_with_the_others() -> None:
    wave = programme()
    wave[1, RATE : RATE + 2400] = 0.0
    wave[0, RATE + 1200 : RATE + 3600] = 0.0
    ((begin, end, _),) = found(wave)
    assert (begin, end) == pytest.approx((1.0, 1.075), abs=0.001)


def test_what_is_too_short_or_too_long_is_none() -> None:
    wave = programme()
    wave[:, RATE : RATE + 100] = 0.0
    wave[:, 2 * RATE : 2 * RATE + round(0.55 * RATE)] = 0.0
    assert found(wave) == []


def test_a_pause_that_fades_in_or_out_is_none() -> None:
    for fades in ((0.03, 0.0), (0.0, 0.03), (0.03, 0.03)):
        wave, gain = programme(), np.ones(4 * RATE)
        gain[RATE : RATE + 9600] = 0.0
        for edge, way, fade in ((RATE, -1, fades[0]), (RATE + 9600, 1, fades[1])):
            length = round(fade * RATE)
            ramp = np.linspace(0, 1, length) ** 2
            if length and way < 0:
                gain[edge - length : edge] = ramp[::-1]
            elif length:
                gain[edge : edge + length] = ramp
        assert found((wave * gain).astype(np.float32)) == []


def test_struck_notes_with_pauses_are_none() -> None:
    at = np.arange(4 * RATE) / RATE
    wave = np.exp(-18 * (at % 0.25)) * np.sin(2 * np.pi * 440 * at) * (at % 0.25 < 0.2) * 0.5
    assert found(np.tile(wave.astype(np.float32), (2, 1))) == []


def test_silence_and_the_programme_itself_have_none() -> None:
    assert found(np.zeros((2, 4 * RATE), np.float32)) == []
    assert found(programme()) == []


def test_other_rates() -> None:
    wave = programme()[:, ::3]
    wave[:, 16_000:16_800] = 0.0
    ((begin, end, _),) = found(wave, 16_000, 16_000)
    assert (begin, end) == pytest.approx((1.0, 1.05), abs=0.0011)


def test_dips_are_plain_values() -> None:
    wave = programme()
    wave[:, RATE : RATE + 2400] = 0.0
    dips = Dips(RATE, 2).add(wave)
    assert dips == [Dip(RATE, RATE + 2400, True)]
    assert all(isinstance(value, int) for value in dips[0])
