"""The mark in the sound: heard to a fraction of a sample, through codecs and under programmes, and never where it is
not. The times are checked against the clock that wrote them; METHODS §2 asks for 0.1 ms and a spread of 1 ms."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from qoe_agent.decode.frames import samples_of
from qoe_agent.maths.tone import CYCLE, HIGH, LENGTH, LOW, SEQUENCE, SHAPES, SLOT, SLOTS, chirp, wave, write
from qoe_agent.maths.tone_reader import Reader, Tone, apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T0 = 1_760_000_000.123


def programme(seconds: float, rate: int, level: float = 0.05, seed: int = 0) -> Any:
    """Notes, steps of loudness and noise, in stereo."""
    random, count = np.random.default_rng(seed), int(seconds * rate)
    out = np.zeros((2, count))
    for _ in range(5):
        pitch = np.repeat(random.uniform(150, 3000, int(seconds * 4) + 1), rate // 4 + 1)[:count]
        loud = np.repeat(random.random(int(seconds * 6) + 1), rate // 6 + 1)[:count]
        out += random.random((2, 1)) * loud * np.sin(2 * np.pi * np.cumsum(pitch) / rate)
    out += 0.1 * random.normal(0, 1, out.shape)
    return (level * out / out.std()).astype(np.float32)


def heard(samples: Any, rate: int, pts: float = 5.0, stretch: float = 1.0) -> list[Tone]:
    """What comes out when the sound is taken in stretches of so many seconds."""
    reader, step = Reader(), int(stretch * rate)
    return [
        tone
        for at in range(0, samples.shape[1], step)
        for tone in reader.feed(samples[:, at : at + step], rate, pts + at / rate)
    ]


def errors(tones: Sequence[Tone], pts: float = 5.0, start: float = T0) -> Any:
    """Seconds by which chirps seem late."""
    assert tones
    return np.array([-apart(tone.time - (start + tone.pts - pts)) for tone in tones])


def coded(samples: Any, rate: int, bit_rate: int, kind: str = "mp4") -> Iterator[tuple[Any, int, float]]:
    """Sound after an AAC encoder and its decoder, frame by frame."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as out:
        stream = out.add_stream("aac", rate=rate, layout="stereo")
        stream.bit_rate = bit_rate
        for at in range(0, samples.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + 1024]), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(io.BytesIO(file.getvalue())) as back:
        for decoded in back.decode(audio=0):
            yield samples_of(decoded), decoded.sample_rate, decoded.time


def after(samples: Any, rate: int, bit_rate: int, kind: str = "mp4") -> list[Tone]:
    reader = Reader()
    return [tone for stretch in coded(samples, rate, bit_rate, kind) for tone in reader.feed(*stretch)]


def test_any_ten_slots_differ_from_any_other_ten_in_five() -> None:
    assert len(SEQUENCE) == SLOTS
    for n in range(5, SLOTS):
        third = (0, 3, 1, 2)  # three times 0, 1, 2, 3 over GF(4)
        twice = (0, 2, 3, 1)[SEQUENCE[n - 2]]
        assert SEQUENCE[n] == SEQUENCE[n - 1] ^ twice ^ third[SEQUENCE[n - 3]] ^ third[SEQUENCE[n - 5]]
    around = np.concatenate([SEQUENCE, SEQUENCE[:9]])
    windows = np.lib.stride_tricks.sliding_window_view(around, 10)
    least = min(
        int((windows != np.roll(windows, shift, axis=0)).sum(axis=1).min()) for shift in range(1, SLOTS // 2 + 1)
    )
    assert least == 5


def test_chirps_keep_to_their_band_and_differ() -> None:
    rate = 48_000
    at = np.arange(int(LENGTH * rate)) / rate
    chirps = [chirp(shape, at) for shape in range(SHAPES)]
    for one in chirps:
        power = np.abs(np.fft.rfft(one, rate)) ** 2
        assert power[int(LOW) - 100 : int(HIGH) + 100].sum() > 0.99 * power.sum()
        assert np.abs(one).max() <= 1.0
    spectra = np.fft.fft(chirps, 8192, axis=1)
    for a in range(SHAPES):
        for b in range(a):
            both = np.abs(np.fft.ifft(spectra[a] * np.conj(spectra[b])))
            near = np.concatenate([both[:480], both[-480:]])  # 10 ms: within a slot
            assert near.max() < 0.15 * (chirps[a] ** 2).sum()


def test_the_mark_is_a_function_of_the_clock() -> None:
    """Written in pieces or at once, and again after a whole cycle, it is the same."""
    rate = 44_100
    whole = wave(T0, rate, 3 * rate)
    pieces = [wave(T0 + n * 1000 / rate, rate, 1000) for n in range(132)]
    assert np.abs(np.concatenate(pieces)[: 3 * rate] - whole[:132_000]).max() < 0.01
    assert np.abs(wave(T0 + CYCLE, rate, rate) - whole[:rate]).max() < 0.01


def test_written_over_sound_or_instead_of_it() -> None:
    sound = np.full((2, 4800), 0.5, np.float32)
    write(sound, 1_760_000_000.0, 48_000, 0.1, keep=0.0)
    assert 0.09 < np.abs(sound).max() <= 0.1
    sound = np.full((1, 4800), 0.95, np.float32)
    write(sound, 1_760_000_000.0, 48_000, 0.1)
    assert sound.max() == 1.0


@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000, 16_000, 96_000])
def test_an_untouched_mark_is_timed_to_microseconds(rate: int) -> None:
    sound = np.zeros((2, 5 * rate), np.float32)
    write(sound, T0, rate)
    tones = heard(sound, rate)
    assert len(tones) >= 39
    assert np.abs(errors(tones)).max() < 5e-6
    assert np.diff([tone.pts for tone in tones]) == pytest.approx(SLOT, abs=1e-5)


