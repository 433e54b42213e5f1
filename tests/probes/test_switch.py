"""The hole in what a viewer sees at a switch: the player model's, against the script's own clock."""

from __future__ import annotations

import pytest

from qoe_agent.model import Format, Sample, Tick
from qoe_agent.probes.switch import GAP, Switch
from tests.script import VIDEO, Script, jitter

Gaps = list[tuple[str, float]]


def gaps(script: Script, lag: float = 0.0, tick: float = 1.0, probe: Switch | None = None) -> Gaps:
    """Every switch: what changed, and for how long nothing new was seen."""
    made = probe or Switch()
    told = [found for seen in script.run(lag=lag, tick=tick).observations for found in made.feed(seen)]
    assert all(isinstance(found, Sample) and found.metric is GAP for found in told)
    return [(found.labels[0], found.value) for found in told if isinstance(found, Sample) and found.value is not None]


def near(change: str, seconds: float, by: float = 0.01) -> Gaps:
    return [(change, pytest.approx(seconds, abs=by))]


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_a_size_that_changes_in_mid_stream_without_a_hole_is_seamless(protocol: str, bframes: int) -> None:
    script = Script(protocol=protocol, bframes=bframes, jitter=jitter(1, 0.02)).open().play(12)
    assert gaps(script.resize(640, 360).play(20)) == near("resolution", 0.0)


def test_an_encoder_that_starts_anew_within_the_buffer_leaves_no_hole() -> None:
    """flv holds 0.5 s."""
    assert gaps(Script().open().play(10).pause(0.4).resize(640, 360).play(10)) == near("resolution", 0.0)


def test_an_encoder_that_takes_longer_leaves_what_the_viewer_waits() -> None:
    """0.5 s are buffered when it stops; and as much is collected before playback goes on."""
    assert gaps(Script().open().play(10).pause(3).resize(640, 360).play(10)) == near("resolution", 3.0, 0.05)


def test_pictures_that_are_missing_at_the_switch_are_a_hole_though_nobody_waits() -> None:
    script = Script().open().play(10).stop(0.3).drop()
    assert gaps(script.resize(640, 360).play(10)) == near("resolution", 0.3)


def test_a_connection_that_breaks_and_comes_back_is_a_switch_of_the_source() -> None:
    assert gaps(Script().open().play(10).lost().reconnect(3, restart=True).play(10)) == near("source", 3.1, 0.05)


def test_a_publisher_that_ends_and_another_that_follows_are_a_switch() -> None:
    """The first is played to its end, 0.5 s later; the second plays once 0.5 s of it are there."""
    script = Script().open().play(10).lost("ended").reconnect(2, restart=True).play(10)
    assert gaps(script) == near("source", 2.1, 0.05)


def test_what_comes_back_in_another_size_is_a_switch_of_the_resolution() -> None:
    script = Script().open().play(10).lost("ended")
    script.width, script.height = 640, 360
    assert gaps(script.reconnect(1, restart=True).play(10)) == near("resolution", 1.1, 0.05)


def test_another_show_much_later_is_no_switch() -> None:
    assert gaps(Script().open().play(10).lost("ended").reconnect(60, restart=True).play(10)) == []


def test_a_viewer_who_left_sees_no_switch() -> None:
    assert gaps(Script().open().play(10).lost().reconnect(40, restart=True).play(10)) == []


@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
def test_an_announced_break_of_the_timeline_is_a_switch_of_the_source(protocol: str) -> None:
    script = Script(protocol=protocol).open().play(10.0).jump(5000.0, flagged=True).play(20)
    assert gaps(script) == near("source", 0.0, 0.04)


def test_another_codec_is_told_apart() -> None:
    script = Script().open().play(10)
    script.see(Format(script.now, VIDEO, "video", "hevc", b"", script.width, script.height))
    assert gaps(script.play(10)) == near("codec", 0.0)


def test_what_is_said_anew_and_is_the_same_is_no_switch() -> None:
    script = Script().open().play(10)
    script.see(Format(script.now, VIDEO, "video", "h264", b"\x01", script.width, script.height, profile="High"))
    assert gaps(script.resize(script.width, script.height).play(10)) == []


def test_each_of_several_switches_is_told() -> None:
    script = Script().open().play(10).resize(640, 360).play(5).pause(2).resize(1280, 720).play(5)
    assert gaps(script) == near("resolution", 0.0) + near("resolution", 2.0, 0.05)


def test_ticks_far_apart_lose_nothing() -> None:
    script = Script().open().play(10).pause(3).resize(640, 360).play(5).lost("ended").reconnect(2, restart=True)
    script.play(10)
    often, seldom = gaps(script, tick=0.1), gaps(script, tick=500.0)
    assert [change for change, _ in seldom] == ["resolution", "source"]
    assert [gap for _, gap in seldom] == pytest.approx([gap for _, gap in often], abs=0.05)


def test_a_hole_that_the_agent_itself_may_have_made_is_not_told() -> None:
    script = Script().open().play(10).pause(3).resize(640, 360).play(10)
    assert gaps(script, lag=4.0) == []
    assert gaps(script, lag=1.0) == near("resolution", 3.0, 0.05)


@pytest.mark.parametrize(("lags", "told"), [((0.9, 0.8), 0), ((0.9, 0.2), 1)])
def test_pauses_of_the_agent_itself_add_up(lags: tuple[float, float], told: int) -> None:
    """It stood still twice, a moment apart: what came in between lay unread."""
    run = Script().open().play(10).stop(2.0).burst().resize(640, 360).play(3).run(tick=500.0)
    seen = [it for it in run.observations if not isinstance(it, Tick)]
    after = next(n for n, it in enumerate(seen) if n and it.at - seen[n - 1].at > 1.5)
    seen[after:after] = [Tick(seen[after - 1].at + 1.0, lags[0]), Tick(seen[after].at - 0.01, lags[1])]
    probe = Switch()
    assert len([found for each in [*seen, Tick(run.end + 0.1)] for found in probe.feed(each)]) == told


def test_a_player_that_holds_more_hides_more() -> None:
    script = Script().open().play(10).pause(0.4).resize(640, 360).play(10)
    assert gaps(script, probe=Switch(player="rtc")) == near("resolution", 0.4, 0.05)
