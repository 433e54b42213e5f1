"""The score of a stream and what it is made of, against the formulas, injected faults and what encoders wrote."""

from __future__ import annotations

import re
from dataclasses import replace
from math import sqrt
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from qoe_agent.bitstream.intake import Intake
from qoe_agent.decode.frames import view_of
from qoe_agent.maths.caps import DEPTHS, cap
from qoe_agent.maths.p1203 import Coded, sound, video
from qoe_agent.maths.p1203_session import Second, Stall, score
from qoe_agent.maths.programme import Programme
from qoe_agent.maths.quantisers import Quantisers
from qoe_agent.maths.stillness import Seen, Spell
from qoe_agent.model import Format, Opened, Packet, Picture, Sample, Tick
from qoe_agent.model import Sound as Heard
from qoe_agent.probes.av_offset import OUT
from qoe_agent.probes.quality import LOST, MOS, P1203, PART, QP, SPREAD
from tests.accuracy.offline import watch
from tests.bitstream.coded_files import coded, pictures, traced
from tests.probes.outcome import Outcome
from tests.script import AUDIO, DELTA_SIZE, KEY_SIZE, SOUND, SOUND_SIZE, VIDEO, Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from qoe_agent.model import Observation

HD = 1920 * 1080
FPS, GOP = 30, 60
BITRATE = FPS / GOP * (KEY_SIZE + (GOP - 1) * DELTA_SIZE)
STEADY = Coded("h264", 1280 * 720, FPS, BITRATE, intra=KEY_SIZE / DELTA_SIZE)


def after(script: Script, **options: Any) -> Outcome:
    return Outcome("quality", **options).feed(script.run().observations)


def expected(stalls: Iterable[Stall] = (), display: int = HD) -> float:
    """The score of a minute of the script's stream."""
    seen = video(STEADY, display)
    assert seen is not None
    found = score([Second(seen.mos, sound("aaclc", SOUND_SIZE / SOUND))] * 60, list(stalls))
    assert found is not None
    return found.mos


def test_a_steady_stream_is_worth_what_the_formulas_say() -> None:
    seen = after(Script().open().play(75))
    assert seen.gauge(P1203, "1", "p1203") == pytest.approx(expected(), abs=0.01)
    assert seen.gauge(MOS, "60s") == pytest.approx(expected(), abs=0.01)
    assert seen.gauge(MOS, "session") == pytest.approx(expected(), abs=0.01)
    assert seen.gauge(PART, "audio") == pytest.approx(sound("aaclc", SOUND_SIZE / SOUND), abs=0.01)
    assert seen.gauge(PART, "stalling") == 5.0
    assert seen.gauge(LOST, "stalling") == pytest.approx(0.0, abs=1e-9)
    assert seen.gauge(LOST, "adaptation") == pytest.approx(0.0, abs=1e-3)
    assert (seen.gauge(LOST, "upscaling") or 0.0) > 0.3


def test_nothing_is_said_before_ten_seconds_were_played() -> None:
    assert after(Script().open().play(9)).labels(MOS) == set()
    early = after(Script().open().play(13))
    assert early.labels(MOS) == {("60s",), ("session",)}
    assert early.labels(P1203) == {("1", "extended")}, "P.1203 is for 30 s and more"


def test_a_bigger_screen_and_a_hand_change_the_score() -> None:
    plain = after(Script().open().play(40)).gauge(MOS, "60s")
    wall = after(Script().open().play(40), width=3840, height=2160).gauge(MOS, "60s")
    hand = after(Script().open().play(40), handheld=True).gauge(PART, "video")
    assert plain is not None
    assert wall is not None
    assert hand is not None
    assert wall < plain - 0.3
    assert hand > (after(Script().open().play(40)).gauge(PART, "video") or 5.0)


