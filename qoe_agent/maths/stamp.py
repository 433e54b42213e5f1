"""The stamp in the picture: a grid of black and white cells that says when the picture was made.

12 x 7 cells, white for 1, hold 42 bits of Unix milliseconds, a 16-bit frame counter in Gray code and a CRC-16;
ten guard cells have known colours. Around the cells lies a border of one cell: its outer half white, its inner half
black, so that the rectangle between the two can be found on any picture. Outside it one cell of picture stays free.

To draw it (in any language): every cell is a square of `cell` pixels of a picture whose shorter side has 1080; the
74 cells that are no guards are filled row by row, left to right, with the bits of `code`, the most significant
first: ms (42), counter ^ counter >> 1 (16), CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF, not reflected) of
the eight big-endian bytes of ms << 16 | gray. `code(1760000000123, 4711)` is 0x199C82CC07B1B54AFEB.

Cells of 8 pixels in the smallest rendition survive 360p at 300 kb/s (24 at 1080p): sampled is the middle half of a
cell only, and the guards give the threshold after errors of range and gamma.
"""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Levels = NDArray[np.float32]

Corner: TypeAlias = Literal[
    "top-left", "top", "top-right", "left", "centre", "right", "bottom-left", "bottom", "bottom-right"
]
Point: TypeAlias = tuple[float, float]

COLUMNS, ROWS = 12, 7
MS_BITS, COUNTER_BITS, CRC_BITS = 42, 16, 16
COUNTERS = 1 << COUNTER_BITS
"""The counter starts over after so many frames."""
WHITE = ((0, 0), (0, 6), (3, 3), (3, 11), (6, 5))
"""Guard cells (row, column) that are white."""
BLACK = ((0, 11), (3, 0), (3, 8), (6, 0), (6, 11))
"""Guard cells that are black: no turning or mirroring maps the guards onto themselves."""
BORDER = 1.0
"""Cells of border on each side."""
MARGIN = 1.0
"""Cells of picture between the border and the edge of the frame."""
LINES = 1080
"""`Place.cell` is in pixels of a picture whose shorter side has so many."""

DENSE = 16
"""Pixels that are enough along a cell's side."""
CONTRAST = 24.0
"""Least difference between white and black guards, in 8-bit codes."""
CLEAR = 0.4
"""Guards must lie so far from the threshold towards their colour (1: exactly on it)."""
SURE = 0.1
"""Every cell must lie so far from the threshold: of two blended pictures many lie on it."""

_GUARDS = (*WHITE, *BLACK)
_ROW, _COLUMN = (np.array([g[n] for g in _GUARDS]) for n in (0, 1))
_SIGN = np.array([1.0] * len(WHITE) + [-1.0] * len(BLACK))
_DATA = np.array([r * COLUMNS + c for r in range(ROWS) for c in range(COLUMNS) if (r, c) not in _GUARDS])
_ACROSS = np.array([[(c - (COLUMNS - 1) / 2) / COLUMNS for c in range(COLUMNS)]] * ROWS, np.float32)
_DOWN = np.array([[(r - (ROWS - 1) / 2) / ROWS] * COLUMNS for r in range(ROWS)], np.float32)
_FIT = np.linalg.pinv(
    np.stack([np.ones(len(_GUARDS)), _ACROSS[_ROW, _COLUMN], _DOWN[_ROW, _COLUMN], _SIGN], axis=1)
).astype(np.float32)
"""From the guards' levels to a threshold that may slope across the mark (a filmed screen), and the contrast."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture's stamp says."""

    ms: int
    """Unix milliseconds."""
    counter: int
    """Frames since some start, modulo 65536."""
    quality: float
    """How far the least certain cell lies from the threshold: 0 on it, 1 as far as the guards."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a mark's cells lie: the grid's corners in fractions of the frame, clockwise from its own top left."""

    corners: tuple[Point, Point, Point, Point]

    @property
    def upright(self) -> bool:
        """Its sides lie along rows and columns."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.corners
        return ax == dx and bx == cx and ay == by and cy == dy and ax < bx and ay < dy


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stamp is drawn."""

    corner: Corner = "top-left"
    """A corner, the middle of a side, or `centre`."""
    cell: float = 24.0
    """Side of a cell in pixels of a picture whose shorter side has 1080: 24 are 8 at 360p."""

    def grid(self, width: float, height: float) -> tuple[float, float, float]:
        """Left and top of the cells (without their border) and the side of a cell, in pixels."""
        cell = self.cell * min(width, height) / LINES
        edge = (MARGIN + BORDER) * cell
        across, down = width - 2 * edge - COLUMNS * cell, height - 2 * edge - ROWS * cell
        x = 0.0 if "left" in self.corner else 1.0 if "right" in self.corner else 0.5
        y = 0.0 if "top" in self.corner else 1.0 if "bottom" in self.corner else 0.5
        return edge + x * across, edge + y * down, cell

    def spot(self, width: float, height: float) -> Spot:
        """The same in fractions of a frame of that shape."""
        return boxed(*self.grid(width, height), width, height)


