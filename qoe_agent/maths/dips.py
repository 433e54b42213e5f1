"""How much better a picture's columns (or rows) fit the grid of a smaller size than the same grid half a sample off.

The most detailed columns are projected onto what scaling from each candidate can produce (`descale`). The control is
the same space with its grid half a source sample off: as large, as smooth, and only in a picture that was scaled
worse than the right one. So a dip is `10 log10 (residual off the grid / residual on it)`, taken apart in bands of 30
samples; bands are what is averaged and counted, so that one long edge or a caption proves nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from qoe_agent.maths.descale import Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Floats = NDArray[np.float32]

SAMPLES = 96
"""Columns (rows) looked at."""
BAND, PARTS = 30, 4
"""Samples of a band; parts across, in which it is looked at apart."""
ALIVE = 0.35
"""Residual (code values, RMS) below which a band is only rounding."""
FEWEST = 8
"""Bands needed."""
MOST = 12.0
"""Decibels that one band may say."""
FIRST = "cubic60"
OTHERS = ("lanczos3", "cubic75", "linear")
"""Kernels: the first one screens, the others are tried on what it finds; splines show with Lanczos."""
SHOWN = 0.2
"""Decibels that are a dip."""
AGREE = 0.78
"""Part of the places that must show it."""
EVEN = 0.75
"""Part of the mean dip that the most detailed bands must show."""
LEFT = 3.0
"""Residual (code values, RMS) that may be coding noise."""


class Dip(NamedTuple):
    """What one axis says of one candidate."""

    mean: float
    """Decibels, mean over the bands."""
    error: float
    """Standard error of the mean."""
    part: float
    """Part of the places that agree."""
    top: float
    """Decibels of the quarter of the bands with the most detail."""
    left: float
    """Residual (code values, RMS) on the grid, of the tenth worst band."""
    bands: int

    @property
    def sound(self) -> bool:
        """Shown in most places, the more the more detail there is, and with nothing but coding noise left over. A
        window of scaled video on a native desktop is not, nor are doubled pixels, nor is evenly spaced text."""
        return self.part >= AGREE and self.top >= self.mean * EVEN and self.left <= LEFT


NOTHING = Dip(0.0, 1.0, 0.0, 0.0, 0.0, 0)
"""Too few bands have any detail."""


def sampled(plane: Plane) -> Plane:
    """The most detailed columns, no more than a share from any sixteenth of the picture."""
    some = np.ascontiguousarray(plane[:, ::4])
    second = cv2.sepFilter2D(some, cv2.CV_16S, np.ones(1), np.asarray((1.0, -2.0, 1.0)))[1:-1]
    detail = cv2.reduce(np.abs(second), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0]
    stripe = np.arange(len(detail)) * 16 // len(detail)
    order = np.argsort(-detail, kind="stable")
    within = np.zeros(len(detail), np.intp)
    for one in range(16):
        mine = order[stripe[order] == one]
        within[mine] = np.arange(len(mine))
    chosen = order[within[order] < SAMPLES // 8][:SAMPLES]
    return np.ascontiguousarray(plane[:, np.sort(chosen) * 4])


class Projected:
    """One axis against one candidate: residuals by band, on and off the grid, with the kernel that fits best so far."""

    __slots__ = ("_lines", "_samples", "dip", "kernel", "level")

    def __init__(self, samples: Plane, lines: int) -> None:
        self._samples, self._lines = samples, lines
        self.dip = NOTHING
        self.level = 0.0
        """Residual (RMS) of the tenth most detailed band."""
        self.kernel = FIRST

    def screen(self) -> Iterator[None]:
        on = self._residual(FIRST, 0.0)
        self.level = float(np.sqrt(np.quantile(on.mean(axis=1), 0.9)))
        yield
        self.dip = compared(on, self._residual(FIRST, 0.5))
        yield

    def refine(self) -> Iterator[None]:
        for kernel in OTHERS:
            on = self._residual(kernel, 0.0)
            yield
            dip = compared(on, self._residual(kernel, 0.5))
            yield
            if dip.mean > self.dip.mean:
                self.dip, self.kernel = dip, kernel

    def _residual(self, kernel: str, shift: float) -> Floats:
        """Mean square by band and part of the picture."""
        size = len(self._samples)
        left = space(size, self._lines, kernel, shift).residual(self._samples.astype(np.float32))
        whole, wide = size // BAND * BAND, left.shape[1] // PARTS * PARTS
        powers = np.square(left, out=left)[:whole, :wide].reshape(-1, BAND, wide).mean(axis=1)
        return np.asarray(powers.reshape(-1, PARTS, wide // PARTS).mean(axis=2))


@lru_cache(maxsize=192)
def space(size: int, lines: int, kernel: str, shift: float) -> Range:
    """Shared by all streams of a size, which need about 70; 0.2 MB each at 1080p."""
    return Range(size, lines, kernel, shift)


def compared(on: Floats, off: Floats) -> Dip:
    """How much better the right grid explains the bands (rows), and in what part of their parts (columns)."""
    alive = off.mean(axis=1) > ALIVE**2
    if np.count_nonzero(alive) < FEWEST:
        return NOTHING
    ratio = decibels(off[alive].mean(axis=1), on[alive].mean(axis=1))
    error = float(ratio.std(ddof=1)) / len(ratio) ** 0.5
    local = decibels(off, on)[off > ALIVE**2]
    most = np.argsort(-off[alive].mean(axis=1))[: -(-len(ratio) // 4)]
    left = float(np.sqrt(np.quantile(on.mean(axis=1), 0.9)))
    agree = float(np.mean(local > SHOWN))
    return Dip(float(ratio.mean()), error + 0.02, agree, float(ratio[most].mean()), left, len(ratio))


def decibels(off: Floats, on: Floats) -> Floats:
    """A rounding error's power is added to both, so that what is empty says nothing."""
    return np.asarray(np.clip(10.0 * np.log10((off + 1 / 12) / (on + 1 / 12)), -MOST, MOST), np.float32)


def pooled(one: Dip, other: Dip) -> Dip:
    """Both axes as one."""
    bands = one.bands + other.bands
    if not bands:
        return one
    first, second = one.bands / bands, other.bands / bands
    error = ((first * one.error) ** 2 + (second * other.error) ** 2) ** 0.5
    mean, part, top = (
        first * a + second * b for a, b in ((one.mean, other.mean), (one.part, other.part), (one.top, other.top))
    )
    return Dip(mean, error, part, top, max(one.left, other.left), bands)
