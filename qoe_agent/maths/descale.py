"""From how many lines was a picture scaled up? What it has in directions that upscaling cannot produce.

Scaling N samples up to M is a linear map U (M x N, a few taps a row). A piece of a column that was scaled lies in the
range of U's rows there; outside of it there is nothing but coding noise. At other N, or with the grid of N half a
sample off, the same piece leaves its detail outside. So the energy outside, as a function of N, has a dip at the
truth, and a native picture has none (the "descale error" of the open getnative, Infiziert90/getnative, by orthogonal
projection).

Of all directions outside only those are looked at in which natural pictures have most, the smoothest: of the others
coders leave nothing but noise. These are the first principal components, outside of the range, of a signal whose
neighbours correlate. The matrices are made once per (M, N, kernel); most ratios repeat so soon that one does for all
pieces.

Kernels and phases: FFmpeg's libswscale/utils.c (initFilter: centres aligned) and OpenCV's resize.
"""

from __future__ import annotations

from math import ceil, gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Floats = NDArray[np.float32]

PIECE, PIECES = 90, 6
"""Samples of a piece, at most; half as many where there would not be so many pieces."""
DIRECTIONS = 8
"""Directions looked at in a piece."""
CORRELATION = 0.97
"""Of neighbours in natural pictures."""
PHASES = 8
"""Parts of a source sample to which a piece's place on the grid is rounded where ratios do not repeat within one."""
USED = 1e-9
"""Weight from which a source sample counts."""


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


def spread(centres: Doubles, kernel: str) -> tuple[NDArray[np.intp], Doubles]:
    """Of samples at `centres` among source samples: the source samples that each is made of, and their weights."""
    weigh, reach = KERNELS[kernel]
    taps = np.floor(centres).astype(np.intp)[:, None] + np.arange(1 - reach, reach + 1)
    weights = weigh(centres[:, None] - taps)
    return taps, weights / weights.sum(axis=1, keepdims=True)


class Outside:
    """What lies outside of all that comes from `lines` samples scaled up to `size` with a kernel, where it tells."""

    __slots__ = ("_first", "_last", "_matrices", "_window")

    def __init__(self, size: int, lines: int, kernel: str) -> None:
        period = size // gcd(size, lines)
        piece = PIECE if size >= PIECES * PIECE else PIECE // 2
        repeats = period <= piece
        step, reach = lines / size, KERNELS[kernel][1]
        self._window = window = piece // period * period if repeats else piece
        edge = ceil((reach + 1) / step)  # there are no taps beyond the picture's border
        self._first = first = -(-edge // period) * period if repeats else edge
        self._last = first + max(0, (size - edge - first) // window) * window
        rows = max(1, min(DIRECTIONS, window - ceil(window * step) - 2 * reach))
        starts = [first] if repeats else range(first, self._last, window)
        phases = [((start + 0.5) * step - 0.5) % 1.0 for start in starts]
        if not repeats:
            phases = [round(PHASES * phase) / PHASES for phase in phases]
        made = {phase: _both(phase + np.arange(window, dtype=np.float64) * step, kernel, rows) for phase in {*phases}}
        known = min((each.shape[1] for each in made.values()), default=0)
        self._matrices = np.stack([made[phase][:, :known].reshape(2 * known, window) for phase in phases])
        """One that does for all pieces, or one for each; empty where the ratio leaves nothing outside."""

    def powers(self, samples: Floats, parts: int) -> Floats:
        """Of `samples` (size x n): mean squares on the grid and half a source sample off it (2 x pieces x `parts`)."""
        pieces = samples[self._first : self._last].reshape(-1, self._window, samples.shape[1])
        directions = self._matrices.shape[1] // 2
        if not directions:
            return np.zeros((2, len(pieces), parts), np.float32)
        told = np.matmul(self._matrices, pieces)
        sums = np.square(told, out=told).reshape(2 * len(pieces), directions, -1).sum(axis=1)
        means = sums.reshape(len(pieces), 2, parts, -1).sum(axis=3) / (directions * (samples.shape[1] // parts))
        return np.asarray(means.transpose(1, 0, 2))


def _both(at: Doubles, kernel: str, rows: int) -> Floats:
    """What tells in a piece of samples that lie at `at` among source samples, and then half a source sample off: 2 x at
    most `rows` x samples."""
    told = [_telling(*spread(place, kernel), rows) for place in (at, at + 0.5)]
    return np.stack([each[: min(map(len, told))] for each in told]).astype(np.float32)


def _telling(taps: NDArray[np.intp], weights: Doubles, wanted: int) -> Doubles:
    """Rows that are orthogonal to one another and to the range: those in which natural pictures have most."""
    rows, lowest = len(taps), taps.min()
    scale = np.zeros((rows, taps.max() + 1 - lowest))
    np.add.at(scale, (np.arange(rows)[:, None], taps - lowest), weights)
    scale = scale[:, np.abs(scale).max(axis=0) > USED]
    basis, _ = np.linalg.qr(scale, mode="complete")
    outside = basis[:, scale.shape[1] :]
    natural = CORRELATION ** np.abs(np.subtract.outer(np.arange(rows), np.arange(rows)))
    _, found = np.linalg.eigh(outside.T @ natural @ outside)
    return np.asarray((outside @ found[:, ::-1][:, :wanted]).T)
