"""Colours that turn within a shot: what tells a wrong white balance from a sunset.

How warm a scene should be, nobody can tell from a picture. But while a shot goes on, its luma stays as it was; if red,
green and blue of most of it are then multiplied by the same factors, unlike one another, from one look to the next,
the light or the white balance changed (the model of von Kries, 1902). What moves, or enters, changes only its own part;
where colour is gone, or clipped, no factors explain it. A cut, or a fast pan, ends what is known, until a shot of
before comes again, in the colours that it had, or in the turned ones; and what then turns back is no other cast.
"""

from __future__ import annotations

from collections import deque
from math import hypot
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
AGAIN, SHOTS = 0.95, 8
"""The same of two pictures of one shot that is seen again; how many shots are remembered by their first picture."""
ALIKE = 0.5
"""Of a turn: another one as near is the same."""
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
NONE = 0.0, 0.0


class Tint:
    """Follows a shot from look to look."""

    __slots__ = ("_before", "_gone", "_shots", "_turned")

    def __init__(self) -> None:
        self._before: tuple[Values, Values] | None = None
        self._turned = NONE
        self._gone = NONE
        """How colours had turned in a shot that is over; whether they still are is not known."""
        self._shots: deque[tuple[Values, Values]] = deque(maxlen=SHOTS)
        """First pictures, in colours that nothing had turned."""

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
        if before is None or not _alike(before[0], luma, SAME):
            self._cut(now)
        else:
            self._turn(_turn(before[1], now[1]))
        return float(np.hypot(*_cast(*self._turned)))

    def _turn(self, by: tuple[float, float]) -> None:
        if by != NONE and self._gone != NONE and _near((-by[0], -by[1]), self._gone):
            self._gone = NONE  # back to what it was
            return
        self._turned = self._turned[0] + by[0], self._turned[1] + by[1]

    def _cut(self, now: tuple[Values, Values]) -> None:
        """Another shot, or one seen before."""
        was = self._turned if np.hypot(*_cast(*self._turned)) >= STEP else self._gone
        self._turned, self._gone = NONE, was
        again = next((colours for luma, colours in reversed(self._shots) if _alike(luma, now[0], AGAIN)), None)
        if was == NONE:
            if again is None:
                self._shots.append(now)
        elif again is not None:
            self._turned = was if _near(_turn(again, now[1]), was) else NONE
            self._gone = NONE


def _turn(before: Values, now: Values) -> tuple[float, float]:
    """By what red and blue were multiplied against green (natural logarithms), in all colours alike; zeros if that is
    little."""
    known = (np.minimum(before, now).min(axis=0) > DARK) & (np.maximum(before, now).max(axis=0) < BRIGHT)
    if known.mean() < KNOWN:
        return NONE
    factors = np.log(now[:, known] / before[:, known])
    across, down = factors[0] - factors[1], factors[2] - factors[1]
    common = _median(across), _median(down)
    apart = _median(np.hypot(across - np.float32(common[0]), down - np.float32(common[1])))
    if np.hypot(*_cast(*common)) < STEP or apart > APART * np.hypot(*common):
        return NONE
    return common


def _cast(red: float, blue: float) -> tuple[float, float]:
    """Cb and Cr, as shares of luma, that gray takes on by these factors."""
    r, b = np.exp((red, blue))
    luma = float(WEIGHTS @ np.array((r, 1.0, b), np.float32))
    return float(b / luma - 1.0) / TO_BLUE, float(r / luma - 1.0) / TO_RED


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return hypot(one[0] - other[0], one[1] - other[1]) < ALIKE * hypot(*other)


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


def _alike(first: Values, second: Values, least: float) -> bool:
    a, b = first - first.mean(), second - second.mean()
    power = float(a @ a) * float(b @ b)
    return power > 0.0 and float(a @ b) >= least * power**0.5