@pytest.mark.parametrize(("width", "height"), [(0, 1080), (1920, -1)])
def test_a_screen_has_pixels(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Outcome("quality", width=width, height=height)


def test_a_stall_costs_what_the_formulas_say() -> None:
    seen = after(Script().open().play(50).pause(4).play(21))
    assert seen.gauge(P1203, "1", "p1203") == pytest.approx(expected([Stall(40.0, 4.0)]), abs=0.03)
    deducted = seen.gauge(LOST, "stalling")
    assert deducted is not None
    assert deducted > 0.4


def test_a_stall_leaves_the_minute_but_not_the_session() -> None:
    seen = after(Script().open().play(20).pause(4).play(90))
    assert seen.gauge(MOS, "60s") == pytest.approx(expected(), abs=0.01)
    session = seen.gauge(MOS, "session")
    assert session is not None
    assert session < expected() - 0.3


def test_an_open_stall_costs_more_and_more_until_the_viewer_leaves() -> None:
    scores = [after(Script().open().play(60).wait(waited)).gauge(MOS, "60s") for waited in (0.0, 11.0, 21.0, 29.0)]
    values = [one for one in scores if one is not None]
    assert len(values) == 4
    assert values == sorted(values, reverse=True)
    assert values[-1] < 2.6, "20 s of stall at the last score"
    assert after(Script().open().play(60).wait(45)).labels(MOS) == set(), "the viewer is gone after 30 s"


def test_a_new_viewer_begins_anew() -> None:
    seen = after(Script().open().play(60).wait(60).play(25))
    assert seen.gauge(MOS, "session") == pytest.approx(expected(), abs=0.05)


def test_waiting_for_the_first_picture_counts_if_it_is_felt() -> None:
    quick = after(Script().open(took=0.1).play(30)).gauge(PART, "stalling")
    slow = after(Script().open(took=4.0).play(30)).gauge(PART, "stalling")
    assert quick == 5.0
    assert slow is not None
    assert slow < 4.6


def test_segments_come_in_bursts_and_are_played_evenly() -> None:
    seen = after(Script(protocol="hls").open().play(90))
    assert seen.gauge(P1203, "1", "p1203") == pytest.approx(expected(), abs=0.05)


def test_timestamps_that_jump_change_nothing() -> None:
    seen = after(Script().open().play(30).jump(86_400.0).play(30).jump(-5_000.0).play(15))
    assert seen.gauge(PART, "video") == pytest.approx(after(Script().open().play(75)).gauge(PART, "video"), abs=0.02)


def test_a_reconnect_goes_on_with_the_session() -> None:
    seen = after(Script().open().play(60).lost().reconnect(3, restart=True).play(20))
    stalling = seen.gauge(PART, "stalling")
    assert stalling is not None
    assert 4.0 < stalling < 4.8


def test_a_smaller_rendition_costs_while_it_lasts() -> None:
    seen = after(Script().open().play(60).resize(320, 180).play(40))
    small, big = seen.gauge(PART, "video"), after(Script().open().play(60)).gauge(PART, "video")
    assert small is not None
    assert big is not None
    assert small < big - 0.7


@pytest.mark.parametrize("protocol", ["udp", "rtsp"])
def test_transports_that_lose_are_outside_the_scope(protocol: str) -> None:
    lossy = [
        replace(s, protocol=protocol) if isinstance(s, Opened) else s
        for s in Script().open().play(60).run().observations
    ]
    assert Outcome("quality").feed(lossy).labels(P1203) == {("1", "extended")}


def renamed(codec: str, kind: str = "video") -> list[Observation]:
    run = Script().open().play(60).run()
    return [replace(s, codec=codec) if isinstance(s, Format) and s.kind == kind else s for s in run.observations]


def test_other_codecs_are_outside_the_scope_or_have_no_score() -> None:
    assert Outcome("quality").feed(renamed("hevc")).labels(P1203) == {("1", "extended")}
    assert Outcome("quality").feed(renamed("opus", "audio")).labels(P1203) == {("1", "extended")}
    for unknown in ("av1", "vvc"):
        assert Outcome("quality").feed(renamed(unknown)).labels(MOS) == set()


def test_streams_of_one_kind() -> None:
    mute = after(Script(audio=False).open().play(60))
    assert mute.gauge(P1203, "1", "extended") is not None
    assert mute.gauge(PART, "audio") is None
    assert after(Script(video=False).open().play(60)).labels(MOS) == set()


# ---- ceilings


def shown(script: Script, begin: float, end: float, step: float, looks: Any) -> list[Observation]:
    """The script's observations, and pictures decoded between two times, every `step` seconds."""
    run = script.run()
    count = int((end - begin) / step) + 1
    extra = [
        Picture(
            1000.3 + pts, VIDEO, pts, 1280, 720, "yuv420p", False, 1000.4 + pts, looks(pts)
        )
        for pts in (begin + step * n for n in range(count))
    ]  # fmt: skip
    return sorted([*run.observations, *extra], key=lambda seen: (seen.at, isinstance(seen, Tick)))


@pytest.mark.parametrize("step", [0.04, 5.0])
def test_black_puts_a_ceiling_on_the_score(step: float) -> None:
    seen = Outcome("quality").feed(
        shown(Script().open().play(75), 30.0, 60.0, step, lambda pts: {"black": ("black", 16.0, 0.0)})
    )
    plain = seen.gauge(P1203, "1", "p1203")
    capped = seen.gauge(MOS, "60s")
    assert plain is not None
    assert capped == pytest.approx(cap(plain, {"black": 0.5}).mos, abs=0.06)
    assert seen.gauge(LOST, "black") == pytest.approx(plain - (capped or 0.0), abs=1e-9)
    session = seen.gauge(MOS, "session")
    assert session is not None
    assert session > (capped or 5.0)


def test_good_pictures_take_nothing() -> None:
    seen = Outcome("quality").feed(
        shown(Script().open().play(75), 0.0, 74.0, 0.2, lambda pts: {"black": ("", 90.0, 0.4)})
    )
    assert seen.gauge(LOST, "black") == 0.0
    assert seen.gauge(MOS, "60s") == pytest.approx(expected(), abs=0.01)


def frozen(pts: float) -> dict[str, Any]:
    spell = Spell(40.0, pts, 10, 0.1, 0.2, 5.0, 0, "" if pts >= 40.5 else "unknown", 0)
    return {"content_freeze": Seen(False, 0.0, spell, None, 0, 0, 0.0, None)}


def test_a_freeze_counts_from_its_first_picture() -> None:
    seen = Outcome("quality").feed(shown(Script().open().play(75), 38.0, 52.0, 0.04, frozen))
    plain = seen.gauge(P1203, "1", "p1203")
    assert plain is not None
    assert seen.gauge(MOS, "60s") == pytest.approx(cap(plain, {"freeze": 12 / 60}).mos, abs=0.05)
    assert seen.gauge(LOST, "black") is None, "nobody looks for it"


def test_the_looks_of_the_other_probes_are_understood(tmp_path: Path) -> None:
    """Motion for 12 s, a picture that stands still for 7 s, black for 4 s."""
    texture = [frame.to_ndarray(format="gray") for frame in pictures(300, 176, 112, "gray")]
    planes = texture + [texture[-1]] * 175 + [np.full((112, 176), 16, np.uint8)] * 100
    with av.open(str(tmp_path / "a.ts"), "w") as container:
        stream: Any = container.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = 176, 112, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "30", "g": "50"}
        for n, plane in enumerate(planes):
            frame = av.VideoFrame.from_ndarray(plane, "gray").reformat(format="yuv420p")
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    screen = {"quality": {"width": 176, "height": 112}}
    seen = watch(tmp_path / "a.ts", "quality", "black", "content_freeze", decode="all", options=screen)
    capped = [value or 0.0 for _, value in seen.history[MOS.name, "60s"]]
    freeze = [value or 0.0 for _, value in seen.history[LOST.name, "freeze"]]
    black = [value or 0.0 for _, value in seen.history[LOST.name, "black"]]
    assert freeze[0] == black[0] == 0.0
    assert max(freeze[-1], black[-1]) > 0.5
    assert capped[-1] < 5.0 - DEPTHS["freeze"] * sqrt(0.25)


