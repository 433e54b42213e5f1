"""Resolution, codec and frame rate, and their changes, against streams written as programs."""

from __future__ import annotations

import pytest

from qoe_agent.model import KEY, Format, Lost, Opened, Packet, Picture, Tick
from qoe_agent.probes.format import AUDIO, CHANGES, HEIGHT, RATE, VIDEO, WIDTH
from tests.probes.outcome import Outcome
from tests.script import Script


def video(at: float, width: int | None = 1920, height: int | None = 1080, **more: object) -> Format:
    return Format(at, 0, "video", "h264", b"", width, height, **more)  # type: ignore[arg-type]  # any field


def packet(at: float, pts: float) -> Packet:
    return Packet(at, 0, "video", pts, pts, KEY, 1000, b"")


def picture(at: float, pts: float, width: int, height: int) -> Picture:
    return Picture(at, 0, pts, width, height, "yuv420p", True, at)


def test_declared_format_is_shown_and_lives_until_the_end() -> None:
    outcome = Outcome("format").feed(Script(fps=25, width=1280, height=720).open().play(6).run().observations)
    assert (outcome.gauge(WIDTH), outcome.gauge(HEIGHT)) == (1280, 720)
    assert outcome.gauge(RATE, "declared") == 25
    assert outcome.labels(VIDEO) == {("h264", "", "")}
    assert outcome.labels(AUDIO) == {("aac", "48000", "2")}
    assert outcome.incidents("resolution_change") == []


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("fps", [10.0, 25.0, 30.0, 60.0])
def test_measured_rate_ignores_order_and_millisecond_rounding(fps: float, bframes: int) -> None:
    observations = Script(fps=fps, bframes=bframes).open().play(6).run().observations
    for seen in observations:
        if isinstance(seen, Packet) and seen.pts is not None:
            seen.pts = round(seen.pts, 3)  # as FLV does
    assert Outcome("format").feed(observations).gauge(RATE, "measured") == pytest.approx(fps, rel=0.003)


def test_measured_rate_follows_a_switch_within_four_seconds_and_survives_holes() -> None:
    times = [n / 30 for n in range(120)] + [4 + n / 15 for n in range(61) if n % 10]
    seen = [Opened(0.0, 0.0, "rtmp"), video(0.0), *(packet(pts, pts) for pts in times), Tick(9.0)]
    assert Outcome("format").feed(seen).gauge(RATE, "measured") == pytest.approx(15)


def test_measured_rate_is_withdrawn_when_no_pictures_come() -> None:
    outcome = Outcome("format").feed([video(0.0), *(packet(n / 25, n / 25) for n in range(100)), Tick(5.0)])
    assert outcome.gauge(RATE, "measured") == pytest.approx(25)
    assert outcome.feed([Tick(60.0)]).gauge(RATE, "measured") is None


def test_a_drop_in_resolution_is_found_at_its_first_packet_and_a_rise_is_information() -> None:
    script = Script(width=1920, height=1080).open().play(4).resize(1280, 720).play(4).resize(1920, 1080).play(2)
    outcome = Outcome("format").feed(script.run().observations)
    down, up = outcome.incidents("resolution_change")
    assert down.start == down.end == pytest.approx(1000.1 + 4 + 0.02, abs=1e-3)
    assert down.start_pts == pytest.approx(4.0)
    assert (down.severity, up.severity) == ("warning", "info")
    assert down.detail == {"from": "1920x1080", "to": "1280x720", "basis": "declared"}
    assert outcome.total(CHANGES) == 2
    assert outcome.gauge(WIDTH) == 1920


def test_reconnecting_to_another_size_is_a_change() -> None:
    script = Script(width=1920, height=1080).open().play(3).lost()
    script.width, script.height = 640, 360
    outcome = Outcome("format").feed(script.reconnect(2).play(2).run().observations)
    (change,) = outcome.incidents("resolution_change")
    assert change.detail["to"] == "640x360"
    assert Outcome("format").feed(script.run().observations).total(CHANGES) == 1


def test_reconnecting_to_the_same_size_is_none() -> None:
    observations = Script().open().play(3).lost().reconnect(2).play(2).run().observations
    assert Outcome("format").feed(observations).incidents("resolution_change") == []


