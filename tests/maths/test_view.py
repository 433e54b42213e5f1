"""The planes that looks share: whole means, whatever the picture's shape."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.view import TINY, View, halved


def picture(shape: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("shape", [(1080, 1920), (2160, 3840), (720, 1280), (1081, 1923), (719, 1281), (360, 361)])
def test_small_is_the_picture_halved_again_and_again(shape: tuple[int, int]) -> None:
    luma = picture(shape)
    small = View(luma).small
    while min(luma.shape) >= 360:
        luma = halved(luma)
    assert small.shape == luma.shape
    assert (small == luma).all()


def test_a_small_picture_is_its_own_small_plane() -> None:
    luma = picture((288, 352))
    assert View(luma).small is luma


@pytest.mark.parametrize("shape", [(1080, 1920), (480, 854), (576, 720), (90, 160)])
def test_tiny_is_the_means_of_cells(shape: tuple[int, int]) -> None:
    luma = np.add.outer(np.linspace(20, 120, shape[0]), np.linspace(0, 110, shape[1])).astype(np.uint8)
    rows, columns = ((np.arange(n) + 0.5) / n for n in TINY[::-1])
    assert np.abs(View(luma).tiny - np.add.outer(20 + 100 * rows, 110 * columns)).max() <= 4


def test_the_decoder_is_asked_for_chroma_once() -> None:
    asked = []

    def gray() -> None:
        asked.append(1)

    view = View(picture((90, 160)), chroma=gray)
    assert (view.chroma, view.chroma) == (None, None)
    assert len(asked) == 1
