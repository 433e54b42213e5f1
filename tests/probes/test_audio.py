"""Silence, to the sample, and audio that is not there."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from qoe_agent.model import KEY, Format, Lost, Observation, Opened, Packet, Segment, Sound, Tick
from qoe_agent.probes.audio import LEVEL, PEAK, PRESENT, SILENT, Listen
from tests.probes.outcome import Outcome
from tests.script import Script

RATE = 48_000
BLOCK = 24_000
"""Samples in a stretch of sound, as decoding hands them out."""


def tone(seconds: float, level: float) -> np.ndarray[Any, Any]:
    """Two channels of a 1 kHz tone."""
    at = np.arange(round(seconds * RATE)) / RATE
    return np.tile((level * np.sin(2 * np.pi * 1000 * at)).astype(np.float32), (2, 1))


def sounds(samples: np.ndarray[Any, Any], pts: float = 0.0, block: int = BLOCK, lead: float = 100.0) -> list[Sound]:
    """`samples` as Sounds, which arrive `lead` seconds after their pts."""
    look, made = Listen(), []
    for first in range(0, samples.shape[1], block):
        piece = samples[:, first : first + block]
        n, begin = piece.shape[1], pts + first / RATE
        at = begin + n / RATE + lead
        looks = {"audio": look(piece, RATE, begin)}
        made.append(Sound(at, 1, begin, n / RATE, RATE, 2, at, looks))
    return made


def coded(samples: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """`samples` through FFmpeg's AAC, as decoded, and the pts of the first sample (priming is before 0)."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "stereo", "fltp"
    encoder.time_base, encoder.bit_rate = Fraction(1, RATE), 128_000
    encoder.open()
    packets = []
    for first in range(0, samples.shape[1], 1024):
        piece = np.ascontiguousarray(samples[:, first : first + 1024])
        frame = av.AudioFrame.from_ndarray(piece, "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = encoder.extradata
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert frames[0].pts is not None
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1), frames[0].pts / RATE


