"""Phase correlation, and what windows agree on."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.compare.figures.delays import Delay, agreed, delay, spectrum

RATE, SECONDS = 16_000, 4


def noise(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(2 * RATE).astype(np.float32)


def shifted(wave: np.ndarray, samples: int) -> np.ndarray:
    return np.concatenate([np.zeros(samples, np.float32), wave])


def found(one: np.ndarray, two: np.ndarray, rate: int = RATE) -> Delay | None:
    return delay(spectrum(one, RATE, SECONDS), spectrum(two, rate, SECONDS), SECONDS, 2.0)


def test_a_delay_is_found_between_samples_too() -> None:
    wave = noise()
    fine = np.fft.rfft(np.pad(wave, (0, 2 * RATE)))
    for late in (0.1, 0.10002, 0.7501):
        turned = np.exp(-2j * np.pi * np.fft.rfftfreq(4 * RATE, 1 / RATE) * late)
        got = found(wave, np.fft.irfft(fine * turned).astype(np.float32))
        assert got is not None
        assert got.sure
        assert got.seconds == pytest.approx(late, abs=1e-5)


def test_level_and_rate_do_not_matter() -> None:
    wave = noise()
    double = np.repeat(shifted(wave, 800), 2)
    got = found(wave, 0.01 * double, 2 * RATE)
    assert got is not None
    assert got.sure
    assert got.seconds == pytest.approx(0.05, abs=5e-5)


def test_silence_has_no_delay_and_other_sound_no_sure_one() -> None:
    assert found(noise(), np.zeros(100, np.float32)) is None
    other = found(noise(), noise(2))
    assert other is not None
    assert not other.sure


def test_windows_agree_or_there_is_no_delay() -> None:
    at = [float(n) for n in range(10)]
    together = agreed([Delay(0.1 + 0.0001 * (n % 3), True) for n in range(10)], at)
    assert together.seconds == pytest.approx(0.1, abs=0.001)
    assert together.confidence == 1.0
    most = agreed([Delay(0.1, True)] * 6 + [Delay(1.7, True)] * 4, at)
    assert (most.seconds, most.confidence) == (pytest.approx(0.1), 0.6)
    apart = agreed([Delay(0.1 * n * (-1) ** n, True) for n in range(10)], at)
    assert apart.seconds is None
    unsure = agreed([Delay(0.1, False)] * 6 + [Delay(0.1, True)] * 4, at)
    assert (unsure.seconds, unsure.sure) == (None, 0.4)
    assert agreed([], []).seconds is None


def test_a_drift_is_a_drift_and_no_disagreement() -> None:
    at = [10.0 * n for n in range(24)]
    slow = agreed([Delay(0.05 + 1e-4 * each, True) for each in at], at)
    assert slow.drift == pytest.approx(1e-4)
    assert slow.confidence == 1.0
    assert slow.seconds == pytest.approx(0.05 + 1e-4 * 115)
    assert slow.most - slow.least > 0.015
