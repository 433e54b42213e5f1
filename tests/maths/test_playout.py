"""The player model against cases worked out by hand, and its laws."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.maths.players import EXO, FLV, HLS, RTC, Player, preset
from qoe_agent.maths.playout import Event, Playout
from qoe_agent.maths.viewing import Viewing
from qoe_agent.model import DISCONTINUITY, IDR, KEY, Packet
from tests.script import Run, Script, jitter

FRAME = 0.04


def watch(run: Run, player: str = "auto") -> tuple[Viewing, list[Event]]:
    viewing = Viewing(player, 30.0)
    for seen in run.observations:
        viewing.take(seen)
    return viewing, list(viewing.events)


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def stalls(events: list[Event]) -> list[tuple[float, float]]:
    begun = [event.at for event in events if event.kind == "stall"]
    ended = [event.at for event in events if event.kind in ("resume", "give_up", "stop")]
    return list(zip(begun, ended, strict=False))


def push(playout: Playout, at: float, pts: float, frames: int, flags: int = KEY) -> None:
    """`frames` frames of 40 ms that arrive at once."""
    for number in range(frames):
        place = pts + number * FRAME
        playout.media(at, 0, "video", place, place, flags if number == 0 else 0)


def test_dry_instant_is_exact_between_events() -> None:
    """100 frames of 40 ms at t=10: plays at once (4 s ≥ 0.5 s), dry at 14.0 though nobody looks until 17."""
    playout = Playout(FLV)
    playout.request(9.0)
    push(playout, 10.0, 0.0, 100)
    playout.advance(17.0)
    assert kinds(playout.events) == ["play", "stall"]
    assert [event.at for event in playout.events] == pytest.approx([10.0, 14.0], abs=1e-6)
    push(playout, 18.0, 4.0, 12, 0)
    assert playout.state == "stalled", "0.48 s is less than flv's 0.5 s"
    push(playout, 18.3, 4.48, 1, 0)
    assert (playout.events[-1].kind, playout.events[-1].at) == ("resume", 18.3)
    assert playout.seconds["stalled"] == pytest.approx(4.3)


def test_exo_starts_after_one_second_and_resumes_after_two() -> None:
    """Media3: bufferForPlaybackMs 1000, bufferForPlaybackAfterRebufferMs 2000."""
    _, events = watch(Script(delay=0.0).open(took=0.0).play(10).pause(5).play(10).run(), "exo")
    play, stall, resume = events[:3]
    assert play.at == pytest.approx(1001.0, abs=FRAME)
    assert stall.at == pytest.approx(1011.0, abs=FRAME)
    assert resume.at == pytest.approx(1017.0, abs=FRAME)


def test_hls_plays_with_the_first_segment_three_targets_behind() -> None:
    """RFC 8216 §6.3.3. The newest of three listed segments of 4 s ends at 12 s, so playback begins at 0 s."""
    run = Script(protocol="hls", segment=4).open(took=0.1).play(20).run()
    viewing, events = watch(run)
    assert kinds(events) == ["play"]
    assert events[0].at == pytest.approx(1000.2)
    assert events[0].pts == pytest.approx(0.0, abs=0.05)
    assert viewing.playout.buffered == pytest.approx(8 + 4 - 2, abs=4)


def test_hls_keeps_its_distance_when_only_the_newest_segment_is_fetched() -> None:
    """The source may fetch at the live edge alone; a viewer would have begun three targets before its end."""
    run = Script(protocol="hls", segment=4, window=1).open().play(20).run()
    _, events = watch(run)
    assert kinds(events) == ["play"]
    assert events[0].pts == pytest.approx(4 - 12, abs=0.05)


@pytest.mark.parametrize("restart", [False, True])
def test_a_short_loss_is_covered_by_the_hls_buffer(restart: bool) -> None:
    run = Script(protocol="hls", segment=4).open().play(30).lost().reconnect(2, restart=restart).play(30).run()
    assert kinds(watch(run)[1]) == ["play"]


def test_rtc_jumps_to_the_live_edge_after_a_burst() -> None:
    run = Script(protocol="rtsp").open().play(10).stop(5).burst().play(5).run()
    viewing, events = watch(run)
    assert kinds(events)[:3] == ["play", "stall", "resume"]
    assert sum(event.skipped for event in events) == pytest.approx(4.8, abs=0.15)
    assert viewing.playout.buffered is not None
    assert viewing.playout.buffered <= 1.0


@pytest.mark.parametrize("jump", [86400.0, -86400.0, 30.0, -30.0])
@pytest.mark.parametrize("flagged", [False, True])
@pytest.mark.parametrize("protocol", ["rtmp", "hls"])
def test_timestamps_that_jump_do_not_stall(jump: float, flagged: bool, protocol: str) -> None:
    run = Script(protocol=protocol, pts=100_000.0).open().play(20).jump(jump, flagged).play(20).run()
    viewing, events = watch(run)
    assert kinds(events) == ["play"]
    assert viewing.playout.raw(viewing.playout.playhead) == pytest.approx(100_040 + jump, abs=25)


def test_lost_media_is_skipped_once_enough_lies_behind_the_hole() -> None:
    run = Script().open().play(10).stop(5).drop().play(10).run()
    _, events = watch(run)
    assert kinds(events) == ["play", "stall", "skip", "resume"]
    assert events[2].skipped == pytest.approx(5.0, abs=0.03)
    assert events[3].at - events[1].at == pytest.approx(5.0, abs=0.05)


def test_a_small_hole_is_played_through() -> None:
    """As mpegts.js stretches the last sample: the picture stands, the player does not wait for longer than needed."""
    run = Script().open().play(10).stop(0.4).drop().play(10).run()
    assert kinds(watch(run)[1]) == ["play"]


def test_a_track_that_vanishes_holds_the_player_up_only_for_a_while() -> None:
    run = Script().open().play(10).mute(20).play(10).run()
    viewing, events = watch(run)
    assert kinds(events) == ["play", "stall", "resume"]
    assert events[2].at - events[1].at == pytest.approx(0.5, abs=0.05)
    assert viewing.playout.buffered == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("audio", "video"), [(True, False), (False, True)])
def test_single_tracks_play(audio: bool, video: bool) -> None:
    _, events = watch(Script(audio=audio, video=video).open().play(10).pause(5).play(10).run())
    assert kinds(events) == ["play", "stall", "resume"]
    assert events[2].at - events[1].at == pytest.approx(5.0, abs=0.05)


def test_an_announced_track_that_never_comes_is_waited_for_three_seconds() -> None:
    playout = Playout(FLV)
    playout.request(0.0)
    playout.expect(0, "video")
    playout.expect(1, "audio")
    for number in range(200):
        push(playout, number * FRAME, number * FRAME, 1)
    assert playout.events[0].kind == "play"
    assert playout.events[0].at == pytest.approx(3.0, abs=FRAME)


def test_nothing_is_decodable_before_a_key_frame() -> None:
    playout = Playout(FLV)
    playout.request(0.0)
    push(playout, 0.0, 0.0, 50, flags=0)
    assert playout.events == []
    push(playout, 1.0, 2.0, 50, flags=KEY | IDR)
    assert playout.events[0].kind == "play"
    assert playout.events[0].pts == 2.0


def test_streams_without_key_frames_play_after_ten_seconds() -> None:
    playout = Playout(FLV)
    playout.request(0.0)
    for number in range(400):
        push(playout, number * FRAME, number * FRAME, 1, flags=0)
    assert playout.events[0].kind == "play"
    assert playout.events[0].at == pytest.approx(10.5, abs=0.1)


def test_frames_without_timestamps_follow_one_another() -> None:
    playout = Playout(FLV)
    playout.request(0.0)
    push(playout, 0.0, 0.0, 5)
    assert playout.media(0.1, 0, "video", None, None, 0) == pytest.approx(5 * FRAME)
    bare = Playout(FLV)
    bare.request(0.0)
    assert bare.media(0.0, 0, "video", None, None, KEY) is None


def test_b_frames_do_not_count_as_there_before_they_are() -> None:
    """Decoding order I P B B: with P's arrival its predecessors in time are still to come."""
    playout = Playout(FLV)
    playout.request(0.0)
    playout.media(0.0, 0, "video", 0.04, 0.0, KEY)
    playout.media(0.0, 0, "video", 0.16, 0.04, 0)
    playout.media(0.0, 0, "video", 0.08, 0.08, 0)
    assert playout.tracks[0].end == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("protocol", "player"), [("rtmp", FLV), ("udp", FLV), ("hls", HLS), ("rtsp", RTC), ("webrtc", RTC), ("file", FLV)]
)
def test_each_protocol_has_its_player(protocol: str, player: Player) -> None:
    assert preset("auto", protocol) is player
    assert preset("exo", protocol) is EXO


