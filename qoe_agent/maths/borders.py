"""The active picture between black bars: letterbox, pillarbox, or both.

A line belongs to the picture if a quarter of it was ever lit lately; a logo or subtitles light less of a bar. `lately`
is the last 15 to 30 seconds, so that dark scenes are not mistaken for bars; and the picture must begin at once, where
night and vignettes begin gradually.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View

    Profile = NDArray[np.float32]

LIT = 0.08
"""Of the range of luma: above is no bar."""
LINE = 0.25
"""Share of a line that is lit in the picture."""
BAR, BARS = 0.2, 0.05
"""Share of a line, and of all the lines of a bar together, that words and logos may light."""
SHARP = 4
"""Lines from the dark of the bar to the picture: coding rings."""
WINDOW = 15.0
"""Seconds that are remembered in one go; the last two of these count."""
LEAST = 5
"""Pictures until anything is said."""


class Active(NamedTuple):
    """Where the picture is, in its own lines and columns."""

    top: int
    bottom: int
    left: int
    right: int
    """One past the last."""
    height: int
    width: int
    """Of the whole."""
    since: float | None = None
    """Media time of the first of the pictures that it was so in."""

    @property
    def share(self) -> float:
        return (self.bottom - self.top) * (self.right - self.left) / (self.height * self.width)

    def bars(self, least: float, uneven: float = 0.03) -> str:
        """`letterbox`, `pillarbox`, `windowbox` or nothing: bars of `least` of a side or more, alike on both sides."""
        above, below = self.top / self.height, 1 - self.bottom / self.height
        left, right = self.left / self.width, 1 - self.right / self.width
        across = above + below >= least and abs(above - below) <= uneven
        down = left + right >= least and abs(left - right) <= uneven
        return "windowbox" if across and down else "letterbox" if across else "pillarbox" if down else ""


class Borders:
    """Follows how much of every line and column is lit."""

    __slots__ = ("_began", "_now", "_seen", "_shape", "_since", "_was")

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._now: tuple[Profile, Profile] | None = None
        self._was: tuple[Profile, Profile] | None = None
        self._began = self._since = 0.0
        """Media times of the first pictures of `_now`, and of all that count."""
        self._seen = 0

    def see(self, view: View, pts: float) -> Active | None:
        """Take a picture, about one a second; the active picture, once it is known."""
        if view.luma.shape != self._shape:
            self._shape, self._now, self._was, self._seen = view.luma.shape, None, None, 0
        dark = round(view.black + LIT * (view.white - view.black))
        _, lit = cv2.threshold(view.luma, dark, 1, cv2.THRESH_BINARY)
        rows = cv2.reduce(lit, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / lit.shape[1]
        columns = cv2.reduce(lit, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F).ravel() / lit.shape[0]
        if self._now is None or not 0.0 <= pts - self._began < WINDOW:
            self._since = pts if self._now is None else self._began
            self._was, self._began = self._now, pts
            self._now = np.asarray(rows, np.float32), np.asarray(columns, np.float32)
        for kept, new in zip(self._now, (rows, columns), strict=True):
            np.maximum(kept, new, out=kept)
        self._seen += 1
        if self._seen < LEAST:
            return None
        both = [np.maximum(a, b) for a, b in zip(self._now, self._was or self._now, strict=True)]
        if max(float(p.max()) for p in both) < 2 * LINE:
            return None
        (top, bottom), (left, right) = _within(both[0]), _within(both[1])
        height, width = self._shape
        return Active(top, bottom, left, right, height, width, self._since)


def _within(profile: Profile) -> tuple[int, int]:
    """First line of the picture, and one past the last."""
    before, after = _bar(profile), _bar(profile[::-1])
    return (before, len(profile) - after) if before + after < len(profile) else (0, len(profile))


def _bar(profile: Profile) -> int:
    """Lines of the bar at the beginning."""
    lines = int(np.argmax(profile >= LINE)) if profile.max() >= LINE else 0
    bar = profile[: max(0, lines - SHARP)]
    if not bar.size or bar.max() > BAR or bar.mean() > BARS or profile[max(0, lines - SHARP)] > BARS:
        return 0
    return lines
