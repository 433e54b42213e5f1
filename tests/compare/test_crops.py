"""Worst frames as parts side by side: the right frame, the right place, every pixel as it was."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from qoe_agent.compare import crops, shapes
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Alignment, Asked, Compared, Run, Scores
from qoe_agent.compare.space import space
from qoe_agent.compare.stills import stills

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media

WIDTH, HEIGHT, RATE = 320, 180, 25


def picture(number: int) -> NDArray[np.uint8]:
    """Of a frame: its number as eight bars, dark or bright, over a still slope."""
    shown = np.tile(np.linspace(60, 180, WIDTH), (HEIGHT, 1)).astype(np.uint8)
    for bit in range(8):
        shown[10:40, 10 + bit * 36 : 40 + bit * 36] = 220 if number >> bit & 1 else 30
    return np.dstack([shown] * 3)


def number_in(shown: NDArray[np.uint8]) -> int:
    """As it can be read from a picture."""
    return sum((int(shown[25, 25 + bit * 36].mean()) > 125) << bit for bit in range(8))


def clip(path: Path, frames: int, spoiled: int | None = None, **options: str) -> Media:
    """Numbered frames as H.264 with B frames; in `spoiled` and about it there is a patch at the lower right."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20", "g": "12", **options})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            shown = picture(number)
            if spoiled is not None and abs(number - spoiled) < 3:
                shown[130:160, 240:280] = 255 if number == spoiled else 200
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        out.mux(stream.encode(None))
    return inspect(str(path))


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "%03d'a:.mkv"])
def test_frames_are_those_of_their_numbers(tmp_path: Path, name: str) -> None:
    media = clip(tmp_path / name, 60)
    wanted = [0, 1, 11, 12, 13, 35, 36, 58, 59]
    found = stills(media, wanted, "null")
    assert {number: number_in(shown) for number, shown in found.items()} == {each: each for each in wanted}


def test_frames_without_a_place_before_them_to_begin_at_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    media = clip(path, 40, bf="0")
    assert {n: number_in(shown) for n, shown in stills(media, [3, 20, 39], "null").items()} == {3: 3, 20: 20, 39: 39}


def test_filters_that_look_at_neighbours_get_them(tmp_path: Path) -> None:
    media = clip(tmp_path / "a.mp4", 40)
    found = stills(media, [0, 17, 39], "bwdif=mode=send_frame:deint=all,scale=640:360:flags=bicubic,format=yuv420p")
    assert {number: number_in(cv2.resize(shown, (WIDTH, HEIGHT))) for number, shown in found.items()} == {
        0: 0,
        17: 17,
        39: 39,
    }
    assert found[17].shape == (360, 640, 3)


def test_what_is_not_in_the_file_is_left_out(tmp_path: Path) -> None:
    media = clip(tmp_path / "a.mp4", 20)
    assert list(stills(media, [-1, 5, 20], "null")) == [5]


def test_colours_are_kept(tmp_path: Path) -> None:
    media = clip(tmp_path / "a.mp4", 3, crf="1")
    shown = stills(media, [1], "null")[1]
    assert np.abs(shown.astype(int) - picture(1)).mean() < 1.5


