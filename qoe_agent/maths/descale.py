"""From how many lines was a picture scaled up? Projection onto what upscaling can produce.

Scaling N samples up to M is a linear map U (M x N, a few taps a row). A column that was scaled lies in the range of
U; what is left of it outside, `x - U (U'U)^-1 U' x`, is nothing but coding noise. At other N the same column leaves
its detail behind. So the residual energy, as a function of N, has a dip at the truth, and a native picture has none
(the "descale error" of the open getnative, Infiziert90/getnative, by orthogonal projection). What a sample tells of
another fades fast with their distance, so a column is projected piece by piece, each with a margin on both sides:
matrices that are made once per (M, N, kernel), one for all pieces whose phases are the same.

Kernels and phases: FFmpeg's libswscale/utils.c (initFilter: centres aligned, edges folded) and OpenCV's resize.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Floats = NDArray[np.float32]

PIECE, MARGIN = 45, 32
"""Samples that are projected together, at most, and those on either side that are projected with them. No band of 30
samples of pictures comes out by more than 0.02 dB off what the whole column at once says (measured; MARGIN 24: 0.1)."""
RIDGE = 1e-6
"""Keeps the equations regular where a sample is hardly used (linear, near 1:1)."""


def cubic(a: float) -> Callable[[Doubles], Doubles]:
    """Keys' kernel (IEEE ASSP 1981): a = -0.5 Catmull-Rom and Pillow, -0.6 FFmpeg, -0.75 OpenCV and browsers."""

    def weigh(x: Doubles) -> Doubles:
        x = np.abs(x)
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * (x**3 - 5 * x**2 + 8 * x - 4)
        return np.where(x < 1, near, np.where(x < 2, far, 0.0))

    return weigh


def lanczos(lobes: int) -> Callable[[Doubles], Doubles]:
    """Windowed sinc: 3 lobes FFmpeg and Pillow, 4 OpenCV."""
    return lambda x: np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)


def linear(x: Doubles) -> Doubles:
    """Bilinear."""
    return np.maximum(0.0, 1.0 - np.abs(x))


def spline(x: Doubles) -> Doubles:
    """Cubic B-spline: spans the same space as cubic spline interpolation (FFmpeg's `spline`)."""
    x = np.abs(x)
    return np.where(x < 1, 2 / 3 - x**2 + x**3 / 2, np.where(x < 2, (2 - x) ** 3 / 6, 0.0))


KERNELS: dict[str, tuple[Callable[[Doubles], Doubles], int]] = {
    "cubic50": (cubic(-0.5), 2),
    "cubic60": (cubic(-0.6), 2),
    "cubic75": (cubic(-0.75), 2),
    "lanczos3": (lanczos(3), 3),
    "lanczos4": (lanczos(4), 4),
    "linear": (linear, 1),
    "spline": (spline, 2),
}
"""By name: the weight at a distance in source samples, and the reach in source samples."""


def upsampling(size: int, lines: int, kernel: str, shift: float = 0.0) -> tuple[NDArray[np.intp], Doubles]:
    """Of each of `size` samples scaled up from `lines`: the source samples that it is made of, and their weights.

    `shift`: by how many source samples the grid lies off.
    """
    weigh, reach = KERNELS[kernel]
    centre = (np.arange(size) + 0.5) * (lines / size) - 0.5 + shift
    taps = np.floor(centre).astype(np.intp)[:, None] + np.arange(1 - reach, reach + 1)
    weights = weigh(centre[:, None] - taps)
    return np.clip(taps, 0, lines - 1), weights / weights.sum(axis=1, keepdims=True)


class Range:
    """The space of what comes from `lines` samples scaled up to `size` with a kernel."""

    __slots__ = ("_pieces",)

    def __init__(self, size: int, lines: int, kernel: str, shift: float = 0.0) -> None:
        taps, weights = upsampling(size, lines, kernel, shift)
        period = size // gcd(size, lines)
        piece = PIECE // period * period or PIECE
        self._pieces: list[tuple[int, int, int, int, Floats]] = []
        """First row and last, the same with margins, and the matrix."""
        shared: Floats | None = None
        for first in range(0, size, piece):
            last = min(first + piece, size)
            low, high = max(0, first - MARGIN), min(size, last + MARGIN)
            inside = taps[low, 0] > 0 and taps[high - 1, -1] < lines - 1 and last == first + piece
            matrix = shared if inside else None
            if matrix is None:
                matrix = _outside(taps[low:high], weights[low:high], slice(first - low, last - low))
            if inside and piece % period == 0:
                shared = matrix
            self._pieces.append((first, last, low, high, matrix))

    def residual(self, columns: Floats) -> Floats:
        """What of `columns` (samples x n) lies outside."""
        out = np.empty_like(columns)
        for first, last, low, high, matrix in self._pieces:
            np.dot(matrix, columns[low:high], out[first:last])
        return out


def _outside(taps: NDArray[np.intp], weights: Doubles, some: slice) -> Floats:
    """The projection onto what lies outside the range of some rows of U: those of its rows that are wanted."""
    rows, lowest = len(taps), taps.min()
    scale = np.zeros((rows, taps.max() + 1 - lowest))
    np.add.at(scale, (np.arange(rows)[:, None], taps - lowest), weights)
    gram = scale.T @ scale
    np.fill_diagonal(gram, gram.diagonal() + RIDGE)
    inside = np.linalg.solve(gram, scale[some].T).T @ scale.T
    return np.asarray(np.eye(rows)[some] - inside, np.float32)
