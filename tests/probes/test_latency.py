"""Latency as it was injected: the capture time of every picture is known, and so is when it arrived."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.bitstream import capture
from qoe_agent.maths.viewing import Viewing
from qoe_agent.model import BACKLOG, Captured, Format, Incident, Observation, Packet, Picture, Segment, Tick
from qoe_agent.probes import latency
from tests.bitstream.test_capture import OBS, stuffed
from tests.probes.outcome import Outcome
from tests.script import VIDEO, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

START = 1_700_000_000.0
"""When scripts begin: SEI holds dates."""
DELAY = 0.25
WITHIN = 0.02


def script(protocol: str = "rtmp", **more: Any) -> Script:
    return Script(protocol=protocol, start=START, delay=DELAY, fps=25, **more)


def agora(time: float) -> bytes:
    return b'{"canvas":{},"ver":"20190611","ts":%d}' % round(time * 1e3)


def own(time: float) -> bytes:
    return capture.write(time, 0)


def misb(time: float) -> bytes:
    return capture.MISB + b"\x1f" + stuffed(round(time * 1e6))


def marked(
    observations: Iterable[Observation],
    when: Callable[[float], float | None],
    payload: Callable[[float], bytes] = own,
) -> Iterator[Observation]:
    """`observations` with SEI in the pictures: `when` says when a picture was captured, by its pts."""
    for seen in observations:
        if isinstance(seen, Format) and seen.kind == "video":
            yield replace(seen, extradata=b"")
        elif isinstance(seen, Packet) and seen.track == VIDEO:
            time = when(seen.pts or 0.0)
            sei = b"" if time is None else capture.unit("h264", payload(time), 0)
            yield replace(seen, data=sei + b"\0\0\1\x41slice")
        else:
            yield seen


def published(pts: float) -> float:
    """Scripts publish as they capture, from pts 0 at START."""
    return START + pts


def dated(observations: Iterable[Observation], when: Callable[[float], float]) -> Iterator[Observation]:
    """HLS with EXT-X-PROGRAM-DATE-TIME."""
    first: float | None = None
    for seen in observations:
        if isinstance(seen, Packet) and seen.track == VIDEO:
            first = seen.pts if first is None or (seen.pts or 0.0) < first else first
        elif isinstance(seen, Segment) and first is not None:
            seen, first = replace(seen, program_date_time=when(first)), None
        yield seen


@dataclass
class Told:
    """What was published each second, and what was true then."""

    outcome: Outcome = field(default_factory=lambda: Outcome("latency"))
    errors: list[float] = field(default_factory=list)
    spoken: int = 0
    ticks: int = 0

    def follow(self, observations: Iterable[Observation], method: str, when: Callable[[float], float]) -> Told:
        """Feed all; each Tick compare what is told with what arrived in the seconds before."""
        arrived: list[tuple[float, float]] = []
        for seen in observations:
            self.outcome.feed([seen])
            if isinstance(seen, Packet) and seen.track == VIDEO and not seen.flags & BACKLOG:
                arrived.append((seen.at, seen.at - when(seen.pts or 0.0)))
            if isinstance(seen, Tick) and arrived:
                self.ticks += 1
                value = self.outcome.gauge(latency.LATENCY, method, "transport")
                if value is not None:
                    self.spoken += 1
                    recent = [late for at, late in arrived if seen.at - at <= 6.0] or [arrived[-1][1]]
                    self.errors.append(min(abs(value - late) for late in recent))
        return self


def value(outcome: Outcome, method: str = "sei", stage: str = "transport") -> float | None:
    return outcome.gauge(latency.LATENCY, method, stage)


@pytest.mark.parametrize("payload", [own, misb, agora])
def test_sei_over_a_push_transport(payload: Callable[[float], bytes]) -> None:
    run = script().open(0.0).play(10).run()
    outcome = Outcome("latency").feed(marked(run.observations, published, payload))
    assert value(outcome) == pytest.approx(DELAY, abs=0.002)
    # the model starts with half a second in its buffer, and then plays at the speed of time
    assert value(outcome, stage="playout") == pytest.approx(DELAY + 0.5, abs=0.06)
    assert outcome.gauge(latency.STARTUP, "sei") == pytest.approx(value(outcome, stage="playout"), abs=0.002)
    assert outcome.gauge(latency.UNCERTAINTY, "sei") is None, "nobody vouches for the agent's clock"
    assert not outcome.labels(latency.ERROR)


def test_b_frames_arrive_late_and_are_not_the_newest() -> None:
    run = script(bframes=2).open(0.0).play(10).run()
    outcome = Outcome("latency").feed(marked(run.observations, published))
    # a reference picture arrives up to two frames before its turn, by the script's decoding order
    assert value(outcome) == pytest.approx(DELAY - 0.12, abs=0.05)


def test_what_the_server_held_for_us_is_not_live() -> None:
    run = script().open(0.0, cache=1.8).play(6).run()
    opened = run.observations[0].at
    outcome = Outcome("latency").feed(marked(run.observations, lambda pts: opened - 1.8 + pts))
    assert value(outcome) == pytest.approx(DELAY, abs=0.002)
    assert value(outcome, stage="playout") == pytest.approx(1.8, abs=0.05)
    assert outcome.gauge(latency.STARTUP, "sei") == pytest.approx(1.8, abs=0.05)


def test_pictures_that_follow_when_the_sound_already_plays() -> None:
    """As nginx-rtmp begins between two key frames: the sound at once, the picture's format with its first frame."""
    run = script().open(0.0).play(10).run()
    late = [
        seen
        for seen in marked(run.observations, published)
        if not (isinstance(seen, Format | Packet) and seen.track == VIDEO and seen.at - run.observations[0].at < 1.5)
    ]
    pictures = next(seen for seen in run.observations if isinstance(seen, Format) and seen.track == VIDEO)
    first = next(n for n, seen in enumerate(late) if isinstance(seen, Packet) and seen.track == VIDEO)
    late.insert(first, replace(pictures, at=late[first].at, extradata=b""))
    outcome = Outcome("latency").feed(late)
    assert outcome.gauge(latency.STARTUP, "sei") == pytest.approx(DELAY + 0.5, abs=0.06)


