"""From how many lines was a picture scaled up? Projection onto what upscaling can produce.

Scaling N samples up to M is a linear map U (M x N, a few taps a row). A column that was scaled lies in the range of
U; what is left of it outside, `x - U (U'U)^-1 U' x`, is nothing but coding noise. At other N the same column leaves
its detail behind. So the residual energy, as a function of N, has a dip at the truth, and a native picture has none
(the "descale error" of the open getnative, Infiziert90/getnative, by orthogonal projection). U'U is a band of width
2 taps - 1: it is factored once per (M, N, kernel), in blocks, and applied in time proportional to M.

Kernels and phases: FFmpeg's libswscale/utils.c (initFilter: centres aligned, edges folded) and OpenCV's resize.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Floats = NDArray[np.float32]

BLOCK = 16
"""Rows of a block of the factored normal equations; at least the number of taps."""
ROWS = 32
"""Samples that are scaled at once."""
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

    __slots__ = ("_across", "_inverse", "_steps", "_taps")

    def __init__(self, size: int, lines: int, kernel: str, shift: float = 0.0) -> None:
        taps, weights = upsampling(size, lines, kernel, shift)
        reach = taps.shape[1]
        start = np.clip(taps[:, 0], 0, lines - reach)
        folded = np.zeros(weights.shape)
        np.add.at(folded, (np.arange(size)[:, None], taps - start[:, None]), weights)
        self._taps, self._steps = _pieces(start, folded)
        self._inverse, self._across = _factor(_gram(start, folded, lines), reach - 1)

    def residual(self, columns: Floats) -> Floats:
        """What of `columns` (samples x n) lies outside."""
        count, width, near = len(self._inverse), columns.shape[1], self._across.shape[1]
        inner = np.zeros((count * BLOCK, width), np.float32)
        for (first, last, low, high), taps in zip(self._steps, self._taps, strict=True):
            inner[low:high] += taps.T @ columns[first:last]
        blocks = inner.reshape(count, BLOCK, width)
        for k in range(count):
            if k:
                blocks[k, :near] -= self._across[k - 1] @ blocks[k - 1]
            blocks[k] = self._inverse[k] @ blocks[k]
        for k in reversed(range(count)):
            if k + 1 < count:
                blocks[k] -= self._across[k].T @ blocks[k + 1, :near]
            blocks[k] = self._inverse[k].T @ blocks[k]
        out = columns.copy()
        for (first, last, low, high), taps in zip(self._steps, self._taps, strict=True):
            out[first:last] -= taps @ inner[low:high]
        return out


def _pieces(start: NDArray[np.intp], weights: Doubles) -> tuple[list[Floats], list[tuple[int, int, int, int]]]:
    """U in dense pieces of ROWS rows: (first row, last, first column, last) of each."""
    pieces, steps = [], []
    for first in range(0, len(start), ROWS):
        last = min(first + ROWS, len(start))
        low, high = int(start[first]), int(start[last - 1]) + weights.shape[1]
        piece = np.zeros((last - first, high - low), np.float32)
        at = start[first:last, None] - low + np.arange(weights.shape[1])
        np.put_along_axis(piece, at, weights[first:last].astype(np.float32), axis=1)
        pieces.append(piece)
        steps.append((first, last, low, high))
    return pieces, steps


def _gram(start: NDArray[np.intp], weights: Doubles, lines: int) -> Doubles:
    """U'U in blocks: [0] those on the diagonal, [1] those below it."""
    count = -(-lines // BLOCK)
    gram = np.zeros((2, count, BLOCK, BLOCK))
    for one in range(weights.shape[1]):
        for other in range(one + 1):
            row, column = start + one, start + other
            block = column // BLOCK
            np.add.at(
                gram, (row // BLOCK - block, block, row % BLOCK, column % BLOCK), weights[:, one] * weights[:, other]
            )
    gram[0] += np.tril(gram[0], -1).transpose(0, 2, 1)
    spare = np.arange(lines, count * BLOCK)
    gram[0, spare // BLOCK, spare % BLOCK, spare % BLOCK] = 1.0
    gram[0, :, np.arange(BLOCK), np.arange(BLOCK)] += RIDGE
    return gram


def _factor(gram: Doubles, near: int) -> tuple[Floats, Floats]:
    """Block Cholesky: the inverses of the triangles on the diagonal, and of the blocks below the first `near` rows, as
    the others are zero."""
    own, below = gram
    inverse, across = np.empty_like(own), np.empty_like(below[:-1])
    for k in range(len(own)):
        left = own[k]
        if k:
            across[k - 1] = below[k - 1] @ inverse[k - 1].T
            left = left - across[k - 1] @ across[k - 1].T
        inverse[k] = np.linalg.inv(np.linalg.cholesky(left))
    return inverse.astype(np.float32), across[:, :near].astype(np.float32)