def boxed(x: float, y: float, cell: float, width: float, height: float, tall: float | None = None) -> Spot:
    """The spot of cells `cell` wide (and `tall` high), from x and y on, in a frame of that size."""
    left, right = x / width, (x + COLUMNS * cell) / width
    top, bottom = y / height, (y + ROWS * (tall or cell)) / height
    return Spot(((left, top), (right, top), (right, bottom), (left, bottom)))


def code(ms: int, counter: int) -> int:
    """The 74 bits as one number."""
    counter %= COUNTERS
    value = (ms & (1 << MS_BITS) - 1) << COUNTER_BITS | counter ^ counter >> 1
    return value << CRC_BITS | crc_hqx(value.to_bytes(8, "big"), 0xFFFF)


def bits(ms: int, counter: int) -> NDArray[np.bool_]:
    """The cells, 7 x 12; True is white."""
    spread = np.unpackbits(np.frombuffer(code(ms, counter).to_bytes(10, "big"), np.uint8))
    cells = np.zeros(ROWS * COLUMNS, np.bool_)
    cells[_DATA] = spread[-len(_DATA) :]
    for row, column in WHITE:
        cells[row * COLUMNS + column] = True
    return cells.reshape(ROWS, COLUMNS)


def draw(
    luma: Plane,
    chroma: Sequence[Plane] | None,
    ms: int,
    counter: int,
    place: Place | None = None,
    full_range: bool = False,
) -> None:
    """Write the stamp into the planes of a picture (8 bits; chroma of any subsampling), in place."""
    halves = np.zeros((2 * ROWS + 4, 2 * COLUMNS + 4), np.bool_)
    halves[[0, -1], :] = halves[:, [0, -1]] = True
    halves[2:-2, 2:-2] = np.repeat(np.repeat(bits(ms, counter), 2, axis=0), 2, axis=1)
    black, white = (0, 255) if full_range else (16, 235)
    x, y, cell = (place or Place()).grid(luma.shape[1], luma.shape[0])
    rows = _pixels(y, cell, ROWS, luma.shape[0])
    columns = _pixels(x, cell, COLUMNS, luma.shape[1])
    shades = np.where(halves, np.uint8(white), np.uint8(black))
    luma[rows.start : rows.stop, columns.start : columns.stop] = shades[
        np.ix_(_halves(rows, y, cell, ROWS), _halves(columns, x, cell, COLUMNS))
    ]
    for plane in chroma or ():
        down, across = (-(-luma.shape[n] // plane.shape[n]) for n in (0, 1))
        plane[rows.start // down : -(-rows.stop // down), columns.start // across : -(-columns.stop // across)] = 128


def _pixels(start: float, cell: float, cells: int, size: int) -> range:
    """The pixels of a side, border included."""
    return range(max(0, round(start - BORDER * cell)), min(size, round(start + (cells + BORDER) * cell)))


def _halves(pixels: range, start: float, cell: float, cells: int) -> NDArray[np.int64]:
    """Which half cell, counted from the border's edge, each pixel's centre lies in."""
    at = ((np.arange(pixels.start, pixels.stop) + 0.5 - start) / cell + BORDER) * 2
    return np.asarray(np.clip(np.floor(at + 1e-9), 0, 2 * cells + 3), np.int64)


def read(luma: Plane, spot: Spot) -> Mark | None:
    """The mark whose cells lie at `spot`; None where guards, cells or checksum do not hold."""
    levels = sampled(luma, spot)
    return None if levels is None else decoded(levels)


def sampled(luma: Plane, spot: Spot) -> Levels | None:
    """The mean of each cell's middle half, 7 x 12; None where the spot does not lie in the frame."""
    height, width = luma.shape
    if not spot.upright:
        return _warped(luma, spot)
    (left, top), _, (right, bottom), _ = spot.corners
    if left < 0 or top < 0 or right > 1 or bottom > 1 or right * width - left * width < 2 * COLUMNS:
        return None
    rows, down = _means(top * height, bottom * height, ROWS)
    columns, across = _means(left * width, right * width, COLUMNS)
    crop = luma[rows, columns].astype(np.float32)
    return np.asarray(down[:, : crop.shape[0]] @ crop @ across[:, : crop.shape[1]].T, np.float32)


@lru_cache(maxsize=256)
def _means(start: float, end: float, cells: int) -> tuple[slice, Levels]:
    """Pixels (of large cells every second, third, ...), and their shares in the mean of each cell's middle half."""
    cell, first = (end - start) / cells, int(start)
    edges = np.arange(first, int(np.ceil(end)) + 1)
    middle = start + (np.arange(cells) + 0.5)[:, None] * cell
    low, high = middle - cell / 4, middle + cell / 4
    step = max(1, int(cell / DENSE))
    share = np.maximum(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0.0)[:, ::step]
    return slice(first, int(edges[-1]), step), np.asarray(share / share.sum(axis=1, keepdims=True), np.float32)


def _warped(luma: Plane, spot: Spot) -> Levels | None:
    """A mark seen in perspective, or turned."""
    height, width = luma.shape
    points = np.array([(x * width, y * height) for x, y in spot.corners], np.float32)
    least, most = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    if (least < 0).any() or (most > (width, height)).any() or (most - least < 2 * ROWS).any():
        return None
    per = 8
    flat = np.array([[0, 0], [COLUMNS, 0], [COLUMNS, ROWS], [0, ROWS]], np.float32) * per - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(flat, points - least.astype(np.float32) - np.float32(0.5))
    crop = luma[least[1] : most[1], least[0] : most[0]]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    level = cv2.warpPerspective(crop, matrix, (COLUMNS * per, ROWS * per), flags=flags)
    cells = level.reshape(ROWS, per, COLUMNS, per)[:, per // 4 : -per // 4, :, per // 4 : -per // 4]
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def decoded(levels: Levels) -> Mark | None:
    """What the cells say, if guards, certainty and checksum hold."""
    base, across, down, half = (float(v) for v in _FIT @ levels[_ROW, _COLUMN])
    if 2 * half < CONTRAST:
        return None
    signed = (levels - (base + across * _ACROSS + down * _DOWN)) / half
    if (signed[_ROW, _COLUMN] * _SIGN).min() < CLEAR:
        return None
    quality = float(np.abs(signed).min())
    if quality < SURE:
        return None
    packed = np.packbits(signed.ravel()[_DATA] > 0).tobytes()
    whole = int.from_bytes(packed, "big") >> -len(_DATA) % 8
    value, crc = whole >> CRC_BITS, whole & (1 << CRC_BITS) - 1
    if crc_hqx(value.to_bytes(8, "big"), 0xFFFF) != crc:
        return None
    return Mark(value >> COUNTER_BITS, _plain(value & COUNTERS - 1), min(1.0, quality))


def _plain(gray: int) -> int:
    """A number from its Gray code."""
    for shift in (8, 4, 2, 1):
        gray ^= gray >> shift
    return gray
