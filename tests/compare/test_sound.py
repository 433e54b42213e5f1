"""A test's sound against the reference's: offsets that were injected, sound that was lost, filtered, turned down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.compare import sound
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Alignment, Heard, Media, Run
from tests.compare import spoken

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compare.spoken import Wave

SECONDS = 6.0
FRAMES = round(SECONDS * spoken.FPS)
WHOLE = Alignment("timestamps", 0, 0.0, 1.0, (Run(0, 0, FRAMES),), 0, 0)
SHOWN = spoken.pictures(FRAMES)
SPEECH = spoken.speech(SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sound")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Media:
    return inspect(spoken.write(folder / "reference.mp4", SHOWN, SPEECH))


def made(folder: Path, wave: Wave | None, name: str = "test.mp4", **how: object) -> Media:
    return inspect(spoken.write(folder / name, SHOWN, wave, **how))  # type: ignore[arg-type]


def heard(reference: Media, test: Media, alignment: Alignment = WHOLE) -> Heard:
    found = sound.heard(reference, test, alignment)
    assert found is not None
    return found


@pytest.mark.parametrize("seconds", [0.0, 0.04, -0.12])
def test_an_injected_offset_is_found_to_a_millisecond(folder: Path, reference: Media, seconds: float) -> None:
    found = heard(reference, made(folder, spoken.late(SPEECH, seconds)))
    assert found.offset_seconds == pytest.approx(seconds, abs=0.0005), "positive: sound late"
    assert found.offset_confidence > 0.9
    assert found.notes == ()


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("test.flv", {"rate": 44_100}),
        ("test.ts", {"sound": "mp2"}),
        ("test.mkv", {"sound": "libopus", "bits": 48_000}),
        ("test.mov", {"sound": "pcm_s16le"}),
    ],
)
def test_other_containers_codecs_and_rates(folder: Path, reference: Media, name: str, how: dict[str, object]) -> None:
    found = heard(reference, made(folder, spoken.late(SPEECH, 0.08), name, **how))
    assert found.offset_seconds == pytest.approx(0.08, abs=0.025 if name == "test.flv" else 0.001)
    assert found.missing_seconds == 0


def test_what_the_picture_is_off_by_is_no_offset_of_sound(folder: Path, reference: Media) -> None:
    cut = 25
    shorter = inspect(spoken.write(folder / "cut.mp4", SHOWN[cut:], SPEECH[:, cut * spoken.RATE // spoken.FPS :]))
    laid = replace(WHOLE, offset_frames=cut, offset_seconds=1.0, runs=(Run(0, cut, FRAMES - cut),))
    found = heard(reference, shorter, laid)
    assert found.offset_seconds == pytest.approx(0.0, abs=0.0005)
    assert found.missing_seconds == 0, "what was before the test began is not missing"


def test_lost_sound_is_found_where_it_is(folder: Path, reference: Media) -> None:
    wave = SPEECH.copy()
    wave[:, 2 * spoken.RATE : 4 * spoken.RATE] = 0
    found = heard(reference, made(folder, spoken.late(wave, 0.2)))
    (first, end), last = found.missing
    assert (first, end) == (pytest.approx(2.0, abs=0.05), pytest.approx(4.0, abs=0.05))
    assert last == (pytest.approx(5.8, abs=0.05), pytest.approx(6.0, abs=0.05)), "what is late ends early"
    assert found.missing_seconds == pytest.approx(2.2, abs=0.1)
    assert found.offset_seconds == pytest.approx(0.2, abs=0.001)


def test_quieter_sound_is_as_much_quieter_and_nothing_else(folder: Path, reference: Media) -> None:
    found = heard(reference, made(folder, SPEECH / np.float32(2)))
    assert found.loudness_reference is not None
    assert found.loudness_test is not None
    assert found.loudness_test - found.loudness_reference == pytest.approx(-6.02, abs=0.1)
    assert found.missing_seconds == 0
    assert found.spectral_distance is not None
    assert found.spectral_distance < 1.0


def test_low_passed_sound_is_told_by_its_spectrum(folder: Path, reference: Media) -> None:
    spectrum = np.fft.rfft(SPEECH, axis=1)
    spectrum[:, round(4000 * SECONDS) :] = 0
    found = heard(reference, made(folder, np.fft.irfft(spectrum, SPEECH.shape[1], axis=1).astype(np.float32)))
    plain = heard(reference, made(folder, SPEECH))
    assert found.bandwidth_reference is not None
    assert found.bandwidth_test is not None
    assert plain.bandwidth_test is not None
    assert found.bandwidth_test < 7000 < 12_000 < min(plain.bandwidth_test, found.bandwidth_reference)
    assert found.spectral_distance is not None
    assert plain.spectral_distance is not None
    assert plain.spectral_distance < 1.0 < 6.0 < found.spectral_distance
    assert found.offset_seconds == pytest.approx(0.0, abs=0.0005)


def test_other_sound_has_no_offset(folder: Path, reference: Media) -> None:
    found = heard(reference, made(folder, spoken.speech(SECONDS, seed=9)))
    assert found.offset_seconds is None
    assert found.notes == ("when the sound comes cannot be told: it repeats itself, or is not the same sound",)


def test_sound_that_repeats_itself_has_no_offset(folder: Path) -> None:
    clicks = np.zeros((2, round(SECONDS * spoken.RATE)), np.float32)
    clicks[:, :: spoken.RATE // 4] = 0.5
    tone = np.tile(0.2 * np.sin(2 * np.pi * 440 * np.arange(clicks.shape[1]) / spoken.RATE), (2, 1)).astype(np.float32)
    for wave in (clicks, tone):
        ours = made(folder, wave, "ours.mp4")
        assert heard(ours, made(folder, spoken.late(wave, 0.1))).offset_seconds is None


def test_silence_is_missing_sound_and_has_no_offset(folder: Path, reference: Media) -> None:
    found = heard(reference, made(folder, np.zeros_like(SPEECH)))
    assert (found.offset_seconds, found.loudness_test, found.spectral_distance) == (None, None, None)
    assert found.missing_seconds == pytest.approx(SECONDS, abs=0.5)
    assert found.notes == ("it is silent, and the reference is not",)


def test_no_track_at_all(folder: Path, reference: Media) -> None:
    mute = made(folder, None, "mute.mp4")
    found = heard(reference, mute)
    assert found.missing_seconds == pytest.approx(SECONDS, abs=0.5)
    assert found.notes == ("it has no sound track, and the reference has one",)
    assert sound.heard(mute, reference, WHOLE) is None


@pytest.mark.parametrize(("rate", "seconds"), [(0.002, 0.1)])
def test_a_clock_that_is_wrong_is_told_with_the_offset_it_begins_with(
    folder: Path, reference: Media, rate: float, seconds: float
) -> None:
    at = np.arange(SPEECH.shape[1])
    wave = np.stack([np.interp(at / (1 + rate) - seconds * spoken.RATE, at, each, 0, 0) for each in SPEECH])
    found = heard(reference, made(folder, wave.astype(np.float32)))
    assert found.drift_seconds == pytest.approx(rate * SECONDS, abs=0.003)
    assert found.offset_seconds == pytest.approx(seconds + rate * SECONDS / 2, abs=0.002), "in the middle"
    assert f"{1000 * seconds:+.0f} ms at the beginning" in found.notes[0]


def test_an_offset_that_changes_is_said(folder: Path, reference: Media) -> None:
    half = SPEECH.shape[1] // 2
    wave = np.concatenate([SPEECH[:, :half], spoken.late(SPEECH, 0.06)[:, half:]], axis=1)
    found = heard(reference, made(folder, wave))
    assert found.offset_seconds is None
    assert found.notes == ("the sound's offset is not the same throughout: +0 to +60 ms",)