def test_program_date_time_on_hls() -> None:
    stream = script("hls").open(0.0).play(20)
    run = stream.run()
    began = START - (stream.window + 0.5) * stream.segment
    outcome = Outcome("latency").feed(dated(run.observations, lambda pts: began + pts))
    segments = [seen for seen in run.observations if isinstance(seen, Segment) and not seen.backlog]
    assert value(outcome, "pdt") == pytest.approx(DELAY + stream.fetch + 0.04, abs=0.01)
    viewing = Viewing("auto", 30.0)
    for seen in run.observations:
        viewing.take(seen)
    playhead = began + viewing.playout.raw(viewing.playout.playhead)
    assert value(outcome, "pdt", "playout") == pytest.approx(viewing.playout.now - playhead, abs=0.01)
    assert value(outcome, "pdt", "playout") > 2 * stream.segment  # type: ignore[operator] # three segments behind
    assert len(segments) > 5


def ticked(observations: Iterable[Observation], unix: float, uncertainty: float | None) -> Iterator[Observation]:
    for seen in observations:
        yield replace(seen, unix=unix, uncertainty=uncertainty) if isinstance(seen, Tick) else seen


def test_the_agents_own_clock_is_corrected_and_its_doubt_counted_in() -> None:
    run = script().open(0.0).play(10).run()
    seen = ticked(marked(run.observations, lambda pts: published(pts) + 5.0), 5.0, 0.03)
    outcome = Outcome("latency").feed(seen)
    assert value(outcome) == pytest.approx(DELAY, abs=0.002)
    assert outcome.gauge(latency.UNCERTAINTY, "sei") == pytest.approx(0.03, abs=0.001)


def test_media_from_the_future_is_a_clock_error_and_never_a_number() -> None:
    run = script().open(0.0).play(40).run()
    fast = lambda pts: published(pts) + (2.0 if pts < 15 else 0.0)  # noqa: E731 # the encoder's clock is set later
    outcome, values = Outcome("latency"), []
    for seen in ticked(marked(run.observations, fast), 0.0, 0.01):
        outcome.feed([seen])
        if isinstance(seen, Tick):
            values.append((seen.at - START, value(outcome), value(outcome, stage="playout")))
            error = outcome.gauge(latency.ERROR, "sei")
            if 3 < values[-1][0] < 15:
                assert error == pytest.approx(2.0 - DELAY, abs=0.01)
            elif values[-1][0] > 27:
                assert error is None
    assert all(numbers == (None, None) for at, *rest in values if at < 25 for numbers in [tuple(rest)])
    assert values[-1][1] == pytest.approx(DELAY, abs=0.002)
    (incident,) = outcome.incidents("clock_untrusted")
    assert (incident.key, incident.severity) == ("sei", "warning")
    assert incident.start - START < 4
    assert incident.end is not None
    assert incident.end - START == pytest.approx(26, abs=1.5)


