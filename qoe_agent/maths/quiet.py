"""Where sound is silent: runs of samples below a level, to the sample, and their joining over stretches."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run: TypeAlias = tuple[int, int, float]
"""First sample, one past the last, and the root mean square between them (0.0: digital silence)."""

FAINTEST = 1e-12
"""What is not all zeros is at least this loud, however small its squares."""


def quiet_runs(samples: NDArray[np.float32], level: float, least: int) -> tuple[float, list[Run]]:
    """Peak of `samples` (channels x n), and where all channels stay below `level`.

    Runs inside count from `least` samples on; at either edge from the first, because they may go on beyond.
    Like FFmpeg's af_silencedetect.c, one loud sample ends a run. NaN is loud.
    """
    size = np.abs(samples)
    if not size.size:
        return 0.0, []
    peak = float(size.max())
    quiet = size[0] < level
    for channel in size[1:]:
        quiet &= channel < level
    loud = np.flatnonzero(~quiet)
    if not loud.size:
        return peak, _split(size, 0, len(quiet), least)
    bounds = [(0, int(loud[0])), (int(loud[-1]) + 1, len(quiet))]
    if len(quiet) > least:
        for here in np.flatnonzero(np.diff(loud) > least).tolist():
            bounds.insert(-1, (int(loud[here]) + 1, int(loud[here + 1])))
    return peak, [run for start, end in bounds if end > start for run in _split(size, start, end, least)]


def _split(size: NDArray[np.float32], start: int, end: int, least: int) -> list[Run]:
    """A quiet run as up to three: digital zeros, what is merely quiet, digital zeros."""
    sounding = np.flatnonzero(size[:, start:end].max(axis=0))
    if not sounding.size:
        return [(start, end, 0.0)]
    first, last = start + int(sounding[0]), start + int(sounding[-1]) + 1
    first = first if first - start >= least else start
    last = last if end - last >= least else end
    power = float(np.square(size[:, first:last], dtype=np.float64).mean())
    runs = [(start, first, 0.0), (first, last, max(sqrt(power), FAINTEST)), (last, end, 0.0)]
    return [run for run in runs if run[1] > run[0]]


@dataclass(slots=True)
class Spell:
    """A silence, from its first sample to the last that is known."""

    start: float
    """Agent clock."""
    start_pts: float | None
    end: float
    end_pts: float | None
    digital: float = 0.0
    """Seconds heard of zeros."""
    quiet: float = 0.0
    """Seconds heard of less than the level, but not zeros."""
    energy: float = 0.0
    """Square of the sound's magnitude, times seconds."""

    @property
    def heard(self) -> float:
        """Seconds of it that were really heard."""
        return self.digital + self.quiet

    @property
    def level(self) -> float:
        """Root mean square of what was heard."""
        return sqrt(self.energy / self.heard) if self.heard else 0.0

    def extend(self, seconds: float, level: float, end: float, end_pts: float | None) -> None:
        """It goes on at this level."""
        if level > 0.0:
            self.quiet += seconds
        else:
            self.digital += seconds
        self.energy += level * level * seconds
        self.end, self.end_pts = end, end_pts
