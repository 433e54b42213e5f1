"""The projection equals the dense one, and real scalers' pictures lie in its range.

Outside oracles: numpy's dense QR; FFmpeg's libswscale (through PyAV) and OpenCV's resize.
"""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from qoe_agent.maths.descale import KERNELS, Range, upsampling

DETAIL = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (240, 48)).astype(np.uint8), (0, 0), 0.6)


def rms(residual: np.ndarray) -> float:
    return float(np.sqrt(np.square(residual).mean()))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("size", "lines"), [(270, 135), (270, 225), (361, 233)])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_it_is_the_dense_orthogonal_projection(size: int, lines: int, kernel: str, shift: float) -> None:
    columns = np.random.default_rng(2).normal(0.0, 30.0, (size, 5)).astype(np.float32)
    dense = np.zeros((size, lines))
    taps, weights = upsampling(size, lines, kernel, shift)
    np.add.at(dense, (np.arange(size)[:, None], taps), weights)
    basis, _ = np.linalg.qr(dense)
    expected = columns - basis @ (basis.T @ columns)
    assert Range(size, lines, kernel, shift).residual(columns) == pytest.approx(expected, abs=0.02)


def swscale(picture: np.ndarray, lines: int, how: str) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(picture, "gray")
    return np.asarray(frame.reformat(picture.shape[1], lines, interpolation=how).to_ndarray(), np.float32)


@pytest.mark.parametrize("lines", [360, 432, 480])
@pytest.mark.parametrize(
    ("how", "kernel"),
    [("BICUBIC", "cubic60"), ("LANCZOS", "lanczos3"), ("BILINEAR", "linear"), ("SPLINE", "spline")],
)
def test_what_ffmpeg_scaled_lies_in_the_range_but_for_rounding(how: str, kernel: str, lines: int) -> None:
    scaled = swscale(DETAIL, lines, how)
    assert rms(Range(lines, 240, kernel).residual(scaled)) < 0.35
    assert rms(Range(lines, 240, kernel, 0.5).residual(scaled)) > 1.0
    assert rms(Range(lines, 246, kernel).residual(scaled)) > 1.0


@pytest.mark.parametrize("lines", [360, 432, 480])
@pytest.mark.parametrize(
    ("how", "kernel"),
    [(cv2.INTER_CUBIC, "cubic75"), (cv2.INTER_LANCZOS4, "lanczos4"), (cv2.INTER_LINEAR, "linear")],
)
def test_what_opencv_scaled_lies_in_the_range_but_for_rounding(how: int, kernel: str, lines: int) -> None:
    scaled = cv2.resize(DETAIL, (48, lines), interpolation=how).astype(np.float32)
    assert rms(Range(lines, 240, kernel).residual(scaled)) < 0.35
    assert rms(Range(lines, 240, kernel, 0.5).residual(scaled)) > 1.0
