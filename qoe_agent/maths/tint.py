"""Colours that turn within a shot: what tells a wrong white balance from a sunset.

How warm a scene should be, nobody can tell from a picture. But while a shot goes on, its luma stays as it was; if red,
green and blue of most of it are then multiplied by the same factors, unlike one another, from one look to the next,
the light or the white balance changed (the model of von Kries, 1902). What moves, or enters, changes only its own part;
where colour is gone, or clipped, no factors explain it. A cut, or a fast pan, ends what is known.
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
DARK, BRIGHT = 0.05, 0.97
"""Shares of the range between which red, green and blue must be to say something."""
KNOWN = 0.25
"""Share of the cells that must."""
STEP, APART = 0.04, 0.35
"""The least turn of what is gray, as a share of luma; and the median distance of cells' factors (natural logarithms)
from the common ones, as a share of these."""
WEIGHTS = np.array((0.2126, 0.7152, 0.0722), np.float32)
TO_RED, TO_BLUE = 1.5748, 1.8556
"""Of red, green and blue in luma, and of Cr and Cb in red and blue (ITU-R BT.709)."""


class Tint:
    """Follows a shot from look to look."""

    __slots__ = ("_before", "_turned")

    def __init__(self) -> None:
        self._before: tuple[Values, Values] | None = None
        self._turned = (0.0, 0.0)

    def see(self, view: View) -> float | None:
        """Take a picture: by how much the colours of this shot have turned, as a share of luma; None without chroma."""
        planes = view.chroma
        if planes is None:
            return None
        luma = (view.tiny.ravel() - np.float32(view.black)) / np.float32(view.white - view.black)
        reach = np.float32(255 if view.full_range else 224)
        blue, red = ((_cells(plane) - np.float32(128)) / reach for plane in planes)
        now = luma, _colours(luma, blue, red)
        before, self._before = self._before, now
        if before is None or not _alike(before[0], luma):
            self._turned = (0.0, 0.0)
            return 0.0
        u, v = _turn(before[1], now[1])
        self._turned = self._turned[0] + u, self._turned[1] + v
        return float(np.hypot(*self._turned))


def _turn(before: Values, now: Values) -> tuple[float, float]:
    """Cb and Cr, as shares of luma, that gray takes on by what happened to all colours alike; zeros if it is little."""
    known = (np.minimum(before, now).min(axis=0) > DARK) & (np.maximum(before, now).max(axis=0) < BRIGHT)
    if known.mean() < KNOWN:
        return 0.0, 0.0
    factors = np.log(now[:, known] / before[:, known])
    across, down = factors[0] - factors[1], factors[2] - factors[1]
    common = _median(across), _median(down)
    red, blue = np.exp(common)
    luma = float(WEIGHTS @ np.array((red, 1.0, blue), np.float32))
    u, v = (blue / luma - 1.0) / TO_BLUE, (red / luma - 1.0) / TO_RED
    apart = _median(np.hypot(across - np.float32(common[0]), down - np.float32(common[1])))
    if np.hypot(u, v) < STEP or apart > APART * np.hypot(*common):
        return 0.0, 0.0
    return float(u), float(v)


def _colours(luma: Values, blue: Values, red: Values) -> Values:
    """Red, green and blue, 3 x cells, of luma and the two colour differences."""
    r, b = luma + np.float32(TO_RED) * red, luma + np.float32(TO_BLUE) * blue
    return np.stack([r, (luma - WEIGHTS[0] * r - WEIGHTS[2] * b) / WEIGHTS[1], b])


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
