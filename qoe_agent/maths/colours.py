"""Coded luma and chroma to the blue, green and red of screens (ITU-T H.273 §8.3: which code means which matrix)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BT601 = 0.299, 0.114
BT709 = 0.2126, 0.0722
MATRICES = {
    1: BT709,
    4: (0.30, 0.11),  # FCC
    5: BT601,
    6: BT601,
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),
}
"""The shares of red and blue in luma, by matrix_coefficients."""
LARGE = 1280, 720
"""Columns, or rows, from which on a picture that does not say is BT.709, as players take it (mpv, Chromium)."""


def shares(code: int, columns: int, rows: int) -> tuple[float, float]:
    """The shares of red and blue in luma."""
    large = columns >= LARGE[0] or rows >= LARGE[1]
    return MATRICES.get(code, BT709 if large else BT601)


def to_bgr(red: float, blue: float, *, full_range: bool) -> NDArray[np.float32]:
    """3 x 4: what makes (blue, green, red) of (Y, Cb, Cr, 1), all 0 to 255."""
    black, luma, chroma = (0.0, 1.0, 1.0) if full_range else (16.0, 255 / 219, 255 / 224)
    green = 1.0 - red - blue
    from_cb, from_cr = 2.0 * (1.0 - blue) * chroma, 2.0 * (1.0 - red) * chroma
    rows = [
        (luma, from_cb, 0.0),
        (luma, -from_cb * blue / green, -from_cr * red / green),
        (luma, 0.0, from_cr),
    ]
    return np.array([(*row, -row[0] * black - 128.0 * (row[1] + row[2])) for row in rows], np.float32)