@pytest.mark.parametrize(("protocol", "player"), [("hls", HLS), ("dash", HLS), ("rtmp", RTC), ("webrtc", RTC)])
def test_what_comes_in_segments_is_not_played_as_a_call_is(protocol: str, player: Player) -> None:
    assert preset("rtc", protocol) is player


@settings(max_examples=40)
@given(
    first=st.floats(1.0, 8.0),
    gap=st.floats(1.0, 12.0),
    burst=st.booleans(),
    amount=st.sampled_from([0.0, 0.01, 0.04]),
    seed=st.integers(0, 99),
    bframes=st.sampled_from([0, 2]),
)
def test_the_truth_is_the_same_model_on_the_publishers_log(
    first: float, gap: float, burst: bool, amount: float, seed: int, bframes: int
) -> None:
    """DECISIONS 9: what the agent says differs from it by no more than delivery does."""
    script = Script(jitter=jitter(seed, amount), bframes=bframes).open().play(first)
    script = script.stop(gap).burst() if burst else script.pause(gap)
    run = script.play(5).run()
    _, events = watch(run)
    truth = Playout(FLV)
    truth.request(1000.1)
    for packet in run.log:
        truth.media(packet.at, packet.track, packet.kind, packet.pts, packet.dts, packet.flags)
    told, true = stalls(events), stalls(truth.events)
    assert len(told) == len(true)
    for (start, end), (begun, ended) in zip(told, true, strict=True):
        assert start == pytest.approx(begun + 0.02, abs=2 * amount + 0.05)
        assert end == pytest.approx(ended + 0.02, abs=2 * amount + 0.05)


