"""Timestamps that misbehave, and media time against wall time."""

from __future__ import annotations

import pytest

from qoe_agent.model import (
    CORRUPT,
    DISCONTINUITY,
    WRAPPED,
    Damage,
    Lost,
    Observation,
    Opened,
    Packet,
    Tick,
)
from qoe_agent.probes.continuity import (
    BACKWARDS,
    BREAKS,
    CORRUPTED,
    DAMAGE,
    DECODE,
    DRIFT,
    GAPS,
    WRAPS,
)
from tests.probes.outcome import Outcome
from tests.script import Script, jitter

DAY = 86_400.0


def watch(script: Script) -> Outcome:
    return Outcome("continuity").feed(script.run().observations)


def frame(at: float, dts: float, flags: int = 0, track: int = 0) -> Packet:
    return Packet(at, track, "audio" if track else "video", dts, dts, flags, 1000, b"")


def stream(seconds: float, *, rate: float = 1.0, step: float = 0.04, delay: float = 0.0) -> list[Observation]:
    """Frames every `step` of media time, whose clock runs at `rate`, and Ticks."""
    seen: list[Observation] = [Opened(0.0, 0.0, "rtmp")]
    seen += [frame(n * step + delay, n * step * rate) for n in range(round(seconds / step))]
    seen += [Tick(float(n)) for n in range(round(seconds) + 1)]
    return sorted(seen, key=lambda one: one.at)


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_a_healthy_stream_has_no_findings(protocol: str, bframes: int) -> None:
    outcome = watch(Script(protocol=protocol, bframes=bframes, jitter=jitter(3, 0.03)).open().play(60))
    assert sum(outcome.total(metric, "video") for metric in (BACKWARDS, GAPS)) == 0
    assert outcome.total(WRAPS) == outcome.total(BREAKS) == 0
    assert outcome.gauge(DRIFT) == pytest.approx(0.0, abs=0.05)
    assert outcome.incidents("timestamp_jump") == []


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
@pytest.mark.parametrize("step", [DAY, -DAY, 3.0, -3.0])
def test_a_jump_is_one_incident_and_no_nonsense_elsewhere(protocol: str, step: float) -> None:
    outcome = watch(Script(protocol=protocol, pts=2 * DAY).open().play(40).jump(step).play(40))
    (jump,) = outcome.incidents("timestamp_jump")
    assert jump.start == jump.end
    assert jump.severity == "warning"
    assert jump.detail["jump_seconds"] == pytest.approx(step, abs=0.2)
    assert jump.end_pts is not None
    assert jump.start_pts is not None
    assert jump.end_pts - jump.start_pts == pytest.approx(step, abs=0.2)
    metric = GAPS if step > 0 else BACKWARDS
    assert outcome.total(metric, "video") == outcome.total(metric, "audio") == 1
    assert outcome.gauge(DRIFT) == pytest.approx(0.0, abs=0.1)


def test_two_jumps_are_two_incidents() -> None:
    outcome = watch(Script().open().play(20).jump(DAY).play(5).jump(-DAY).play(20))
    assert [jump.detail["jump_seconds"] > 0 for jump in outcome.incidents("timestamp_jump")] == [True, False]


def test_an_announced_jump_is_no_fault_on_any_track() -> None:
    outcome = watch(Script().open().play(20).jump(DAY, flagged=True).play(20))
    assert outcome.incidents("timestamp_jump") == []
    assert outcome.total(GAPS, "video") == outcome.total(GAPS, "audio") == 0
    assert outcome.total(BREAKS) >= 1
    assert outcome.gauge(DRIFT) == pytest.approx(0.0, abs=0.05)


def test_media_that_never_came_is_a_gap_as_long_as_the_time_that_passed() -> None:
    outcome = watch(Script().open().play(20).stop(5).drop().play(20))
    (jump,) = outcome.incidents("timestamp_jump")
    assert jump.severity == "info"
    assert jump.detail["jump_seconds"] == pytest.approx(5, abs=0.1)
    assert outcome.total(GAPS, "video") == 1
    assert outcome.gauge(DRIFT) == pytest.approx(0.0, abs=0.1)