def laid_on(
    media: Media, reference: Media, name: str, values: list[float], offset: int, gone: tuple[int, ...]
) -> shapes.Tested:
    shown = np.setdiff1d(np.arange(offset, offset + len(values)), gone)
    kept = np.array(values)[shown - offset]
    laid = Alignment("content", offset, offset / RATE, 1.0, (Run(0, offset, len(values)),), 0, 0)
    return shapes.Tested(media, name, (), laid, space(reference, media, Asked("", ())),
                  Scores({"vmaf[v1]": kept}, shown, shown - offset, {}, None, (), {}, 0.0))  # fmt: skip


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Two tests of a reference: one begins at its frame 10 and is spoiled at 52, one is fine, and lacks that frame."""
    folder = tmp_path_factory.mktemp("crops")
    reference = clip(folder / "reference.mp4", 90)
    with av.open(str(folder / "late.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(10, 90):
            shown = picture(number)
            if number == 52:
                shown[130:160, 240:280] = 255
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        out.mux(stream.encode(None))
    late = inspect(str(folder / "late.mp4"))
    fine = clip(folder / "fine.mp4", 90)
    bad = [90.0 - 30 * (number == 52) for number in range(10, 90)]
    good = [95.0 - 5 * (number == 12) for number in range(90)]
    return Compared("", reference, (laid_on(late, reference, "late", bad, 10, ()),
                                    laid_on(fine, reference, "fine", good, 0, (52,))), (), {})  # fmt: skip


def test_the_worst_frame_is_shown_where_it_is_worst_of_all_beside_the_same_frame_of_others(compared: Compared) -> None:
    first, second = crops.worst(compared, "vmaf[v1]", 2)
    assert (first.worst_of, second.worst_of) == ("late", "fine")
    assert first.seconds == pytest.approx(52 / RATE)
    assert second.seconds == pytest.approx(12 / RATE)
    assert [(piece.name, piece.frame) for piece in first.pieces] == [("reference", 52), ("late", 42), ("fine", None)]
    assert first.pieces[2].note == "no frame of it shows this one"
    assert first.pieces[1].scores == {"vmaf[v1]": 60.0}
    left, top, width, height = first.place
    assert left <= 240
    assert top <= 130
    assert left + width >= 280
    assert top + height >= 160
    assert [(piece.name, piece.frame) for piece in second.pieces] == [("reference", 12), ("late", 2), ("fine", 12)]


def test_parts_are_the_pixels_of_the_frame(compared: Compared) -> None:
    (found,) = crops.worst(compared, "vmaf[v1]", 1)
    one = compared.tests[0]
    left, top, width, height = found.place
    packed = found.pieces[1].picture
    assert packed is not None
    assert one.space is not None
    shown = cv2.cvtColor(cv2.imdecode(np.frombuffer(packed, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    whole = stills(one.media, [42], one.space.test_filters)[42]
    assert np.array_equal(shown, whole[top : top + height, left : left + width])


def test_worst_seconds_do_not_overlap_and_infinite_values_are_best(compared: Compared) -> None:
    values = np.full(200, 40.0)
    values[60:70], values[80], values[150], values[10] = 30.0, 20.0, 35.0, np.inf
    scores = Scores({"psnr_y": values}, np.arange(200), np.arange(200), {}, None, (), {}, 0.0)
    found = crops.seconds(replace(compared.tests[0], scores=scores), "psnr_y", 25.0, 3)
    assert [frame for _, frame in found[:2]] == [80, 150]
    assert found[0][0] == pytest.approx((14 * 40 + 10 * 30 + 20) / 25)
    assert len(found) == 3


def test_of_banding_the_most_is_worst(compared: Compared) -> None:
    values = np.zeros(100)
    values[70] = 9.0
    scores = Scores({"cambi": values}, np.arange(100), np.arange(100), {}, None, (), {}, 0.0)
    (first,) = crops.seconds(replace(compared.tests[0], scores=scores), "cambi", 25.0, 1)
    assert first == (pytest.approx(9 / 25), 70)


def test_a_test_shorter_than_a_second_has_a_worst_frame(compared: Compared) -> None:
    scores = Scores({"cambi": np.array([0.0, 3.0, 1.0])}, np.arange(3), np.arange(3), {}, None, (), {}, 0.0)
    assert crops.seconds(replace(compared.tests[0], scores=scores), "cambi", 25.0, 5)[0][1] == 1


def test_errors_in_busy_areas_hide() -> None:
    busy = np.random.default_rng(1).integers(0, 255, (180, 320, 3), np.uint8)
    busy[:, 160:] = 128
    test = busy.copy()
    test[20:60, 20:60] = np.clip(test[20:60, 20:60].astype(int) + 14, 0, 255)
    test[100:140, 250:290] += 10
    left, top, width, height = crops.place(busy, test)
    assert left + width >= 290
    assert top + height >= 140


def test_where_nothing_can_be_read_there_are_no_crops(compared: Compared) -> None:
    gone = replace(compared, reference=replace(compared.reference, path="/nowhere/at/all.mp4"))
    assert crops.worst(gone, "vmaf[v1]", 3) == ()
    assert crops.worst(compared, "psnr_y", 3) == ()


def test_hdr_is_shown_with_a_warning(compared: Compared) -> None:
    video = replace(compared.reference.video, transfer="pq", rate=Fraction(RATE))
    (found,) = crops.worst(replace(compared, reference=replace(compared.reference, video=video)), "vmaf[v1]", 1)
    assert found.note.startswith("HDR (PQ): shown as coded")
