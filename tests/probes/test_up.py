"""Whether the stream is there."""

from __future__ import annotations

import pytest

from qoe_agent.model import Picture, Tick
from qoe_agent.probes.up import CONNECTS, DISCONNECTS, LAST_FRAME, LAST_PACKET, UP, Up
from tests.findings import keep
from tests.script import Script


def test_up_follows_media_not_connections() -> None:
    assert keep([Tick(1.0)], Up()).gauges[UP.name,] == 0
    script = Script().open().wait(3)
    assert keep(script.run().observations, Up()).gauges[UP.name,] == 0
    assert keep(script.play(1).run().observations, Up()).gauges[UP.name,] == 1
    assert keep(script.lost().run().observations, Up()).gauges[UP.name,] == 0


def test_connections_and_their_ends_are_counted() -> None:
    run = Script().open().play(1).lost("reset").reconnect(1).play(1).lost("silent").wait(2).run()
    kept = keep(run.observations, Up())
    assert kept.counter(CONNECTS) == 2
    assert kept.counter(DISCONNECTS, "reset") == kept.counter(DISCONNECTS, "silent") == 1
    assert kept.incidents == []


def test_times_of_the_latest_packet_and_picture() -> None:
    run = Script(audio=False).open().play(1).run()
    picture = Picture(1000.5, 0, 0.4, 16, 16, "yuv420p", True, 1000.6)
    kept = keep([*run.observations, picture, Tick(1001.3)], Up())
    assert kept.gauges[LAST_PACKET.name,] == run.observations[-2].at
    assert kept.gauges[LAST_FRAME.name,] == 1000.5


def test_a_clean_end_is_an_incident_until_media_is_back() -> None:
    script = Script().open().play(5).lost("ended").wait(20)
    [ended] = keep(script.run().observations, Up()).incidents
    assert (ended.kind, ended.severity, ended.end) == ("ended", "info", None)
    assert ended.start == pytest.approx(1005.1, abs=0.03)
    [ended] = keep(script.reconnect(1, restart=True).play(2).run().observations, Up()).incidents
    assert ended.end is not None
    assert 1026.1 < ended.end < 1026.4
