"""How loud sound is, as ITU-R BS.1770-5 and EBU R128 measure it: loudness, its range, and true peaks.

EBU Tech 3341: momentary is over 400 ms, short-term over 3 s, integrated over what passes two gates (−70 LUFS, then
10 LU below the mean of the rest) in blocks of 400 ms, a new one every 100 ms. EBU Tech 3342: the range is from the
10th to the 95th percentile of the short-term values above −70 LUFS and above their mean less 20 LU.
"""

from __future__ import annotations

from collections import deque
from math import log10
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.peaks import CONTEXT, true_peak
from qoe_agent.maths.weighting import HOPS, Hops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

SILENCE = -120.0
"""LUFS that stand for that little or less: below the rounding of 16-bit sound."""
GATE = -70.0
"""LUFS below which a block never counts."""
MOMENT, SHORT = 4, 30
"""Hops in a momentary and in a short-term block."""
MINUTE = 60 * HOPS
"""Hops that the sliding window holds."""
RANGE_NEEDS = 10 * HOPS
"""Short-term values from which a range is told."""
LOUDEST = 100.0
"""Samples beyond this are no sound."""
SLOWEST = 8000
"""Samples a second below which K-weighting has no room."""
BINS, BIN = 900, 0.1
"""The histogram since the beginning: LU from the gate on."""
WEIGHTS = {3: (1, 1, 1), 4: (1, 1, 1, 1.41), 5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41),
           7: (1, 1, 1, 0, 1.41, 1.41, 1.41), 8: (1, 1, 1, 0, 1.41, 1.41, 1.41, 1.41)}  # fmt: skip
"""By number of channels, in FFmpeg's order of the usual layouts (AAC's 3.0, 4.0, 5.0, 5.1; 6.1, 7.1): left, right,
centre, low frequencies (not counted), and those at the sides and behind. One and two channels count once each."""


class Levels(NamedTuple):
    """What a meter shows; None: not known yet, or nothing passed the gates."""

    momentary: float | None
    """LUFS."""
    short: float | None
    minute: float | None
    """Integrated over the last minute of sound."""
    integrated: float | None
    """Since the meter was made."""
    spread: float | None
    """LU: loudness range over the last minute."""
    true_peak: float
    """Largest magnitude of the added stretch, between samples too; 1 is full scale."""


class Histogram:
    """Block powers since the beginning, by tenths of LU, so that memory is bounded (after libebur128).

    A bin holds the sum of its powers: no block is rounded, and of the bin with the gate in it that part counts which
    lies above, as if its blocks were evenly spread.
    """

    __slots__ = ("_counts", "_powers")

    def __init__(self) -> None:
        self._counts = np.zeros(BINS)
        self._powers = np.zeros(BINS)

    def add(self, powers: Reals) -> None:
        """Take powers of blocks."""
        heard = powers[powers >= _power(GATE)]
        bins = np.minimum(((10 * np.log10(heard) - 0.691 - GATE) / BIN).astype(np.int64), BINS - 1)
        np.add.at(self._counts, bins, 1)
        np.add.at(self._powers, bins, heard)

    def gated(self) -> float | None:
        """Integrated loudness."""
        count = self._counts.sum()
        if not count:
            return None
        gate = max(0.0, (10 * log10(self._powers.sum() / count) - 0.691 - 10 - GATE) / BIN)
        first = int(gate)
        part = np.ones(BINS - first)
        part[0] = first + 1 - gate
        return lufs(float((self._powers[first:] @ part) / (self._counts[first:] @ part)))


class Meter:
    """Listens to a stream: add stretches of sound in order, read levels."""

    __slots__ = ("_all", "_before", "_blocks", "_hops", "_recent", "_shape", "_shorts", "_since")

    def __init__(self) -> None:
        self._shape: tuple[int, int] | None = None
        self._recent: deque[float] = deque(maxlen=SHORT)
        """Power of the latest hops without a hole between them."""
        self._blocks: deque[float] = deque(maxlen=MINUTE)
        self._shorts: deque[float] = deque(maxlen=MINUTE)
        self._since, self._all = Histogram(), 0
        self.restart()

    def restart(self) -> None:
        """What comes next does not follow: no block reaches over the hole; the windows stay."""
        self._recent.clear()
        self._hops: Hops | None = None
        self._before: NDArray[np.float32] | None = None

    def add(self, samples: NDArray[np.float32], rate: int) -> Levels | None:
        """`samples`: channels x n, full scale 1.0; None if they are no sound."""
        shape = len(samples), rate
        largest = float(max(samples.max(), -samples.min())) if samples.size else 0.0
        if not largest <= LOUDEST or rate < SLOWEST:
            self.restart()
            return None
        if self._hops is None or self._before is None or shape != self._shape:
            self.restart()
            self._shape, self._hops = shape, Hops(rate, len(samples))
            self._before = np.zeros((len(samples), CONTEXT), np.float32)
        joined = np.concatenate([self._before, samples], axis=1)
        self._before = joined[:, -CONTEXT:].copy()
        self._take(self._hops.add(samples) @ _weights(len(samples)))
        minute = gated(np.array(self._blocks))
        return Levels(
            lufs(_mean(self._recent, MOMENT)), lufs(_mean(self._recent, SHORT)), minute,
            minute if self._all <= MINUTE else self._since.gated(), loudness_range(np.array(self._shorts)),
            true_peak(joined, rate, largest),
        )  # fmt: skip

    def _take(self, powers: Reals) -> None:
        blocks: list[float] = []
        for power in powers.tolist():
            self._recent.append(power)
            for size, kept in ((MOMENT, blocks), (SHORT, self._shorts)):
                mean = _mean(self._recent, size)
                if mean is not None:
                    kept.append(mean)
        self._blocks.extend(blocks)
        self._since.add(np.array(blocks))
        self._all += len(blocks)


def _weights(channels: int) -> Reals:
    return np.array(WEIGHTS.get(channels, (1.0,) * channels), np.float64)


def _mean(hops: Sequence[float], size: int) -> float | None:
    """The mean of the latest `size`; None while there are fewer."""
    return sum(hops[n] for n in range(-size, 0)) / size if len(hops) >= size else None


def _power(level: float) -> float:
    return 10 ** ((level + 0.691) / 10)


def lufs(power: float | None) -> float | None:
    """Loudness of a weighted mean square."""
    if power is None:
        return None
    return max(SILENCE, 10 * log10(power) - 0.691) if power > 0.0 else SILENCE


def gated(powers: Reals) -> float | None:
    """Integrated loudness of blocks; None if none passes."""
    heard = powers[powers >= _power(GATE)]
    if not heard.size:
        return None
    return lufs(heard[heard >= heard.mean() / 10].mean())


def loudness_range(powers: Reals) -> float | None:
    """LU between quiet and loud short-term values (Tech 3342); None for too few."""
    heard = powers[powers >= _power(GATE)]
    if heard.size < RANGE_NEEDS:
        return None
    heard = np.sort(heard[heard >= heard.mean() / 100])
    low, high = (heard[round((heard.size - 1) * part)] for part in (0.10, 0.95))
    return float(10 * log10(high / low))
