"""Flashes that may harm photosensitive viewers, and brightness that pumps.

ITU-R BT.1702 and WCAG 2 (success criterion 2.3.1) say: a flash is a pair of opposing changes of at least a tenth of
the highest luminance, where the darker state is below 0.80 of it; it counts where it takes a quarter of the screen;
more than three within a second are harmful. A saturated red flash counts from smaller changes of luminance on: here
it is a pair of opposing changes of redness (Cr). The picture is cut into cells; a cell swings when it has left its
last extreme by enough; swings of a quarter of all cells in one direction within 80 ms make a change, unless half as
many go the other way: so do the edges of what a camera passes, and cuts.

Pumping (mains light against the shutter, an iris that hunts, an encoder's quantiser) is a gain common to most cells:
the median over cells of the ratio from one picture to the next. A camera that pans brightens some cells and darkens
others, and a cut spreads the ratios widely: it is left out.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.view import TINY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

    Cells = NDArray[np.float32]
    Marks = NDArray[np.bool_]

SWING, DARKER = 0.10, 0.80
"""A general flash: the least change, and below what its darker state is; shares of the highest luminance."""
REDDER, RED = 0.40, 0.60
"""A red flash: the least change of redness, and what its redder state reaches; 1 is pure red."""
AREA = 0.25
"""Share of the screen."""
AGAINST = 0.5
"""As many others as may swing the other way at the same time, by those that swing this way."""
TOGETHER = 0.08
"""Seconds within which cells swing together."""
PAIR = 0.5
"""Seconds within which the opposing change follows."""
GAMMA = 2.2
"""Of the display that is assumed."""
FAINT = 0.02
"""Luminance below which a cell's ratio says nothing."""
SPREAD = 0.12
"""Spread of log ratios (the middle half) above which the picture changed by more than its brightness."""
PUMPING = 3.0
"""Seconds over which pumping is measured."""
TREND = 1.0
"""Seconds over which brightness may change slowly."""
MANY = 240
"""Pictures whose gain may wait."""
REDNESS = ((np.arange(256) - 128) / 112).astype(np.float32)
"""By code of Cr."""
GRAY = np.zeros(TINY[0] * TINY[1], np.float32)
"""The redness of a picture without chroma."""


class Kind(NamedTuple):
    """What makes a change of a cell count."""

    step: float
    below: float
    """Its lower state must be below."""
    reaching: float
    """Its upper state must be so much."""


KINDS = Kind(SWING, DARKER, -np.inf), Kind(REDDER, np.inf, RED)


class Swings:
    """Cells that go up and down, and the pairs that they make; all kinds in one table, because they are so small."""

    __slots__ = ("_at", "_below", "_both", "_cells", "_free", "_from", "_reaching", "_sense", "_since", "_steps")

    def __init__(self, cells: int, kinds: Sequence[Kind]) -> None:
        """`cells` of each kind."""
        self._cells = cells
        self._steps, self._below, self._reaching = np.repeat(np.array(kinds, np.float32), cells, axis=0).T.copy()
        shape = 2, cells * len(kinds)
        self._both = np.zeros(shape, np.float32)
        """The levels, and the same negated: what rises in a row has gone up, or down."""
        self._from = np.full(shape, np.inf, np.float32)
        """The least of either since the cell swung the other way."""
        self._free = np.ones(shape, np.bool_)
        """Whether the cell's next swing may be up, or down: not the way of its last one."""
        self._at = np.full(shape, -np.inf)
        """When it last swung up, or down, unless that is counted."""
        self._sense = np.full(shape[1], -1, np.int8)
        """The way (0: up, 1: down) of its last counted change that waits for the opposing one."""
        self._since = np.full(shape[1], -np.inf)

    def see(self, levels: Sequence[Cells], pts: float) -> list[float | None]:
        """Take the levels of each kind; when the flash of the kind that is now complete began, if one is."""
        both, ends = self._both, self._from
        np.concatenate(levels, out=both[0])
        np.negative(both[0], out=both[1])
        np.minimum(ends, both, out=ends)
        far = both - ends >= self._steps
        found: list[float | None] = [None] * len(levels)
        if not far.any():
            return found
        swings = far & self._free
        np.copyto(ends, both, where=far > swings)  # on the way of its last swing: matters again when it turned
        swings[0] &= (ends[0] < self._below) & (both[0] >= self._reaching)
        swings[1] &= (both[0] < self._below) & (ends[1] <= -self._reaching)
        if not swings.any():
            return found
        either = swings[0] | swings[1]
        np.copyto(self._free[0], swings[1], where=either)
        np.copyto(self._free[1], swings[0] > swings[1], where=either)
        np.copyto(ends, both, where=swings[::-1])
        np.copyto(self._at, pts, where=swings)
        together = (self._at >= pts - TOGETHER).reshape(2, len(levels), self._cells).sum(axis=2).tolist()
        for kind in range(len(levels)):
            cells = slice(kind * self._cells, (kind + 1) * self._cells)
            for way in (0, 1):
                if together[way][kind] >= AREA * self._cells and swings[way, cells].any():
                    began = self._changed(cells, way, pts)
                    found[kind] = min((each for each in (found[kind], began) if each is not None), default=None)
        return found

    def _changed(self, cells: slice, way: int, pts: float) -> float | None:
        """Enough cells of a kind swung that way: whether they make a change, and that a flash."""
        at, since, sense = self._at[:, cells], self._since[cells], self._sense[cells]
        moved = at[way] >= pts - TOGETHER
        if np.count_nonzero((at[1 - way] >= pts - TOGETHER) & ~moved) > AGAINST * np.count_nonzero(moved):
            return None
        at[way][moved] = -np.inf
        opposing = moved & (sense == 1 - way) & (since >= pts - PAIR)
        if np.count_nonzero(opposing) >= AREA * self._cells:
            began = float(median(since[opposing].tolist()))
            sense[moved] = -1
            return began
        sense[moved], since[moved] = way, pts
        return None


