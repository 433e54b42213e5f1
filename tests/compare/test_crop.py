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


def test_what_is_asked_for_wins(files: tuple[str, str]) -> None:
    asked = Asked(files[0], (files[1],))
    assert found(*files, Asked(files[0], (files[1],), crop="off")) == (None, None)
    assert found(*files, Asked(files[0], (files[1],), crop=(300, 120, 10, 30)))[0] == (300, 120, 10, 30)
    assert asked.crop == "auto"
    with pytest.raises(Unfit, match="320 x 180"):
        found(*files, Asked(files[0], (files[1],), crop=(330, 120, 0, 0)))
