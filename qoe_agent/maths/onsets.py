"""Events that sound and picture may share: onsets of sound, cuts and flashes of the picture."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

HOP = 0.005
"""Seconds from one energy of sound to the next."""
BEFORE = 20
"""Hops of background against which an onset rises."""
AFTER = 2
"""Hops in which it reaches its height."""
RISE = 12.0
"""dB that it must rise above the loudest of the background."""
AUDIBLE = -50.0
"""dBFS that it must reach."""
REST = 0.15
"""Seconds after an onset without another."""
SILENCE = -80.0
"""dBFS that count as nothing at all."""

HISTORY = 25
"""Changes from picture to picture that tell what is usual."""
CUT = 14.0
"""Mean change in 8-bit codes that a cut or flash makes at least."""
UNUSUAL = 5.0
"""So many times the usual change."""
PAUSE = 0.3
"""Seconds after a cut without another: the end of a flash is none."""


class Onsets:
    """Sound in, media times of its onsets out; one connection's."""

    def __init__(self) -> None:
        self._levels: NDArray[np.float32] = np.zeros(0, np.float32)
        """dBFS of the latest hops."""
        self._rest: NDArray[np.float32] = np.zeros(0, np.float32)
        self._start = self._ends = 0.0
        """Media time of the first level, and of the end of what was fed."""
        self._last = -1e9
        self._before = np.float32(0.0)

    def feed(self, samples: NDArray[np.float32], rate: int, pts: float) -> list[float]:
        """Take a stretch (channels x n); the onsets that it completes."""
        mono = samples.mean(axis=0)
        if abs(pts - self._ends) > HOP or not self._levels.size:
            self._levels, self._rest = np.full(BEFORE, 0.0, np.float32), np.zeros(0, np.float32)
            self._start, self._before = pts - BEFORE * HOP, mono[0] if mono.size else np.float32(0.0)
        self._ends = pts + mono.size / rate
        steep = np.diff(mono, prepend=self._before)  # speech and clicks rather than the hum below
        self._before = mono[-1] if mono.size else self._before
        steep = np.concatenate([self._rest, steep])
        hop = round(HOP * rate)
        count = steep.size // hop
        self._rest = steep[count * hop :]
        hops = steep[: count * hop].reshape(count, hop)
        power = np.einsum("ij,ij->i", hops, hops) / hop
        level = 10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10)))
        self._levels = np.concatenate([self._levels, level], dtype=np.float32)
        found = self._search(hop / rate)
        spare = max(0, self._levels.size - BEFORE - AFTER)
        self._levels, self._start = self._levels[spare:], self._start + spare * hop / rate
        return found

    def _search(self, hop: float) -> list[float]:
        """Hops that rise out of what was before; a burst's own beginning is where it is half as high."""
        levels, found = self._levels, list[float]()
        count = levels.size - BEFORE - AFTER
        if count <= 0:
            return found
        ground = sliding_window_view(levels, BEFORE)[:count].max(axis=1)
        height = sliding_window_view(levels, AFTER)[BEFORE : BEFORE + count].max(axis=1)
        for n in (np.flatnonzero(height >= np.maximum(AUDIBLE, ground + RISE)) + BEFORE).tolist():
            first = n + int(np.argmax(levels[n : n + AFTER] >= height[n - BEFORE] - RISE / 2))
            at = self._start + first * hop
            if at - self._last >= REST:
                found.append(at)
            self._last = at
        return found


class Cuts:
    """Pictures in, cuts and flashes out; one connection's."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._usual: deque[float] = deque(maxlen=HISTORY)
        self._last = -1e9

    def feed(self, view: View) -> bool:
        """Whether a cut or flash begins with this picture. Only where no picture was left out before it."""
        before, self._before = self._before, view.tiny
        if view.pts is None or before is None or not view.follows:
            self._usual.clear()
            return False
        change = cv2.norm(before, view.tiny, cv2.NORM_L1) / before.size
        unusual = change >= CUT and len(self._usual) >= 5 and change >= UNUSUAL * median(self._usual)
        self._usual.append(change)
        if not unusual:
            return False
        first = not 0.0 <= view.pts - self._last < PAUSE
        self._last = view.pts
        return first
