"""The stamp is found where nobody put it: letterboxed, cropped, stretched, inset, turned, filmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from qoe_agent.maths.stamp import Place, draw
from qoe_agent.maths.stamp_search import active, find

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_760_000_000_123


def programme(seed: int, width: int = 1920, height: int = 1080) -> Any:
    """Something with edges, shapes and texture of all sizes."""
    random = np.random.default_rng(seed)
    luma = np.full((height, width), 90, np.uint8)
    for _ in range(60):
        x, y, w, h = (int(v) for v in random.integers(0, (width, height, width // 3, height // 3)))
        shade = int(random.integers(16, 236))
        if random.random() < 0.5:
            cv2.rectangle(luma, (x, y), (x + w, y + h), shade, -1)
        else:
            cv2.ellipse(luma, (x, y), (w, h), float(random.integers(0, 180)), 0, 360, shade, -1)
    coarse = cv2.resize(random.integers(0, 60, (height // 8, width // 8), dtype=np.uint8), (width, height))
    return cv2.add(luma, coarse)


def stamped(seed: int, corner: Any = "top-left", cell: float = 24.0) -> Any:
    luma = programme(seed)
    draw(luma, None, MS, seed, Place(corner, cell))
    return luma


def placed(luma: Any, width: int, height: int, ground: int = 16) -> Any:
    """A picture in the middle of a larger black one."""
    out = np.full((height, width), ground, np.uint8)
    top, left = (height - luma.shape[0]) // 2, (width - luma.shape[1]) // 2
    out[top : top + luma.shape[0], left : left + luma.shape[1]] = luma
    return out


def to(width: int, height: int) -> Callable[[Any], Any]:
    return lambda luma: cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)


def letterbox(luma: Any) -> Any:
    return to(640, 480)(placed(luma, 1920, 1440))


def pillarbox(luma: Any) -> Any:
    return placed(to(1440, 1080)(luma), 1920, 1080)


def filmed(luma: Any) -> Any:
    """Off a screen: smaller, askew, blurred, unevenly lit, noisy."""
    height, width = luma.shape
    random = np.random.default_rng(int(luma[500, 500]))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners * 0.8 + np.float32(0.1) * corners[2] + random.uniform(-0.06, 0.06, (4, 2)) * corners[2]
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    out = cv2.warpPerspective(luma, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=(60,))
    out = cv2.GaussianBlur(out, (0, 0), 1.2) * np.linspace(0.6, 1.0, width)
    return np.clip(out + random.normal(0, 5, out.shape), 0, 255).astype(np.uint8)


CASES: dict[str, Callable[[Any], Any]] = {
    "in its place": lambda luma: luma,
    "letterbox": letterbox,
    "pillarbox": pillarbox,
    "cropped by 2 %": lambda luma: to(1920, 1080)(luma[21:-21, 32:-32]),
    "cropped, 360p": lambda luma: to(640, 360)(luma[21:-21, 32:-32]),
    "stretched to 4:3": to(640, 480),
    "inset": lambda luma: placed(to(1280, 720)(luma), 1920, 1080, 180),
    "inset, 360p": lambda luma: to(640, 360)(placed(to(1280, 720)(luma), 1920, 1080, 180)),
    "turned by 90": lambda luma: np.ascontiguousarray(np.rot90(luma)),
    "turned by 180": lambda luma: np.ascontiguousarray(luma[::-1, ::-1]),
    "filmed": filmed,
    "filmed, 720p": lambda luma: to(1280, 720)(filmed(luma)),
    "filmed, 480p": lambda luma: to(854, 480)(filmed(luma)),
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_found_and_read(change: Callable[[Any], Any]) -> None:
    for seed, corner in enumerate(("top-left", "bottom-right", "centre")):
        found = find(change(stamped(seed, corner)))
        assert found, corner
        assert (found[1].ms, found[1].counter) == (MS, seed)


@pytest.mark.parametrize("cell", [10.0, 16.0, 30.0, 55.0])
def test_other_sizes_of_cells_are_found(cell: float) -> None:
    found = find(stamped(1, "right", cell), fine=True)
    assert found
    assert found[1].ms == MS


def test_nothing_is_found_where_there_is_nothing() -> None:
    pictures = [programme(seed) for seed in range(10)]
    pictures += [np.full((360, 640), 16, np.uint8), np.full((1, 1), 200, np.uint8), np.zeros((2, 4000), np.uint8)]
    pictures += [np.random.default_rng(n).integers(0, 256, (360, 640), dtype=np.uint8) for n in range(3)]
    assert all(find(each, fine=fine) is None for each in pictures for fine in (False, True))


@pytest.mark.parametrize("top", [0, 150, 215, 216, 400, 640, 863, 1020])
def test_small_stamps_are_found_in_any_part_of_the_rows(top: int) -> None:
    whole, own = np.full((1080, 1920), 90, np.uint8), np.full((60, 90), 90, np.uint8)
    draw(own, None, MS, 3, Place("centre", 4.0 * 1080 / 60))
    whole[top : top + 60, 777 : 777 + 90] = own
    assert find(whole) is None
    found = find(whole, fine=True)
    assert found
    assert found[1].ms == MS


def test_the_active_area_is_what_is_not_black() -> None:
    assert active(placed(programme(1, 1440, 1080), 1920, 1080)) == (240, 0, 1680, 1080)
    assert active(placed(programme(1, 1920, 800), 1920, 1080)) == (0, 140, 1920, 940)
    assert active(np.full((360, 640), 16, np.uint8)) == (0, 0, 640, 360)
