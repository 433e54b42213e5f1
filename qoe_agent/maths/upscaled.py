"""One picture's evidence on its true resolution: the height it was scaled from, and how fine its detail is.

The most detailed columns and rows are projected onto what scaling from each candidate can produce (`descale`). The
control is the same space with its grid half a source sample off: as large, as smooth, and only in a picture that was
scaled worse than the right one. So a dip is `10 log10 (residual off the grid / residual on it)`, taken apart in bands
of 30 samples; bands are what is averaged and counted, so that one long edge or a caption proves nothing.

Block transforms leave a grid of their own: a native picture whose 8x8 blocks lost their upper quarter (or half) looks
a little as if it came from 3/4 (1/2) of its lines. These two ratios need more (measured: see the thresholds).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.descale import Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Floats = NDArray[np.float32]

HEIGHTS = (2160, 1440, 1080, 900, 864, 810, 720, 576, 540, 480, 432, 360, 288, 270, 240)
"""Heights that video is made in."""
WIDTHS = (3200, 2880, 2560, 1920, 1440, 1280, 1024, 960, 854, 720, 640)
"""Widths that are scaled to fill a wider frame of the same height (1440 x 1080, 720 x 576)."""
HIGHEST, LOWEST = 0.9, 0.25
"""Candidates as parts of the coded size: nearer to 1 nothing shows, further away there is too little left."""
SAMPLES = 96
"""Columns (rows) looked at."""
BAND = 30
"""Samples of a band."""
ALIVE = 0.35
"""Residual (code values, RMS) below which a band is only rounding."""
FINE = 1.8
"""Residual (code values, RMS) in the tenth most detailed band that is detail, not coding noise."""
FEWEST = 8
"""Bands needed."""
MOST = 12.0
"""Decibels that one band may say."""
FIRST = "cubic60"
OTHERS = ("lanczos3", "cubic75", "linear")
"""Kernels: the first one screens, the others are tried on what it finds. Splines show with Lanczos, areas as linear."""


class Dip(NamedTuple):
    """What one axis says of one candidate."""

    mean: float
    """Decibels, mean over the bands."""
    error: float
    """Standard error of the mean."""
    part: float
    """Part of the bands that agree."""
    bands: int


NOTHING = Dip(0.0, 1.0, 0.0, 0)
"""Too few bands have any detail."""


class Suspect(NamedTuple):
    """A size that a picture may have been scaled from."""

    width: int
    height: int
    decibels: float
    sigmas: float
    """Mean over standard error."""
    kernel: str
    need: float
    """Decibels from which such a dip is proof."""

    @property
    def likely(self) -> bool:
        """Worth a closer look."""
        return self.decibels >= 0.5 * self.need and self.sigmas >= 3.0


@dataclass(slots=True)
class Inspection:
    """A picture's sample under inspection. `work` does one projection (about 1 ms at 1080p) at a time."""

    height: int
    width: int
    _columns: Plane
    _rows: Plane
    suspects: tuple[Suspect, ...] = ()
    """The best first; set when the work is done."""
    detail: int = 0
    """Lines that suffice to redraw it all but for coding noise; the coded height where none suffice."""
    empty: bool = True
    """There is too little in it to say anything."""

    @classmethod
    def of(cls, luma: Plane) -> Inspection:
        height, width = luma.shape
        return cls(height, width, sampled(luma), sampled(luma.T))

    def work(self) -> Iterator[None]:
        """Everything, a projection at a time."""
        tall = {h: Projected(self._columns, h) for h in candidates(self.height, HEIGHTS)}
        yield from _all(tall)
        self.detail = min((h for h, one in tall.items() if one.level() <= FINE), default=self.height)
        wide = {w: Projected(self._rows, w) for w in candidates(self.width, WIDTHS)}
        best = sorted(tall, key=lambda h: -tall[h].dip().mean / need(h, self.height))[:3]
        for lines in best:
            across = self._across(lines)
            wide.setdefault(across, Projected(self._rows, across))
        yield from _all(wide)
        self.empty = not any(one.dip().bands for one in [*tall.values(), *wide.values()])
        for suspect in self._judge(tall, wide)[:2]:
            yield from tall[suspect.height].refine() if suspect.height in tall else ()
            yield from wide[suspect.width].refine() if suspect.width in wide else ()
        self.suspects = tuple(self._judge(tall, wide)[:2])

    def _across(self, lines: int) -> int:
        exact = lines * self.width / self.height
        return round(exact) if abs(exact - round(exact)) < 0.01 else 2 * round(exact / 2)

    def _judge(self, tall: dict[int, Projected], wide: dict[int, Projected]) -> list[Suspect]:
        """Whatever reaches half of what it needs, the best first."""
        same, rows, columns = [], [], []
        for lines, one in tall.items():
            across, down, least = self._across(lines), one.dip(), need(lines, self.height)
            if across in wide and alike(down, wide[across].dip(), least):
                same.append(_suspect(across, lines, pooled(down, wide[across].dip()), one.kernel, least))
            rows.append(_suspect(self.width, lines, down, one.kernel, ALONE * least))
        for across, one in wide.items():
            # what block transforms do they do both ways, so that the other way is the measure
            least, beside = need(across, self.width), tall.get(round(self.height * across / self.width))
            dip = one.dip()
            if least > ORDINARY and beside is not None:
                dip, least = dip._replace(mean=dip.mean - max(0.0, beside.dip().mean)), BESIDE / ALONE
            columns.append(_suspect(across, self.height, dip, one.kernel, ALONE * least))
        same = [s for s in without_echoes(same, self.height) if s.likely]
        known = {size for s in same for size in (s.width, s.height)}
        alone = [s for s in without_echoes(rows, self.height) if s.likely and s.height not in known]
        alone += [s for s in columns if s.likely and s.width not in known]
        return sorted([*same, *alone], key=lambda s: -s.decibels / s.need)