def test_a_little_from_the_future_is_within_the_doubt() -> None:
    run = script().open(0.0).play(10).run()
    outcome = Outcome("latency").feed(ticked(marked(run.observations, lambda p: published(p) + DELAY + 0.01), 0, 0.02))
    assert value(outcome) == 0.0
    assert outcome.gauge(latency.ERROR, "sei") is None


def test_drift_is_how_fast_latency_grows() -> None:
    run = script(audio=False).open(0.0).play(150).run()
    outcome = Outcome("latency").feed(marked(run.observations, lambda pts: published(pts) - 0.0005 * pts))
    assert outcome.gauge(latency.DRIFT, "sei") == pytest.approx(0.0005, rel=0.05)
    assert value(outcome) == pytest.approx(DELAY + 0.0005 * 150, abs=0.005)


def test_a_network_that_stood_still_made_it_that_late() -> None:
    run = script().open(0.0).play(5).stop(3).burst().play(5).run()
    told = Told().follow(marked(run.observations, published), "sei", published)
    assert max(told.errors) < WITHIN
    assert value(told.outcome) == pytest.approx(DELAY, abs=0.002)
    assert value(told.outcome, stage="playout") > 2.5  # type: ignore[operator] # it stalled, and stays behind


def test_a_publisher_that_paused_its_media_is_never_told_wrong() -> None:
    """PTS go on where they stopped, five seconds later: the line breaks, and no second tells the old one's time."""
    run = script().open(0.0).play(6).pause(5).play(8).run()

    def when(pts: float) -> float:
        return published(pts) + (5.0 if pts >= 6.0 - 1e-6 else 0.0)

    told = Told().follow(marked(run.observations, when), "sei", when)
    assert max(told.errors) < WITHIN
    assert told.spoken >= told.ticks - 1


def just_now(at: float, pts: float) -> float:
    return at - DELAY


