"""How much better a picture's columns (or rows) fit the grid of a smaller size than the same grid half a sample off.

Of the most detailed columns is taken what scaling from each candidate cannot produce (`descale`). The control is the
same with the grid half a source sample off: as large, as smooth, and only in a picture that was scaled worse than the
right one. So a dip is `10 log10 (left off the grid / left on it)`, taken apart in places: pieces of 90 samples, each
in so many parts across; places are what is averaged and counted, so that one long edge or a caption proves nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from qoe_agent.maths.descale import Outside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Floats = NDArray[np.float32]

SAMPLES = 96
"""Columns (rows) looked at."""
APART, STRIPES = 4, 16
"""Every so manieth may be chosen; stripes of the picture, none of which gives more than twice its share."""
SECOND = np.asarray((1.0, -2.0, 1.0))
"""The second difference, which is detail."""
PARTS = 4
"""Across, in which a piece is looked at apart."""
ALIVE = 0.35
"""What must be left (code values, RMS) off the grid: below it is only rounding."""
FEWEST = 16
"""Places needed."""
MOST = 12.0
"""Decibels that one place may say."""
FIRST = "cubic60"
OTHERS = ("lanczos3", "cubic75", "linear")
"""Kernels: the first one screens, the others are tried on what it finds; splines show with Lanczos."""
SHOWN = 0.2
"""Decibels that are a dip."""
AGREE = 0.78
"""Part of the more detailed half of the places that must show it."""
EVEN = 0.75
"""Part of the mean dip that the most detailed places must show."""
ROUNDING = 0.02
"""Decibels by which any mean may be off."""
LEFT = 4.5
"""What may be left (code values, RMS) on the grid and be coding noise."""


class Dip(NamedTuple):
    """What one axis says of one candidate."""

    mean: float
    """Decibels, mean over the places."""
    error: float
    """Standard error of the mean."""
    part: float
    """Part of the more detailed half of the places that agree."""
    top: float
    """Decibels of the quarter of the places with the most detail."""
    left: float
    """What is left (code values, RMS) on the grid, in the tenth worst piece."""
    places: int

    @property
    def sound(self) -> bool:
        """Shown in most places that have detail, the more the more there is, and with nothing but coding noise left
        over. A window of scaled video on a native desktop is not, nor are doubled pixels, nor evenly spaced text."""
        return self.part >= AGREE and self.top >= self.mean * EVEN and self.left <= LEFT


NOTHING = Dip(0.0, 1.0, 0.0, 0.0, 0.0, 0)
"""Too few places have any detail."""


def columns(luma: Plane) -> Floats:
    """The most detailed columns, no more than a share from any sixteenth of the picture: samples x columns."""
    some = np.ascontiguousarray(luma[:, ::APART])
    second = cv2.sepFilter2D(some, cv2.CV_16S, np.ones(1), SECOND)[1:-1]
    detail = cv2.reduce(np.abs(second), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0]
    return np.take(luma, _detailed(detail) * APART, axis=1).astype(np.float32)


def rows(luma: Plane) -> Floats:
    """The most detailed rows, likewise: samples x rows."""
    some = np.ascontiguousarray(luma[::APART])
    second = cv2.sepFilter2D(some, cv2.CV_16S, SECOND, np.ones(1))[:, 1:-1]
    detail = cv2.reduce(np.abs(second), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[:, 0]
    return np.ascontiguousarray(luma[_detailed(detail) * APART].T, np.float32)


def _detailed(detail: NDArray[Any]) -> NDArray[np.intp]:
    """The numbers of those chosen, in order: as many as the parts can share."""
    stripe = np.arange(len(detail)) * STRIPES // len(detail)
    order = np.argsort(-detail, kind="stable")
    within = np.zeros(len(detail), np.intp)
    for one in range(STRIPES):
        mine = order[stripe[order] == one]
        within[mine] = np.arange(len(mine))
    chosen = order[within[order] < 2 * SAMPLES // STRIPES][:SAMPLES]
    return np.sort(chosen[: len(chosen) // PARTS * PARTS])


class Projected:
    """One axis against one candidate: what is left on and off the grid, with the kernel that fits best so far."""

    __slots__ = ("_lines", "_samples", "dip", "kernel", "level")

    def __init__(self, samples: Floats, lines: int) -> None:
        self._samples, self._lines = samples, lines
        self.dip = self._dip(FIRST)
        self.kernel = FIRST
        self.level = self.dip.left
        """What is left (RMS) in the tenth worst piece."""

    def refine(self) -> None:
        """With the other kernels."""
        for kernel in OTHERS:
            dip = self._dip(kernel)
            if dip.mean > self.dip.mean:
                self.dip, self.kernel = dip, kernel

    def _dip(self, kernel: str) -> Dip:
        on, off = space(len(self._samples), self._lines, kernel).powers(self._samples, PARTS)
        return compared(on, off)


@lru_cache(maxsize=192)
def space(size: int, lines: int, kernel: str) -> Outside:
    """Shared by all streams of a size, which need about 50; 6 kB each, 120 kB where the ratio does not repeat."""
    return Outside(size, lines, kernel)


def compared(on: Floats, off: Floats) -> Dip:
    """How much better the right grid explains the places (pieces x parts)."""
    worst = sorted(on.mean(axis=1).tolist())
    left = worst[len(worst) * 9 // 10] ** 0.5 if worst else 0.0
    alive = off > ALIVE**2
    off, on = off[alive], on[alive]
    count = len(off)
    if count < FEWEST:
        return NOTHING._replace(left=left)
    ratio = decibels(off, on)[np.argsort(-off)]
    mean = float(ratio.mean())
    error = (max(0.0, float(np.dot(ratio, ratio)) / count - mean**2) / (count - 1)) ** 0.5
    agree, top = np.mean(ratio[: -(-count // 2)] > SHOWN), ratio[: -(-count // 4)].mean()
    return Dip(mean, error + ROUNDING, float(agree), float(top), left, count)


def decibels(off: Floats, on: Floats) -> Floats:
    """A rounding error's power is added to both, so that what is empty says nothing."""
    return np.minimum(np.maximum(10.0 * np.log10((off + 1 / 12) / (on + 1 / 12)), -MOST), MOST)


def pooled(one: Dip, other: Dip) -> Dip:
    """Both axes as one."""
    places = one.places + other.places
    if not places:
        return one
    first, second = one.places / places, other.places / places
    error = ((first * one.error) ** 2 + (second * other.error) ** 2) ** 0.5
    mean, part, top = (
        first * a + second * b for a, b in ((one.mean, other.mean), (one.part, other.part), (one.top, other.top))
    )
    return Dip(mean, error, part, top, max(one.left, other.left), places)
