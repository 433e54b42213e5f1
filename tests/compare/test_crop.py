"""Bars that only one of two files has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from qoe_agent.compare.crop import bars
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Asked, Unfit
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = moving(30, seed=4, kind="cuts")
BOXED = [
    cv2.copyMakeBorder(cv2.resize(each, (320, 136)), 22, 22, 0, 0, cv2.BORDER_CONSTANT, value=16) for each in PICTURES
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("bars")
    return clip(folder / "plain.mp4", PICTURES), clip(folder / "boxed.mp4", BOXED)


def found(reference: str, test: str, asked: Asked | None = None) -> tuple[object, object]:
    return tuple(bars(inspect(reference), inspect(test), asked or Asked(reference, (test,))))


def test_bars_of_the_test_alone_are_cut_from_it(files: tuple[str, str]) -> None:
    assert found(*files) == ((320, 136, 0, 22), None)


def test_bars_of_the_reference_alone_are_cut_from_it(files: tuple[str, str]) -> None:
    assert found(*files[::-1]) == (None, (320, 136, 0, 22))


def test_bars_that_both_have_stay(files: tuple[str, str]) -> None:
    assert found(files[1], files[1]) == (None, None)


def test_dark_pictures_have_no_bars(tmp_path: Path, files: tuple[str, str]) -> None:
    dark = clip(tmp_path / "dark.mp4", [np.full((180, 320), 17, np.uint8)] * 12)
    assert found(files[0], dark) == (None, None)


@pytest.mark.parametrize(("edges", "left"), [((2, 2, 0, 0), (320, 176, 0, 2)), ((0, 0, 1, 2), (316, 180, 2, 0))])
def test_an_edge_of_a_pixel_or_two_is_cut(
    tmp_path: Path, files: tuple[str, str], edges: tuple[int, int, int, int], left: object
) -> None:
    top, bottom, first, last = edges
    edged = [each.copy() for each in PICTURES]
    for each in edged:
        each[:top], each[180 - bottom :], each[:, :first], each[:, 320 - last :] = 16, 16, 16, 16
    assert found(files[0], clip(tmp_path / "edged.mp4", edged)) == (left, None)


def test_a_dark_part_of_the_only_key_frame_is_no_bar(tmp_path: Path) -> None:
    shown = [each.copy() for each in PICTURES]
    for each in shown[:8]:
        each[:60] = 16
    reference = clip(tmp_path / "reference.mp4", shown, options={"g": "1"})
    assert found(reference, clip(tmp_path / "test.mp4", shown, options={"g": "99", "sc_threshold": "0"})) == (
        None,
        None,
    )


def test_bars_are_seen_where_the_only_key_frame_is_black(tmp_path: Path) -> None:
    black = np.full((180, 320), 16, np.uint8)
    reference = clip(tmp_path / "reference.mp4", [black, *PICTURES])
    test = clip(tmp_path / "test.mp4", [black, *BOXED], options={"g": "99", "sc_threshold": "0"})
    assert found(reference, test) == ((320, 136, 0, 22), None)


def test_what_is_asked_for_wins(files: tuple[str, str]) -> None:
    asked = Asked(files[0], (files[1],))
    assert found(*files, Asked(files[0], (files[1],), crop="off")) == (None, None)
    assert found(*files, Asked(files[0], (files[1],), crop=(300, 120, 10, 30)))[0] == (300, 120, 10, 30)
    assert asked.crop == "auto"
    with pytest.raises(Unfit, match="320 x 180"):
        found(*files, Asked(files[0], (files[1],), crop=(330, 120, 0, 0)))