ORDINARY, HALF, THREE_QUARTERS = 0.7, 2.0, 4.8
"""Decibels that prove a ratio, on both axes together."""
BESIDE = 2.8
"""Decibels by which a half or three quarters of the columns must exceed the same of the rows."""
ALONE = 2.0
"""By so much more must one axis alone show."""
BOTH = 0.3
"""Part of what is needed that each axis must show where both should."""


WIDER = 1.4
"""Three quarters of the columns that show so much more than those of the rows are 1440 x 1080."""


def need(lines: int, size: int) -> float:
    """Decibels that prove that `size` samples come from `lines`."""
    eighths = 8 * lines / size
    if abs(eighths - 6) < 0.02:
        return THREE_QUARTERS
    return HALF if abs(eighths - round(eighths)) < 0.02 else ORDINARY


def alike(down: Dip, across: Dip, least: float) -> bool:
    """Whether both axes may have been scaled by the same ratio."""
    if least == THREE_QUARTERS and across.mean > WIDER * down.mean:
        return False
    return min(down.mean, across.mean) > BOTH * least


def candidates(size: int, known: tuple[int, ...]) -> list[int]:
    return [lines for lines in known if LOWEST * size <= lines <= HIGHEST * size]


def sampled(plane: Plane) -> Plane:
    """The most detailed columns, no more than a share from any sixteenth of the picture."""
    some = plane[:, ::4].astype(np.int16)
    detail = np.abs(some[2:] - 2 * some[1:-1] + some[:-2]).sum(axis=0, dtype=np.int64)
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

    __slots__ = ("_dip", "_level", "_lines", "_samples", "kernel")

    def __init__(self, samples: Plane, lines: int) -> None:
        self._samples, self._lines = samples, lines
        self._dip = NOTHING
        self._level = 0.0
        self.kernel = FIRST

    def dip(self) -> Dip:
        return self._dip

    def level(self) -> float:
        """Residual (RMS) of the tenth most detailed band."""
        return self._level

    def screen(self) -> Iterator[None]:
        on = self._residual(FIRST, 0.0)
        self._level = float(np.sqrt(np.quantile(on, 0.9)))
        yield
        self._dip = compared(on, self._residual(FIRST, 0.5))
        yield

    def refine(self) -> Iterator[None]:
        for kernel in OTHERS:
            on = self._residual(kernel, 0.0)
            yield
            dip = compared(on, self._residual(kernel, 0.5))
            yield
            if dip.mean > self._dip.mean:
                self._dip, self.kernel = dip, kernel

    def _residual(self, kernel: str, shift: float) -> Floats:
        """Mean square by band."""
        size = len(self._samples)
        left = space(size, self._lines, kernel, shift).residual(self._samples.astype(np.float32))
        whole = size // BAND * BAND
        return np.asarray(np.square(left[:whole]).reshape(-1, BAND * left.shape[1]).mean(axis=1))


@lru_cache(maxsize=96)
def space(size: int, lines: int, kernel: str, shift: float) -> Range:
    """Shared by all streams of a size; 0.1 to 0.4 MB each."""
    return Range(size, lines, kernel, shift)


def compared(on: Floats, off: Floats) -> Dip:
    """How much better the right grid explains the bands."""
    alive = off > ALIVE**2
    if np.count_nonzero(alive) < FEWEST:
        return NOTHING
    # a rounding error's power on both sides, so that empty bands say nothing
    ratio = 10.0 * np.log10((off[alive] + 1 / 12) / (on[alive] + 1 / 12))
    ratio = np.clip(ratio, -MOST, MOST)
    error = float(ratio.std(ddof=1)) / len(ratio) ** 0.5
    return Dip(float(ratio.mean()), error + 0.02, float(np.mean(ratio > 0.2)), len(ratio))


def pooled(one: Dip, other: Dip) -> Dip:
    """Both axes as one."""
    bands = one.bands + other.bands
    if not bands:
        return one
    first, second = one.bands / bands, other.bands / bands
    error = ((first * one.error) ** 2 + (second * other.error) ** 2) ** 0.5
    part = first * one.part + second * other.part
    return Dip(first * one.mean + second * other.mean, error, part, bands)


def _all(projections: dict[int, Projected]) -> Iterator[None]:
    for one in projections.values():
        yield from one.screen()


ECHO = 2.5
"""By so much does three quarters show more than a half where it is the truth."""
AGREE = 0.7
"""Part of the bands that must show it: a window of scaled video on a native desktop is no scaled picture."""


def _suspect(width: int, height: int, dip: Dip, kernel: str, least: float) -> Suspect:
    decibels = dip.mean if dip.part >= AGREE else 0.0
    return Suspect(width, height, decibels, dip.mean / dip.error, kernel, least)


def without_echoes(found: list[Suspect], height: int) -> list[Suspect]:
    """Either 1/2 or 3/4: a picture scaled from one shows the other too, by its blocks."""
    half, more = (
        max((s.decibels for s in found if abs(s.height / height - r) < 0.01), default=0.0) for r in (0.5, 0.75)
    )
    echo = 0.75 if more <= ECHO * half else 0.5
    return [s for s in found if abs(s.height / height - echo) > 0.01]
