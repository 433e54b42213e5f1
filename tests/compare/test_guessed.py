"""Tests that are scored by a guess: what comes of it is what comes of finding out first."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from qoe_agent.compare import align, asides, guessed, offline, scoring, stamped, stills, thumbs
from qoe_agent.compare.aligning import pairing
from qoe_agent.compare.beginnings import FINE, Beginnings
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Asked
from qoe_agent.maths import stamp
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Scores, Tested

    Plane = NDArray[np.uint8]

PICTURES = moving(140)
ONE_KEY = {"crf": "18", "g": "250", "sc_threshold": "0"}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clip(tmp_path_factory.mktemp("guessed") / "reference.mp4", PICTURES, options=ONE_KEY)


def marked() -> list[Plane]:
    planes = [each.copy() for each in PICTURES]
    for number, plane in enumerate(planes):
        stamp.draw(plane, None, 1_760_000_000_000 + 40 * number, number, stamp.Place(cell=40))
    return planes


def zoomed(count: int) -> list[Plane]:
    """A slow zoom: by fingerprints of 32 x 18 alone, next to nothing moves."""
    dice = np.random.default_rng(3)
    grain = dice.normal(0, 1, (400, 640)).astype(np.float32)
    picture = 128 + sum(
        cv2.GaussianBlur(grain, (0, 0), size) * size * gain for size, gain in ((1.2, 30), (3, 25), (9, 30))
    )
    planes = []
    for scale in 1 + 0.003 * np.arange(count):
        moved = np.array([[scale, 0, 160 - 320 * scale], [0, scale, 90 - 200 * scale]])
        plane = cv2.warpAffine(np.clip(picture, 16, 235), moved, (320, 180), flags=cv2.INTER_CUBIC)
        planes.append(np.clip(plane + dice.normal(0, 3, plane.shape), 0, 255).astype(np.uint8))
    return planes


def compared(reference: str, test: str) -> Tested:
    return offline.compare(Asked(reference, (test,), models=(), sound=False)).tests[0]


def unread(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """From now on no file may be decoded whole to find out how it lies; the pairs of each scoring."""
    seen, score = [], scoring.score
    monkeypatch.setattr(thumbs, "whole", lambda *_: pytest.fail("all was decoded for fingerprints"))
    monkeypatch.setattr(stamped, "_marks", lambda *_: pytest.fail("every stamp was read"))

    def watched(*given: Any) -> Scores:
        seen.append(tuple(given[2].runs[0]))
        return score(*given)

    monkeypatch.setattr(scoring, "score", watched)
    return seen


def taken(numbers: Sequence[int], planes: Sequence[Plane] = PICTURES) -> list[Plane]:
    return [planes[n] for n in numbers]


def test_content_is_scored_at_once_and_laid_as_it_would_have_been(
    tmp_path: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = clip(tmp_path / "middle.mp4", taken(range(9, 105)), options=ONE_KEY)
    full = align.by_content(inspect(reference), inspect(test), lambda _: None)
    seen = unread(monkeypatch)
    found = compared(reference, test).alignment
    assert seen == [(0, 9, 96, 1, 1)]
    assert found is not None
    assert (found.method, found.runs, found.notes) == ("content", full.runs, full.notes)
    assert found.confidence == pytest.approx(full.confidence, abs=0.01)


def test_a_slow_zoom_is_guessed_by_what_is_fine_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planes = zoomed(80)
    reference = clip(tmp_path / "a.mp4", planes, options=ONE_KEY | {"crf": "14"})
    test = clip(tmp_path / "b.mp4", planes[9:], options=ONE_KEY | {"crf": "30"})
    guess = guessed.laid(inspect(reference), inspect(test), Asked(reference, (test,)), lambda _: None)
    assert (guess.proof is None, guess.alignment.offset_frames) == (False, 9)
    monkeypatch.setattr(stills, "following", lambda *_: pytest.fail("what was decoded for that is decoded again"))
    for path, by in ((test, 0), (reference, 9)):
        assert all(stills.plane(inspect(path), frame + by) is not None for frame in (0, *guess.had))


def test_what_comes_first_is_decoded_once_for_all_looks(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    media, seen, numbered = inspect(reference), [], thumbs.numbered
    wanted = [thumbs.span(media, 0, 5), thumbs.span(media, 2, 9, FINE)]

    def watched(*given: Any) -> Iterator[Any]:
        for each in numbered(*given):
            seen.append(each[0])
            yield each

    monkeypatch.setattr(thumbs, "numbered", watched)
    with closing(Beginnings(media)) as begun:
        found = [begun.span(media, 0, 5), begun.span(media, 2, 9, FINE), begun.span(media, 0, 5)]
    assert seen == [*range(10)]
    for one, other in zip(found, wanted, strict=False):
        assert all(np.array_equal(*each) for each in zip(one, other, strict=True))


def test_fingerprints_beside_scores_are_those_of_pictures_as_decoded(tmp_path: Path, reference: str) -> None:
    test = clip(tmp_path / "late.mp4", taken(range(9, 140)), options=ONE_KEY | {"g": "30"})
    sides = inspect(reference), inspect(test)
    guess = guessed.laid(*sides, Asked(reference, (test,), crop=(300, 160, 10, 12)), lambda _: None)
    where = offline.space(*sides, Asked(reference, (test,)))
    scoring.score(*sides, guess.alignment, where, Asked(reference, (test,), models=()), lambda _: None, None, None,
                  guess.asides)  # fmt: skip
    for media, aside, box in zip(sides[::-1], guess.asides, ((300, 160, 10, 12), None), strict=True):
        read, own = guessed.asides.read(media, aside), thumbs.whole(media, None, box, 4)
        assert read is not None
        assert np.abs(read.luma.astype(int) - own.luma).max() <= 1
        assert (read.fresh == own.fresh).all()
        assert (read.times == own.times).all()


def test_of_parts_of_all_frames_only_those_asked_for_are_kept() -> None:
    frames = np.arange(9 * 6, dtype=np.uint8).reshape(9, 2, 3)
    some = asides.part(4, 3, (3, 2, 0, 0))
    for begin in range(0, frames.size, 7):
        some.output.extend(frames.tobytes()[begin : begin + 7])
    assert np.array_equal(some.pictures(), frames[4:7])


@pytest.mark.parametrize("dropped", [60, 128])
def test_a_guess_that_pictures_contradict_is_given_up(tmp_path: Path, reference: str, dropped: int) -> None:
    numbers = [n for n in range(9, 140) if n not in (dropped, dropped + 1)]
    test = clip(tmp_path / "gap.mp4", taken(numbers), options=ONE_KEY)
    guess = guessed.laid(inspect(reference), inspect(test), Asked(reference, (test,)), lambda _: None)
    assert (guess.proof is None, guess.alignment.offset_frames) == (False, 9)
    full = align.by_content(inspect(reference), inspect(test), lambda _: None)
    found = compared(reference, test).alignment
    assert found is not None
    assert (found.method, found.runs, found.dropped) == ("content", full.runs, 2)
    assert all(numbers[t] == r for t, r in zip(*pairing.pairs(found.runs), strict=True))


def test_a_loop_is_ambiguous_all_the_same(tmp_path: Path) -> None:
    once = moving(30, seed=5)
    reference = clip(tmp_path / "a.mp4", once * 5, options=ONE_KEY)
    test = clip(tmp_path / "b.mp4", (once * 5)[7:], options=ONE_KEY)
    sides = inspect(reference), inspect(test)
    assert guessed.laid(*sides, Asked(reference, (test,)), lambda _: None).alignment.offset_frames == 7
    assert "ambiguous" in compared(reference, test).refused[0]


def test_later_stamps_come_out_of_the_decoding_that_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planes = marked()
    reference = clip(tmp_path / "a.mp4", planes, options=ONE_KEY)
    test = clip(tmp_path / "b.mp4", planes[9:], options=ONE_KEY | {"crf": "30"})
    seen = unread(monkeypatch)
    found = compared(reference, test).alignment
    assert found is not None
    assert (found.method, found.confidence, seen) == ("stamp", 1.0, [(0, 9, 131, 1, 1)])


def test_later_stamps_that_say_otherwise_are_believed(tmp_path: Path) -> None:
    still = [each.copy() for each in moving(140, seed=6, kind="still")]
    for number, plane in enumerate(still):
        stamp.draw(plane, None, 1_760_000_000_000 + 40 * number, number, stamp.Place(cell=40))
    numbers = [*range(9, 60), *range(62, 140)]
    reference = clip(tmp_path / "a.mp4", still, options=ONE_KEY)
    test = clip(tmp_path / "b.mp4", taken(numbers, still), options=ONE_KEY)
    found = compared(reference, test).alignment
    assert found is not None
    assert (found.method, found.dropped) == ("stamp", 2)
    assert all(numbers[t] == r for t, r in zip(*pairing.pairs(found.runs), strict=True))