@pytest.mark.parametrize("jump", [-3.0, -0.5, 3.0, 30.0])
def test_timestamps_that_jump(jump: float) -> None:
    """Wherever media time goes, every picture was captured DELAY ago: no second says anything else."""
    run = script(pts=100.0).open(0.0).play(6).jump(jump).play(8).run()
    outcome, values = Outcome("latency"), []
    for seen in run.observations:
        outcome.feed(marked([seen], partial(just_now, seen.at)))
        if isinstance(seen, Tick) and seen.at > START + 1.0:
            values.append(value(outcome))
    assert [each for each in values if each is not None] == pytest.approx([DELAY] * 14, abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_marks_without_a_checksum_that_are_often_wrong(seed: int) -> None:
    """A fifth of the marks is garbage: no wrong time is told."""
    chance = random.Random(seed)
    run = script().open(0.0).play(30).run()

    def when(pts: float) -> float:
        return published(pts) - (chance.uniform(-300, 300) if chance.random() < 0.2 else 0.0)

    told = Told().follow(marked(run.observations, when, agora), "sei", published)
    assert max(told.errors) < WITHIN
    assert told.spoken >= 0.95 * told.ticks


def test_stale_marks_are_not_believed() -> None:
    """An encoder that repeats an old time for half a second at a time."""
    run = script().open(0.0).play(20).run()

    def when(pts: float) -> float:
        return published(pts - pts % 0.5 if int(pts) % 3 == 0 else pts)

    told = Told().follow(marked(run.observations, when), "sei", published)
    assert max(told.errors) < 0.06


def test_marks_on_key_frames_alone_are_enough() -> None:
    run = script().open(0.0).play(20).run()

    def when(pts: float) -> float | None:
        return published(pts) if pts % 2.0 < 1e-6 else None

    outcome = Outcome("latency").feed(marked(run.observations, when, lambda time: OBS if time < START else own(time)))
    assert value(outcome) == pytest.approx(DELAY, abs=0.002)
    assert value(outcome, stage="playout") == pytest.approx(DELAY + 0.5, abs=0.06)


def test_without_marks_for_half_a_minute_nothing_is_known() -> None:
    run = script().open(0.0).play(50).run()
    outcome = Outcome("latency").feed(marked(run.observations, lambda pts: published(pts) if pts < 5 else None))
    assert not outcome.labels(latency.LATENCY)


def test_a_recording_has_no_latency() -> None:
    run = script().open(0.0).play(10).run()
    outcome = Outcome("latency").feed(marked(run.observations, lambda pts: published(pts) - 86_400))
    assert not outcome.labels(latency.LATENCY)
    assert not outcome.labels(latency.ERROR)


def test_obs_tells_its_stages() -> None:
    run = script().open(0.0).play(10).run()
    outcome = Outcome("latency").feed(marked(run.observations, published, lambda time: OBS))
    stages = {stage: outcome.gauge(latency.STAGE, stage) for stage in capture.STAGES}
    assert stages == pytest.approx({"request": 0.003, "encode": 0.03, "interleave": 0.01}, abs=1e-5)


def test_the_most_trusted_notation_counts() -> None:
    run = script().open(0.0).play(10).run()
    seen = [
        replace(one, data=capture.unit("h264", agora(published(one.pts or 0.0) - 3), 0) + one.data)
        if isinstance(one, Packet) and one.track == VIDEO
        else one
        for one in marked(run.observations, published)
    ]
    assert value(Outcome("latency").feed(seen)) == pytest.approx(DELAY, abs=0.002)


def test_a_time_code_has_no_date_and_is_believed_within_a_minute() -> None:
    made = Outcome("latency", zone=8.0)
    run = script().open(0.0).play(10).run()
    for seen in run.observations:
        made.feed([seen])
        if isinstance(seen, Packet) and seen.track == VIDEO:
            shanghai = (published(seen.pts or 0.0) + 8 * 3600) % 86_400
            made.probe._sei(seen.at, seen.pts, capture.Told("timecode", shanghai, 0.04))
    assert value(made) == pytest.approx(DELAY, abs=0.002)
    assert Outcome("latency").feed(run.observations).labels(latency.LATENCY) == set()


@pytest.mark.parametrize(("method", "shift"), [("rtcp", 0.0), ("prft", 0.0), ("act", 0.0), ("onfi", 8 * 3600.0)])
def test_what_transports_say(method: str, shift: float) -> None:
    """onFI's local time may be of any zone."""
    run = script().open(0.0).play(10).run()
    seen: list[Observation] = []
    for one in run.observations:
        seen.append(one)
        if isinstance(one, Packet) and one.track == VIDEO and round((one.pts or 0.0) * 25) % 10 == 0:
            pts = one.pts or 0.0
            seen.append(Captured(one.at, VIDEO, pts, published(pts) + shift, method))
    outcome = Outcome("latency").feed(seen)
    assert value(outcome, method) == pytest.approx(DELAY, abs=0.002)


def stamped(observations: Iterable[Observation], when: Callable[[float], float], decoding: float) -> Iterator[Any]:
    """Pictures with what the look `stamp` read in them, `decoding` seconds behind their packets."""
    waiting: list[Picture] = []
    for number, seen in enumerate(observations):
        while waiting and waiting[0].decoded <= seen.at:
            yield waiting.pop(0)
        yield seen
        if isinstance(seen, Packet) and seen.track == VIDEO:
            look = (round(when(seen.pts or 0.0) * 1e3), round((seen.pts or 0.0) * 25) % 65536, 1.0, number > 1)
            shown = (VIDEO, seen.pts, 1280, 720, "yuv420p", seen.key, seen.at + decoding)
            waiting.append(Picture(seen.at, *shown, looks={"stamp": look}))


def test_stamps_that_are_read_a_little_later() -> None:
    """The publisher's media stands still for five seconds: no second tells a wrong time."""
    run = script().open(0.0).play(6).pause(5).play(8).run()

    def when(pts: float) -> float:
        return published(pts) + (5.0 if pts >= 6.0 - 1e-6 else 0.0)

    told = Told().follow(stamped(run.observations, when, 0.4), "stamp", when)
    assert max(told.errors) < WITHIN
    assert told.spoken >= told.ticks - 1
    assert value(told.outcome, "stamp") == pytest.approx(DELAY, abs=0.002)
    # the pause drained the model's buffer, and what is then shown is the old half second still
    assert value(told.outcome, "stamp", "playout") == pytest.approx(DELAY + 0.5, abs=0.06)
    assert told.outcome.gauge(latency.STARTUP, "stamp") == pytest.approx(DELAY + 0.5, abs=0.06)


def test_a_lost_stream_says_nothing_and_a_new_connection_begins_anew() -> None:
    stream = script().open(0.0).play(10).lost().reconnect(5.0, restart=True).play(10)
    run = stream.run()
    back = next(seen.at for seen in run.observations if isinstance(seen, Packet) and seen.at > START + 12)
    outcome = Outcome("latency")
    for seen in run.observations:
        again = isinstance(seen, Packet) and seen.at >= back
        when = (lambda pts: back - DELAY + pts) if again else published
        outcome.feed(marked([seen], when))
        if isinstance(seen, Tick) and START + 10.5 < seen.at < back:
            assert value(outcome) is None
    assert value(outcome) == pytest.approx(DELAY, abs=0.002)
    assert not [one for one in outcome.incidents("clock_untrusted") if isinstance(one, Incident)]
