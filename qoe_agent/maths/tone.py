"""The mark in the sound: chirps on the tenths of a second that say, with the picture's stamp, when sound was made.

Every 0.1 s of Unix time begins a slot; its first 80 ms hold one of four chirps between 600 and 5000 Hz (the band
that AAC at 24 kb/s keeps): 0 rises, 1 falls, 2 rises and falls, 3 falls and rises. Which one it is comes from a
sequence of 1023 slots in which any ten in a row differ from any other ten in at least five places, so a second of
sound tells the time modulo 102.3 s. The mark is thus a function of the clock alone, and any sampling rate will do.

To make it (in any language): slot n = floor(t / 0.1), chirp `SEQUENCE[n % 1023]`, which is a shift register over
GF(4), s[n] = s[n-1] + 2 s[n-2] + 3 s[n-3] + 3 s[n-5], starting with 0, 0, 0, 0, 1; addition is exclusive or, the
products are in `_TIMES`. With u = (t - 0.1 n) / 0.08 from 0 to 1 the phase is 2 pi 0.08 (600 u + 4400 U) where U is
u^2/2 (rises), u - u^2/2 (falls), and for the third u^2 up to one half and then 2u - u^2 - 1/2; the fourth has u less
that. The sine of it is faded in and out over 5 ms by a raised cosine.

A writer should start its media clock on a whole millisecond: the picture's stamp knows no less.
"""

from __future__ import annotations

from math import ceil, floor, pi
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SLOT = 0.1
"""Seconds from one chirp to the next."""
LENGTH = 0.08
"""Seconds of a chirp."""
LOW, HIGH = 600.0, 5000.0
"""Hz."""
FADE = 0.005
"""Seconds in which a chirp comes and goes."""
SLOTS = 1023
"""Slots until the sequence starts over."""
CYCLE = SLOTS * SLOT
"""Seconds until then."""
SHAPES = 4
LEVEL = 0.1
"""Peak of the mark, full scale 1: -20 dBFS."""

_TIMES = ((0, 0, 0, 0), (0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2))
_TAPS = (1, 2, 3, 0, 3)


def _sequence() -> NDArray[np.int64]:
    register = [0, 0, 0, 0, 1]
    while len(register) < SLOTS:
        value = 0
        for tap, before in zip(_TAPS, register[:-6:-1], strict=True):
            value ^= _TIMES[tap][before]
        register.append(value)
    return np.array(register, np.int64)


SEQUENCE = _sequence()
"""The chirp of each slot."""


def chirp(shape: int, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chirp at times counted from its start; 0 outside of it."""
    u = np.clip(at / LENGTH, 0.0, 1.0)
    peak = np.where(u <= 0.5, u * u, 2 * u - u * u - 0.5)
    swept = (u * u / 2, u - u * u / 2, peak, u - peak)[shape]
    fade = np.clip(np.minimum(at, LENGTH - at) / FADE, 0.0, 1.0)
    phase = 2 * pi * LENGTH * (LOW * u + (HIGH - LOW) * swept)
    return np.asarray(np.sin(phase) * (0.5 - 0.5 * np.cos(pi * fade)))


def wave(start: float, rate: int, count: int) -> Samples:
    """The mark, with a peak of 1, in `count` samples from the Unix time `start` on."""
    out = np.zeros(count, np.float32)
    first = floor(start / SLOT)
    for slot in range(first, ceil((start + count / rate) / SLOT)):
        begin = slot * SLOT - start
        low, high = max(0, ceil(begin * rate)), min(count, ceil((begin + LENGTH) * rate))
        if low < high:
            out[low:high] = chirp(int(SEQUENCE[slot % SLOTS]), np.arange(low, high) / rate - begin)
    return out


def write(samples: Samples, start: float, rate: int, level: float = LEVEL, keep: float = 1.0) -> None:
    """Add the mark to sound (channels x n, full scale 1), in place; the sound itself is multiplied by `keep`.

    `start`: the Unix time at which the first sample was made.
    """
    samples *= np.float32(keep)
    samples += np.float32(level) * wave(start, rate, samples.shape[1])
    np.clip(samples, -1.0, 1.0, out=samples)
