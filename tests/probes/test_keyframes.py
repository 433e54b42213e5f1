"""Streams that nobody can begin to watch."""

from __future__ import annotations

import pytest

from qoe_agent.model import KEY, RECOVERY, Lost, Packet, Tick
from qoe_agent.probes.keyframes import AGE
from tests.probes.outcome import Outcome
from tests.script import Script


def frames(start: float, end: float, flags: int = 0) -> list[Packet | Tick]:
    """25 a second and a Tick a second; `flags` on the first."""
    seen: list[Packet | Tick] = []
    for n in range(round((end - start) * 25)):
        at = start + n / 25
        seen.append(Packet(at, 0, "video", at, at, flags if n == 0 else 0, 1000, b""))
        if n % 25 == 24:
            seen.append(Tick(at))
    return seen


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
def test_a_healthy_stream_has_none(protocol: str) -> None:
    outcome = Outcome("keyframes").feed(Script(protocol=protocol, gop=2).open().play(60).run().observations)
    assert outcome.incidents("no_keyframes") == []
    age = outcome.gauge(AGE)
    assert age is not None
    assert age <= 2.0


def test_key_frames_that_stop_are_an_incident_until_the_next() -> None:
    outcome = Outcome("keyframes").feed([*frames(0, 2, KEY), *frames(2, 4, KEY), *frames(4, 19, KEY)])
    (opened,) = outcome.incidents("no_keyframes")
    assert (opened.start, opened.start_pts, opened.end) == (4.0, 4.0, None)
    assert opened.severity == "info"
    outcome.feed(frames(19, 20, KEY))
    (closed,) = outcome.incidents("no_keyframes")
    assert (closed.end, closed.end_pts) == (19.0, 19.0)


def test_long_intervals_that_are_usual_are_no_incident() -> None:
    outcome = Outcome("keyframes").feed([*frames(0, 8, KEY), *frames(8, 16, KEY), *frames(16, 38, KEY)])
    assert outcome.incidents("no_keyframes") == []
    outcome.feed(frames(38, 42))
    assert len(outcome.incidents("no_keyframes")) == 1


def test_intra_refresh_never_has_one_and_the_end_of_the_pull_ends_the_incident() -> None:
    outcome = Outcome("keyframes").feed(frames(0, 15, RECOVERY))
    assert [incident.detail["ever"] for incident in outcome.incidents("no_keyframes")] == [False]
    outcome.feed([Lost(15.5, "reset")])
    assert [incident.end for incident in outcome.incidents("no_keyframes")] == [15.5]


def test_silence_and_jumps_are_no_lack_of_key_frames() -> None:
    jumped = [Packet(5 + n / 25, 0, "video", 9e4 + n / 25, 9e4 + n / 25, 0, 1000, b"") for n in range(25)]
    outcome = Outcome("keyframes").feed([*frames(0, 5, KEY), *jumped, *(Tick(6.0 + n) for n in range(120))])
    assert outcome.incidents("no_keyframes") == []
    assert outcome.gauge(AGE) is None
