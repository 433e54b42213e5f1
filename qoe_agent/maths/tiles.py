"""Named regions of a picture: parts of a layout, such as the host's and the guest's.

Shares are of the coded picture, black bars within it included, and so hold for whatever size it comes in. A rim of each
tile is left out: coding blocks and their filters carry a neighbour's motion across the border, and layouts are seldom
cut to the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qoe_agent.maths.view import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

RIM = 0.02
"""Of a tile's width and height, at each side."""
LEAST = 32
"""Rows and columns of luma below which a tile is not judged."""
MOST = 16
"""Tiles of a stream."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A region under a name, and what it is judged for."""

    name: str
    left: float
    top: float
    width: float
    height: float
    black: bool = True
    """Whether it is told when it is black, of one colour or a test card."""
    freeze: bool = True
    """Whether it is told when it stands still."""

    def of(self, view: View) -> View | None:
        """What the picture shows there; None if that is too small to be judged."""
        left, top = self.left + RIM * self.width, self.top + RIM * self.height
        right, bottom = left + (1 - 2 * RIM) * self.width, top + (1 - 2 * RIM) * self.height
        luma = _part(view.luma, left, top, right, bottom)
        if min(luma.shape) < LEAST:
            return None
        return View(
            luma, view.pts, chroma=partial(_chroma, view, left, top, right, bottom), key=view.key, follows=view.follows,
            full_range=view.full_range, interlaced=view.interlaced, corrupt=view.corrupt,
        )  # fmt: skip


def grid(rows: int, columns: int) -> tuple[Tile, ...]:
    """As many tiles of one size, r1c1 at the upper left, row by row."""
    return tuple(
        Tile(f"r{row + 1}c{column + 1}", column / columns, row / rows, 1 / columns, 1 / rows)
        for row in range(rows)
        for column in range(columns)
    )


def _part(plane: Plane, left: float, top: float, right: float, bottom: float) -> Plane:
    rows, columns = plane.shape
    return plane[round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]


def _chroma(view: View, left: float, top: float, right: float, bottom: float) -> tuple[Plane, Plane] | None:
    planes = view.chroma
    return planes and (_part(planes[0], left, top, right, bottom), _part(planes[1], left, top, right, bottom))
