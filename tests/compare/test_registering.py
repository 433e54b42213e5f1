"""Where the test's picture lies in the reference's, and what is cut for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from qoe_agent.compare import align, crop, footing, offline, registering
from qoe_agent.compare.aligning import lying
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Asked, Unlike
from qoe_agent.compare.space import space
from tests.compare import compared_made
from tests.compare.laid import clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.compare.space import Part

    Plane = NDArray[np.uint8]

WIDE, HIGH, FRAMES = 480, 270, 24


def pictures() -> list[Plane]:
    """A still of many shapes over which others move."""
    dice = np.random.default_rng(5)
    still = cv2.GaussianBlur(dice.normal(0, 1, (HIGH, WIDE)).astype(np.float32), (0, 0), 6)
    ground = np.clip(120 + 35 * still / still.std(), 30, 220).astype(np.uint8)
    for _ in range(60):
        x, y, r = (int(dice.integers(0, n)) for n in (WIDE, HIGH, 22))
        cv2.circle(ground, (x, y), r + 3, int(dice.integers(40, 210)), -1, cv2.LINE_AA)
    shown = []
    for n in range(FRAMES):
        each = ground.copy()
        cv2.circle(each, (60 + 14 * n, 130), 18, 230, -1, cv2.LINE_AA)
        cv2.rectangle(each, (400 - 11 * n, 40 + 6 * n), (430 - 11 * n, 70 + 6 * n), 35, -1)
        shown.append(each)
    return shown


SHOWN = pictures()
FINE = {"crf": "12"}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    return clip(tmp_path_factory.mktemp("whole") / "reference.mp4", SHOWN, options={"crf": "4"})


def part(reference: str, path: Path, made: Callable[[Plane], Plane], crf: str = "12") -> Part | None:
    test = clip(path / "test.mp4", [np.ascontiguousarray(made(each)) for each in SHOWN], options={"crf": crf})
    sides = inspect(reference), inspect(test)
    asked = Asked(reference, (test,))
    return registering.part(*sides, align.given(*sides, 0), asked, crop.bars(*sides, asked).test)


def blur(plane: Plane) -> Plane:
    return cv2.GaussianBlur(plane, (0, 0), 3)  # type: ignore[return-value]


def logo(plane: Plane) -> Plane:
    covered = plane.copy()
    covered[12:60, 340:470] = 235
    return covered


def sized(width: int, height: int) -> Callable[[Plane], Plane]:
    return lambda plane: cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def boxed(plane: Plane) -> Plane:
    return np.pad(cv2.resize(plane, (480, 202)), ((34, 34), (0, 0)), constant_values=16)


def noise(plane: Plane) -> Plane:
    return np.clip(plane + np.random.default_rng(1).normal(0, 12, plane.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("made", "crf"),
    [
        (lambda plane: plane, "12"), (lambda plane: plane, "36"), (lambda plane: plane, "44"), (blur, "20"),
        (logo, "24"), (boxed, "20"), (noise, "24"), (sized(240, 136), "24"), (sized(160, 90), "20"),
        (sized(320, 270), "20"), (sized(960, 540), "24"), (lambda plane: (plane * 0.7 + 20).astype(np.uint8), "24"),
    ],
)  # fmt: skip
def test_what_shows_the_whole_stays_as_it_is(
    reference: str, tmp_path: Path, made: Callable[[Plane], Plane], crf: str
) -> None:
    assert part(reference, tmp_path, made, crf) is None


def test_a_part_in_its_own_pixels_is_found_exactly(reference: str, tmp_path: Path) -> None:
    found = part(reference, tmp_path, lambda plane: plane[20:246, 34:450])
    assert found is not None
    assert found[:2] == ((416, 226, 34, 20), None)
    assert "27.5 % are not compared" in found.notes[0]


@pytest.mark.parametrize("size", [(480, 270), (320, 180)])
def test_a_part_that_is_scaled_is_found_within_a_pixel(reference: str, tmp_path: Path, size: tuple[int, int]) -> None:
    found = part(reference, tmp_path, lambda plane: sized(*size)(plane[20:246, 34:450]))
    assert found is not None
    assert found.reference == pytest.approx((416, 226, 34, 20), abs=1)


def test_a_shift_is_cut_from_both(reference: str, tmp_path: Path) -> None:
    found = part(reference, tmp_path, lambda plane: np.pad(plane[1:, 2:], ((0, 1), (0, 2)), mode="edge"))
    assert found is not None
    assert found[:2] == ((478, 269, 2, 1), (478, 269, 0, 0))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda plane: plane[:, ::-1], "are mirrored"),
        (lambda plane: plane[::-1], "are upside down"),
        (lambda plane: SHOWN[0].T[:270, :270], "looks like the test's"),
    ],
)
def test_what_lies_on_nothing_is_refused(
    reference: str, tmp_path: Path, made: Callable[[Plane], Plane], said: str
) -> None:
    with pytest.raises(Unlike, match=r"do not lie on each other.*--crop off") as caught:
        part(reference, tmp_path, made)
    assert said in str(caught.value)


def test_what_was_asked_for_by_hand_is_not_searched_for(reference: str) -> None:
    media = inspect(reference)
    for own in ("off", (200, 100, 0, 0)):
        asked = Asked(reference, (reference,), crop=own)
        assert registering.part(media, media, align.given(media, media, 0), asked) is None


def test_pictures_that_show_nothing_are_taken_as_they_are_and_it_is_said(tmp_path: Path) -> None:
    media = inspect(clip(tmp_path / "flat.mp4", [np.full((90, 160), 100, np.uint8)] * 8))
    asked = Asked(media.path, (media.path,))
    found = registering.part(media, media, align.given(media, media, 0), asked)
    assert found is not None
    assert found.notes == (registering.UNTOLD,)
    assert space(media, media, asked, None, found).reference_filters == space(media, media, asked).reference_filters


def test_places_are_told_to_a_tenth_of_a_pixel() -> None:
    moved = cv2.warpAffine(SHOWN[3], np.array([[1.0, 0, 0.5], [0, 1.0, -0.3]]), (WIDE, HIGH), flags=cv2.INTER_CUBIC)
    box = lying.refined(SHOWN[3], np.asarray(moved, np.uint8)).box
    assert np.array(box) * (WIDE, HIGH, WIDE, HIGH) == pytest.approx([-0.5, 0.3, WIDE - 0.5, HIGH + 0.3], abs=0.1)


def test_a_part_is_scored_as_cut_by_hand(reference: str, tmp_path: Path) -> None:
    cut = [np.ascontiguousarray(each[20:246, 34:450]) for each in SHOWN]
    test = clip(tmp_path / "part.mp4", cut, options={"crf": "26"})
    (one,) = offline.compare(Asked(reference, (test,), models=("neg",), offset=0, sound=False)).tests
    original, coded = (_lumas(path) for path in (reference, test))
    errors = [np.square(a[20:246, 34:450] - b).mean() for a, b in zip(original, coded, strict=True)]
    assert one.scores is not None
    assert one.scores.frames["psnr_y"] == pytest.approx(10 * np.log10(255**2 / np.array(errors)), abs=0.006)
    assert one.space is not None
    assert one.space.part == (416, 226, 34, 20)
    assert one.scores.frames["vmaf[neg]"].min() > 40


def _lumas(path: str) -> list[NDArray[np.float64]]:
    import av

    with av.open(path) as container:
        return [each.to_ndarray()[: each.height].astype(np.float64) for each in container.decode(video=0)]


def test_tests_of_different_parts_are_not_weighed_without_a_word() -> None:
    whole = compared_made.candidate("a.mp4", 90.0, 1e6)
    assert whole.space is not None
    cut = replace(whole, space=replace(whole.space, part=(100, 100, 2, 2)))
    assert footing.notes((whole, whole)) == ()
    assert footing.notes((whole, cut)) == (footing.PARTS,)
