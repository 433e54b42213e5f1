"""What is kept of a sound track as it goes by: loudness, spectra and levels over time, and a few seconds for its delay.

A track of an hour leaves some 8 MB, whatever its sample rate.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.loudness import WEIGHTS
from qoe_agent.maths.weighting import Hops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats

    Wave = NDArray[np.float32]

HOPS = 10
"""Powers and spectra a second, about: a hop is a whole number of samples."""
CELLS = 10
"""Levels in a hop."""
CENTRES = 10.0 ** (np.arange(20, 44) / 10)
"""Hertz: third octaves from 100 Hz to 20 kHz (IEC 61260-1, base ten)."""
BANDS = 256
"""Of the fine spectrum, each as wide as TOP / BANDS."""
TOP = 24_000.0


class Window(NamedTuple):
    """A stretch of a track, in seconds of its own time from `start`, whose samples are wanted."""

    start: float
    seconds: int


@dataclass(frozen=True, slots=True)
class Track:
    """What was kept. Row k of the arrays begins k * `hop` seconds after `start`."""

    start: float
    """Seconds of the first sample, by the container's clock, its rounding averaged out."""
    lean: float
    """By how much that is later than the first timestamp says, by which windows were cut."""
    hop: float
    """Seconds."""
    loudness: Floats
    """K-weighted power, over channels as they weigh (ITU-R BS.1770), shape (hops,)."""
    thirds: NDArray[np.float32]
    """Power in third octaves, shape (hops, 24)."""
    fine: NDArray[np.float32]
    """Largest power of a second in each of 256 bands, shape (seconds, 256)."""
    levels: NDArray[np.float32]
    """Mean square of the loudest channel, shape (hops * 10,)."""
    waves: tuple[Wave, ...]
    """One channel, for each window."""
    rate: int


class Ears:
    """Hears one track from its first sample on: add what follows, then ask for the track."""

    def __init__(self, start: float, rate: int, channels: int, windows: Sequence[Window]) -> None:
        self.start, self.rate = start, rate
        self.channels = channels
        self._hop = max(1, round(rate / HOPS))
        self._hops = Hops(rate, channels)
        self._weights = np.array(WEIGHTS.get(channels, (1.0,) * channels))
        self._left = np.zeros((channels, 0), np.float32)
        self._kept: list[tuple[Floats, Wave, Wave, Wave]] = []
        self._starts = [round((each.start - start) * rate) for each in windows]
        self._waves = [np.zeros(each.seconds * rate, np.float32) for each in windows]
        self.heard = 0
        """Samples added."""

    def add(self, samples: Wave) -> None:
        """Channels x n, full scale 1.0."""
        self._cut(samples)
        self.heard += samples.shape[1]
        self._left = np.concatenate([self._left, samples], axis=1)
        second = self._hop * HOPS
        while self._left.shape[1] >= second:
            self._take(self._left[:, :second])
            self._left = self._left[:, second:].copy()

    def _cut(self, samples: Wave) -> None:
        """Channels are mixed unevenly, so that opposite ones do not cancel."""
        mixed: Wave | None = None
        for start, wave in zip(self._starts, self._waves, strict=True):
            first, end = max(start, self.heard), min(start + len(wave), self.heard + samples.shape[1])
            if first < end:
                if mixed is None:
                    mixed = (0.8 ** np.arange(len(samples))).astype(np.float32) @ samples
                wave[first - start : end - start] = mixed[first - self.heard : end - self.heard]

    def _take(self, samples: Wave) -> None:
        blocks = samples[:, : samples.shape[1] // self._hop * self._hop].reshape(len(samples), -1, self._hop)
        window, thirds, fine = _bands(self.rate, self._hop)
        power = np.square(np.abs(np.fft.rfft(blocks * window, axis=2))).sum(axis=0).astype(np.float32)
        cells = np.arange(CELLS) * self._hop // CELLS
        levels = np.add.reduceat(np.square(blocks), cells, axis=2) / np.diff([*cells, self._hop])
        self._kept.append((
            self._hops.add(samples) @ self._weights, power @ thirds, (power @ fine).max(axis=0),
            levels.max(axis=0).ravel(),
        ))  # fmt: skip

    def track(self, lean: float) -> Track:
        """All that was heard; the last second is filled up with silence. `lean`: of later timestamps, on average."""
        if self._left.shape[1]:
            self.add(np.zeros((self.channels, self._hop * HOPS - self._left.shape[1]), np.float32))
        if not self._kept:
            self.add(np.zeros((self.channels, self._hop * HOPS), np.float32))
        loudness, thirds, fine, levels = zip(*self._kept, strict=True)
        return Track(
            self.start + lean, lean, self._hop / self.rate, np.concatenate(loudness), np.concatenate(thirds),
            np.stack(fine), np.concatenate(levels), tuple(self._waves), self.rate,
        )  # fmt: skip


@functools.lru_cache(maxsize=4)
def _bands(rate: int, hop: int) -> tuple[Wave, Wave, Wave]:
    """Hann window of which powers add up to the mean square; which bins are in which third octave, and fine band."""
    window = np.hanning(hop)
    window *= np.sqrt(2 / (hop * np.square(window).sum()))
    hertz = np.fft.rfftfreq(hop, 1 / rate)
    edges = 10.0 ** (0.1 * (np.arange(20, 45) - 0.5))
    at = np.searchsorted(edges, hertz, "right") - 1
    thirds = (at[:, None] == np.arange(len(CENTRES))).astype(np.float32)
    fine = (np.floor(hertz / TOP * BANDS).astype(int)[:, None] == np.arange(BANDS)).astype(np.float32)
    return window.astype(np.float32), thirds, fine
