"""One picture's evidence on its true resolution: the height it was scaled from, and how fine its detail is.

Columns and rows are compared with every height and width that video is made in (`dips`). Both must show the same
ratio, or one alone must show it more clearly.

Block transforms leave a grid of their own: a native picture whose 8x8 blocks lost their upper quarter (or half) looks
a little as if it came from 3/4 (1/2) of its lines. These two ratios need more (measured: see the thresholds).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.dips import Projected, columns, pooled, rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.dips import Dip, Floats

    Plane = NDArray[np.uint8]

HEIGHTS = (2160, 1440, 1080, 900, 864, 810, 720, 576, 540, 480, 432, 360, 288, 270, 240)
"""Heights that video is made in."""
WIDTHS = (3200, 2880, 2560, 1920, 1440, 1280, 1024, 960, 854, 720, 640)
"""Widths that are scaled to fill a wider frame of the same height (1440 x 1080, 720 x 576)."""
HIGHEST, LOWEST = 0.9, 0.25
"""Candidates as parts of the coded size: nearer to 1 nothing shows, further away there is too little left."""
FINE = 3.5
"""What is left (code values, RMS) in the tenth most detailed piece that is detail, not coding noise."""
ORDINARY, HALF, HALF_COARSELY = 1.1, 2.3, 3.2
THREE_QUARTERS, THREE_QUARTERS_FINELY = 5.0, 4.2
"""Decibels that prove a ratio, on both axes together."""
CLEARER, FAINT, CLEAREST = 0.06, 18.0, 1.7
"""The less coding took away, the deeper is the dip of what was scaled: an ordinary ratio needs so many decibels more
for every step of the mean quantiser below the second, up to the third (native pictures showed up to 1.3 dB at 3, 1.1
at 25; scaled ones at least 2.7 at 3, 1.9 at 10, 1.3 at 16)."""
FINELY, MIDDLING, COARSE = 20.0, 26.0, 30.0
"""Mean quantisers: up to the first blocks keep most of their detail; from the second on they lose so much that three
quarters prove nothing (native pictures showed up to 3.2 dB at 20, 4.9 at 28, 7.2 at 29), from the third on halves
need more."""
NEVER = 99.0
"""More than a picture can show."""
BESIDE = 5.0
"""Decibels by which a half or three quarters of the columns must exceed the same of the rows (native ones, soft in one
direction, by up to 4.0)."""
ALONE = 2.0
"""By so much more must one axis alone show."""
BOTH, BOTH_EVENLY = 0.3, 0.75
"""Part of what is needed that each axis must show where both should; of halves, as a coder's blocks make one of what is
soft in one direction (native pictures showed up to 4.5 dB on one axis and 1.6 on the other)."""
LOPSIDED = 0.12
"""Part of what the one axis shows that the other must show, too."""
WIDER = 1.4
"""Three quarters of the columns that show so much more than those of the rows are 1440 x 1080."""
ECHO = 2.0
"""By so much does three quarters show more than a half where it is the truth."""
ECHOED = 0.4
"""Part of what half of the lines show that all of them must show, to be the truth of which the half is an echo."""
SURE, ALONE_SURE = 3.0, 8.0
"""Means over standard errors needed: of both axes, of one alone."""


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
        return self.decibels >= 0.5 * self.need

    @property
    def evidence(self) -> float:
        """Decibels in units of what proves it."""
        return self.decibels / self.need

    @property
    def excess(self) -> float:
        """Decibels beyond what proves it: the more, the better does it explain the picture."""
        return self.decibels - self.need


@dataclass(slots=True)
class Inspection:
    """What a picture's sample says."""

    height: int
    width: int
    qp: float | None
    """Mean quantiser, where known."""
    suspects: tuple[Suspect, ...] = ()
    """The best first."""
    detail: int = 0
    """Lines that suffice to redraw it all but for coding noise; the coded height where none suffice."""
    empty: bool = True
    """There is too little in it to say anything."""
    _more: dict[int, Projected] = field(default_factory=dict)
    """Lines that are no candidates, for comparison."""

    @classmethod
    def of(cls, luma: Plane, qp: float | None = None) -> Inspection:
        """About 4 ms at 1080p, once the matrices are made."""
        height, width = luma.shape
        one = cls(height, width, qp)
        one._inspect(columns(luma), rows(luma))
        return one

    def _inspect(self, down: Floats, along: Floats) -> None:
        tall = {h: Projected(down, h) for h in candidates(self.height, HEIGHTS)}
        self.detail = min((h for h, one in tall.items() if one.level <= FINE), default=self.height)
        wide = {w: Projected(along, w) for w in candidates(self.width, WIDTHS)}
        best = sorted(tall, key=lambda h: -tall[h].dip.mean / need(h, self.height, self.qp))[:3]
        for across in map(self._across, best):
            if across not in wide:
                wide[across] = Projected(along, across)
        for across, one in wide.items():
            # where the columns seem to come from a half or three quarters, the same of the rows is needed beside it
            lines = round(self.height * across / self.width)
            if lines not in tall and blockwise(across, self.width) and one.dip.mean >= 0.5 * BESIDE:
                self._more[lines] = Projected(down, lines)
        self.empty = not any(one.dip.places for one in [*tall.values(), *wide.values()])
        for suspect in self._judge(tall, wide, sound=False)[:2]:
            for axis, size in ((tall, suspect.height), (wide, suspect.width)):
                if size in axis:
                    axis[size].refine()
        self.suspects = tuple(self._judge(tall, wide)[:2])

    def _across(self, lines: int) -> int:
        exact = lines * self.width / self.height
        return round(exact) if abs(exact - round(exact)) < 0.01 else 2 * round(exact / 2)

    def _judge(self, tall: dict[int, Projected], wide: dict[int, Projected], sound: bool = True) -> list[Suspect]:
        """Whatever reaches half of what it needs, the best first; `sound`: and is no other thing."""
        same, rows, columns = [], [], []
        for lines, one in first_of(tall).items():
            across, down, least = self._across(lines), one.dip, need(lines, self.height, self.qp)
            if across in wide and alike(down, wide[across].dip, least):
                same.append(_suspect(across, lines, pooled(down, wide[across].dip), one.kernel, least, sound and SURE))
            known = across in wide and wide[across].dip.places
            width = self.width if known else across  # rows without detail do not speak against it
            rows.append(_suspect(width, lines, down, one.kernel, ALONE * least, sound and ALONE_SURE))
        for across, one in first_of(wide).items():
            # what block transforms do they do both ways, so that the other way is the measure
            least = need(across, self.width, self.qp)
            lines = round(self.height * across / self.width)
            beside = (tall | self._more).get(lines)
            dip, known = one.dip, beside is None or beside.dip.places  # as above, the other way
            if blockwise(across, self.width) and beside is not None:
                dip = dip._replace(mean=dip.mean - max(0.0, beside.dip.mean))
                least = NEVER if least == NEVER else BESIDE / ALONE
            height = self.height if known else lines
            columns.append(_suspect(across, height, dip, one.kernel, ALONE * least, sound and ALONE_SURE))
        same = [s for s in without_echoes(same, self.height) if s.likely]
        told = {size for s in same for size in (s.width, s.height)}
        if any(2 * s.height == self.height for s in same):
            told.add(3 * self.width // 4)
        alone = [s for s in without_echoes(rows, self.height) if s.likely and s.height not in told]
        alone += [s for s in columns if s.likely and s.width not in told]
        return sorted([*same, *alone], key=lambda s: -s.excess)


def need(lines: int, size: int, qp: float | None = None) -> float:
    """Decibels that prove that `size` samples come from `lines`, coded with a mean quantiser (H.264's scale)."""
    eighths = blockwise(lines, size)
    if not eighths:
        return ORDINARY if qp is None else min(CLEAREST, ORDINARY + CLEARER * max(0.0, FAINT - qp))
    if eighths != 6:
        return HALF if qp is not None and qp <= COARSE else HALF_COARSELY
    if qp is None or qp > MIDDLING:
        return NEVER
    return THREE_QUARTERS if qp > FINELY else THREE_QUARTERS_FINELY


def blockwise(lines: int, size: int) -> int:
    """How many of eight frequencies blocks would keep to look as if they came from `lines`; 0: none would."""
    eighths = 8 * lines / size
    return round(eighths) if abs(eighths - round(eighths)) < 0.02 else 0


def alike(down: Dip, across: Dip, least: float) -> bool:
    """Whether both axes may have been scaled by the same ratio."""
    if least >= THREE_QUARTERS_FINELY and across.mean > WIDER * down.mean:
        return False
    less, more = sorted((down.mean, across.mean))
    part = BOTH_EVENLY if HALF <= least < THREE_QUARTERS_FINELY else BOTH
    return less > max(part * least, LOPSIDED * more)


def candidates(size: int, known: tuple[int, ...]) -> list[int]:
    return [lines for lines in known if LOWEST * size <= lines <= HIGHEST * size]


def first_of(projections: dict[int, Projected]) -> dict[int, Projected]:
    """Without halves: what was scaled from 720 lines shows a little at 360 too; what was from 360, not at 720."""
    return {n: one for n, one in projections.items() if not _shows(projections.get(2 * n), one)}


def _shows(double: Projected | None, one: Projected) -> bool:
    return double is not None and double.dip.mean > ECHOED * one.dip.mean


def _suspect(width: int, height: int, dip: Dip, kernel: str, least: float, sure: float | bool) -> Suspect:
    """`sure`: standard errors that the mean must be from zero; without, it need not be sound either."""
    sigmas = dip.mean / dip.error
    shown = not sure or (dip.sound and sigmas >= sure)
    return Suspect(width, height, dip.mean if shown else 0.0, sigmas, kernel, least)


def without_echoes(found: list[Suspect], height: int) -> list[Suspect]:
    """Either 1/2 or 3/4: a picture scaled from one shows the other too, by its blocks."""
    half, more = (
        max((s.decibels for s in found if abs(s.height / height - r) < 0.01), default=0.0) for r in (0.5, 0.75)
    )
    echo = 0.75 if more <= ECHO * half else 0.5
    return [s for s in found if abs(s.height / height - echo) > 0.01]