steps = st.lists(
    st.tuples(
        st.floats(-0.5, 3.0),  # time that passes; a little backwards happens
        st.sampled_from(["video", "audio", "tick", "open"]),
        st.one_of(st.none(), st.floats(-5.0, 5.0), st.floats(-1e5, 1e5)),
        st.sampled_from([0, KEY, KEY | DISCONTINUITY]),
    ),
    max_size=80,
)


@settings(max_examples=150)
@given(steps=steps, player=st.sampled_from([HLS, EXO, FLV, RTC]))
def test_watched_is_startup_played_and_stalled(
    steps: list[tuple[float, str, float | None, int]], player: Player
) -> None:
    """Whatever comes: time is conserved, events are in order, no stall exceeds the viewer's patience."""
    playout = Playout(player, give_up=8.0)
    playout.request(0.0)
    now, requested, watched, media = 0.0, 0.0, 0.0, 0.0
    for passed, what, offset, flags in steps:
        now += passed
        if what == "tick":
            playout.advance(now)
        elif what == "open":
            playout.reopen(now)
        else:
            media += FRAME
            pts = None if offset is None else media + offset
            playout.media(now, 0 if what == "video" else 1, what, pts, pts, flags)
        if playout.state == "idle":  # the viewer left, and comes back at once
            watched += playout.now - requested
            requested = max(now, playout.now)
            playout.request(requested)
    assert sum(playout.seconds.values()) == pytest.approx(watched + playout.now - requested, abs=1e-6)
    times = [event.at for event in playout.events]
    assert times == sorted(times)
    for start, end in stalls(playout.events):
        assert 0 <= end - start <= 8.0 + 1e-6


def test_the_packet_log_of_a_script_is_complete() -> None:
    """The truth above rests on it."""
    run = Script(jitter=jitter(1, 0.04)).open().play(3).stop(2).burst().play(3).run()
    seen = [packet for packet in run.observations if isinstance(packet, Packet)]
    assert [(packet.track, packet.pts) for packet in seen] == [(packet.track, packet.pts) for packet in run.log]
    assert all(after.at >= before.at for before, after in pairwise(seen))
