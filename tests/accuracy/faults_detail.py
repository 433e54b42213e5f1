"""Faults of detail, put into pictures: blur, grain, blocks, and a picture that was scaled up from a smaller one.

Each is a `Change` as in `faults_picture`: a picture and its number within the fault, to the picture with the fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from tests.accuracy.faults_picture import Change, Image

SWSCALE = {"bicubic": "BICUBIC", "lanczos": "LANCZOS", "bilinear": "BILINEAR", "spline": "SPLINE"}
"""FFmpeg's scalers, by our names."""
OPENCV = {"cv_cubic": cv2.INTER_CUBIC, "cv_lanczos4": cv2.INTER_LANCZOS4, "cv_linear": cv2.INTER_LINEAR}
KERNELS = (*SWSCALE, *OPENCV)


def blur(sigma: float) -> Change:
    """A lens out of focus, as a Gaussian of so many pixels."""
    return lambda image, n: np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def grain(sigma: float, seed: int = 0) -> Change:
    """A sensor's noise, new in every picture."""
    random = np.random.default_rng(seed)

    def change(image: Image, n: int) -> Image:
        noise = random.standard_normal(image.shape[:2], np.float32)[:, :, None] * sigma
        return np.clip(image + noise + 0.5, 0, 255).astype(np.uint8)

    return change


def blocks(strength: float = 0.7, size: int = 8) -> Change:
    """Blocks that keep only `1 - strength` of what tells their pixels from their mean: a starved intra coder."""

    def change(image: Image, n: int) -> Image:
        height, width = (side // size * size for side in image.shape[:2])
        shape = (width // size, height // size)
        means = cv2.resize(image[:height, :width], shape, interpolation=cv2.INTER_AREA)
        flat = cv2.resize(means, (width, height), interpolation=cv2.INTER_NEAREST)
        out = image.copy()
        out[:height, :width] = cv2.addWeighted(flat, strength, image[:height, :width], 1.0 - strength, 0.0)
        return out

    return change


def upscaled(lines: int, kernel: str = "bicubic", columns: int | None = None, sharpened: float = 0.0) -> Change:
    """Made in `lines` (area means) and scaled up with one of KERNELS; `columns`: from so many, not in proportion;
    `sharpened`: an unsharp mask's amount afterwards."""

    def change(image: Image, n: int) -> Image:
        height, width = image.shape[:2]
        across = columns or 2 * round(lines * width / height / 2)
        small = np.asarray(cv2.resize(image, (across, lines), interpolation=cv2.INTER_AREA), np.uint8)
        large = _scaled(small, width, height, kernel)
        if not sharpened:
            return large
        soft = cv2.GaussianBlur(large, (0, 0), 1.2)
        return np.asarray(cv2.addWeighted(large, 1.0 + sharpened, soft, -sharpened, 0.0), np.uint8)

    return change


def _scaled(image: Image, width: int, height: int, kernel: str) -> Image:
    if kernel in OPENCV:
        return np.asarray(cv2.resize(image, (width, height), interpolation=OPENCV[kernel]), np.uint8)
    planes: list[Any] = [av.VideoFrame.from_ndarray(np.ascontiguousarray(p), "gray") for p in cv2.split(image)]
    return np.dstack([p.reformat(width, height, interpolation=SWSCALE[kernel]).to_ndarray() for p in planes])
