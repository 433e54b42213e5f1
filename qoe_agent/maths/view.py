"""A decoded picture as the looks see it: planes without copies, and the small planes that they share.

`half` and `small` are area means (2 x 2 pixels into one, once or several times: cv2.INTER_AREA), made when first
asked for and then kept, so that ten looks shrink a picture once.
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


class View:
    """One picture. Everything in it is valid during the look's call only, and not to be written to."""

    __slots__ = (
        "_chroma", "_half", "_qp", "_small", "corrupt", "follows", "full_range", "height", "interlaced", "key",
        "luma", "pts", "width",
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
        self._half: Plane | None = None
        self._small: Plane | None = None

    @property
    def chroma(self) -> tuple[Plane, Plane] | None:
        """The Cb and Cr planes, 8 bits, as coded (subsampled); None where the picture has none."""
        return self._chroma() if self._chroma else None

    @property
    def qp(self) -> NDArray[np.int32] | None:
        """The quantiser of every macroblock, rows x columns; None where the decoder does not tell."""
        return self._qp() if self._qp else None

    @property
    def half(self) -> Plane:
        """Luma at half the height and half the width."""
        if self._half is None:
            self._half = halved(self.luma)
        return self._half

    @property
    def small(self) -> Plane:
        """Luma halved as often as leaves at least 180 rows and columns: 1080p 480x270, 720p 320x180."""
        if self._small is None:
            plane = self.luma
            if min(plane.shape) >= 2 * LEAST:
                plane = self.half
            while min(plane.shape) >= 2 * LEAST:
                plane = halved(plane)
            self._small = plane
        return self._small

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
