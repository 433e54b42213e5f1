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
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

    Cells = NDArray[np.float32]
    Marks = NDArray[np.bool_]

GRID = (32, 18)
"""Cells across and down."""
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


class Swings:
    """Cells that go up and down, and the pairs that they make."""

    __slots__ = ("_at", "_from", "_high", "_low", "_rose", "_sense", "_since", "_step", "_turned")

    def __init__(self, cells: int, step: float) -> None:
        self._step = step
        self._low = np.full(cells, np.inf, np.float32)
        self._high = np.full(cells, -np.inf, np.float32)
        self._turned = np.zeros(cells, np.int8)
        """Which way a cell last swung."""
        self._at = {way: np.full(cells, -np.inf) for way in (1, -1)}
        """When it last swung that way, unless that is counted."""
        self._sense = np.zeros(cells, np.int8)
        """The way of its last counted change that waits for the opposing one."""
        self._since = np.full(cells, -np.inf)

    def see(self, level: Cells, may_rise: Marks, may_fall: Marks, pts: float) -> float | None:
        """Take the cells' levels; when the flash that is now complete began, if one is.

        `may_rise`, `may_fall`: which cells' changes count, given the states between which they change.
        """
        np.minimum(self._low, level, out=self._low)
        np.maximum(self._high, level, out=self._high)
        rose = (level - self._low >= self._step) & (self._turned != 1) & may_rise
        fell = (self._high - level >= self._step) & (self._turned != -1) & may_fall
        self._turned[rose], self._turned[fell] = 1, -1
        self._high[rose], self._low[fell] = level[rose], level[fell]
        self._at[1][rose] = self._at[-1][fell] = pts
        began = [self._changed(way, pts) for way, moved in ((1, rose), (-1, fell)) if moved.any()]
        return min((each for each in began if each is not None), default=None)

    def settled(self, level: Cells) -> tuple[Cells, Cells]:
        """The lowest and highest that each cell comes from, this level included."""
        return np.minimum(self._low, level), np.maximum(self._high, level)

    def _changed(self, way: int, pts: float) -> float | None:
        moved = self._at[way] >= pts - TOGETHER
        against = (self._at[-way] >= pts - TOGETHER) & ~moved
        if moved.mean() < AREA or against.sum() > AGAINST * moved.sum():
            return None
        self._at[way][moved] = -np.inf
        opposing = moved & (self._sense == -way) & (self._since >= pts - PAIR)
        if opposing.mean() >= AREA:
            began = float(np.median(self._since[opposing]))
            self._sense[moved] = 0
            return began
        self._sense[moved], self._since[moved] = way, pts
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

    __slots__ = ("_curve", "_gains", "_general", "_last", "_red", "_scale", "_sum")

    def __init__(self) -> None:
        cells = GRID[0] * GRID[1]
        self._general, self._red = Swings(cells, SWING), Swings(cells, REDDER)
        self._last: Cells | None = None
        self._gains: deque[tuple[float, float]] = deque()
        self._sum = 0.0
        self._scale: tuple[int, int] | None = None
        self._curve = np.zeros(256, np.float32)

    def see(self, view: View, pts: float) -> Flicker:
        """Take the next picture."""
        if self._scale != (view.black, view.white):
            self._scale = view.black, view.white
            codes = (np.arange(256, dtype=np.float32) - view.black) / (view.white - view.black)
            self._curve = np.asarray(np.clip(codes, 0.0, 1.0) ** GAMMA, np.float32)
        level = self._curve[cv2.resize(view.small, GRID, interpolation=cv2.INTER_AREA).ravel()]
        low, _ = self._general.settled(level)
        flash = self._general.see(level, low < DARKER, level < DARKER, pts)
        red = self._reddened(view, pts)
        self._pump(level, pts)
        self._last = level
        return Flicker(
            None if flash is None else pts - flash, None if red is None else pts - red, self._pumping()
        )  # fmt: skip

    def _reddened(self, view: View, pts: float) -> float | None:
        planes = view.chroma
        if planes is None:
            return None
        plane = planes[1]
        rows = ((np.arange(GRID[1]) + 0.5) / GRID[1] * plane.shape[0]).astype(int)
        columns = ((np.arange(GRID[0]) + 0.5) / GRID[0] * plane.shape[1]).astype(int)
        red = np.asarray((plane[rows[:, None], columns].ravel() - np.float32(128)) / np.float32(112), np.float32)
        _, high = self._red.settled(red)
        return self._red.see(red, red >= RED, high >= RED, pts)

    def _pump(self, level: Cells, pts: float) -> None:
        """Add the common gain since the picture before."""
        if self._last is not None:
            known = (level > FAINT) & (self._last > FAINT)
            if known.sum() >= AREA * known.size:
                ratios = np.log(level[known] / self._last[known])
                low, middle, high = np.partition(ratios, [ratios.size // 4, ratios.size // 2, 3 * ratios.size // 4])[
                    [ratios.size // 4, ratios.size // 2, 3 * ratios.size // 4]
                ]
                if high - low <= SPREAD + 0.5 * abs(middle):
                    self._sum += float(middle)
        self._gains.append((pts, self._sum))
        while self._gains[0][0] < pts - PUMPING - TREND or len(self._gains) > 1000:
            self._gains.popleft()

    def _pumping(self) -> float | None:
        """Once a second's worth of pictures: the gain's deviation from its mean over a second."""
        if self._gains[-1][0] - self._gains[0][0] < PUMPING or int(self._gains[-1][0]) == int(self._gains[-2][0]):
            return None
        times, gains = np.array(self._gains).T
        width = max(1, round(TREND * (len(times) - 1) / (times[-1] - times[0])) | 1)
        if len(gains) <= width:
            return None
        trend = np.convolve(gains, np.ones(width) / width, "valid")
        off = gains[width // 2 : width // 2 + len(trend)] - trend
        return float(np.median(np.abs(off)) / GAMMA)
