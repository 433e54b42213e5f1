"""Timestamps of sound and picture against each other."""

from __future__ import annotations

import pytest

from qoe_agent.model import KEY, Observation, Opened, Packet, Tick
from qoe_agent.probes.skew import DRIFT, INTERLEAVE, SKEW, START
from tests.probes.outcome import Outcome
from tests.script import Script, jitter

FRAME = 1 / 25
SOUND = 1024 / 48000


def live(seconds: float, *, shift: float = 0.0, rate: float = 1.0) -> list[Observation]:
    """Both tracks sent as they are captured; sound is stamped `shift` later, by a clock that runs at `rate`."""
    seen: list[Observation] = [Opened(0.0, 0.0, "rtmp")]
    for n in range(round(seconds / FRAME)):
        seen.append(Packet(n * FRAME, 0, "video", n * FRAME, n * FRAME, KEY, 1000, b""))
    for n in range(round(seconds / SOUND)):
        pts = n * SOUND * rate + shift
        seen.append(Packet(n * SOUND, 1, "audio", pts, pts, KEY, 100, b""))
    seen += [Tick(float(n)) for n in range(1, round(seconds) + 1)]
    return sorted(seen, key=lambda one: one.at)


@pytest.mark.parametrize("shift", [0.0, 0.25, -0.4])
def test_sound_stamped_later_than_the_pictures_it_came_with_is_late(shift: float) -> None:
    outcome = Outcome("skew").feed(live(20, shift=shift))
    assert outcome.gauge(SKEW) == pytest.approx(shift, abs=FRAME + SOUND)  # packets are that coarse
    assert outcome.gauge(START) == pytest.approx(shift)
    assert outcome.gauge(INTERLEAVE) == pytest.approx(abs(shift), abs=0.05)


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_a_healthy_stream_is_in_step(protocol: str, bframes: int) -> None:
    script = Script(protocol=protocol, bframes=bframes, jitter=jitter(7, 0.05)).open().play(40)
    outcome = Outcome("skew").feed(script.run().observations)
    assert outcome.gauge(SKEW) == pytest.approx(0.0, abs=0.02)
    assert outcome.gauge(INTERLEAVE) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("bundle", [0.4, -0.4])
def test_sound_or_pictures_sent_in_bundles_are_interleaved_and_in_step(bundle: float) -> None:
    seen = live(30)
    for one in seen:  # a PES packet with 0.4 s of sound comes when it is full; or the pictures do
        if isinstance(one, Packet) and one.kind == ("audio" if bundle > 0 else "video"):
            one.at += -one.at % abs(bundle)
    outcome = Outcome("skew").feed(sorted(seen, key=lambda one: one.at))
    assert outcome.gauge(SKEW) == pytest.approx(0.0, abs=0.03)
    assert outcome.gauge(INTERLEAVE) == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("rate", [1.0, 1.0005, 0.9995])
def test_drift_is_the_difference_of_the_clocks(rate: float) -> None:
    outcome = Outcome("skew").feed(live(400, rate=rate))
    assert outcome.gauge(DRIFT) == pytest.approx(rate - 1, abs=3e-5)


def test_drift_is_not_told_before_two_minutes() -> None:
    assert Outcome("skew").feed(live(90)).gauge(DRIFT) is None


@pytest.mark.parametrize("script", [Script(audio=False), Script(video=False)])
def test_one_track_alone_has_no_skew(script: Script) -> None:
    outcome = Outcome("skew").feed(script.open().play(20).run().observations)
    assert [outcome.gauge(metric) for metric in (SKEW, INTERLEAVE, DRIFT, START)] == [None] * 4


def test_skew_is_withdrawn_when_a_track_stops() -> None:
    outcome = Outcome("skew").feed(Script().open().play(20).run().observations)
    assert outcome.gauge(SKEW) is not None
    outcome = Outcome("skew").feed(Script().open().play(20).mute(40).run().observations)
    assert outcome.gauge(SKEW) is None


def test_a_jump_of_a_day_leaves_no_absurd_value() -> None:
    observations = Script().open().play(20).jump(86_400).play(20).jump(-86_400).play(3).run().observations
    outcome = Outcome("skew")
    for seen in observations:
        outcome.feed([seen])
        assert abs(outcome.gauge(SKEW) or 0.0) < 1.0
        assert (outcome.gauge(INTERLEAVE) or 0.0) < 1.0


def test_tracks_without_a_common_timeline_have_no_skew() -> None:
    outcome = Outcome("skew").feed(live(20, shift=5000.0))
    assert outcome.gauge(SKEW) is None
    assert outcome.gauge(START) is None


def test_the_opening_burst_is_left_out() -> None:
    outcome = Outcome("skew").feed(Script().open(cache=4).play(20).run().observations)
    assert outcome.gauge(SKEW) == pytest.approx(0.0, abs=0.05)
