"""Bytes, peaks, key-frame distances and missing frames with hand-computed truths."""

from __future__ import annotations

import random

import pytest

from qoe_agent.model import BACKLOG, KEY, Observation, Packet, Tick
from qoe_agent.probes.bitrate import (
    BACKLOG_BYTES,
    BYTES,
    FRAMES,
    INTERVAL,
    MISSING,
    PACKETS,
    PEAK,
)
from tests.probes.outcome import Outcome
from tests.script import DELTA_SIZE, KEY_SIZE, SOUND_SIZE, Script


def frame(pts: float, flags: int = 0, size: int = 1000) -> Packet:
    return Packet(1000 + pts, 0, "video", pts, pts, flags, size, b"")


def missing(times: list[float]) -> float:
    """How many frames the probe misses in a stream with these timestamps."""
    seen: list[Observation] = [frame(pts) for pts in times]
    return Outcome("bitrate").feed([*seen, Tick(9999.0)]).total(MISSING)


def test_bytes_and_frames_add_up_by_track() -> None:
    outcome = Outcome("bitrate").feed(Script(fps=25, gop=2).open().play(10).run().observations)
    assert outcome.total(FRAMES) == outcome.total(PACKETS, "video") == 250
    assert outcome.total(BYTES, "video") == 5 * KEY_SIZE + 245 * DELTA_SIZE
    assert outcome.total(BYTES, "audio") == outcome.total(PACKETS, "audio") * SOUND_SIZE
    assert outcome.total(MISSING) == 0
    assert outcome.gauge(INTERVAL) == pytest.approx(2.0)


def test_peak_is_the_busiest_second_of_media_time() -> None:
    outcome = Outcome("bitrate").feed(Script(fps=25, gop=2).open().play(10).run().observations)
    assert outcome.gauge(PEAK, "video") == KEY_SIZE + 24 * DELTA_SIZE
    assert outcome.gauge(PEAK, "audio") == pytest.approx(47 * SOUND_SIZE, abs=SOUND_SIZE)


def test_peak_slides_over_second_borders_and_is_forgotten_after_a_minute() -> None:
    sizes = [9000 if 12.5 <= n / 10 < 13.5 else 100 for n in range(300)]
    outcome = Outcome("bitrate").feed([frame(n / 10, 0, size) for n, size in enumerate(sizes)] + [Tick(1031.0)])
    assert outcome.gauge(PEAK, "video") == 10 * 9000
    outcome.feed([frame(30 + n / 10, 0, 100) for n in range(500)] + [Tick(1081.0)])
    assert outcome.gauge(PEAK, "video") == 10 * 100


def test_a_burst_in_arrival_is_no_peak() -> None:
    steady = Outcome("bitrate").feed(Script().open().play(12).run().observations)
    held = Outcome("bitrate").feed(Script().open().play(4).stop(4).burst().play(4).run().observations)
    assert held.gauge(PEAK, "video") == steady.gauge(PEAK, "video")


def test_the_opening_burst_is_counted_apart() -> None:
    outcome = Outcome("bitrate").feed(Script(fps=25, gop=2).open(cache=2.0).play(4).run().observations)
    assert outcome.total(BACKLOG_BYTES, "video") == KEY_SIZE + 49 * DELTA_SIZE
    assert outcome.total(BYTES, "video") == 2 * KEY_SIZE + 98 * DELTA_SIZE
    assert outcome.total(FRAMES) == 100
    burst = [frame(n / 100, BACKLOG, 10**6) for n in range(400)]
    assert Outcome("bitrate").feed([*burst, Tick(1004.0)]).gauge(PEAK, "video") is None


def test_missing_frames_are_those_that_the_rate_promised() -> None:
    gone = {40, 41, 42, 77, 150}
    assert missing([n / 30 for n in range(320) if n not in gone]) == 5


@pytest.mark.parametrize("fps", [24000 / 1001, 25.0, 30.0, 59.94])
def test_millisecond_rounding_misses_nothing(fps: float) -> None:
    assert missing([round(n / fps, 3) for n in range(1000)]) == 0


def test_scattered_losses_are_counted_to_within_a_few() -> None:
    dice = random.Random(1)
    kept = [n / 30 for n in range(9000) if dice.random() > 0.02]
    assert missing(kept) == pytest.approx(9000 - len(kept), abs=5)


def test_a_variable_rate_misses_nothing() -> None:
    dice = random.Random(2)
    pts, times = 0.0, []
    for _ in range(2000):
        pts += dice.choice([1, 1, 2, 3, 5]) / 60
        times.append(pts)
    assert missing(times) == 0


def test_switches_of_rate_miss_nothing() -> None:
    pts, times = 0.0, []
    for step in [1 / 30] * 100 + [1 / 15] * 100 + [1 / 30] * 100 + [1 / 60] * 100:
        pts += step
        times.append(pts)
    assert missing(times) == 0


def test_a_new_timeline_misses_nothing() -> None:
    times = [n / 30 for n in range(100)]
    assert missing([*times, *(86_400 + pts for pts in times), *times]) == 0


def test_b_frames_miss_nothing() -> None:
    assert Outcome("bitrate").feed(Script(bframes=3).open().play(20).run().observations).total(MISSING) == 0


def test_key_frame_distance_does_not_span_a_jump() -> None:
    seen = [frame(pts, KEY) for pts in (0.0, 2.0, 4.0, 9000.0)] + [Tick(1010.0)]
    assert Outcome("bitrate").feed(seen).gauge(INTERVAL) == 2.0
    assert Outcome("bitrate").feed([*seen, frame(9001.0, KEY), Tick(1011.0)]).gauge(INTERVAL) == 1.0


def test_gauges_are_withdrawn_when_nothing_comes() -> None:
    outcome = Outcome("bitrate").feed([frame(n / 10, KEY) for n in range(50)] + [Tick(1005.0)])
    assert outcome.gauge(PEAK, "video")
    outcome.feed([Tick(1040.0)])
    assert outcome.gauge(PEAK, "video") is None
    assert outcome.gauge(INTERVAL) is None
