"""The largest magnitude that the waveform through the samples reaches, also between them (ITU-R BS.1770-5, annex 2)."""

from __future__ import annotations

import functools
from math import pi
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 12
"""Samples on either side that make one between them."""
CONTEXT = 2 * REACH - 1
"""Samples before a stretch that its true peak needs."""


@functools.lru_cache(maxsize=4)
def _between(times: int) -> list[NDArray[np.float32]]:
    """Windowed sincs for the points that divide the time between two samples into `times`."""
    place = np.arange(-REACH + 1, REACH + 1)
    made = []
    for part in range(1, times):
        off = place - part / times
        window = 0.5 + 0.5 * np.cos(pi * off / (REACH + 0.5))
        kernel = np.sinc(off) * window
        made.append((kernel / kernel.sum()).astype(np.float32)[None])
    return made


def true_peak(samples: NDArray[np.float32], rate: int, largest: float) -> float:
    """The largest magnitude of the waveform through `samples`, whose own is `largest` (BS.1770 annex 2).

    Four times as many points as samples (twice from 96 kHz on), by windowed sincs of 24 samples. The outer 23
    samples only give context: they belong to the stretches before and after.
    """
    for kernel in _between(4 if rate < 96_000 else 2 if rate < 192_000 else 1):
        dense = cv2.filter2D(samples, cv2.CV_32F, kernel, anchor=(REACH - 1, 0))
        inside = np.ascontiguousarray(dense[:, REACH - 1 : -REACH])
        largest = max(largest, float(cv2.norm(inside, cv2.NORM_INF))) if inside.size else largest
    return largest
