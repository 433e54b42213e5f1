"""Sound that flows without pictures."""

from __future__ import annotations

import pytest

from qoe_agent.model import KEY, Format, Observation, Packet, Segment, Tick
from tests.probes.outcome import Outcome
from tests.script import Script


def gone(seconds: float, more: float = 0.0) -> list[Observation]:
    """A show of ten seconds whose pictures stop for so long while its sound goes on; and `more` with both."""
    script = Script().open().play(10)
    script.video = False
    script.play(seconds)
    script.video = True
    return (script.play(more) if more else script).run().observations


def test_pictures_that_stop_while_sound_flows_are_missing() -> None:
    (missing,) = Outcome("video").feed(gone(20, more=5)).incidents("video_missing")
    assert missing.severity == "critical"
    assert missing.end is not None
    assert missing.end - missing.start == pytest.approx(20.0, abs=0.2)
    (missing,) = Outcome("video").feed(gone(20)).incidents("video_missing")
    assert missing.end is None


def test_a_short_hole_is_none() -> None:
    assert Outcome("video").feed(gone(9, more=5)).incidents("video_missing") == []


def test_a_stream_that_never_had_pictures_lacks_none() -> None:
    outcome = Outcome("video").feed(Script(video=False).open().play(30).run().observations)
    assert outcome.incidents("video_missing") == []


def test_declared_pictures_that_never_come_are_missing() -> None:
    script = Script(video=False).open().see(Format(1000.1, 1, "video", "h264")).play(15)
    assert len(Outcome("video").feed(script.run().observations).incidents("video_missing")) == 1


def test_a_show_that_comes_back_without_its_pictures_misses_them() -> None:
    script = Script().open().play(5).lost()
    script.video = False
    outcome = Outcome("video").feed(script.reconnect(2).play(15).run().observations)
    assert len(outcome.incidents("video_missing")) == 1


def test_a_stall_of_everything_is_none_of_the_pictures() -> None:
    outcome = Outcome("video").feed(Script().open().play(5).stop(20).drop().play(5).run().observations)
    assert outcome.incidents("video_missing") == []


def test_pictures_in_segments_of_their_own_may_come_a_segment_later() -> None:
    def stream(seen_until: int) -> list[Observation]:
        seen: list[Observation] = []
        for n in range(8):
            done = 12.0 * n + 12
            seen += [Packet(done, 1, "audio", done + t / 10, None, KEY, 9, b"") for t in range(120)]
            seen += [Segment(done, done - 1, None, n, 12.0, 540, tracks=(1,)), Tick(done + 0.1)]
            if n < seen_until:
                seen += [Packet(done + 4, 0, "video", done + t / 10, None, KEY, 9, b"") for t in range(120)]
                seen += [Segment(done + 4, done, None, n, 12.0, 540, tracks=(0,)), Tick(done + 4.1)]
        return seen

    assert Outcome("video").feed(stream(8)).incidents("video_missing") == []
    assert len(Outcome("video").feed(stream(4)).incidents("video_missing")) == 1
