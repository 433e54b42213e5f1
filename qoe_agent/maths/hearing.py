"""One stretch of sound after another, as plain numbers: what lost, clipped, dead and inverted sound is told by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.dropouts import Dips
from qoe_agent.maths.seams import Seams
from qoe_agent.maths.timbre import Bandwidth, plateau

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 0.1
"""Seconds of a pair of channels judged at once."""
GAP, HOLE = 0.02, 0.5
"""Seconds missing between timestamps: from a frame of AAC to what decoding may have left out."""
OVERLAP = 0.1
"""Seconds that timestamps may lie behind the samples before the samples begin anew."""
PULL = 0.01
"""Part of the difference between timestamps and samples that is forgiven with each stretch: slow drift is no gap."""
LOUD = 0.3
"""Largest magnitude of a channel in which nothing was clipped."""
LOUDEST = 100.0
"""Samples beyond this are no sound."""


class Heard(NamedTuple):
    """What is known of a stretch (and a little before it). Times are seconds from its beginning."""

    seconds: float
    follows: bool
    """It goes on where the one before ended."""
    dropouts: list[tuple[float, float, str]]
    """From, to, and `zeros`, `dip` or `gap`."""
    pairs: list[tuple[float, float, float]]
    """Of the first two channels, every STEP from the beginning: both mean squares, and the mean product."""
    dense: float
    """Of the worst channel: see `plateau`."""
    cut: float
    """Its share of samples in the plateau."""
    bandwidth: float | None


class Hearing:
    """Hears one track of one connection."""

    def __init__(self) -> None:
        self._seams, self._band = Seams(), Bandwidth()
        self._expected: float | None = None
        """Media time of the next sample, by counting."""
        self._shape = (0, 0)
        self._dips = Dips(1000, 0)

    def hear(self, samples: NDArray[np.float32], rate: int, pts: float | None) -> Heard | None:
        """None: it is no sound, or not of this track."""
        count = samples.shape[1]
        peaks = np.abs(samples).max(axis=1) if samples.size else np.zeros(1)
        if not peaks.max() <= LOUDEST or not count:
            return None
        ended = self._seams.end
        joint = self._seams.take(pts, count / rate)
        if joint == "past":
            return None
        gap = self._gap(pts, count / rate, ended, joint == "follows")
        if gap or joint == "hole" or self._shape != (len(samples), rate):
            self._shape = len(samples), rate
            self._dips = Dips(rate, len(samples))
        lost = [(dip.start / rate, dip.end / rate, "zeros" if dip.zeros else "dip") for dip in self._dips.add(samples)]
        tops = [plateau(channel) for channel, peak in zip(samples, peaks, strict=True) if peak >= LOUD]
        dense, cut = max(tops, default=(0.0, 0.0))
        return Heard(
            count / rate, joint == "follows", [*gap, *lost], pairs(samples, rate), dense, cut,
            self._band.add(samples, rate),
        )  # fmt: skip

    def _gap(
        self, pts: float | None, seconds: float, ended: float | None, follows: bool
    ) -> list[tuple[float, float, str]]:
        """What is missing before this stretch, by its timestamp, unless it was too much before."""
        if pts is None:
            self._expected = None
            return []
        expected, self._expected = self._expected, pts + seconds
        if follows and expected is not None:
            ahead = pts - expected
            if ahead < GAP:
                if ahead > -OVERLAP:
                    self._expected = expected + PULL * ahead + seconds
                return []
            return [(-ahead, 0.0, "gap")]
        if ended is not None and GAP <= pts - ended <= HOLE:
            return [(ended - pts, 0.0, "gap")]
        return []


def pairs(samples: NDArray[np.float32], rate: int) -> list[tuple[float, float, float]]:
    """Mean squares and mean product of the first two channels, for each step that is whole."""
    size = max(1, round(STEP * rate))
    whole = samples.shape[1] // size
    if len(samples) < 2 or not whole:
        return []
    left, right = (samples[n, : whole * size].reshape(whole, size) for n in (0, 1))
    sums = [
        np.einsum("sn,sn->s", a, b).astype(np.float64) / size for a, b in ((left, left), (right, right), (left, right))
    ]
    return [(a, b, c) for a, b, c in zip(*(each.tolist() for each in sums), strict=True)]
