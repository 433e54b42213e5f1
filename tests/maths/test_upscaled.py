"""What a picture was scaled from, against what it was scaled from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from qoe_agent.maths.dips import Dip
from qoe_agent.maths.upscaled import Inspection, alike, need
from tests.accuracy.faults_detail import KERNELS, upscaled

SIZE = (960, 540)


def texture(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Shapes over fractal noise, as sharp as pixels allow without stairs: made at three times the size."""
    random = np.random.default_rng(seed)
    width, height = 3 * size[0], 3 * size[1]
    image = np.full((height, width), 110.0, np.float32)
    for octave in range(2, 9):
        grid = random.standard_normal((2**octave, 2**octave)).astype(np.float32)
        image += 0.75**octave * 25 * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(50):
        points = random.integers(0, [width, height]) + random.integers(-300, 300, (4, 2))
        cv2.fillPoly(image, [cv2.convexHull(points.astype(np.int32))], float(random.uniform(30, 220)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.clip(small + random.normal(0.0, 1.5, small.shape), 16, 235).astype(np.uint8)


@pytest.mark.parametrize(
    "size", [(854, 480), (640, 480), (480, 640), (710, 400), (568, 320), (480, 270), (800, 450), (64, 64), (33, 32)]
)
def test_pictures_of_any_size_are_inspected(size: tuple[int, int]) -> None:
    """Ratios near one leave a wide kernel nothing outside of what it can make: such a candidate is not told."""
    assert all(suspect.height < size[1] or suspect.width < size[0] for suspect in inspected(texture(2, size)).suspects)


def inspected(luma: np.ndarray) -> Inspection:
    return Inspection.of(np.ascontiguousarray(luma), 15.0)


def sizes(found: Inspection) -> list[tuple[int, int]]:
    return [(s.width, s.height) for s in found.suspects if s.decibels >= s.need]


def scaled(seed: int, lines: int, kernel: str, columns: int | None = None) -> np.ndarray:
    rgb = np.repeat(texture(seed)[:, :, None], 3, axis=2)
    return upscaled(lines, kernel, columns)(rgb, 0)[:, :, 0]


@pytest.mark.parametrize("seed", range(4))
def test_a_native_picture_is_under_no_suspicion(seed: int) -> None:
    found = inspected(texture(seed))
    assert sizes(found) == []
    assert not found.empty
    assert found.detail >= 432


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("lines", "columns"), [(360, 640), (480, 854), (270, 480)])
def test_the_size_that_a_picture_was_scaled_from_comes_first(lines: int, columns: int, kernel: str) -> None:
    found = inspected(scaled(7, lines, kernel))
    assert sizes(found)[:1] == [(columns, lines)]
    assert found.detail <= lines


@pytest.mark.parametrize("columns", [640, 720])
def test_a_picture_that_was_only_widened(columns: int) -> None:
    assert sizes(inspected(scaled(8, 540, "bicubic", columns)))[:1] == [(columns, 540)]


def test_columns_that_have_no_detail_do_not_speak_against_the_rows() -> None:
    bars = np.tile(scaled(8, 360, "bicubic")[270], (540, 1))
    assert sizes(inspected(bars))[:1] == [(640, 360)]


def test_a_window_of_scaled_video_is_no_scaled_picture() -> None:
    picture = texture(9)
    picture[:300, :400] = scaled(10, 360, "bicubic")[:300, :400]
    assert sizes(inspected(picture)) == []


@pytest.mark.parametrize("times", [2, 3])
def test_a_window_of_doubled_pixels_is_no_scaled_picture(times: int) -> None:
    small = texture(11, (SIZE[0] // times, SIZE[1] // times))
    picture = texture(13)
    picture[:, :420] = np.kron(small, np.ones((times, times), np.uint8))[:540, :420]
    assert sizes(inspected(picture)) == []


def test_a_flat_picture_says_nothing() -> None:
    found = inspected(np.full((540, 960), 90, np.uint8))
    assert found.empty
    assert found.suspects == ()


def test_defocus_lowers_the_detail_and_is_no_scaling() -> None:
    soft = [inspected(cv2.GaussianBlur(texture(12), (0, 0), sigma)) for sigma in (1.0, 2.0, 4.0)]
    assert [sizes(one) for one in soft] == [[], [], []]
    details = [one.detail for one in soft]
    assert sorted(details, reverse=True) == details
    assert details[-1] <= 240


def test_what_block_transforms_imitate_needs_more() -> None:
    assert need(720, 1080) < need(540, 1080, 25.0) < need(810, 1080, 25.0)
    assert need(810, 1080, 15.0) < need(810, 1080, 25.0) < need(810, 1080, 35.0)
    assert need(960, 1920) == need(540, 1080) == need(540, 1080, 35.0) > need(540, 1080, 25.0)


def test_both_axes_must_show_it_and_in_proportion() -> None:
    dips = [Dip(decibels, 0.1, 1.0, decibels, 1.0, 40) for decibels in (0.1, 0.6, 2.0, 11.0)]
    assert alike(dips[1], dips[2], 0.7)
    assert not alike(dips[0], dips[2], 0.7)
    assert not alike(dips[1], dips[3], 0.7)
    assert alike(dips[2], dips[3], 0.7)


def test_the_less_coding_took_away_the_more_is_needed() -> None:
    assert need(720, 1080) == need(720, 1080, 30.0) < need(720, 1080, 12.0) < need(720, 1080, 8.0)
    assert need(720, 1080, 8.0) == need(720, 1080, 2.0)


def test_half_of_what_is_soft_in_one_direction_is_no_proof() -> None:
    soft, sharp, fair = (Dip(decibels, 0.1, 1.0, decibels, 1.0, 40) for decibels in (1.6, 4.5, 2.1))
    half = need(540, 1080, 20.0)
    assert not alike(soft, sharp, half)
    assert alike(fair, sharp, half)
