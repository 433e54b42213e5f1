"""A quick part of the fault matrix, with thresholds: small clips made on the spot, truth as it was injected."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.maths.tiles import grid
from tests.accuracy import faults_freeze, faults_sound
from tests.accuracy import faults_picture as faults
from tests.accuracy.clips import BUNNY, RATE, bunny, dark_noise, encode, slides, speech
from tests.accuracy.group_sync import shifted, stamped
from tests.accuracy.offline import watch
from tests.accuracy.oracles import blackdetect, ebur128, freezedetect, silencedetect
from tests.accuracy.rows import first_picture, first_sound, found
from tests.accuracy.score import Span, Tally

if TYPE_CHECKING:
    from pathlib import Path

FRAME = 0.04
SMALL = (320, 180)

needs_film = pytest.mark.skipif(
    not BUNNY.exists() and "CI" not in os.environ, reason=f"{BUNNY.name} is missing from ../shared/data/video"
)


def judged(path: Path, kind: str, truth: list[Span], seconds: float, decode: str = "all") -> Tally:
    """What the probe behind an incident finds of the truth."""
    probe = "content_freeze" if kind == "content_freeze" else "black"
    seen = watch(path, probe, "audio", decode=decode)
    tally = Tally()
    tally.add(truth, *found(seen, kind, first_picture(seen), seconds))
    return tally


def from_picture(path: Path, spans: list[Span]) -> list[Span]:
    """FFmpeg's intervals, in seconds from the first picture."""
    origin = first_picture(watch(path, "up"))[0]
    return [Span(span.start - origin, span.end - origin) for span in spans]


def blacks(path: Path) -> tuple[Path, list[Span]]:
    """A night of 14 s with four blacks, a test card, and titles and a fade, which are no black."""
    put = [
        faults.Fault(1.0, 1.52, faults.black(3, noise=1.0)),
        faults.Fault(3.0, 4.0, faults.black(logo=True)),
        faults.Fault(5.0, 6.0, faults.titles),
        faults.Fault(7.0, 9.2, faults.black(12)),
        faults.Fault(10.0, 10.6, faults.black()),
        faults.Fault(11.2, 12.2, faults.fade(1.0)),
    ]
    encode(path, faults.inject(dark_noise(SMALL, 14.0, 1, level=30.0), *put), bitrate=5e5, gop=25)
    return path, [put[n].truth for n in (0, 1, 3, 4)]


def test_black_is_found_to_the_frame_and_nothing_else(tmp_path: Path) -> None:
    path, truth = blacks(tmp_path / "black.ts")
    every = judged(path, "black", truth, 14.0)
    assert (every.recall, every.precision) == (1.0, 1.0)
    assert max(map(abs, [*every.onset, *every.duration])) <= FRAME
    some = judged(path, "black", [span for span in truth if span.seconds >= 1.0], 14.0, "adaptive")
    assert some.recall == 1.0
    theirs = Tally()
    theirs.add(truth, from_picture(path, blackdetect(path, 0.5)))
    assert (every.f1 or 0.0) >= (theirs.f1 or 0.0)


@needs_film
def test_a_freeze_is_found_to_the_frame(tmp_path: Path) -> None:
    truth = [Span(1.6, 2.2), Span(4.4, 5.4), Span(8.0, 11.0)]
    frames = faults_freeze.freeze(faults_freeze.grain(bunny(SMALL, 14.0), 1.5, 1), truth)
    path = encode(tmp_path / "freeze.ts", frames, bitrate=5e5, gop=25)
    every = judged(path, "content_freeze", truth, 14.0)
    assert (every.recall, every.precision) == (1.0, 1.0)
    assert max(map(abs, every.onset)) <= FRAME
    some = judged(path, "content_freeze", truth, 14.0, "adaptive")  # which promises those of a second and more
    assert some.found >= 2
    assert some.invented == 0


@needs_film
def test_a_freeze_of_four_seconds_encoded_again_at_2_mbps_is_found_where_freezedetect_finds_nothing(
    tmp_path: Path,
) -> None:
    truth = [Span(2.0, 6.0)]
    frames = faults_freeze.freeze(faults_freeze.grain(bunny((1280, 720), 7.6), 3.0, 1), truth)
    first = encode(tmp_path / "first.ts", frames, bitrate=6e6, preset="ultrafast")
    path = faults_freeze.again(first, tmp_path / "again.ts", 2e6)
    assert freezedetect(path) == []
    ours = judged(path, "content_freeze", truth, 7.6)
    assert (ours.recall, ours.invented) == (1.0, 0)
    assert abs(ours.onset[0]) <= FRAME


