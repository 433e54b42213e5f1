"""Colours that turn within a shot: what tells a wrong white balance from a sunset.

How warm a scene should be, nobody can tell from a picture. But while a shot goes on, its luma stays as it was; if the
chroma of most of it, as a share of luma, then turns by the same amount from one look to the next, the light or the
white balance changed, or a plane got lost. What moves, or enters, turns only its own part. A cut ends what is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from qoe_agent.maths.view import TINY, halved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

    Values = NDArray[np.float32]

LINES = 5
"""Rows of chroma that a cell's mean is over."""
SAME = 0.85
"""Correlation of luma from which on it is the same shot."""
DARK = 0.08
"""Luma, of its range, below which chroma says little."""
STEP, APART = 0.04, 0.5
"""The least turn, as a share of luma; and the median distance from it, as a share of the turn."""


class Tint:
    """Follows a shot from look to look."""

    __slots__ = ("_before", "_turned")

    def __init__(self) -> None:
        self._before: tuple[Values, Values, Values] | None = None
        self._turned = (0.0, 0.0)

    def see(self, view: View) -> float | None:
        """Take a picture: by how much the colours of this shot have turned, as a share of luma; None without chroma."""
        planes = view.chroma
        if planes is None:
            return None
        luma, blue, red = view.tiny.ravel().astype(np.float32), _cells(planes[0]), _cells(planes[1])
        luma = np.maximum((luma - np.float32(view.black)) / np.float32(view.white - view.black), np.float32(1e-3))
        reach = np.float32(255 if view.full_range else 224)
        now = luma, (blue - np.float32(128)) / reach / luma, (red - np.float32(128)) / reach / luma
        before, self._before = self._before, now
        if before is None or not _alike(before[0], luma):
            self._turned = (0.0, 0.0)
            return 0.0
        known = (luma > DARK) & (before[0] > DARK)
        if known.mean() >= 0.5:
            across, down = now[1][known] - before[1][known], now[2][known] - before[2][known]
            u, v = _median(across), _median(down)
            size = float(np.hypot(u, v))
            if size >= STEP and _median(np.hypot(across - u, down - v)) <= APART * size:
                self._turned = self._turned[0] + u, self._turned[1] + v
        return float(np.hypot(*self._turned))


def _cells(plane: NDArray[np.uint8]) -> Values:
    """Means over cells, each of five whole rows or a few more: chroma says the same in the rows between."""
    if plane.shape[1] % TINY[0] and min(plane.shape) >= 4 * TINY[1]:
        plane = halved(plane)  # cells of broken pixels cost OpenCV many times as much
    step = max(1, plane.shape[0] // (LINES * TINY[1]))
    return np.asarray(cv2.resize(plane[step // 2 :: step], TINY, interpolation=cv2.INTER_AREA).ravel(), np.float32)


def _median(values: Values) -> float:
    """As np.median says, in a third of the time."""
    half = values.size // 2
    ordered = np.partition(values, (half - 1, half))
    return float(ordered[half] if values.size % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _alike(first: Values, second: Values) -> bool:
    a, b = first - first.mean(), second - second.mean()
    power = float(a @ a) * float(b @ b)
    return power > 0.0 and float(a @ b) >= SAME * power**0.5
