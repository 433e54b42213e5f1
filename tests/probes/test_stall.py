"""Stalls and losses as a viewer meets them."""

from __future__ import annotations

import pytest

from qoe_agent.config.probing import options
from qoe_agent.model import Lost, Tick
from qoe_agent.probes import declarations
from qoe_agent.probes.stall import PLAY_START, SKIPS, STALLED, STALLS, WATCHED, Stall
from tests.findings import Kept, keep
from tests.script import Script, jitter


def of(script: Script, tick: float = 1.0) -> Kept:
    return keep(script.run(tick=tick).observations, Stall())


@pytest.mark.parametrize("kind", ["burst", "pause", "drop"])
@pytest.mark.parametrize("amount", [0.0, 0.02])
def test_five_seconds_without_media_are_one_stall(kind: str, amount: float) -> None:
    """flv buffers 0.5 s: after a burst it plays on at once, else it has to collect 0.5 s again."""
    script = Script(jitter=jitter(1, amount)).open().play(10)
    if kind == "pause":
        script.pause(5)
    else:
        script.stop(5)
        script = script.burst() if kind == "burst" else script.drop()
    kept = of(script.play(10))
    [stall] = kept.of("stall")
    assert stall.end is not None
    length = 4.5 if kind == "burst" else 5.0
    assert stall.end - stall.start == pytest.approx(length, abs=0.05 + 2 * amount)
    assert stall.start_pts == pytest.approx(10.0, abs=0.03)
    assert stall.end_pts == pytest.approx(15.0 if kind == "drop" else 10.0, abs=0.03)
    assert kept.counter(STALLS) == 1
    assert kept.counter(STALLED) == pytest.approx(stall.end - stall.start)
    assert kept.of("lost") == []


@pytest.mark.parametrize("name", [name for name, said in options().items() if "player" in said])
def test_a_call_s_player_plays_segments_as_their_own_players_do(name: str) -> None:
    """0.2 s behind live, each segment of a healthy stream would be followed by a stall."""
    script = Script(protocol="hls", jitter=jitter(1, 0.05)).open().play(40).resize(640, 360).play(10)
    probe = declarations()[name]
    seen = [each for each in script.run().observations if isinstance(each, probe.sees)]
    call = keep(seen, probe.make(player="rtc"))
    assert call == keep(seen, probe.make(player="hls"))
    assert call.incidents == []


def test_an_open_stall_counts_while_it_lasts() -> None:
    kept = of(Script().open().play(10).wait(8))
    [stall] = kept.of("stall")
    assert stall.end is None
    assert kept.counter(STALLED) == pytest.approx(1018.1 - stall.start)
    said = kept.revisions[0][0]
    assert said - stall.start <= 1.0, "the next Tick says it"


def test_ticks_far_apart_lose_nothing() -> None:
    script = Script().open().play(10).pause(2).play(10).pause(3).play(10)
    often, seldom = of(script, tick=0.1), of(script, tick=500.0)
    assert seldom.counter(STALLS) == often.counter(STALLS) == 2
    assert seldom.counter(STALLED) == pytest.approx(often.counter(STALLED))
    assert [(it.start, it.end) for it in seldom.of("stall")] == [(it.start, it.end) for it in often.of("stall")]


def test_a_stall_runs_on_through_a_short_loss() -> None:
    kept = of(Script().open().play(10).lost().reconnect(3, restart=True).play(10))
    [stall] = kept.of("stall")
    assert stall.end is not None
    assert stall.end - stall.start == pytest.approx(3.1, abs=0.05), "dry after 0.5 s, collects 0.5 s when back"
    assert kept.of("lost") == []
    assert kept.histograms[PLAY_START.name,][0] == 1, "no new viewing"


def test_lost_takes_over_from_the_stall_when_the_viewer_gives_up() -> None:
    kept = of(Script().open().play(10).lost().reconnect(60).play(10))
    [stall], [lost] = kept.of("stall"), kept.of("lost")
    assert stall.end == pytest.approx(stall.start + 30)
    assert lost.start == stall.end
    assert lost.end == pytest.approx(1070.2 + 0.51, abs=0.05), "when it plays again"
    assert kept.counter(STALLED) == pytest.approx(30)
    assert kept.counter(WATCHED) == pytest.approx(10.1 + 30.5 + 10.1, abs=0.1)
    assert kept.histograms[PLAY_START.name,][0] == 2


def test_the_viewer_gives_up_on_a_connection_that_stands_too() -> None:
    kept = of(Script().open().play(10).pause(40).play(10))
    [stall], [lost] = kept.of("stall"), kept.of("lost")
    assert stall.end == lost.start
    assert lost.end == pytest.approx(1050.1 + 0.51, abs=0.1)
    assert "reason" not in lost.detail, "the connection stands"