@needs_film
def test_a_guest_who_is_frozen_beside_a_host_who_moves_is_found_and_the_whole_picture_is_not_frozen(
    tmp_path: Path,
) -> None:
    half, truth = (160, 180), Span(7.0, 12.2)
    guest = faults_freeze.freeze(faults_freeze.grain(bunny(half, 13.6), 1.5, 1), [truth])
    pair = (np.hstack(each) for each in zip(dark_noise(half, 13.6, 1, level=30.0), guest, strict=False))
    path = encode(tmp_path / "pair.ts", pair, bitrate=6e5, gop=25)
    for decode, onset, length in (("all", FRAME, FRAME), ("adaptive", 1.0, 2.0)):
        seen = watch(path, "tiles", "content_freeze", decode=decode, options={"tiles": {"tiles": grid(1, 2)}})
        (told,) = seen.of("tile_content_freeze")
        assert told.key == "r1c2"
        assert told.start_pts == pytest.approx(first_picture(seen)[0] + truth.start, abs=onset)
        assert told.end is not None
        assert told.end - told.start == pytest.approx(truth.seconds, abs=length)
        assert seen.of("content_freeze") == []


def test_slides_are_not_frozen_though_freezedetect_says_so(tmp_path: Path) -> None:
    path = encode(tmp_path / "slides.ts", slides(SMALL, 24.0, 3), bitrate=5e5, audio=speech(24.0, 3))
    assert len(freezedetect(path)) >= 3
    assert judged(path, "content_freeze", [], 24.0).invented == 0


def silences(folder: Path) -> tuple[Path, list[Span]]:
    samples = faults_sound.talk(16.0, 2)
    flaws = [
        faults_sound.Flaw(1.5, 2.1, faults_sound.zeros()),
        faults_sound.Flaw(4.0, 5.5, faults_sound.hush(-78.0)),
        faults_sound.Flaw(7.0, 9.5, faults_sound.zeros()),
        faults_sound.Flaw(11.0, 13.0, faults_sound.hush(-50.0)),
    ]
    for flaw in flaws:
        samples = flaw.into(samples)
    return faults_sound.coded(folder, "silence", samples, "aac", 96_000), [flaw.truth for flaw in flaws[:3]]


def test_silence_is_found_and_noise_is_not(tmp_path: Path) -> None:
    path, truth = silences(tmp_path)
    seen = watch(path, "audio", options={"audio": {"silence": 0.5}})
    ours, theirs = Tally(), Tally()
    ours.add(truth, *found(seen, "silence", first_sound(seen), 16.0))
    theirs.add(truth, silencedetect(path, 0.5))
    assert (ours.recall, ours.precision) == (1.0, 1.0)
    assert max(map(abs, ours.onset)) <= 0.03  # what the codec smears
    assert (ours.f1 or 0.0) >= (theirs.f1 or 0.0)


def test_loudness_of_a_coded_file_is_that_of_ebur128(tmp_path: Path) -> None:
    samples = faults_sound.music(20.0, 4)
    samples[:, 8 * RATE :] *= np.float32(0.2)
    path = faults_sound.coded(tmp_path, "music", samples, "aac", 64_000)
    seen, theirs = watch(path, "loudness"), ebur128(path)
    told = seen.gauges["qoe_loudness_lufs", "integrated"]
    assert told == pytest.approx(theirs[-1][1]["I"], abs=0.1)


@pytest.mark.parametrize("late", [-0.4, 0.13])
def test_the_stamp_s_offset_survives_a_transcode_to_a_millisecond(tmp_path: Path, late: float) -> None:
    path = tmp_path / "late.ts"
    shifted(stamped(tmp_path, 40.0, 5.0), path, 240, 2e5, 32_000, late, 5.0)
    seen = watch(path, "stamp", "av_offset")
    told = [value for _, value in seen.history["qoe_av_offset_seconds", "stamp"] if value is not None]
    assert told
    assert np.mean(told) == pytest.approx(late, abs=1e-3)
    assert max(abs(value - late) for value in told) <= 2e-3
