"""The tiles at a picture's border, where clocks and tickers are burnt in, and those away from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.sameness import tiling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Chosen = NDArray[np.bool_]

RIM = 0.2
"""Of a side: the border."""


def one_sided(moving: Chosen) -> bool:
    """Whether tiles move at one edge of the picture only."""
    down, across = edge(moving.shape)
    inside = [moving[down:], moving[:-down], moving[:, across:], moving[:, :-across]]
    return any(not rest.any() for rest in inside)


def middle(shape: tuple[int, ...]) -> Chosen:
    """The tiles of a plane of this shape that are away from its border."""
    tiles = tiling(*shape).area.shape
    rows, columns = edge(tiles)
    inner = np.zeros(tiles, np.bool_)
    inner[rows:-rows, columns:-columns] = True
    return inner


def edge(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many rows and columns of tiles are the border."""
    return max(1, round(shape[0] * RIM)), max(1, round(shape[1] * RIM))