def test_a_stream_that_never_played_is_lost_at_once() -> None:
    script = Script().see(Lost(1000.5, "refused")).wait(5).see(Lost(1005.0, "refused")).wait(5).open().play(5)
    kept = of(script)
    [lost] = kept.of("lost")
    assert lost.start == 1000.5
    assert lost.end == pytest.approx(1010.6, abs=0.05)
    assert lost.detail["played"] is False
    assert lost.detail["reason"] == "refused"
    assert kept.of("stall") == []


def test_a_watch_that_is_stopped_before_it_played_has_lost_nothing() -> None:
    assert keep([Lost(1000.0, "stopped")], Stall()).of("lost") == []


def test_a_clean_end_is_neither_stall_nor_loss() -> None:
    script = Script().open().play(10).lost("ended").wait(60)
    script.see(Lost(1075.0, "not_found")).wait(10)
    kept = of(script)
    assert kept.incidents == []
    assert kept.counter(WATCHED) == pytest.approx(10.1, abs=0.01)


def test_a_show_that_begins_again_after_its_end_can_be_lost() -> None:
    script = Script().open().play(10).lost("ended").reconnect(20, restart=True).play(5).lost().wait(60)
    kept = of(script)
    assert [it.end is None for it in kept.of("lost")] == [True]
    assert len(kept.of("stall")) == 1


@pytest.mark.parametrize("first", [True, False])
def test_an_agent_that_was_late_blames_nobody(first: bool) -> None:
    """The loop stood for 3 s: its Tick says so, before or after the packets that waited in the socket."""
    run = Script().open().play(10).stop(3).burst().play(10).run()
    late = Tick(1013.1 + (0.0 if first else 0.03), 3.0)
    seen = [it for it in run.observations if not (isinstance(it, Tick) and 1010.1 < it.at < 1013.2)]
    place = next(n for n, it in enumerate(seen) if it.at > late.at)
    kept = keep([*seen[:place], late, *seen[place:]], Stall())
    assert kept.incidents == []
    assert kept.counter(STALLS) == 0


@pytest.mark.parametrize(
    "script",
    [
        Script(jitter=jitter(1, 0.04)),
        Script(jitter=jitter(2, 0.04), bframes=2),
        Script(protocol="hls", segment=2, jitter=jitter(3, 0.3)),
        Script(protocol="hls", segment=6, jitter=jitter(4, 0.3)),
        Script(protocol="rtsp", jitter=jitter(5, 0.02)),
    ],
    ids=["rtmp", "b-frames", "hls2", "hls6", "rtsp"],
)
def test_ten_quiet_minutes(script: Script) -> None:
    kept = of(script.open().play(600))
    assert kept.incidents == []
    assert kept.counter(STALLS) == kept.counter(SKIPS) == 0


def test_hls_stalls_when_three_targets_are_played_out() -> None:
    """A buffer of 2 to 3 segments: 30 s of nothing leave 30 s less what was ahead, until a whole segment is there."""
    run = Script(protocol="hls", segment=4).open().play(42).pause(30).play(30).run()
    kept = keep(run.observations, Stall(give_up=60))
    [stall] = [it for it in kept.of("stall") if it.end is None or it.end - it.start > 1]
    assert stall.end is not None
    # By 1042.1 s, 56 s of media: 13 whole segments, the 14th ends with the first frame after the pause.
    assert stall.start == pytest.approx(1000.2 + 13 * 4, abs=0.05)
    assert stall.end == pytest.approx(1072.1 + 0.02 + 0.1, abs=0.05)


def test_nothing_is_said_before_anything_is_known() -> None:
    kept = keep([Tick(1000.0 + n) for n in range(10)], Stall())
    assert kept.incidents == []
    assert kept.counters == {}


@pytest.mark.parametrize(("lags", "stalls"), [((0.9, 0.8), 0), ((0.9, 0.2), 1)])
def test_pauses_of_the_agent_itself_add_up(lags: tuple[float, float], stalls: int) -> None:
    """It stood still twice, a moment apart: what came in between lay unread."""
    run = Script().open().play(10).stop(2.0).burst().play(3).run(tick=500.0)
    seen = [it for it in run.observations if not isinstance(it, Tick)]
    after = next(n for n, it in enumerate(seen) if n and it.at - seen[n - 1].at > 1.5)
    seen[after:after] = [Tick(seen[after - 1].at + 1.0, lags[0]), Tick(seen[after].at - 0.01, lags[1])]
    assert keep([*seen, Tick(run.end + 0.1)], Stall()).counter(STALLS) == stalls