def silencedetect(samples: np.ndarray[Any, Any], pts: float) -> list[tuple[float, float]]:
    """What FFmpeg's filter calls silent: start and end by pts."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE)
    )  # fmt: skip
    detect = graph.add("silencedetect", f"n={LEVEL}:d=2")
    sink = graph.add("abuffersink")
    source.link_to(detect)
    detect.link_to(sink)
    graph.configure()
    starts, ends = [], []
    for first in range(0, samples.shape[1] - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, first : first + 1024]), "fltp", "stereo")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = round(pts * RATE) + first
        graph.push(frame)
        told = graph.pull().metadata
        starts += [float(value) for key, value in told.items() if key == "lavfi.silence_start"]
        ends += [float(value) for key, value in told.items() if key == "lavfi.silence_end"]
    return list(zip(starts, ends, strict=True))


@pytest.fixture(scope="module")
def programme() -> tuple[np.ndarray[Any, Any], float]:
    """4 s of tone, 3 s of zeros, 4 s of tone, 3 s at −70 dBFS, 2 s of tone, through AAC."""
    faint = 10 ** (-70 / 20)
    parts = [tone(4, 0.5), tone(3, 0.0), tone(4, 0.5), tone(3, faint), tone(2, 0.5)]
    return coded(np.concatenate(parts, axis=1))


@pytest.mark.parametrize("block", [BLOCK, 1024, 7000])
def test_silences_in_real_aac_are_where_ffmpeg_hears_them(
    programme: tuple[np.ndarray[Any, Any], float], block: int
) -> None:
    samples, pts = programme
    outcome = Outcome("audio").feed(sounds(samples, pts, block))
    found = outcome.incidents("silence")
    assert [(s.start_pts, s.end_pts) for s in found] == [
        (pytest.approx(start, abs=0.001), pytest.approx(end, abs=0.001)) for start, end in silencedetect(samples, pts)
    ]
    assert [s.detail["kind"] for s in found] == ["digital", "quiet"]
    assert found[1].detail["level"] == pytest.approx(10 ** (-70 / 20) / 2**0.5, rel=0.1)
    # and where they were injected, but for the ringing of a transform of 2048 samples
    for silence, truth in zip(found, ((4, 7), (11, 14)), strict=True):
        assert silence.start_pts == pytest.approx(truth[0], abs=0.045)
        assert silence.end_pts == pytest.approx(truth[1], abs=0.045)
    # the agent's clock runs 100 s ahead of pts here
    for silence in found:
        assert silence.start_pts is not None
        assert silence.end_pts is not None
        assert silence.start == pytest.approx(silence.start_pts + 100, abs=1e-6)
        assert silence.end == pytest.approx(silence.end_pts + 100, abs=1e-6)


@pytest.mark.parametrize("block", [BLOCK, 1024, 480_000])
def test_onset_and_end_are_exact_to_the_sample(block: int) -> None:
    samples = tone(10, 0.5)
    samples[:, 100_001:300_007] = 0.0
    outcome = Outcome("audio").feed([*sounds(samples, block=block), Tick(111.0)])
    (silence,) = outcome.incidents("silence")
    assert silence.start_pts == pytest.approx(100_001 / RATE, abs=1e-9)
    assert silence.end_pts == pytest.approx(300_007 / RATE, abs=1e-9)
    assert silence.severity == "warning"
    assert outcome.total(SILENT, "digital") == pytest.approx(200_006 / RATE)
    assert outcome.total(SILENT, "quiet") == 0


def test_silence_counts_while_it_is_open_and_short_pauses_do_not() -> None:
    samples = np.concatenate([tone(1, 0.5), tone(1.5, 0.0), tone(1, 0.5), tone(6, 0.0)], axis=1)
    outcome = Outcome("audio").feed([*sounds(samples), Tick(110.0)])
    (silence,) = outcome.incidents("silence")
    assert (silence.start_pts, silence.end) == (pytest.approx(3.5, abs=1e-4), None)
    assert outcome.total(SILENT, "digital") == pytest.approx(6, abs=1e-3)
    (silence,) = outcome.feed([Lost(120.0, "reset")]).incidents("silence")
    assert silence.end_pts == pytest.approx(9.5, abs=1e-4)


def test_one_loud_channel_or_one_click_is_sound() -> None:
    one_sided = tone(6, 0.0)
    one_sided[1] = tone(6, 0.1)[0]
    assert Outcome("audio").feed(sounds(one_sided)).incidents("silence") == []
    clicked = tone(3.9, 0.0)
    clicked[:, 94_000] = 0.01
    assert Outcome("audio").feed(sounds(clicked)).incidents("silence") == []


def test_the_minimum_is_an_option() -> None:
    samples = np.concatenate([tone(1, 0.5), tone(1, 0.0), tone(1, 0.5)], axis=1)
    assert len(Outcome("audio", silence=0.5).feed(sounds(samples)).incidents("silence")) == 1


@pytest.mark.parametrize(("seconds", "found"), [(2.0, 1), (1.9, 0)])
def test_a_silence_of_the_minimum_before_coding_is_one_after_it(seconds: float, found: int) -> None:
    samples, pts = coded(np.concatenate([tone(3, 0.5), tone(seconds, 0.0), tone(3, 0.5)], axis=1))
    assert len(Outcome("audio").feed(sounds(samples, pts)).incidents("silence")) == found


def test_decoding_one_second_in_five_still_finds_silence_and_counts_what_it_heard() -> None:
    heard: list[Observation] = []
    for n in range(8):
        heard += sounds(tone(1, 0.5 if n in (0, 1, 6, 7) else 0.0), pts=5.0 * n)
    outcome = Outcome("audio").feed([*heard, Tick(200.0)])
    (silence,) = outcome.incidents("silence")
    assert (silence.start_pts, silence.end_pts) == (pytest.approx(10.0), pytest.approx(26.0, abs=1e-3))
    assert silence.detail["heard_seconds"] == pytest.approx(4.0, abs=1e-3)
    assert outcome.total(SILENT, "digital") == pytest.approx(4.0, abs=1e-3)


def test_a_hole_longer_than_five_seconds_or_a_jump_is_not_bridged() -> None:
    for pts in (8.0, 86_400.0, 0.2):
        heard = [*sounds(tone(1.5, 0.0)), *sounds(tone(1.5, 0.0), pts=pts)]
        assert Outcome("audio").feed(heard).incidents("silence") == []


def test_silence_in_segments_is_as_long_as_the_media_and_where_an_even_delivery_puts_it() -> None:
    samples = tone(24, 0.5)
    samples[:, round(9.3 * RATE) : round(13.9 * RATE)] = 0.0
    seen: list[Observation] = []
    for n in range(12):  # two seconds each, published when whole, met by polls that are up to 0.6 s late
        done = 1000 + 2 * n + 2 + 0.2 * (n * 7 % 4)
        for sound in sounds(samples[:, 2 * n * RATE : (2 * n + 2) * RATE], pts=2.0 * n):
            seen.append(replace(sound, at=done + 0.01 * (sound.pts or 0.0) / 24))
        seen.append(Segment(done + 0.02, done, done, n, 2.0, 9, tracks=(0, 1)))
    outcome = Outcome("audio").feed(seen)
    (silence,) = outcome.incidents("silence")
    assert silence.end is not None
    assert silence.end - silence.start == pytest.approx(4.6, abs=0.001)
    assert silence.start == pytest.approx(1009.3, abs=0.7)


def test_a_silence_during_which_media_stood_still_ends_when_it_was_heard_to_end() -> None:
    samples = np.concatenate([tone(2, 0.5), tone(6, 0.0), tone(2, 0.5)], axis=1)
    halted = [replace(sound, at=sound.at + (8.0 if (sound.pts or 0.0) >= 5 else 0.0)) for sound in sounds(samples)]
    (silence,) = Outcome("audio").feed(halted).incidents("silence")
    assert silence.start == pytest.approx(102, abs=0.001)
    assert silence.end == pytest.approx(116, abs=0.001)


def test_sound_of_a_past_connection_is_not_heard() -> None:
    late = sounds(tone(3, 0.0))
    assert Outcome("audio").feed([*late[:2], Lost(102.0, "reset"), *late[2:]]).incidents("silence") == []
    again = [Lost(102.0, "reset"), Opened(104.0, 103.0, "rtmp"), *late[2:]]
    assert Outcome("audio").feed([*late[:2], *again]).incidents("silence") == []


def test_peak_is_the_largest_since_the_last_tick_and_goes_when_nothing_is_decoded() -> None:
    outcome = Outcome("audio").feed([*sounds(tone(1, 0.5)), *sounds(tone(1, 0.25), pts=1.0), Tick(102.0)])
    assert outcome.gauge(PEAK) == pytest.approx(0.5, abs=1e-3)
    assert outcome.feed([*sounds(tone(1, 0.25), pts=2.0), Tick(103.0)]).gauge(PEAK) == pytest.approx(0.25, abs=1e-3)
    assert outcome.feed([Tick(120.0)]).gauge(PEAK) is None


def test_garbage_samples_are_unknown_and_not_silent() -> None:
    assert Listen()(np.full((2, 1000), np.nan, np.float32), RATE, 0.0) is None
    assert Outcome("audio").feed(sounds(np.full((1, 200_000), np.inf, np.float32))).incidents("silence") == []
    assert Listen()(np.zeros((2, 0), np.float32), RATE, 0.0) == (0.0, 0, [])


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
def test_audio_packets_that_stop_while_video_flows_are_missing(protocol: str) -> None:
    script = Script(protocol=protocol).open().play(10).mute(8).play(8)
    (mute,) = (fact for fact in script.run().truth if fact.kind == "mute")
    outcome = Outcome("audio").feed(script.run().observations)
    (missing,) = outcome.incidents("audio_missing")
    late = 2.2 if protocol == "hls" else 0.1  # a segment, and its fetch
    assert mute.start - 0.1 <= missing.start <= mute.start + late
    assert missing.end is not None
    assert mute.end - 0.1 <= missing.end <= mute.end + late
    assert missing.start_pts is not None
    assert missing.end_pts is not None
    assert missing.end_pts - missing.start_pts == pytest.approx(8.0, abs=0.05)
    assert outcome.gauge(PRESENT) == 1


def test_present_is_zero_while_audio_is_missing() -> None:
    outcome = Outcome("audio").feed(Script().open().play(5).mute(8).run().observations)
    assert outcome.gauge(PRESENT) == 0
    assert [missing.end for missing in outcome.incidents("audio_missing")] == [None]


def test_a_stream_without_audio_has_none_and_that_is_no_fault() -> None:
    outcome = Outcome("audio").feed(Script(audio=False).open().play(10).run().observations)
    assert outcome.gauge(PRESENT) == 0
    assert outcome.incidents("audio_missing") == []
    assert Outcome("audio").feed([Tick(1.0)]).gauge(PRESENT) is None


def test_declared_audio_that_never_comes_is_missing() -> None:
    declared = Format(1000.1, 1, "audio", "aac")
    script = Script(audio=False).open().see(declared).play(10)
    (missing,) = Outcome("audio").feed(script.run().observations).incidents("audio_missing")
    assert missing.start == pytest.approx(1000.12, abs=0.01)


def test_a_show_that_comes_back_without_its_audio_misses_it() -> None:
    script = Script().open().play(5).lost()
    script.audio = False
    outcome = Outcome("audio").feed(script.reconnect(2).play(8).run().observations)
    assert len(outcome.incidents("audio_missing")) == 1


def test_a_stall_of_everything_and_audio_alone_are_not_missing_audio() -> None:
    for script in (Script().open().play(5).stop(6).drop().play(5), Script(video=False).open().play(10)):
        outcome = Outcome("audio").feed(script.run().observations)
        assert outcome.incidents("audio_missing") == []
        assert outcome.gauge(PRESENT) == 1


def test_audio_that_lies_together_at_a_segments_end_is_not_missing() -> None:
    seen: list[Observation] = []
    for n in range(6):
        done = 6.0 * n + 6
        pictures = (Packet(done - 0.5, 0, "video", done + t / 10, done + t / 10, KEY, 9, b"") for t in range(60))
        tones = (Packet(done - 0.1, 1, "audio", done + t / 10, done + t / 10, KEY, 9, b"") for t in range(60))
        seen += [*pictures, *tones, *(Tick(done + t) for t in range(6))]
    assert Outcome("audio").feed(seen).incidents("audio_missing") == []


def test_sound_in_segments_of_its_own_may_come_a_segment_later() -> None:
    def stream(audible: int) -> list[Observation]:
        seen: list[Observation] = [Format(0.0, 16, "audio", "aac")]
        for n in range(8):
            done = 6.0 * n + 6
            seen += [Packet(done, 0, "video", done + t / 10, done + t / 10, KEY, 9, b"") for t in range(60)]
            seen += [Segment(done, done - 1, None, n, 6.0, 540, tracks=(0,)), Tick(done + 0.1)]
            if n < audible:
                seen += [Packet(done + 0.3, 16, "audio", done + t / 10, None, KEY, 9, b"") for t in range(60)]
                seen.append(Segment(done + 0.3, done, None, n, 6.0, 540, tracks=(16,)))
        return seen

    assert Outcome("audio").feed(stream(8)).incidents("audio_missing") == []
    (missing,) = Outcome("audio").feed(stream(4)).incidents("audio_missing")
    assert missing.start == pytest.approx(24.3)
