"""What the waveform and the spectrum of a second of sound say: tops cut off, and up to which frequency it reaches."""

from __future__ import annotations

import functools
from collections import deque
from math import log2
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

BINS, TOP = 256, 2.0
"""Of the histogram of magnitudes."""
PLATEAUS = ((0.05, 1.6), (0.07, 1.45), (0.10, 1.35))
"""Half the width of a plateau (lossy coding makes flat tops ragged by about so much), and how much denser than what
lies just below it must be: limited music reached nine tenths of that."""
FAINTEST = 0.35
"""Magnitude of the lowest plateau that is looked for: what is faint was hardly cut off."""
SHARE = 0.003
"""Least share of samples in a plateau."""
BEYOND = 0.2
"""Most of a plateau's share that may lie above it."""
CUT = 1.0
"""Density of a plateau, of what it must be, from which the tops were cut off."""

TONE_BLOCK, LINE, TONE = 4096, 2, 0.9
"""Samples in which a tone is looked for, bins on each side of its own, and its least share of all power."""

BANDS = 256
"""Bands of the spectrum up to half the sample rate."""
BLOCK = 0.0427
"""Seconds of a spectrum, about: 2048 samples at 48 kHz."""
BLOCKS = 4
"""Spectra a stretch."""
DOWN, FLOOR = 1e-6, 1e-11
"""A band has content from 60 dB below the loudest on, and from −110 dBFS a bin."""
AUDIBLE = 1e-8
"""A bin of less power (−80 dBFS) in the loudest band says nothing."""
AGES, SPAN = 12, 5.0
"""Maxima kept, and seconds of sound in each: a minute."""


def plateau(wave: Wave) -> tuple[float, float]:
    """How dense magnitudes are at some high level, of what clipping needs (see CUT), and the share of samples there.

    Magnitudes of sound get rarer towards the peak, also when a limiter shaped it. Clipped sound piles up where it was
    cut, though lossy coding blurs the pile and scatters peaks beyond. A pure tone piles up by itself, at the height of
    its sine, and is not judged: (0, 0).
    """
    counts = cv2.calcHist([np.abs(wave)], [0], None, [BINS], [0.0, TOP]).ravel()
    below = np.concatenate([[0.0], np.cumsum(counts, dtype=np.float64)]) / wave.size
    places, levels = np.linspace(0.0, TOP, BINS + 1), np.geomspace(FAINTEST, 1.1, 64)
    found = []
    for half, needed in PLATEAUS:
        low, start, end = (np.interp(levels * (1 + n * half), places, below) for n in (-3, -1, 1))
        share, under, above = end - start, start - low, 1.0 - end
        dense = np.where((share >= SHARE) & (above <= BEYOND * share), share / np.maximum(under, SHARE / 3), 0.0)
        best = int(dense.argmax())
        found.append((float(dense[best]) / needed, float(share[best] + above[best])))
    worst = max(found)
    return (0.0, 0.0) if worst[0] >= CUT and tonal(wave) else worst


def tonal(wave: Wave) -> bool:
    """Whether nearly all of the sound is one tone: line-up, a test signal."""
    size = min(TONE_BLOCK, wave.size)
    if size < 2:
        return False
    blocks = wave[: wave.size // size * size].reshape(-1, size)[:BLOCKS]
    power = np.square(np.abs(np.fft.rfft(blocks * np.hanning(size).astype(np.float32), axis=1)))
    first = np.clip(power.argmax(axis=1) - LINE, 0, max(0, power.shape[1] - 2 * LINE - 1))
    lines = np.stack([each[n : n + 2 * LINE + 1] for each, n in zip(power, first, strict=True)])
    return bool((lines.sum(axis=1) >= TONE * power.sum(axis=1)).mean() > 0.5)


class Bandwidth:
    """The highest frequency with content over the last minute of sound."""

    __slots__ = ("_kept", "_seconds")

    def __init__(self) -> None:
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=AGES)
        self._seconds = SPAN

    def add(self, samples: Wave, rate: int) -> float | None:
        """Hertz; None while nothing audible was heard."""
        size = 1 << round(log2(max(rate * BLOCK, 2 * BANDS)))
        if samples.shape[1] < size:
            return self._reach(rate)
        step = max(1, (samples.shape[1] - size) // BLOCKS)
        starts = range(0, samples.shape[1] - size + 1, step)[:BLOCKS]
        blocks = np.stack([samples[:, n : n + size].sum(axis=0) for n in starts]) * (_window(size) / len(samples))
        power = np.square(np.abs(np.fft.rfft(blocks, axis=1))).mean(axis=0)
        bands = power[: size // 2].reshape(BANDS, -1).mean(axis=1).astype(np.float32)
        if self._seconds >= SPAN:
            self._kept.append(bands)
            self._seconds = 0.0
        else:
            np.maximum(self._kept[-1], bands, out=self._kept[-1])
        self._seconds += samples.shape[1] / rate
        return self._reach(rate)

    def _reach(self, rate: int) -> float | None:
        if not self._kept:
            return None
        power = np.maximum.reduce(list(self._kept))
        loudest = float(power.max())
        if not loudest >= AUDIBLE:
            return None
        return float(np.flatnonzero(power >= max(loudest * DOWN, FLOOR))[-1] + 1) * rate / 2 / BANDS


@functools.lru_cache(maxsize=4)
def _window(size: int) -> Wave:
    """Hann, so that a bin holds the mean square of what is in it."""
    window = np.hanning(size)
    return np.asarray(window / np.sqrt(np.square(window).sum() * size / 2), np.float32)
