"""What single pictures of a reference show: graphics, grain, and neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from qoe_agent.compare import material
from qoe_agent.compare.media import inspect
from tests.compare.laid import clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(3)
ROWS, COLUMNS = np.mgrid[:180, :320]
SMOOTH = 120 + 40 * np.sin(COLUMNS / 60) + 30 * np.cos(ROWS / 50)


def luma(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 16, 235).astype(np.uint8)


def noisy(deviation: float) -> NDArray[np.uint8]:
    return luma(SMOOTH + RNG.normal(0, deviation, SMOOTH.shape))


@pytest.mark.parametrize("deviation", [1.5, 3.0, 6.0])
def test_grain_is_measured(deviation: float) -> None:
    noise = material.seen(noisy(deviation), noisy(deviation)).noise
    assert noise == pytest.approx(deviation, rel=0.15)


def test_detail_that_stays_or_moves_is_no_grain() -> None:
    texture = RNG.normal(0, 6, (200, 340))
    still, moved = luma(SMOOTH + texture[:180, :320]), luma(SMOOTH + texture[5:185, 7:327])
    assert (material.seen(still, still).noise or 0.0) < material.GRAIN
    assert material.seen(still, moved).noise is None


def test_few_colours_in_flat_areas_are_graphics_and_black_bars_are_not() -> None:
    page = np.full((180, 320), 230, np.uint8)
    for line in range(20, 180, 20):
        cv2.putText(page, "words on a page", (10, line), cv2.FONT_HERSHEY_PLAIN, 1.0, 30)
    assert material.seen(page, page).graphic
    film = noisy(2.0)
    film[:60], film[120:] = 16, 16
    assert not material.seen(film, film).graphic
    assert not material.seen(luma(SMOOTH), luma(SMOOTH)).graphic


def test_a_file_is_said_to_have_what_most_of_its_places_show(tmp_path: Path) -> None:
    lossless = {"crf": "0"}
    grain = clip(tmp_path / "grain.mp4", [noisy(4.0) for _ in range(8)], options=lossless)
    (said,) = material.notes(inspect(grain))
    assert "grain or camera noise (about " in said
    plain = clip(tmp_path / "plain.mp4", [luma(SMOOTH + n) for n in range(8)], options=lossless)
    assert material.notes(inspect(plain)) == ()
