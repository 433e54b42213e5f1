"""The stamp as the agent meets it: in real streams and transcodes, against the truth that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from qoe_agent.maths.marks import Marks
from qoe_agent.maths.offset import offset
from qoe_agent.maths.stamp import Place, draw
from qoe_agent.maths.tone import write
from qoe_agent.maths.view import View
from qoe_agent.model import Lost, Opened, Picture, Sound, Tick
from qoe_agent.probes import stamp
from qoe_agent.probes.stamp import DROPS, FRAMES, REPEATS, SOUND_MARKS, Listen, Patience, Spy
from tests.accuracy.clips import encode
from tests.accuracy.offline import Seen, watch
from tests.probes.outcome import Outcome
from tests.stamped import T0, busy, stream, transcode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def published(seen: Seen) -> tuple[list[float], float]:
    """Errors of every capture time told, as soon as its picture was seen; and the share of seconds with one."""
    marks, errors, seconds, told = Marks(), [], set(), set()
    for one in seen.observations:
        if isinstance(one, Picture) and one.pts is not None:
            marks.see(one.pts, one.looks["stamp"])
            captured = marks.captured(one.pts)
            seconds.add(int(one.pts))
            if captured:
                errors.append(captured.at - T0 - one.pts)
                told.add(int(one.pts))
    return errors, len(told) / len(seconds)


def offsets(seen: Seen) -> Any:
    """Content offset at each sound mark, in seconds."""
    marks = Marks()
    for one in seen.observations:
        if isinstance(one, Picture):
            marks.see(one.pts, one.looks["stamp"])
    heard = [mark for one in seen.observations if isinstance(one, Sound) for mark in one.looks["stamp"] or ()]
    found = [offset(pts, time, marks) for pts, time in heard]
    return np.array([each for each in found if each is not None])


@pytest.mark.parametrize("late", [-0.4, 0.06])
def test_content_offset_of_an_untouched_stamp_to_a_tenth_of_a_millisecond(tmp_path: Path, late: float) -> None:
    found = offsets(watch(stream(tmp_path / "a.mp4", seconds=3.2, late=late), "stamp"))
    assert len(found) > 20
    assert np.abs(found - late).max() < 0.0001


@pytest.mark.parametrize(("late", "size", "bitrate", "sound", "rate"), [
    (-0.4, (640, 360), 300e3, 64_000, 48_000), (0.4, (426, 240), 150e3, 32_000, 44_100),
])  # fmt: skip
def test_content_offset_after_a_transcode(
    tmp_path: Path, late: float, size: tuple[int, int], bitrate: float, sound: int, rate: int
) -> None:
    """Mean error under 1 ms, spread under 2 ms."""
    source = stream(tmp_path / "a.mp4", seconds=3.2, late=late)
    found = offsets(watch(transcode(source, tmp_path / "b.mp4", size, bitrate, None, sound, rate), "stamp"))
    assert len(found) > 20
    assert abs(found.mean() - late) < 0.001
    assert found.std() < 0.002


@pytest.mark.parametrize(("size", "bitrate", "fps"), [
    ((640, 360), 300e3, None), ((426, 240), 100e3, None), ((640, 360), 300e3, 25),
])  # fmt: skip
def test_every_second_has_a_capture_time_after_a_transcode(
    tmp_path: Path, size: tuple[int, int], bitrate: float, fps: int | None
) -> None:
    source = stream(tmp_path / "a.mp4", (640, 360), 60.0 if fps else 30.0, 3, bitrate=4e6)
    seen = watch(transcode(source, tmp_path / "b.mp4", size, bitrate, fps), "stamp")
    errors, share = published(seen)
    assert share >= 0.95
    assert np.abs(errors).max() < 0.02
    assert seen.counter(FRAMES, "read") > 0.8 * 3 * (fps or 30)  # encoders with threads differ from run to run


@pytest.mark.parametrize("change", ["letterbox", "crop", "inset"])
def test_found_where_a_transcoder_moved_it(tmp_path: Path, change: str) -> None:
    def moved() -> Iterator[Any]:
        for image in busy(640, 360, 25, 2):
            if change == "letterbox":
                yield cv2.copyMakeBorder(image, 60, 60, 0, 0, cv2.BORDER_CONSTANT)
            elif change == "crop":
                yield cv2.resize(image[7:-9, 8:-13], (640, 360), interpolation=cv2.INTER_AREA)
            else:
                yield cv2.copyMakeBorder(image, 90, 90, 160, 160, cv2.BORDER_REFLECT)

    seen = watch(encode(tmp_path / "a.mp4", moved(), 25, bitrate=600e3), "stamp")
    errors, share = published(seen)
    assert share == 1.0
    assert np.abs(errors).max() < 0.002


def test_key_pictures_alone_are_enough(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.ts", busy(320, 180, 10, 16), 10, bitrate=200e3, gop=20)
    seen = watch(path, "stamp", decode="keyframes", every=2.0)
    assert seen.counter(FRAMES, "read") >= 7
    assert seen.counter(DROPS) == seen.counter(REPEATS) == 0


def test_a_stream_without_a_stamp_costs_and_tells_nothing(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", busy(640, 360, 25, 4, place=None), 25, bitrate=600e3)
    seen = watch(path, "stamp")
    assert dict(seen.counters) == {}
    assert {one.looks["stamp"] for one in seen.observations if isinstance(one, Picture)} == {None}


# ---- what the looks cost


def test_searches_grow_rare_while_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[float] = []
    look, luma = Spy(None), np.full((90, 160), 90, np.uint8)
    for n in range(1500):
        monkeypatch.setattr(stamp, "steps", lambda n=n, **_: [lambda _: searched.append(n / 10)])
        assert look(View(luma, n / 10)) is None
    assert searched == [0.0, 2.0, 6.0, 14.0, 30.0, 60.0, 90.0, 120.0]


def test_a_search_takes_another_picture_for_every_step_and_seeks_small_stamps_every_fourth_time() -> None:
    look, small = Spy(None), np.full((1080, 1920), 90, np.uint8)
    draw(small, None, 1_760_000_000_000, 7, Place("right", 4.0))
    said = [look(View(small, n / 10, follows=True)) for n in range(160)]
    first = next(n for n, one in enumerate(said) if one)
    assert 143 < first < 152
    assert (said[first] or ())[:2] == (1_760_000_000_000, 7)
    assert all(said[first:])


def test_a_stamp_that_moves_is_found_again_and_one_that_goes_is_forgotten() -> None:
    look = Spy(None)
    plain = np.full((360, 640), 90, np.uint8)
    first, second = plain.copy(), plain.copy()
    draw(first, None, 1_760_000_000_000, 7)
    draw(second, None, 1_760_000_000_000, 7, Place("bottom-right"))
    said = [look(View(luma, n / 10)) for n, luma in enumerate([first] * 10 + [second] * 30 + [plain] * 400)]
    assert all(one and one[0] for one in said[:10])
    assert all(one and one[0] is None for one in said[10:19])
    assert all(one and one[0] for one in said[21:40])
    assert all(one and one[0] is None for one in said[40:330])
    assert said[350:] == [None] * 90


def test_a_place_that_is_given_is_the_only_one() -> None:
    luma = np.full((360, 640), 90, np.uint8)
    draw(luma, None, 1_760_000_000_000, 7, Place("right", 30))
    assert Spy(Place("right", 30))(View(luma, 0.0)) == (1_760_000_000_000, 7, 1.0, False)
    assert Spy(Place("left", 30))(View(luma, 0.0)) is None
    assert Spy(None)(View(luma, None)) is None


def test_listening_is_keen_from_the_first_chirps_until_they_have_long_ended() -> None:
    look, rate = Listen(), 48_000
    sound = np.zeros((1, 60 * rate), np.float32)
    write(sound[:, 5 * rate : 15 * rate], T0 + 5, rate)
    keen, heard = [], []
    for n in range(60):
        heard += [pts for pts, _ in look(sound[:, n * rate : (n + 1) * rate], rate, float(n)) or ()]
        keen.append(look.keen)
    assert 4.9 < heard[0] < 8
    assert len(heard) > 90
    assert (keen[:5], keen[8:44], keen[46:]) == ([False] * 5, [True] * 36, [False] * 14)
    assert look(sound[:, :rate], rate, None) is None


def test_the_search_in_pictures_grows_rare_by_time_and_by_pictures() -> None:
    """Five seconds apart a search every twelve pictures at last; many a second, one every 30 s."""
    for apart in (5.0, 0.04):
        patience, searched = Patience(), []
        for n in range(int(600 / apart)):
            if patience.due(n * apart):
                searched.append(n * apart)
                patience.failed(n * apart)
        assert searched[:2] == [0.0, pytest.approx(max(2.0, apart), abs=apart)]
        assert searched[-1] - searched[-2] == pytest.approx(max(30.0, 12 * apart), abs=apart)


# ---- what the probe makes of them


def pictures(looks: list[Any], start: float = 0.0, track: int = 0) -> list[Picture]:
    return [
        Picture(100 + start + n / 25, track, start + n / 25, 640, 360, "yuv420p", False, 100.0, {"stamp": look})
        for n, look in enumerate(looks)
    ]


def good(numbers: range) -> list[Any]:
    return [(1_760_000_000_000 + 40 * n, n, 0.9, n > 0) for n in numbers]


def test_counts_by_state() -> None:
    unreadable = (None, None, 0.0, True)
    looks = [None, *good(range(1, 50)), unreadable, *good(range(51, 60)), good(range(59, 60))[0], *good(range(62, 70))]
    out = Outcome("stamp").feed([Opened(100.0, 99.0, "rtmp"), *pictures(looks), Tick(103.0)])
    assert out.total(FRAMES, "unreadable") == 1
    assert out.total(FRAMES, "stale") == 1
    assert out.total(FRAMES, "read") == 49 + 9 + 8
    assert out.total(REPEATS) == 1
    assert out.total(DROPS) == 2


def test_nothing_is_counted_before_marks_agree() -> None:
    out = Outcome("stamp").feed([*pictures([*good(range(2)), *[(None, None, 0.0, True)] * 100]), Tick(110.0)])
    assert out.total(FRAMES, "read") == out.total(FRAMES, "unreadable") == 0


def test_a_new_connection_starts_anew_and_another_track_is_left_alone() -> None:
    out = Outcome("stamp").feed(pictures(good(range(10))))
    out.feed(pictures(good(range(100)), track=1))
    out.feed([Lost(110.0, "reset"), Opened(111.0, 110.5, "rtmp"), *pictures(good(range(500, 510)), 50.0), Tick(120.0)])
    assert out.total(FRAMES, "read") == 20
    assert out.total(DROPS) == 0


def test_sound_marks_are_counted() -> None:
    sounds = [Sound(100.0 + n, 1, float(n), 1.0, 48_000, 2, 100.0, {"stamp": look}) for n, look in
              enumerate([None, [(1.0, 2.0), (1.1, 2.1)], []])]  # fmt: skip
    assert Outcome("stamp").feed([*sounds, Tick(104.0), Tick(105.0)]).total(SOUND_MARKS) == 2
