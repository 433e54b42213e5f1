"""What is left outside is part of what the dense projection leaves; of real scalers' pictures nothing is.

Outside oracles: numpy's dense QR; FFmpeg's libswscale (through PyAV) and OpenCV's resize.
"""

from __future__ import annotations

from math import gcd

import av
import cv2
import numpy as np
import pytest

from qoe_agent.maths.descale import PIECE, Outside, spread

DETAIL = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (240, 48)).astype(np.uint8), (0, 0), 0.6)


def left(size: int, lines: int, kernel: str, columns: np.ndarray) -> tuple[float, float]:
    """RMS on the grid and off it."""
    on, off = Outside(size, lines, kernel).powers(columns.astype(np.float32), 1)
    return float(np.sqrt(on.mean())), float(np.sqrt(off.mean()))


@pytest.mark.parametrize("kernel", ["cubic60", "lanczos4", "linear"])
@pytest.mark.parametrize(("size", "lines"), [(361, 233), (540, 270), (540, 360), (960, 427)])
def test_it_is_what_the_dense_orthogonal_projection_leaves_where_natural_pictures_have_most(
    size: int, lines: int, kernel: str
) -> None:
    brownian = np.random.default_rng(2).normal(0.0, 3.0, (size, 200)).cumsum(axis=0)
    dense = np.zeros((size, lines))
    taps, weights = spread((np.arange(size) + 0.5) * (lines / size) - 0.5, kernel)
    np.add.at(dense, (np.arange(size)[:, None], np.clip(taps, 0, lines - 1)), weights)
    basis, _ = np.linalg.qr(dense)
    beyond = brownian - basis @ (basis.T @ brownian)
    on = Outside(size, lines, kernel).powers(brownian.astype(np.float32), 1)[0]
    assert on.mean() > np.square(beyond).mean() / (1.0 - lines / size)
    inside = (basis @ (basis.T @ brownian)).astype(np.float32)
    exact = size // gcd(size, lines) <= PIECE
    assert Outside(size, lines, kernel).powers(inside, 1)[0].mean() < (1e-3 if exact else 0.02) * on.mean()


def test_parts_across_are_apart() -> None:
    columns = np.zeros((1080, 96), np.float32)
    columns[:, 24:48] = np.random.default_rng(3).normal(0.0, 9.0, (1080, 24))
    powers = Outside(1080, 720, "cubic60").powers(columns, 4)
    assert powers.shape[0] == 2
    assert np.count_nonzero(powers.min(axis=(0, 1))) == 1
    assert powers[0, :, 1].mean() == pytest.approx(81.0, rel=0.1)


def swscale(picture: np.ndarray, lines: int, how: str) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(picture, "gray")
    return np.asarray(frame.reformat(picture.shape[1], lines, interpolation=how).to_ndarray(), np.float32)


@pytest.mark.parametrize("lines", [360, 432, 480])
@pytest.mark.parametrize(
    ("how", "kernel"),
    [("BICUBIC", "cubic60"), ("LANCZOS", "lanczos3"), ("BILINEAR", "linear"), ("SPLINE", "spline")],
)
def test_of_what_ffmpeg_scaled_only_rounding_is_left(how: str, kernel: str, lines: int) -> None:
    scaled = swscale(DETAIL, lines, how)
    on, off = left(lines, 240, kernel, scaled)
    assert on < 0.5
    assert off > 1.5
    assert left(lines, 246, kernel, scaled)[0] > 1.5


@pytest.mark.parametrize("lines", [360, 432, 480])
@pytest.mark.parametrize(
    ("how", "kernel"),
    [(cv2.INTER_CUBIC, "cubic75"), (cv2.INTER_LANCZOS4, "lanczos4"), (cv2.INTER_LINEAR, "linear")],
)
def test_of_what_opencv_scaled_only_rounding_is_left(how: int, kernel: str, lines: int) -> None:
    on, off = left(lines, 240, kernel, cv2.resize(DETAIL, (48, lines), interpolation=how))
    assert on < 0.5
    assert off > 1.5