class Flicker(NamedTuple):
    """What one picture added."""

    flash: float | None
    """Seconds since the flash began that this picture completes."""
    red: float | None
    """The same of a red one."""
    pumping: float | None
    """How much brightness pumps of late: the median distance of its gain from the trend, 0.01 is 1 %. Of a sine that is
    its root mean square; a single step, as between two slides, is none."""


class Flashes:
    """Follows pictures that follow one another."""

    __slots__ = ("_pumping", "_swings")

    def __init__(self) -> None:
        self._swings = Swings(TINY[0] * TINY[1], KINDS)
        self._pumping = Pumping()

    def see(self, view: View, pts: float) -> Flicker:
        """Take the next picture."""
        codes, planes = view.tiny.ravel(), view.chroma
        red = GRAY if planes is None else REDNESS.take(_sampled(planes[1]))
        began = self._swings.see((_curve(view.black, view.white).take(codes), red), pts)
        flash, reddened = (None if each is None else pts - each for each in began)
        return Flicker(flash, reddened, self._pumping.see(codes, _curve(view.black, view.white), pts))


class Pumping:
    """Follows the gain that most cells have in common. It is asked for once a second, so it is added up as seldom."""

    __slots__ = ("_gains", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[float, NDArray[np.uint8]]] = []
        """Pictures whose gain over the one before is not known yet, after the last one of which it is."""
        self._gains: deque[tuple[float, float]] = deque()
        """Logs of the gain over the first picture."""

    def see(self, codes: NDArray[np.uint8], curve: Cells, pts: float) -> float | None:
        """Take the cells of the next picture; once in a second of media, how much brightness pumps."""
        self._waiting.append((pts, codes))
        if len(self._waiting) == 1:
            self._gains.append((pts, 0.0))
            return None
        second = int(pts) != int(self._waiting[-2][0])
        if second or len(self._waiting) > MANY:
            self._add(curve)
        return self._said() if second and pts - self._gains[0][0] >= PUMPING else None

    def _add(self, curve: Cells) -> None:
        """Add the gains of the pictures that wait."""
        codes = np.stack([codes for _, codes in self._waiting])
        levels = curve.take(codes)
        bright, logs = levels > FAINT, np.log(np.maximum(levels, np.float32(FAINT)))
        known = bright[1:] & bright[:-1]
        ratios = np.where(known, logs[1:] - logs[:-1], np.float32(1e9))
        ratios.sort(axis=1)
        counts = known.sum(axis=1)
        low, middle, high = np.take_along_axis(ratios, counts[:, None] * np.array((1, 2, 3)) // 4, axis=1).T
        common = (counts >= AREA * codes.shape[1]) & (high - low <= SPREAD + 0.5 * np.abs(middle))
        gains = self._gains[-1][1] + np.cumsum(np.where(common, middle, 0.0))
        self._gains += zip([pts for pts, _ in self._waiting[1:]], gains.tolist(), strict=True)
        del self._waiting[:-1]
        while self._gains[0][0] < self._gains[-1][0] - PUMPING - TREND or len(self._gains) > 1000:
            self._gains.popleft()

    def _said(self) -> float | None:
        """The gain's deviation from its mean over a second."""
        times, gains = np.array(self._gains).T
        width = max(1, round(TREND * (len(times) - 1) / (times[-1] - times[0])) | 1)
        if len(gains) <= width:
            return None
        trend = np.convolve(gains, np.ones(width) / width, "valid")
        off = gains[width // 2 : width // 2 + len(trend)] - trend
        return float(median(np.abs(off).tolist())) / GAMMA


@lru_cache(maxsize=4)
def _curve(black: int, white: int) -> Cells:
    """Luminance by code."""
    place = (np.arange(256, dtype=np.float32) - black) / (white - black)
    return np.asarray(np.clip(place, 0.0, 1.0) ** GAMMA, np.float32)


def _sampled(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What lies in the middle of each cell."""
    down, across = plane.shape[0] // TINY[1], plane.shape[1] // TINY[0]
    if plane.shape == (down * TINY[1], across * TINY[0]):
        return plane[down // 2 :: down, across // 2 :: across].ravel()
    rows, columns = _middles(plane.shape)
    return plane[rows, columns].ravel()


@lru_cache(maxsize=16)
def _middles(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the middles of cells that are no whole number of pixels."""
    rows, columns = ((np.arange(n) + 0.5) / n * side for n, side in zip(TINY[::-1], shape, strict=True))
    return rows.astype(np.intp)[:, None], columns.astype(np.intp)
