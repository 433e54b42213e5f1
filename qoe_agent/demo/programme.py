"""What the demo's origin broadcasts: a picture that moves everywhere, a running clock and a tone.

Every frame is a function of its index alone, so any instant can be drawn again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERIOD = 256
"""The background repeats after so many pixels, so that a window may slide over it for ever."""
_DIGITS = (0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71111, 0o75757, 0o75717)
"""3 x 5 pixels each, top row first."""
_SCALE = 8
_BITS = 16


@dataclass(frozen=True, slots=True)
class Programme:
    """The broadcast's format; `picture` and `tone` draw a frame of it."""

    width: int = 640
    height: int = 360
    rate: int = 25
    """Frames per second."""
    sample_rate: int = 48000
    channels: int = 2

    def picture(self, index: int, shrink: int = 1) -> NDArray[np.uint8]:
        """Frame `index` as planar YUV 4:2:0 (rows of luma, then both chroma planes), `shrink` times smaller."""
        luma, blue, red = _background(self.width, self.height)
        x, y = 4 * index % PERIOD, 2 * index % PERIOD
        planes = [_window(luma, x, y, self.width, self.height)]
        self._overlay(planes[0], index)
        for chroma in (blue, red):
            planes.append(_window(chroma, x // 2, y // 2, self.width // 2, self.height // 2))
        small = [np.ascontiguousarray(plane[::shrink, ::shrink]) for plane in planes]
        return np.concatenate([plane.reshape(-1) for plane in small]).reshape(-1, self.width // shrink)

    def tone(self, index: int, silent: bool = False) -> NDArray[np.float32]:
        """The sound that belongs to frame `index`, channels x samples: 440 Hz, 880 Hz as each second begins."""
        count = self.sample_rate // self.rate
        if silent:
            return np.zeros((self.channels, count), np.float32)
        pitch = 880 if index % self.rate < 3 else 440
        phase = np.arange(index * count, (index + 1) * count, dtype=np.float64) * (pitch / self.sample_rate)
        wave = (0.25 * np.sin(2 * np.pi * (phase % 1.0))).astype(np.float32)
        return np.tile(wave, (self.channels, 1))

    def _overlay(self, luma: NDArray[np.uint8], index: int) -> None:
        """Clock, frame counter in bits, and a bar that sweeps once a second."""
        minutes, seconds = divmod(index // self.rate, 60)
        shown = f"{minutes // 60 % 100:02}{minutes % 60:02}{seconds:02}{index % self.rate:02}"
        luma[16 : 32 + 5 * _SCALE, 16 : 48 + 36 * _SCALE] = 16
        for place, digit in enumerate(shown):
            left = 24 + (4 * place + place // 2) * _SCALE
            luma[24 : 24 + 5 * _SCALE, left : left + 3 * _SCALE] = _glyph(int(digit))
        bar = self.height - 32
        luma[bar:] = 40
        cell = self.width // _BITS
        for bit in range(_BITS):
            if index >> bit & 1:
                luma[bar + 16 :, self.width - (bit + 1) * cell : self.width - bit * cell - 2] = 220
        done = (index % self.rate + 1) * self.width // self.rate
        luma[bar : bar + 14, :done] = 235


@functools.cache
def _glyph(digit: int) -> NDArray[np.uint8]:
    rows = [[_DIGITS[digit] >> (3 * row + column) & 1 for column in (2, 1, 0)] for row in (4, 3, 2, 1, 0)]
    return np.kron(np.array(rows, np.uint8), np.full((_SCALE, _SCALE), 219, np.uint8)) + np.uint8(16)


@functools.cache
def _background(width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Waves and a grid, periodic in both directions, larger than the picture by one period."""
    y, x = np.mgrid[0 : height + PERIOD, 0 : width + PERIOD].astype(np.float32) * (2 * np.pi / PERIOD)
    luma = 126 + 40 * np.sin(x + 2 * np.cos(y)) + 30 * np.sin(3 * y - x) + 15 * np.sin(11 * x + 5 * y)
    rows, columns = np.ogrid[0 : height + PERIOD, 0 : width + PERIOD]
    luma[(rows % 32 < 2) | (columns % 32 < 2)] += 15
    blue = (128 + 24 * np.sin(2 * x + y))[::2, ::2]
    red = (128 + 24 * np.cos(x - 2 * y))[::2, ::2]
    return tuple(np.clip(plane, 16, 235).astype(np.uint8) for plane in (luma, blue, red))


def _window(plane: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    return plane[y : y + height, x : x + width].copy()
