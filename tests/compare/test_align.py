"""Tests laid on references whose frames are known."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from qoe_agent.compare import stamped, thumbs
from qoe_agent.compare.align import again, align, by_content, confirmed, verify
from qoe_agent.compare.aligning import content, pairing
from qoe_agent.compare.aligning.clocks import Side
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Alignment, Asked, Run, Unlike
from qoe_agent.maths import stamp
from tests.accuracy.aligning import case
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

PICTURES = moving()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clip(tmp_path_factory.mktemp("aligned") / "reference.mp4", PICTURES, options={"crf": "16"})


def laid(reference: str, test: str, offset: int | None = None) -> Alignment:
    asked = Asked(reference, (test,), offset=offset)
    return align(inspect(reference), inspect(test), asked, lambda _: None)


def shown(alignment: Alignment) -> list[tuple[int, int]]:
    test, own = pairing.pairs(alignment.runs)
    return list(zip(test.tolist(), own.tolist(), strict=True))


def taken(numbers: Sequence[int]) -> list[Plane]:
    return [PICTURES[n] for n in numbers]


def test_times_are_enough_where_the_pictures_confirm_them(tmp_path: Path, reference: str) -> None:
    small = [cv2.resize(each, (160, 90), interpolation=cv2.INTER_AREA) for each in PICTURES]
    found = laid(reference, clip(tmp_path / "a.mkv", small, options={"crf": "35"}))
    assert found.method == "timestamps"
    assert found.runs == (Run(0, 0, 110),)
    assert (found.offset_frames, found.dropped, found.duplicated) == (0, 0, 0)


def test_dropped_frames_that_times_show_are_left_out(tmp_path: Path, reference: str) -> None:
    numbers = [n for n in range(110) if n not in (40, 41, 77)]
    found = laid(reference, clip(tmp_path / "a.mp4", taken(numbers), numbers=numbers))
    assert found.method == "timestamps"
    assert shown(found) == list(enumerate(numbers))
    assert found.dropped == 3


def test_an_unknown_start_is_found_by_content(tmp_path: Path, reference: str) -> None:
    found = laid(reference, clip(tmp_path / "a.mp4", taken(range(31, 100))))
    assert (found.method, found.offset_frames) == ("content", 31)
    assert found.offset_seconds == pytest.approx(31 / 25)
    assert shown(found) == [(n, n + 31) for n in range(69)]


def test_drops_and_repeats_that_times_hide_are_found_by_content(tmp_path: Path, reference: str) -> None:
    numbers = [*range(20, 50), *range(52, 75), 74, 74, *range(75, 105)]
    found = laid(reference, clip(tmp_path / "a.mp4", taken(numbers)))
    assert (found.offset_frames, found.dropped, found.duplicated) == (20, 2, 2)
    assert all(numbers[test] == own for test, own in shown(found))


@pytest.mark.parametrize(("rate", "step"), [(50, 0.5), (30, 25 / 30)])
def test_more_frames_a_second_are_repeats(tmp_path: Path, reference: str, rate: int, step: float) -> None:
    numbers = [int(n * step + 1e-9) for n in range(int(110 / step))]
    found = laid(reference, clip(tmp_path / "a.mp4", taken(numbers), rate))
    assert found.pairs >= 108
    assert all(numbers[test] == own for test, own in shown(found))


def test_a_crop_bars_and_levels_do_not_move_it(tmp_path: Path, reference: str) -> None:
    spoiled = [
        cv2.copyMakeBorder(cv2.resize(each[4:170, 8:310], (320, 136)), 22, 22, 0, 0, cv2.BORDER_CONSTANT, value=16)
        for each in taken(range(12, 110))
    ]
    spoiled = [np.clip(each * 0.9 + 12 * (each > 16), 16, 235).astype(np.uint8) for each in spoiled]
    found = laid(reference, clip(tmp_path / "a.mp4", spoiled, options={"crf": "34"}))
    assert found.offset_frames == 12
    assert {own - test for test, own in shown(found)} == {12}


def test_stamps_tell_to_the_frame_even_where_nothing_moves(tmp_path: Path) -> None:
    still = moving(60, seed=6, kind="still")
    for number, plane in enumerate(still := [each.copy() for each in still]):
        stamp.draw(plane, None, 1_760_000_000_000 + 40 * number, number, stamp.Place(cell=40))
    numbers = [*range(9, 30), *range(32, 45), 44, *range(45, 60)]
    reference = clip(tmp_path / "a.mp4", still, options={"crf": "18"})
    found = laid(reference, clip(tmp_path / "b.mp4", [still[n] for n in numbers]))
    assert (found.method, found.offset_frames, found.dropped, found.duplicated) == ("stamp", 9, 2, 1)
    assert all(numbers[test] == own for test, own in shown(found))


def marked(frames: int) -> list[Plane]:
    """Moving pictures with stamps of which the counter starts over."""
    planes = [each.copy() for each in PICTURES[:frames]]
    for number, plane in enumerate(planes):
        stamp.draw(plane, None, 1_760_000_000_000 + 40 * number, 65_500 + number, stamp.Place(cell=40))
    return planes


def test_a_few_stamps_tell_all_where_they_run_on_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planes = marked(90)
    monkeypatch.setattr(stamped, "_marks", lambda *_: pytest.fail("every stamp was read"))
    reference = clip(tmp_path / "a.mp4", planes, options={"crf": "18"})
    for numbers, times in (((range(9, 70)), None), (range(11, 90, 2), range(11, 90, 2))):
        found = laid(reference, clip(tmp_path / "b.mp4", [planes[n] for n in numbers], numbers=times))
        assert (found.method, found.offset_frames) == ("stamp", numbers[0])
        assert shown(found) == list(enumerate(numbers))


def test_stamps_between_those_that_are_read_are_checked_by_the_pictures(tmp_path: Path) -> None:
    planes = marked(90)
    numbers = [*range(5, 40), *range(41, 60), 59, *range(60, 85)]
    reference = clip(tmp_path / "a.mp4", planes, options={"crf": "18"})
    test = clip(tmp_path / "b.mp4", [planes[n] for n in numbers])
    sides, asked = (inspect(reference), inspect(test)), Asked(reference, (test,))
    first = laid(reference, test)
    assert first.runs == (Run(0, 5, 80),)
    ours, theirs = (thumbs.whole(each).luma for each in sides)
    test_numbers, own = pairing.pairs(first.runs)
    assert verify(first, (theirs[test_numbers], ours[own]))
    second = again(*sides, first, asked, lambda _: None)
    assert (second.method, second.dropped, second.duplicated) == ("stamp", 1, 1)
    assert all(numbers[t] == o for t, o in shown(second))
    assert again(*sides, second, asked, lambda _: None).method == "content"


def test_an_offset_given_by_hand_is_taken(tmp_path: Path, reference: str) -> None:
    test = clip(tmp_path / "a.mp4", taken(range(60)))
    assert laid(reference, test, -4).runs == (Run(4, 0, 56),)
    with pytest.raises(Unlike, match="offset of 110"):
        laid(reference, test, 110)


def test_other_content_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(Unlike, match="does not show what the reference shows"):
        laid(reference, clip(tmp_path / "a.mp4", moving(80, seed=9)))


def test_mirrored_content_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(Unlike):
        laid(reference, clip(tmp_path / "a.mp4", [np.ascontiguousarray(each[:, ::-1]) for each in PICTURES]))


def test_a_loop_fits_at_several_offsets_and_that_is_said(tmp_path: Path) -> None:
    once = moving(22, seed=5)
    reference = clip(tmp_path / "a.mp4", once * 5)
    with pytest.raises(Unlike, match=r"ambiguous.*repeats.*--offset"):
        laid(reference, clip(tmp_path / "b.mp4", (once * 5)[7:80]))


def test_a_still_fits_anywhere_unless_its_times_say_where(tmp_path: Path) -> None:
    still = moving(90, seed=6, kind="still")
    reference = clip(tmp_path / "a.mp4", still)
    with pytest.raises(Unlike, match="ambiguous"):
        laid(reference, clip(tmp_path / "b.mp4", still[:50]))
    found = laid(reference, clip(tmp_path / "c.mp4", still, options={"crf": "35"}))
    assert found.runs == (Run(0, 0, 90),)
    assert "nothing moves" in found.notes[0]
    stands = np.repeat(thumbs.shrunk(still[0])[None], 90, axis=0)
    assert confirmed(found, (stands, stands)) == found
    moves = np.stack([thumbs.shrunk(each) for each in PICTURES[:90]])
    assert confirmed(found, (moves, moves)).notes == ()


def test_a_lie_of_the_times_is_seen_after_scoring_and_content_tells(tmp_path: Path, reference: str) -> None:
    numbers = [*range(45), *range(46, 80), 79, *range(80, 110)]
    sides = inspect(reference), inspect(clip(tmp_path / "a.mp4", taken(numbers)))
    assert len(numbers) == 110
    trusted = Alignment("timestamps", 0, 0.0, 1.0, (Run(0, 0, 110),), 0, 0)
    theirs, ours = (thumbs.whole(each).luma for each in sides)
    said = verify(trusted, (ours, theirs))
    assert any("1 pair later" in each for each in said)
    found = by_content(*sides, lambda _: None)
    test, own = pairing.pairs(found.runs)
    assert all(numbers[t] == o for t, o in zip(test, own, strict=True))
    assert verify(found, (ours[test], theirs[own])) == ()


@pytest.mark.parametrize("frames", [[0, 1, 2, 5, 6, 6, 7, -1, 9], [3, 3, 3, 4], [0, 2, 4, 6, 7]])
def test_runs_hold_the_pairs_they_are_made_from(frames: list[int]) -> None:
    found = pairing.paired(np.array(frames))
    test, own = pairing.pairs(found.runs)
    assert test.tolist() == found.test.tolist()
    assert own.tolist() == found.reference.tolist()
    assert [frames[n] for n in test] == own.tolist()
    assert (np.diff(own) > 0).all()


def test_a_frame_that_is_shown_again_is_a_pair_where_the_first_to_show_it_is_not_certain() -> None:
    frames, certain = np.array([3, 4, 4, 5, 5, 7, 7]), np.array([True, False, True, False, False, True, True])
    found = pairing.paired(frames, certain)

    assert list(zip(found.test, found.reference, strict=True)) == [(0, 3), (2, 4), (5, 7)]
    assert (found.dropped, found.duplicated) == (1, 2)


def test_times_that_jitter_drop_and_repeat_nothing() -> None:
    prints = np.stack([thumbs.shrunk(each, finer=2) for each in PICTURES])
    shaken = np.arange(len(prints)) / 30 + np.random.default_rng(3).uniform(-0.009, 0.009, len(prints))
    sides = Side(shaken - shaken[0], Fraction(30), False), Side(np.arange(len(prints) - 17) / 30, Fraction(30), True)
    reference, test = (
        content.Prints(each, side, np.ones(len(each), bool))
        for each, side in zip((prints, prints[17:]), sides, strict=True)
    )

    found = content.find(test, reference)
    laid = pairing.paired(found.frames, found.certain)

    assert (found.reading, laid.dropped, laid.duplicated) == ("numbers", 0, 0)
    assert (laid.reference - laid.test == 17).all()


@pytest.mark.parametrize("number", [3, 5, 8, 22])
def test_random_programmes_are_laid_right_or_refused(number: int) -> None:
    assert case(number, 1).outcome in ("right", "ambiguous")


@pytest.mark.parametrize(
    ("number", "seed"),
    [pytest.param(59, 11, id="a slow pan, half of its frames"), pytest.param(10, 41, id="shots that pan, a little cut"),
     pytest.param(61, 37, id="so few bits that pictures come late"),
     pytest.param(125, 67, id="cropped slides, which tell by their cuts alone"),
     pytest.param(12, 71, id="a slow shot that the encoder skips and so shows late"),
     pytest.param(126, 83, id="late pictures that times explain as well as numbers do"),
     pytest.param(11, 101, id="a slow pan, late but for its key frames"),
     pytest.param(35, 113, id="another, whose key frames tell little, but all the same"),
     pytest.param(39, 109, id="slides, and before a dropped frame a key frame that is left out"),
     pytest.param(89, 109, id="a shot that was there before, but for its last frames"),
     pytest.param(136, 113, id="a cropped shot whose edges suit no other lag, at four fifths of the rate"),
     pytest.param(185, 131, id="a cropped pan after a dropped frame, for which edges make up")],
)  # fmt: skip
def test_what_fingerprints_hardly_show_is_seen_by_the_close_look(number: int, seed: int) -> None:
    answer = case(number, seed)
    assert answer.outcome == "right", answer
    assert answer.share == 1.0


def test_twice_the_rate_is_told_by_pictures_that_lean_on_no_other() -> None:
    answer = case(179, 79)
    assert answer.outcome == "right", answer


@pytest.mark.parametrize(
    ("number", "seed"),
    [pytest.param(334, 67, id="a round of a loop that votes place a frame off"),
     pytest.param(479, 67, id="a short loop at another rate"),
     pytest.param(213, 67, id="a still of which few frames lie inside")],
)  # fmt: skip
def test_what_fits_elsewhere_as_well_is_ambiguous(number: int, seed: int) -> None:
    assert case(number, seed).outcome == "ambiguous"
