"""A decoded picture as the looks see it: planes without copies, and the small planes that they share.

`small` and `tiny` are area means (cv2.INTER_AREA), made when first asked for and then kept, so that ten looks shrink a
picture once. So are the chroma planes: asking the decoder's frame for them takes longer than some looks do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

LEAST = 180
"""`small` has at least so many rows (and columns), where the picture has."""
TINY = (32, 18)
"""Columns and rows of `tiny`."""
NEAR, AHEAD = 1 << 20, 1 << 19
"""Bytes of a picture that a processor's cache may still hold, and as many as are fetched before they are shrunk."""


class View:
    """One picture. Everything in it is valid during the look's call only, and not to be written to."""

    __slots__ = (
        "_asked", "_chroma", "_planes", "_qp", "_small", "_tiny", "corrupt", "follows", "full_range", "height",
        "interlaced", "key", "luma", "pts", "width",
    )  # fmt: skip

    def __init__(
        self,
        luma: Plane,
        pts: float | None = None,
        *,
        chroma: Callable[[], tuple[Plane, Plane] | None] | None = None,
        qp: Callable[[], NDArray[np.int32] | None] | None = None,
        key: bool = False,
        follows: bool = False,
        full_range: bool = False,
        interlaced: bool = False,
        corrupt: bool = False,
    ) -> None:
        self.luma = luma
        """rows x columns, 8 bits, as coded (limited range unless `full_range`)."""
        self.height, self.width = luma.shape
        self.pts = pts
        """Media time in seconds."""
        self.key = key
        self.follows = follows
        """No picture was left out between the one before, which this look saw, and this one."""
        self.full_range = full_range
        """0–255 are black and white, not 16 and 235."""
        self.interlaced = interlaced
        """The stream says that it is made of two fields."""
        self.corrupt = corrupt
        """The decoder says that parts are missing or concealed."""
        self._chroma, self._qp = chroma, qp
        self._asked = False
        self._planes: tuple[Plane, Plane] | None = None
        self._small: Plane | None = None
        self._tiny: Plane | None = None

    @property
    def chroma(self) -> tuple[Plane, Plane] | None:
        """The Cb and Cr planes, 8 bits, as coded (subsampled); None where the picture has none."""
        if not self._asked:
            self._asked, self._planes = True, self._chroma() if self._chroma else None
        return self._planes

    @property
    def qp(self) -> NDArray[np.int32] | None:
        """The quantiser of every macroblock, rows x columns; None where the decoder does not tell."""
        return self._qp() if self._qp else None

    @property
    def small(self) -> Plane:
        """Luma halved as often as leaves at least 180 rows and columns: 1080p 480x270, 720p 320x180."""
        if self._small is None:
            times = 0
            while min(self.luma.shape) >> times >= 2 * LEAST:
                times += 1
            self._small = _shrunk(self.luma, times) if times else self.luma
        return self._small

    @property
    def tiny(self) -> Plane:
        """Luma in 32 x 18 cells, whatever the picture's shape."""
        if self._tiny is None:
            plane = self.small
            if (plane.shape[1] % TINY[0] or plane.shape[0] % TINY[1]) and min(plane.shape) >= LEAST:
                plane = halved(plane)  # cells of broken pixels cost OpenCV many times as much
            self._tiny = np.asarray(cv2.resize(plane, TINY, interpolation=cv2.INTER_AREA), np.uint8)
        return self._tiny

    @property
    def black(self) -> int:
        """The code of black."""
        return 0 if self.full_range else 16

    @property
    def white(self) -> int:
        """The code of white."""
        return 255 if self.full_range else 235


def halved(plane: Plane) -> Plane:
    """`plane` at half the height and half the width (odd rows and columns are cut)."""
    rows, columns = plane.shape
    return np.asarray(
        cv2.resize(plane[: rows & ~1, : columns & ~1], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA),
        np.uint8,
    )


def _shrunk(plane: Plane, times: int) -> Plane:
    """`plane` halved so often.

    A large picture that a decoder has just written lies in memory too far away for cv2.resize, which waits for each
    line: it takes four times as long as with lines that are near. cv2.norm, which reads straight on, fetches them in a
    fifth of that time. So a piece at a time is read, and then shrunk.
    """
    rows, columns = plane.shape
    out = np.empty((rows >> times, columns >> times), np.uint8)
    unit = 1 << times
    step = max(1, AHEAD // (columns * unit)) * unit if rows * columns > NEAR else rows
    for top in range(0, rows & -unit, step):
        piece = plane[top : top + step]
        if step < rows:
            cv2.norm(piece, cv2.NORM_INF)
        for _ in range(times):
            piece = halved(piece)
        out[top >> times : (top + step) >> times] = piece
    return out