def test_gaps_begin_at_half_a_second_or_ten_frames() -> None:
    def gaps(step: float, hole: float) -> float:
        steady = [frame(n * step, n * step) for n in range(30)]
        return Outcome("continuity").feed([*steady, frame(99, 29 * step + hole), Tick(100)]).total(GAPS, "video")

    assert [gaps(0.04, 0.49), gaps(0.04, 0.52)] == [0, 1]
    assert [gaps(1.0, 9.0), gaps(1.0, 11.0)] == [0, 1]


def test_one_frame_a_second_is_slow_and_not_full_of_gaps() -> None:
    outcome = Outcome("continuity").feed(stream(60, step=1.0))
    assert outcome.total(GAPS, "video") == 0
    assert outcome.incidents("timestamp_jump") == []


def test_small_steps_backwards_count_without_an_incident() -> None:
    times = [n / 25 for n in range(50)]
    times[20] -= 0.2
    outcome = Outcome("continuity").feed([*(frame(at, at) for at in times), Tick(3)])
    assert outcome.total(BACKWARDS, "video") == 1
    assert outcome.incidents("timestamp_jump") == []


def test_a_wrap_or_break_told_by_every_track_is_one() -> None:
    seen: list[Observation] = []
    for n in range(4):
        flags = (0, WRAPPED, DISCONTINUITY, WRAPPED)[n]
        seen += [frame(n * 0.04, n * 0.04, flags, track) for track in (0, 1)]
    outcome = Outcome("continuity").feed([*seen, Tick(1)])
    assert (outcome.total(WRAPS), outcome.total(BREAKS)) == (2, 1)


def test_counters_go_on_over_reconnects() -> None:
    one = [frame(0.0, 0.0), frame(0.1, 0.1, WRAPPED), Lost(1.0, "reset"), Opened(2.0, 1.5, "ts")]
    outcome = Outcome("continuity").feed([*one, frame(2.0, 500.0), frame(2.1, 500.1, WRAPPED), Tick(3.0)])
    assert outcome.total(WRAPS) == 2
    assert outcome.incidents("timestamp_jump") == []


def test_damage_is_counted_by_kind() -> None:
    seen = [Damage(1, 0, "decode", 3), Damage(1, None, "parse"), Damage(1, 0, "corrupt", 2), frame(1, 1, CORRUPT)]
    outcome = Outcome("continuity").feed([*seen, Tick(2)])
    assert (outcome.total(DECODE), outcome.total(CORRUPTED)) == (3, 1)
    assert (outcome.total(DAMAGE, "parse"), outcome.total(DAMAGE, "corrupt")) == (1, 2)


@pytest.mark.parametrize("rate", [0.999, 1.001])
def test_drift_is_what_the_media_clock_gained(rate: float) -> None:
    outcome = Outcome("continuity").feed(stream(600, rate=rate))
    assert outcome.gauge(DRIFT) == pytest.approx(590 * (rate - 1), abs=0.03)


def test_a_publisher_whose_clock_stood_stays_behind_and_one_that_bursts_does_not() -> None:
    assert watch(Script().open().play(30).pause(5).play(30)).gauge(DRIFT) == pytest.approx(-5, abs=0.05)
    assert watch(Script().open().play(30).stop(5).burst().play(30)).gauge(DRIFT) == pytest.approx(0, abs=0.05)


def test_drift_is_unknown_at_first_and_in_silence() -> None:
    outcome = Outcome("continuity").feed(stream(8))
    assert outcome.gauge(DRIFT) is None
    outcome = Outcome("continuity").feed(stream(20))
    assert outcome.gauge(DRIFT) is not None
    assert outcome.feed([Tick(45.0)]).gauge(DRIFT) is None