@pytest.mark.parametrize("stretch", [0.02, 0.3, 1.0, 4.0])
def test_stretches_may_be_of_any_length(stretch: float) -> None:
    sound = np.zeros((1, 8 * 48_000), np.float32)
    write(sound, T0, 48_000)
    tones = heard(sound, 48_000, stretch=stretch)
    assert len(tones) >= 69
    assert np.abs(errors(tones)).max() < 5e-6
    assert np.diff([tone.pts for tone in tones]) == pytest.approx(SLOT, abs=1e-5)


@pytest.mark.parametrize("quieter", [0, 6, 12])
def test_heard_under_noise_that_is_louder(quieter: float) -> None:
    """`quieter`: decibels by which the mark's mean power lies below the noise's in the same band."""
    rate = 48_000
    noise = np.random.default_rng(1).normal(0, 1, (1, 6 * rate)).astype(np.float32)
    in_band = (HIGH - LOW) / (rate / 2)
    level = 0.02 * np.sqrt(in_band) * 10 ** (-quieter / 20) * np.sqrt(2)
    sound = 0.02 * noise
    write(sound, T0, rate, level)
    tones = heard(sound, rate)
    assert len(tones) >= 45
    assert np.abs(errors(tones)).max() < 1e-4


@pytest.mark.parametrize(("bit_rate", "rate", "kind"), [
    (96_000, 48_000, "mp4"), (64_000, 44_100, "mp4"), (32_000, 44_100, "mp4"), (32_000, 48_000, "flv"),
    (24_000, 48_000, "flv"),
])  # fmt: skip
@pytest.mark.parametrize("over", [False, True], ids=["alone", "over a programme"])
def test_heard_through_aac(bit_rate: int, rate: int, kind: str, over: bool) -> None:
    """FLV has no edit list: there the encoder's 1024 samples of priming are heard as delay."""
    sound = programme(8, rate) if over else np.zeros((2, 8 * rate), np.float32)
    write(sound, T0, rate)
    tones = after(sound, rate, bit_rate, kind)
    late = errors(tones, 0.0)
    primed = 0.0 if kind == "mp4" else 1024 / rate
    assert abs(late.mean() - primed) < (2e-5 if bit_rate > 32_000 else 5e-4)
    assert late.std() < (1e-5 if bit_rate > 32_000 else 5e-4)
    assert len(tones) >= (69 if bit_rate > 32_000 else 35)


def test_polarity_phase_and_gain_do_not_matter() -> None:
    rate = 48_000
    sound = np.zeros((1, 5 * rate), np.float32)
    write(sound, T0, rate)
    spectrum = np.fft.rfft(sound)
    for changed in (-sound, 1e-3 * sound, np.fft.irfft(1j * spectrum, sound.shape[1]).astype(np.float32)):
        tones = heard(changed, rate)
        assert len(tones) >= 39
        assert np.abs(errors(tones)).max() < 2e-5


def test_after_a_jump_the_new_time_is_told_and_no_other() -> None:
    rate = 48_000
    sound = np.zeros((1, 12 * rate), np.float32)
    write(sound[:, : 6 * rate], T0, rate)
    write(sound[:, 6 * rate :], T0 + 6.25, rate)
    late = errors(heard(sound, rate))
    assert set(np.round(late, 3)) == {0.0, -0.25}
    assert (np.abs(late) < 1e-5).sum() >= 48
    assert (np.abs(late + 0.25) < 1e-5).sum() >= 40


def test_media_time_may_jump_and_rounding_does_not_add_up() -> None:
    rate, reader = 44_100, Reader()
    sound = np.zeros((1, 20 * rate), np.float32)
    write(sound, T0, rate)
    tones = []
    for n in range(20):
        pts = round(n * 1.0003 + 0.0002, 3) + (100.0 if n >= 10 else 0.0)
        tones += reader.feed(sound[:, n * rate : (n + 1) * rate], rate, pts)
    late = np.array([-apart(t.time - (T0 + t.pts - (100.0 if t.pts > 50 else 0.0))) for t in tones])
    assert len(tones) > 150
    assert np.abs(late).max() < 0.008


@pytest.mark.parametrize("sound", [
    programme(60, 48_000), 0.1 * np.random.default_rng(5).normal(0, 1, (1, 60 * 48_000)).astype(np.float32),
    np.zeros((2, 10 * 48_000), np.float32), np.ones((1, 10 * 48_000), np.float32),
    0.1 * np.sin(np.cumsum(2 * np.pi * (600 + 4400 * (np.arange(20 * 48_000) / 3840 % 1)) / 48_000))[None],
], ids=["programme", "noise", "silence", "full scale", "the same chirp again and again"])  # fmt: skip
def test_nothing_is_heard_where_there_is_nothing(sound: Any) -> None:
    assert heard(sound.astype(np.float32), 48_000) == []


def test_sound_that_cannot_hold_it_is_left_alone() -> None:
    reader = Reader()
    assert reader.feed(np.zeros((1, 8000), np.float32), 8000, 0.0) == []
    assert reader.feed(np.zeros((1, 0), np.float32), 48_000, 0.0) == []
    assert reader.feed(np.ones((1, 48_000), np.float32), 48_000, None) == []
    assert not reader.found
