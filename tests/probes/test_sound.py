"""Sound faults as the probe reports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.maths.hearing import Hearing
from qoe_agent.model import Lost, Observation, Opened, Segment, Sound, Tick
from qoe_agent.probes.sound import BANDWIDTH, CLIPPED, CORRELATION, DRIFT, DROPOUTS, DROPPED, MONO
from tests.accuracy.faults_sound import Flaw, clipped, coded, dead, inverted, mono, music, talk, zeros
from tests.accuracy.offline import watch
from tests.probes.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

RATE = 48_000
LEAD = 100.0
"""Seconds on the agent's clock at pts 0."""
KINDS = {"dropouts", "clipping", "dead_channel", "out_of_phase"}


def sounds(
    wave: Wave, pts: float = 0.0, look: Any = None, *, rate: float = 1.0, skew: float = 1.0
) -> list[Observation]:
    """Stretches of a second, with a Tick after each. `rate`: media seconds per second of arrival; `skew`: of
    timestamps per second of samples."""
    look = look or Hearing().hear
    made: list[Observation] = []
    for first in range(0, wave.shape[1], RATE):
        piece = wave[:, first : first + RATE]
        begin, seconds = pts + skew * first / RATE, piece.shape[1] / RATE
        at = LEAD + (begin + seconds) / rate
        made.append(Sound(at, 1, begin, seconds, RATE, len(wave), at, {"sound": look(piece, RATE, begin)}))
        made.append(Tick(at))
    return made


def of(seen: Outcome) -> set[str]:
    return {kind for kind in KINDS if seen.incidents(kind)}


def loud(wave: Wave, after: float, seconds: float) -> float:
    """The first time from `after` on, at which a hole of so many seconds has sound on both sides."""
    for start in np.arange(after, wave.shape[1] / RATE - seconds, 0.01).tolist():
        edges = round((start - 0.006) * RATE), round((start + seconds) * RATE)
        if all(np.square(wave[:, n : n + 288]).mean() > 2e-3 for n in edges):
            return float(start)
    raise AssertionError("it is all too faint")


@pytest.fixture(scope="module")
def wide() -> Wave:
    return music(40, 3)


def test_a_clean_programme_has_no_faults(wide: Wave) -> None:
    for wave in (wide, talk(15, 2), mono()(wide), wide[:1]):
        seen = Outcome("sound").feed(sounds(wave))
        assert of(seen) == set()
        assert sum(seen.total(DROPOUTS, kind) for kind in ("zeros", "dip", "gap")) == 0
        assert seen.gauge(CLIPPED) == 0.0


def test_dropouts_are_counted_and_three_in_ten_seconds_are_an_incident(wide: Wave) -> None:
    wave = wide
    starts = [loud(wave, after, 0.05) for after in (10.0, 12.0, 13.0)]
    for start in starts:
        wave = Flaw(start, start + 0.05, zeros()).into(wave)
    seen = Outcome("sound").feed(sounds(wave))
    assert seen.total(DROPOUTS, "zeros") == 3
    assert seen.total(DROPPED, "zeros") == pytest.approx(0.15, abs=0.004)
    (incident,) = seen.incidents("dropouts")
    assert (incident.start_pts, incident.end_pts) == pytest.approx((starts[0], starts[2] + 0.05), abs=0.002)
    assert incident.end is not None
    assert incident.start == pytest.approx(LEAD + starts[0], abs=0.002)
    assert incident.end == pytest.approx(LEAD + starts[2] + 0.05, abs=0.002)


def test_one_short_dropout_is_no_incident_but_a_long_one_is(wide: Wave) -> None:
    assert not Outcome("sound").feed(sounds(Flaw(10, 10.05, zeros()).into(wide))).incidents("dropouts")
    assert Outcome("sound").feed(sounds(Flaw(10, 10.3, zeros()).into(wide))).incidents("dropouts")


def test_frames_that_never_came_are_dropouts(wide: Wave) -> None:
    look = Hearing().hear
    told = sounds(wide[:, : 5 * RATE], 0.0, look) + sounds(wide[:, : 5 * RATE], 5.3, look)
    seen = Outcome("sound").feed(told)
    assert seen.total(DROPOUTS, "gap") == 1
    assert seen.total(DROPPED, "gap") == pytest.approx(0.3)
    (incident,) = seen.incidents("dropouts")
    assert incident.start_pts == pytest.approx(5.0)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_dead_channel_is_named(wide: Wave, channel: int) -> None:
    seen = Outcome("sound").feed(sounds(Flaw(8, 30, dead(channel)).into(wide)))
    (incident,) = seen.incidents("dead_channel")
    assert incident.key == ("left", "right")[channel]
    assert (incident.start_pts, incident.end_pts) == pytest.approx((8.0, 30.0), abs=0.11)
    assert of(seen) == {"dead_channel"}


def test_a_channel_that_rests_for_five_seconds_is_not_dead(wide: Wave) -> None:
    assert of(Outcome("sound").feed(sounds(Flaw(8, 13, dead(1)).into(wide)))) == set()
    assert of(Outcome("sound", dead=4.0).feed(sounds(Flaw(8, 13, dead(1)).into(wide)))) == {"dead_channel"}


def test_an_inverted_channel_is_out_of_phase() -> None:
    seen = Outcome("sound").feed(sounds(Flaw(8, 14, inverted()).into(talk(20, 5))))
    (incident,) = seen.incidents("out_of_phase")
    assert (incident.start_pts, incident.end_pts) == pytest.approx((8.0, 14.0), abs=0.3)
    assert of(seen) == {"out_of_phase"}