def heard(begin: int, end: int, runs: list[tuple[int, int, str]]) -> Iterator[Heard]:
    for pts in range(begin, end):
        yield Heard(1000.3 + pts, AUDIO, float(pts), 1.0, 48_000, 2, 1000.4 + pts, {"audio": (0.0, 48_000, runs)})


@pytest.mark.parametrize(("runs", "share"), [([(0, 48_000, "digital")], 0.5), ([(0, 20_000, "quiet")], 0.0)])
def test_silence_counts_pauses_between_words_do_not(runs: list[tuple[int, int, str]], share: float) -> None:
    run = Script().open().play(75).run()
    both = [*run.observations, *heard(30, 60, runs)]
    seen = Outcome("quality").feed(sorted(both, key=lambda one: (one.at, isinstance(one, Tick))))
    plain = seen.gauge(P1203, "1", "p1203")
    assert plain is not None
    assert seen.gauge(MOS, "60s") == pytest.approx(cap(plain, {"silence": share}).mos, abs=0.06)


def test_missing_sound_is_silence() -> None:
    seen = after(Script().open().play(40).mute(40))
    assert (seen.gauge(MOS, "60s") or 5.0) <= 5.0 - DEPTHS["silence"] * 0.7, "half of the minute"
    assert (seen.gauge(LOST, "silence") or 0.0) > 0.3


def test_sound_out_of_step_is_what_that_probe_says() -> None:
    seen = Outcome("quality")
    late = [Sample(OUT, 1.0, (standard,)) for standard in ("bt1359_acceptability", "bt1359_detectability")]
    seen.probe._sync = SimpleNamespace(feed=lambda one: late if isinstance(one, Tick) and one.at > 1045 else [])
    seen.feed(Script().open().play(75).run().observations)
    plain = seen.gauge(P1203, "1", "p1203")
    assert plain is not None
    assert seen.gauge(MOS, "60s") == pytest.approx(cap(plain, {"sync": 0.45}).mos, abs=0.1)
    assert (seen.gauge(LOST, "sync") or 0.0) > 0.3


