"""Pictures as sums of cosines: how well two of them agree, wave by wave, each weighed by what coding leaves of it.

The edges of the test's picture may lie anywhere in the reference's. The reference's waves are taken between those
edges, by exact integrals over its pixels, so that no interpolation makes one place look better than another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.likeness import Frame

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]

FINEST = 0.5
"""Of the waves that pixels can hold along a side, those that are looked at: of finer ones coding leaves little."""
RINGS = 12
"""Classes of waves by how fine they are."""
MEAN = RINGS
"""The class of the mean, the first wave."""
LEAST = 0.02
"""Of the error's power in a wave: rounding to eight bits."""


class Waves(NamedTuple):
    """Which waves: half turns down and across the picture, as a table (down, across) of those that are kept."""

    down: int
    across: int
    kept: NDArray[np.bool_]
    ring: Numbers
    """Of each that is kept, its class: 0 for the broadest."""


class Lens(NamedTuple):
    """What of the reference's waves reaches the test, and what is added to them."""

    share: Singles
    noise: Singles
    """Power of the error, by wave."""


def waves(rows: int, columns: int) -> Waves:
    """Of pictures of that size; first of them their mean, as a class of its own."""
    down, across = round(rows * FINEST), round(columns * FINEST)
    fine = np.hypot(np.arange(down)[:, None] / down, np.arange(across)[None] / across)
    kept = fine < 1
    ring = np.minimum(np.sqrt(fine[kept]) * RINGS, RINGS - 1).astype(np.int64)
    ring[0] = MEAN
    return Waves(down, across, kept, ring)


def basis(start: float, end: float, size: int, count: int) -> Singles:
    """Integrals of `count` cosines from `start` to `end` (shares of a side) over each of its `size` pixels, as if the
    first and the last pixel went on."""
    cuts = np.clip((np.arange(size + 1) / size - start) / (end - start), 0.0, 1.0)
    cuts[0], cuts[-1] = 0.0, 1.0
    turns = np.arange(1, count)[:, None] * np.pi
    rest = np.diff(np.sin(turns * cuts[None]), axis=1) / turns * np.sqrt(2)
    return np.asarray(np.concatenate([np.diff(cuts)[None], rest]) * np.sqrt(size), np.float32)


def taken(pictures: Singles, frame: Frame, which: Waves) -> Singles:
    """The waves of pictures (n, rows, columns) between the edges of `frame`, (n, waves)."""
    down = basis(frame.top, frame.bottom, pictures.shape[1], which.down)
    across = basis(frame.left, frame.right, pictures.shape[2], which.across)
    return np.asarray((down @ pictures @ across.T)[:, which.kept])


def slopes(pictures: Singles, frame: Frame, which: Waves, edges: tuple[int, ...]) -> Singles:
    """How waves change by a pixel that an edge (0 to 3: left, right, top, bottom) moves; (edges, n, waves)."""
    rows, columns = pictures.shape[1:]
    down = basis(frame.top, frame.bottom, rows, which.down)
    across = basis(frame.left, frame.right, columns, which.across)
    flat, upright = (down @ pictures), (pictures @ across.T)
    found = []
    for edge in edges:
        size, count = (columns, which.across) if edge < 2 else (rows, which.down)
        start, end = frame[:2] if edge < 2 else frame[2:]
        by = (0.5 / size, 0.0) if edge % 2 == 0 else (0.0, 0.5 / size)
        further, nearer = basis(start + by[0], end + by[1], size, count), basis(start - by[0], end - by[1], size, count)
        change = np.asarray(further - nearer, np.float32)
        moved = flat @ change.T if edge < 2 else change @ upright
        found.append(moved[:, which.kept])
    return np.asarray(found, np.float32)


def lens(ours: Singles, theirs: Singles, which: Waves) -> Lens:
    """From waves of pictures that show the same, both less their means."""
    both, own = (np.bincount(which.ring, (theirs * each).sum(axis=0), RINGS + 1) for each in (ours, theirs))
    share = np.clip(both / np.maximum(own, 1e-6), 0.05, 2.0)[which.ring].astype(np.float32)
    left = np.bincount(which.ring, np.square(ours - share * theirs).sum(axis=0), RINGS + 1)
    count = np.maximum(np.bincount(which.ring, minlength=RINGS + 1) * len(ours), 1)
    return Lens(share, (left / count + LEAST)[which.ring].astype(np.float32))
