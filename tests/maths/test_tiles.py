"""Tiles cut a picture as they say."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.tiles import Tile, grid
from qoe_agent.maths.view import View


def quarters(width: int = 640, height: int = 360) -> View:
    """A picture whose four quarters have the levels 40, 80, 120 and 160, and chroma a hundred more than a tenth."""
    levels = np.array([[40, 80], [120, 160]], np.uint8)
    luma = np.kron(levels, np.ones((height // 2, width // 2), np.uint8))
    chroma = np.kron((levels // 10 + 100).astype(np.uint8), np.ones((height // 4, width // 4), np.uint8))
    return View(luma, 1.5, chroma=lambda: (chroma, chroma), key=True, follows=True, full_range=True)


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (322, 182)])
def test_a_tile_of_a_grid_shows_its_part_and_nothing_of_its_neighbours(size: tuple[int, int]) -> None:
    seen = quarters(*size)
    for tile, level in zip(grid(2, 2), (40, 80, 120, 160), strict=True):
        part = tile.of(seen)
        assert part is not None
        assert set(np.unique(part.luma)) == {level}, tile.name
        assert part.chroma is not None
        assert {int(value) for plane in part.chroma for value in np.unique(plane)} == {level // 10 + 100}
        assert part.luma.shape == pytest.approx((size[1] * 0.48, size[0] * 0.48), abs=1)
        assert (part.pts, part.key, part.follows, part.full_range) == (1.5, True, True, True)


def test_shares_hold_for_every_size_of_the_picture() -> None:
    guest = Tile("guest", 0.5, 0.0, 0.5, 1.0)
    shapes = [part.luma.shape for size in ((640, 360), (320, 180)) if (part := guest.of(quarters(*size)))]
    assert shapes[0] == pytest.approx((2 * shapes[1][0], 2 * shapes[1][1]), abs=2)


def test_a_tile_of_a_few_pixels_is_not_judged() -> None:
    assert Tile("small", 0.0, 0.0, 0.08, 0.08).of(quarters(320, 180)) is None
    assert Tile("small", 0.0, 0.0, 0.08, 0.08).of(View(np.zeros((1080, 1920), np.uint8))) is not None


def test_a_picture_without_chroma_has_tiles_without() -> None:
    part = Tile("left", 0.0, 0.0, 0.5, 1.0).of(View(np.zeros((180, 320), np.uint8)))
    assert part is not None
    assert part.chroma is None


def test_a_grid_is_named_row_by_row() -> None:
    assert [tile.name for tile in grid(2, 3)] == ["r1c1", "r1c2", "r1c3", "r2c1", "r2c2", "r2c3"]
    assert grid(2, 2)[3] == Tile("r2c2", 0.5, 0.5, 0.5, 0.5)