# ---- quantisers


def test_a_constant_quantiser_is_read_from_headers_and_macroblocks(tmp_path: Path) -> None:
    params = "qp=31:ipratio=1:pbratio=1:bframes=2:keyint=50:aq-mode=0"
    made = coded(tmp_path / "a.ts", "libx264", {"x264-params": params, "preset": "ultrafast"}, count=400)
    seen = watch(made, "quality", decode="all")
    for labels in (("I", "slice"), ("P", "slice"), ("B", "slice"), ("inter", "macroblock")):
        assert seen.gauges[QP.name, *labels] == 31.0
    assert seen.gauges[SPREAD.name, "slice"] == seen.gauges[SPREAD.name, "macroblock"] == 0.0
    assert ("qoe_p1203_mos", "3", "extended") in seen.gauges
    expected = video(Coded("h264", 176 * 112, 25, 1e4, qp=31.0), HD)
    assert expected is not None
    assert seen.gauges[PART.name, "video"] == pytest.approx(expected.mos, abs=1e-6)


def test_macroblocks_say_what_the_encoder_wrote(tmp_path: Path) -> None:
    """x264's own log has the mean over macroblocks, adaptive quantisation and all, of each picture."""
    stats = tmp_path / "x264.log"
    params = f"pass=1:stats={stats}:bitrate=200:bframes=2:aq-mode=1:keyint=20"
    made = coded(tmp_path / "a.h264", "libx264", {"x264-params": params}, count=60)
    wrote = {int(n): float(qp) for n, qp in re.findall(r"in:(\d+) .* aq:(\S+)", stats.read_text())}
    with av.open(str(made)) as container:
        stream: Any = container.streams.video[0]
        stream.codec_context.options = {"export_side_data": "venc_params"}
        views = [view_of(frame, None, follows=False) for frame in container.decode(stream)]
    assert len(views) == len(wrote) == 60
    for n, view in enumerate(views):
        assert view.qp is not None
        assert view.qp.mean() == pytest.approx(wrote[n], abs=0.0051)  # the log has two digits


def test_ten_bits_are_on_the_scale_of_eight(tmp_path: Path) -> None:
    params = "qp=30:ipratio=1:pbratio=1:bframes=0:keyint=50"
    path = coded(tmp_path / "a.ts", "libx264", {"x264-params": params, "preset": "ultrafast"}, "yuv420p10le", count=300)
    seen = watch(path, "quality", decode="all")
    # x264 counts from -12 there: a quantiser of 18, by what it does to pictures
    assert seen.gauges[QP.name, "P", "slice"] == seen.gauges[QP.name, "inter", "macroblock"] == 18.0


@pytest.mark.parametrize("params", ["bframes=3:b-pyramid=normal", "bframes=1:keyint=16"])
def test_a_few_headers_a_second_are_as_good_as_all(params: str, tmp_path: Path) -> None:
    made = traced(coded(tmp_path / "a.h264", "libx264", {"x264-params": params}, count=400, size=(96, 64)))
    quantisers = Quantisers()
    intake = Intake(Programme(), quantisers)
    intake.format(Format(0.0, 0, "video", "h264", width=96, height=64))
    for n, data in enumerate(made.packets):
        intake.packets([Packet(n / 25, 0, "video", n / 25, n / 25, 0, len(data), data)])
    read = sum(int(sums[0]) for sums in quantisers._now.values())
    assert 40 <= read <= 80, "three a second"
    for kind in "PB":
        every = [qp for heads in made.heads for one, qp in heads if one == kind]
        assert quantisers.means()["slice", kind] == pytest.approx(sum(every) / len(every), abs=0.6)


def test_av1_has_quantisers_but_no_score(tmp_path: Path) -> None:
    made = coded(tmp_path / "a.mkv", "libsvtav1", {"preset": "12", "crf": "40"}, count=300)
    seen = watch(made, "quality", decode="keyframes")
    assert 0 < (seen.gauges[QP.name, "inter", "slice"] or 0) <= 255
    assert not any(name == MOS.name for name, *_ in seen.gauges)


def test_the_same_pictures_at_a_coarser_quantiser_are_worth_less(tmp_path: Path) -> None:
    scores = []
    for qp in (22, 32, 42):
        options = {"x264-params": f"qp={qp}:bframes=2:keyint=50", "preset": "ultrafast"}
        made = coded(tmp_path / f"{qp}.ts", "libx264", options, count=320)
        scores.append(watch(made, "quality", decode="keyframes", options={"quality": {"width": 176, "height": 112}}))
    values = [seen.gauges[PART.name, "video"] or 0.0 for seen in scores]
    assert values[0] > values[1] + 0.3 > values[2] + 0.6
