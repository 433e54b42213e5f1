"""Loudness and true peak: the EBU's synthetic signals, and FFmpeg's ebur128 on the same samples."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from qoe_agent.maths.loudness import SHORT, Histogram, Levels, Meter, gated, loudness_range
from qoe_agent.maths.peaks import CONTEXT, true_peak
from qoe_agent.maths.weighting import HOPS, Hops, biquads
from tests.accuracy.oracles import ebur128

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

RATE = 48_000
BUNNY = Path("../shared/data/video/bigbuckbunny.mp4")


def tone(*parts: tuple[float, float], rate: int = RATE, channels: int = 2) -> Wave:
    """1 kHz in phase in all channels, as (peak in dBFS, seconds); −inf is silence."""
    gains = np.concatenate([np.full(round(seconds * rate), 10 ** (level / 20)) for level, seconds in parts])
    wave = gains * np.sin(2 * np.pi * 1000 * np.arange(gains.size) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def metered(wave: Wave, rate: int = RATE, piece: int = 4800) -> list[Levels]:
    """What a meter shows after each piece."""
    meter = Meter()
    shown = [meter.add(wave[:, n : n + piece], rate) for n in range(0, wave.shape[1], piece)]
    return [levels for levels in shown if levels]


def filtered(wave: Wave, rate: int, layout: str = "stereo") -> list[dict[str, float]]:
    """What FFmpeg's filter says every 100 ms."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))
    meter, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    told = []
    for first in range(0, wave.shape[1], rate // 10):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[:, first : first + rate // 10]), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        graph.push(frame)
        while True:
            try:
                out = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            told.append({k[11:]: float(v) for k, v in dict(out.metadata).items() if k.startswith("lavfi.r128.")})
    return [one for one in told if one]


def programme(seconds: float, rate: int, seed: int, channels: int = 2) -> Wave:
    """Noise with a slope, louder and fainter by turns, with pauses."""
    rng, count = np.random.default_rng(seed), round(seconds * rate)
    spectrum = np.fft.rfft(rng.standard_normal((channels, count))) / np.sqrt(np.arange(1, count // 2 + 2))
    noise = np.fft.irfft(spectrum, count)
    at = np.arange(count) / rate
    swell = 10 ** ((8 * np.sin(2 * np.pi * at / 7) + 6 * np.sin(2 * np.pi * at / 0.9)) / 20) * (at % 5 > 0.7)
    return np.asarray(noise / np.abs(noise).max() * 0.6 * swell / swell.max(), np.float32)


@pytest.mark.parametrize(
    ("wave", "expected"),
    [
        (tone((-23, 20)), -23.0),
        (tone((-33, 20)), -33.0),
        (tone((-36, 10), (-23, 60), (-36, 10)), -23.0),
        (tone((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23.0),
        (tone((-26, 20), (-20, 20.1), (-26, 20)), -23.0),
        (tone((0, 20), channels=5) * 10 ** (np.array([[-28], [-28], [-24], [-30], [-30]], np.float32) / 20), -23.0),
    ],
    ids=[f"case {n}" for n in range(1, 7)],
)
def test_tech_3341_integrated(wave: Wave, expected: float) -> None:
    last = metered(wave)[-1]
    assert last.integrated == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_tech_3341_momentary_and_short_term_of_a_steady_tone(level: float) -> None:
    last = metered(tone((level, 20)))[-1]
    assert (last.momentary, last.short) == pytest.approx((level, level), abs=0.1)


def test_tech_3341_case_9_short_term_of_a_regular_alternation() -> None:
    shown = metered(tone(*[(-20, 1.34), (-30, 1.66)] * 5))
    assert [levels.short for levels in shown[30:]] == pytest.approx([-23.0] * len(shown[30:]), abs=0.1)


def test_tech_3341_case_10_largest_short_term() -> None:
    for n in range(20):
        shown = metered(tone((-math.inf, n * 0.15), (-23, 3), (-math.inf, 1)))
        assert max(levels.short for levels in shown if levels.short is not None) == pytest.approx(-23.0, abs=0.1)


def test_tech_3341_case_12_momentary_of_a_regular_alternation() -> None:
    shown = metered(tone(*[(-20, 0.18), (-30, 0.22)] * 25))
    assert [levels.momentary for levels in shown[10:]] == pytest.approx([-23.0] * len(shown[10:]), abs=0.1)


@pytest.mark.parametrize(
    ("part", "amplitude", "degrees", "expected"),
    [(4, 0.5, 0, -6.0), (4, 0.5, 45, -6.0), (6, 0.5, 60, -6.0), (8, 0.5, 67.5, -6.0), (4, 1.41, 45, 3.0)],
    ids=[f"case {n}" for n in range(15, 20)],
)
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_tech_3341_true_peak(part: int, amplitude: float, degrees: float, expected: float, rate: int) -> None:
    wave = amplitude * np.sin(2 * np.pi * np.arange(rate) / part + np.radians(degrees))
    fade = np.minimum(1.0, np.minimum(np.arange(rate), np.arange(rate)[::-1]) / (0.05 * rate))
    shown = metered(np.tile((wave * fade).astype(np.float32), (2, 1)), rate)
    peak = 20 * math.log10(max(levels.true_peak for levels in shown))
    assert expected - 0.4 <= peak <= expected + 0.2


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
    ids=[f"case {n}" for n in range(1, 5)],
)
def test_tech_3342_range(levels: Sequence[float], expected: float) -> None:
    wave = tone(*[(level, 20) for level in levels])
    powers = Hops(RATE, 2).add(wave).sum(axis=1)
    short = np.convolve(powers, np.ones(SHORT) / SHORT, "valid")
    assert loudness_range(short) == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("rate", [16_000, 22_050, 32_000, 44_100, 48_000, 96_000])
def test_equals_ebur128_in_every_tenth_of_a_second(rate: int) -> None:
    wave = programme(16, rate, seed=rate)
    ours, theirs = metered(wave, rate, rate // 10), filtered(wave, rate)
    pairs = list(zip(ours, theirs, strict=False))
    for mine, other in pairs[40:]:
        assert mine.momentary == pytest.approx(-120.0 if math.isnan(other["M"]) else max(other["M"], -120.0), abs=0.02)
        assert mine.short == pytest.approx(other["S"], abs=0.02)
    for mine, other in pairs[100:]:
        assert (mine.minute, mine.integrated) == pytest.approx((other["I"], other["I"]), abs=0.1)
    assert ours[-1].spread == pytest.approx(theirs[-1]["LRA"], abs=0.2)
    peak = max(levels.true_peak for levels in ours)
    assert 20 * math.log10(peak / theirs[-1]["true_peak"]) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.0", 5), ("5.1", 6), ("6.1", 7)])
def test_channels_count_as_in_ebur128(layout: str, channels: int) -> None:
    wave = programme(6, RATE, seed=3, channels=channels)
    assert metered(wave)[-1].integrated == pytest.approx(filtered(wave, RATE, layout)[-1]["I"], abs=0.05)


def test_the_blocks_equal_the_filter_run_by_sample() -> None:
    wave = programme(1.3, 8000, seed=1)
    expected = wave.astype(float)
    for b, a in biquads(8000):
        out = np.zeros_like(expected)
        for n in range(out.shape[1]):
            past = sum(b[k] * expected[:, n - k] - (a[k] * out[:, n - k] if k else 0.0) for k in range(min(n, 2) + 1))
            out[:, n] = past
        expected = out
    powers = (expected[:, : 13 * 800].reshape(2, 13, 800) ** 2).mean(axis=2).T
    assert Hops(8000, 2).add(wave) == pytest.approx(powers, rel=1e-4, abs=1e-12)


def test_any_cut_into_stretches_measures_the_same() -> None:
    wave = programme(9, RATE, seed=5)
    whole, cut = metered(wave, piece=wave.shape[1])[-1], metered(wave, piece=1024)
    assert cut[-1][:4] == pytest.approx(whole[:4], abs=1e-3)
    assert max(levels.true_peak for levels in cut) == pytest.approx(whole.true_peak, abs=1e-6)


def test_the_filters_are_those_that_the_standard_prints_for_48_khz() -> None:
    (shelf, poles), (_, low) = biquads(48_000)
    assert shelf == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-9)
    assert poles[1:] == pytest.approx([-1.69065929318241, 0.73248077421585], abs=1e-9)
    assert low[1:] == pytest.approx([-1.99004745483398, 0.99007225036621], abs=1e-9)


def test_a_true_peak_is_within_what_tech_3341_allows_up_to_20_khz() -> None:
    for hertz in (997.0, 5000.0, 12_007.0, 20_011.0):
        wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE + 0.3)
        joined = np.concatenate([np.zeros(CONTEXT), wave]).astype(np.float32)[None]
        assert -0.4 <= 20 * math.log10(true_peak(joined[:, 2000:], RATE, 0.0) / 0.5) <= 0.2


def test_silence_has_a_level_and_passes_no_gate() -> None:
    last = metered(np.zeros((2, 5 * RATE), np.float32))[-1]
    assert last == Levels(-120.0, -120.0, None, None, None, 0.0)


def test_no_block_reaches_over_a_hole() -> None:
    meter = Meter()
    meter.add(tone((-10, 2)), RATE)
    meter.restart()
    after = meter.add(tone((-30, 1)), RATE)
    assert after
    assert after.momentary == pytest.approx(-30.0, abs=0.1)
    assert after.short is None
    assert after.integrated == pytest.approx(-10.0, abs=0.2)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e20])
def test_what_is_no_sound_is_not_measured(bad: float) -> None:
    meter, wave = Meter(), tone((-23, 1))
    wave[0, 77] = bad
    assert meter.add(wave, RATE) is None
    assert meter.add(tone((-23, 1)), RATE) is not None


def test_the_minute_forgets_what_the_connection_remembers() -> None:
    last = metered(tone((-15, 20), (-40, 62)), piece=RATE)[-1]
    assert last.minute == pytest.approx(-40.0, abs=0.1)
    assert last.integrated == pytest.approx(-15.0, abs=0.2)
    assert HOPS == 10


@pytest.mark.skipif(not BUNNY.exists(), reason="../shared/data is missing")
def test_a_film_s_six_channels_measure_as_in_ebur128() -> None:
    meter, levels = Meter(), None
    with av.open(str(BUNNY)) as container:
        for frame in container.decode(audio=0):
            levels = meter.add(np.asarray(frame.to_ndarray(), np.float32), frame.sample_rate) or levels
    assert levels
    assert levels.integrated == pytest.approx(ebur128(BUNNY)[-1][1]["I"], abs=0.05)


def test_the_histogram_gates_as_the_blocks_themselves_do() -> None:
    rng = np.random.default_rng(2)
    for spread in (2.0, 8.0, 20.0):
        powers = 10 ** (rng.normal(-3, spread / 10, 3000))
        kept = Histogram()
        for first in range(0, 3000, 10):
            kept.add(powers[first : first + 10])
        assert kept.gated() == pytest.approx(gated(powers), abs=0.02)


def test_beyond_a_minute_the_integrated_loudness_is_that_of_ebur128() -> None:
    wave = programme(100, 8000, seed=9)
    assert metered(wave, 8000, 8000)[-1].integrated == pytest.approx(filtered(wave, 8000)[-1]["I"], abs=0.05)