def test_clipping_is_an_incident_when_it_lasts(wide: Wave) -> None:
    seen = Outcome("sound").feed(sounds(Flaw(10, 25, clipped(14)).into(wide)))
    (incident,) = seen.incidents("clipping")
    assert (incident.start_pts, incident.end_pts) == pytest.approx((10.0, 25.0), abs=1.01)
    assert of(Outcome("sound").feed(sounds(Flaw(10, 12, clipped(14)).into(wide)))) == set()
    clipped_now = Outcome("sound").feed(sounds(clipped(14)(wide)))
    assert (clipped_now.gauge(CLIPPED) or 0.0) > 0.01


def test_gauges_of_two_channels(wide: Wave) -> None:
    seen = Outcome("sound").feed(sounds(mono()(wide)))
    assert (seen.gauge(MONO), seen.gauge(CORRELATION)) == pytest.approx((1.0, 1.0), abs=1e-4)
    seen = Outcome("sound").feed(sounds(wide))
    assert seen.gauge(MONO) == 0.0
    seen = Outcome("sound").feed(sounds(inverted()(mono()(wide))))
    assert (seen.gauge(MONO), seen.gauge(CORRELATION)) == pytest.approx((0.0, -1.0), abs=1e-4)
    assert Outcome("sound").feed(sounds(wide[:1])).gauge(MONO) is None
    assert Outcome("sound").feed(sounds(np.zeros((2, 5 * RATE), np.float32))).gauge(MONO) is None


def noise(seconds: int) -> Wave:
    return np.tile(np.random.default_rng(1).normal(0, 0.05, (1, RATE)).astype(np.float32), (1, seconds))


def test_the_sample_clock_against_timestamps_and_arrival() -> None:
    seen = Outcome("sound").feed(sounds(noise(90)))
    assert (seen.gauge(DRIFT, "timestamps"), seen.gauge(DRIFT, "arrival")) == pytest.approx((0.0, 0.0), abs=1e-6)
    seen = Outcome("sound").feed(sounds(noise(90), skew=1.0002))
    assert seen.gauge(DRIFT, "timestamps") == pytest.approx(-2e-4, abs=1e-5)
    seen = Outcome("sound").feed(sounds(noise(90), rate=0.999))
    assert seen.gauge(DRIFT, "arrival") == pytest.approx(-1e-3, abs=1e-5)
    assert seen.gauge(DRIFT, "timestamps") == pytest.approx(0.0, abs=1e-6)


def test_segments_say_nothing_about_the_pace_of_arrival() -> None:
    segment = Segment(LEAD, LEAD, LEAD, 1, 6.0, 1000)
    seen = Outcome("sound").feed([segment, *sounds(noise(80))])
    assert seen.gauge(DRIFT, "arrival") is None
    assert seen.gauge(DRIFT, "timestamps") is not None


def test_holes_of_decoding_keep_a_condition_open_but_not_for_long() -> None:
    look, made = Hearing().hear, []
    wave = inverted()(talk(60, 5))
    for second in range(0, 40, 5):
        made += sounds(wave[:, second * RATE : (second + 1) * RATE], float(second), look)
    seen = Outcome("sound").feed(made)
    (incident,) = seen.incidents("out_of_phase")
    assert incident.end is None
    seen.feed(sounds(wave[:, : 3 * RATE], 60.0, look))
    before, after = seen.incidents("out_of_phase")
    assert (before.end_pts, after.start_pts) == pytest.approx((36.0, 60.0), abs=0.2)


def test_what_stands_ends_with_the_pull_and_gauges_go(wide: Wave) -> None:
    seen = Outcome("sound").feed([*sounds(inverted()(mono()(wide))[:, : 10 * RATE]), Lost(111.0, "ended"), Tick(112.0)])
    (incident,) = seen.incidents("out_of_phase")
    assert incident.end == pytest.approx(LEAD + 10.0, abs=0.2)
    assert [seen.gauge(metric) for metric in (MONO, CORRELATION, CLIPPED, BANDWIDTH)] == [None] * 4


def test_sound_of_an_earlier_connection_is_ignored(wide: Wave) -> None:
    seen = Outcome("sound").feed([Opened(500.0, 499.0, "rtmp"), *sounds(wide[:, : 10 * RATE])])
    assert seen.gauge(CORRELATION) is None


@pytest.mark.parametrize(("codec", "bitrate"), [("aac", 96_000), ("opus", 96_000), ("mp3", 128_000)])
def test_faults_are_found_after_coding(tmp_path: Path, codec: str, bitrate: int) -> None:
    wave = talk(20, 7)
    start = loud(wave, 2.0, 0.3)
    for flaw in (Flaw(start, start + 0.3, zeros()), Flaw(6, 10, inverted()), Flaw(11, 19, dead(0))):
        wave = flaw.into(wave)
    seen = watch(coded(tmp_path, "faults", wave, codec, bitrate), "sound", options={"sound": {"dead": 5.0}})
    (dropouts,), (phase,), (lost,) = (seen.of(kind) for kind in ("dropouts", "out_of_phase", "dead_channel"))
    late = 0.023 if codec == "mp3" else 0.0
    assert dropouts.start_pts == pytest.approx(start + late, abs=0.005)
    assert dropouts.end_pts == pytest.approx(start + 0.3 + late, abs=0.005)
    assert (phase.start_pts, phase.end_pts) == pytest.approx((6, 10), abs=0.4)
    assert lost.key == "left"
    assert (lost.start_pts, lost.end_pts) == pytest.approx((11, 19), abs=0.4)
    assert not seen.of("clipping")
