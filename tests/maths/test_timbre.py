"""Tops that were cut off, and the reach of the spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from qoe_agent.maths.timbre import CUT, Bandwidth, plateau, tonal
from tests.accuracy.faults_sound import coded, low_pass, music, talk

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

RATE = 48_000


def decoded(path: Path) -> Wave:
    with av.open(str(path)) as container:
        return np.concatenate([np.asarray(f.to_ndarray(), np.float32) for f in container.decode(audio=0)], axis=1)


def over(wave: Wave, decibels: float) -> Wave:
    return np.asarray(np.clip(wave / np.abs(wave).max() * 10 ** (decibels / 20), -1, 1), np.float32)


def limited(wave: Wave, decibels: float) -> Wave:
    """As loud, but by a gain that follows the peaks."""
    loud = wave / np.abs(wave).max() * 10 ** (decibels / 20)
    peaks = np.abs(loud).max(axis=0)
    width = RATE // 200
    held = np.array([peaks[max(0, n - width) : n + width].max() for n in range(0, peaks.size, 48)])
    gain = np.interp(np.arange(peaks.size), np.arange(held.size) * 48, np.minimum(1.0, 0.98 / held))
    return np.asarray(loud * np.convolve(gain, np.ones(width) / width, "same"), np.float32)


def densest(wave: Wave) -> list[float]:
    """Of each second, the worse channel."""
    return [max(plateau(wave[c, n : n + RATE])[0] for c in (0, 1)) for n in range(0, wave.shape[1] - RATE + 1, RATE)]


@pytest.mark.parametrize("content", [talk, music])
@pytest.mark.parametrize("bitrate", [None, 128_000])
def test_clipped_sound_is_told_from_limited_sound(content: object, bitrate: int | None, tmp_path: Path) -> None:
    assert callable(content)
    wave = content(6.0, 3)
    told = {}
    for name, loud in {"over": over(wave, 14), "limited": limited(wave, 12), "full": over(wave, 0)}.items():
        heard = loud if bitrate is None else decoded(coded(tmp_path, name, loud, "aac", bitrate))
        told[name] = densest(heard)
    assert np.median(told["over"]) >= CUT
    assert max(told["limited"]) < CUT
    assert max(told["full"]) < CUT


def test_the_share_is_that_of_the_samples_cut_off() -> None:
    wave = over(music(3.0, 5), 12)
    dense, share = plateau(wave[0])
    assert dense >= CUT
    assert share == pytest.approx(float((np.abs(wave[0]) >= 1.0).mean()), abs=0.03)


@pytest.mark.parametrize("hertz", [3500, 7000, 12_000, 15_000])
def test_bandwidth_is_where_the_content_ends(hertz: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, (2, 4 * RATE)).astype(np.float32)
    band = Bandwidth()
    wave = low_pass(hertz)(noise)
    shown = [band.add(wave[:, n : n + RATE], RATE) for n in range(0, wave.shape[1], RATE)]
    assert shown[-1] == pytest.approx(hertz, abs=200)


@pytest.mark.parametrize(("codec", "bitrate", "low", "high"), [("aac", 128_000, 15e3, 22e3), ("aac", 32_000, 3e3, 6e3)])
def test_a_coder_s_low_pass_shows(codec: str, bitrate: int, low: float, high: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(0, 0.05, (2, 4 * RATE)).astype(np.float32)
    heard = decoded(coded(tmp_path, "noise", noise, codec, bitrate))
    reach = Bandwidth().add(heard[:, RATE : 2 * RATE], RATE)
    assert reach is not None
    assert low <= reach <= high


def test_bandwidth_remembers_a_minute() -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, (1, RATE)).astype(np.float32)
    band, dull = Bandwidth(), low_pass(4000)(noise)
    band.add(noise, RATE)
    assert [band.add(dull, RATE) for _ in range(40)][-1] == pytest.approx(24_000, abs=200)
    assert [band.add(dull, RATE) for _ in range(40)][-1] == pytest.approx(4000, abs=200)


def test_silence_has_no_bandwidth() -> None:
    assert Bandwidth().add(np.zeros((2, RATE), np.float32), RATE) is None


def test_a_tone_is_not_clipped_however_loud() -> None:
    at = np.arange(48_000) / 48_000
    for level in (0.2, 0.5, 0.99):
        assert plateau((level * np.sin(2 * np.pi * 440 * at)).astype(np.float32)) == (0.0, 0.0) or level < 0.35
    assert tonal(np.sin(2 * np.pi * 23_990 * at).astype(np.float32))
    assert not tonal(np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32))