def test_pictures_win_over_a_declaration_that_lies_and_that_is_no_change() -> None:
    outcome = Outcome("format").feed([video(0.0), packet(0.0, 0.0), picture(0.0, 0.0, 1280, 720), Tick(1.0)])
    assert outcome.gauge(WIDTH) == 1280
    # the same lie again, after a reconnect
    again = [Lost(2.0, "reset"), Opened(3.0, 3.0, "rtmp"), video(3.0), packet(3.0, 5.0)]
    outcome.feed([*again, picture(3.0, 5.0, 1280, 720), Tick(4.0)])
    assert outcome.gauge(WIDTH) == 1280
    assert outcome.incidents("resolution_change") == []


def test_a_change_that_only_pictures_show_is_found_and_says_so() -> None:
    seen = [video(0.0), packet(0.0, 0.0), picture(0.0, 0.0, 1920, 1080), packet(5.0, 5.0)]
    outcome = Outcome("format").feed([*seen, picture(5.0, 5.0, 960, 540), Tick(6.0)])
    (change,) = outcome.incidents("resolution_change")
    assert change.start == 5.0
    assert change.start_pts == 5.0
    assert change.detail == {"from": "1920x1080", "to": "960x540", "basis": "decoded", "declared": "1920x1080"}


def test_a_picture_decoded_late_does_not_undo_a_change() -> None:
    seen = [video(0.0), packet(0.0, 0.0), video(5.0, 1280, 720), packet(5.0, 5.0)]
    late = [picture(4.9, 4.9, 1920, 1080), picture(5.0, 4.95, 1920, 1080), picture(5.0, 5.0, 1280, 720)]
    outcome = Outcome("format").feed([*seen, *late, Tick(6.0)])
    assert len(outcome.incidents("resolution_change")) == 1
    assert outcome.gauge(WIDTH) == 1280


def test_size_is_learnt_from_pictures_where_nothing_declares_it() -> None:
    outcome = Outcome("format").feed([video(0.0, None, None), packet(0.0, 0.0), Tick(1.0)])
    assert outcome.gauge(WIDTH) is None
    outcome.feed([picture(0.0, 0.0, 1, 1), Tick(2.0)])
    assert outcome.gauge(WIDTH) == 1
    assert outcome.incidents("resolution_change") == []


def test_another_codec_is_a_format_change_and_the_old_info_is_withdrawn() -> None:
    main = video(0.0, profile="Main", pixel_format="yuv420p")
    deep = Format(5.0, 0, "video", "hevc", b"", 1920, 1080, "Main 10", None, "yuv420p10le")
    outcome = Outcome("format").feed([main, packet(0.0, 0.0), Tick(1.0)])
    assert outcome.labels(VIDEO) == {("h264", "Main", "yuv420p")}
    outcome.feed([deep, packet(5.0, 5.0), Tick(6.0)])
    assert outcome.labels(VIDEO) == {("hevc", "Main 10", "yuv420p10le")}
    (change,) = outcome.incidents("format_change")
    assert change.detail["changed"]["codec"] == {"from": "h264", "to": "hevc"}
    assert set(change.detail["changed"]) == {"codec", "profile", "pixel_format"}


def test_sound_that_becomes_mono_is_a_format_change_of_its_own() -> None:
    sounds = [Format(at, 1, "audio", "aac", sample_rate=48000, channels=n) for at, n in ((0.0, 2), (4.0, 1))]
    first, then = (Packet(at, 1, "audio", at, at, KEY, 100, b"") for at in (0.0, 4.0))
    outcome = Outcome("format").feed([sounds[0], first, sounds[1], video(4.0), packet(4.0, 4.0), then, Tick(5.0)])
    (change,) = outcome.incidents("format_change")
    assert (change.key, change.detail["changed"]) == ("audio", {"channels": {"from": 2, "to": 1}})


def test_what_only_becomes_known_is_no_change() -> None:
    outcome = Outcome("format").feed([video(0.0, None, None), packet(0.0, 0.0), video(1.0, profile="High")])
    outcome.feed([packet(1.0, 1.0), Tick(2.0)])
    assert outcome.incidents("format_change") == outcome.incidents("resolution_change") == []
    assert outcome.labels(VIDEO) == {("h264", "High", "")}
