"""Sessions nobody randomised, by cells: counted by numpy, as an oracle for the tables and for many draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixtures.confounded import DEVICES, GEOS
from qoe_agent.viewers.lift.observed import Covered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fixtures.confounded import Sessions

BINS, BUCKETS = 20, 200


def counted(found: Sessions, cap: float | None, *, pairs: bool = False) -> Covered:
    """By bandwidth, device and geo."""
    watch = found.watch if cap is None else np.minimum(found.watch, cap)
    cuts = np.quantile(found.bandwidth, np.arange(1, BINS) / BINS)
    bins = np.searchsorted(cuts, found.bandwidth, side="right")
    sizes = (BINS, len(DEVICES), len(GEOS))
    cell = np.ravel_multi_index((bins, found.device, found.geo), sizes)
    cells = int(np.prod(sizes))
    design = np.stack(np.unravel_index(np.arange(cells), sizes), axis=1).astype(np.int32)
    at = ((found.user % BUCKETS) * cells + cell) * 2 + found.hd
    count = np.bincount(at, minlength=BUCKETS * cells * 2).reshape(BUCKETS, cells, 2).astype(float)
    total = np.bincount(at, watch, BUCKETS * cells * 2).reshape(BUCKETS, cells, 2)
    by = cell * 2 + found.hd
    squares = np.bincount(by, watch**2, cells * 2).reshape(cells, 2)
    numbers = np.zeros((cells, 2, 3, 2))
    for power in (1, 2):
        numbers[:, :, 0, power - 1] = np.bincount(by, found.bandwidth**power, cells * 2).reshape(cells, 2)
    return Covered(
        ("bandwidth", "device", "geo"), (tuple(map(str, range(BINS))), tuple(DEVICES), tuple(GEOS)), design,
        count.sum(axis=0), total.sum(axis=0), squares, paired(cell, found.hd, watch) if pairs else (0, 0, 0),
        np.stack([count, total], axis=-1), numbers=numbers, ordered=(True, False, False),
    )  # fmt: skip


def paired(cell: NDArray[np.int64], treated: NDArray[np.bool_], watch: NDArray[np.float64]) -> tuple[int, int, int]:
    """Pairs one to one within cells, at random: sessions come in no order."""
    mixed = np.random.default_rng(7).permutation(len(cell))
    cell, treated, watch = cell[mixed], treated[mixed], watch[mixed]
    order = np.lexsort((treated, cell))
    key = (cell * 2 + treated)[order]
    place = np.arange(len(key)) - np.searchsorted(key, key)
    rank = np.empty(len(key), np.int64)
    rank[order] = place
    pair = cell * (int(rank.max()) + 1) + rank
    _, mine, its = np.intersect1d(pair[treated], pair[~treated], assume_unique=True, return_indices=True)
    signs = np.sign(watch[treated][mine] - watch[~treated][its])
    return int((signs > 0).sum()), int((signs < 0).sum()), int((signs == 0).sum())


def made(count: object, total: object, design: object, levels: tuple[tuple[str, ...], ...], **more: object) -> Covered:
    """Cells by hand: sessions and seconds, (cells, 2)."""
    counts, totals = np.array(count, float), np.array(total, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.nan_to_num(2 * totals**2 / counts)
    names = tuple(f"by{number}" for number in range(len(levels)))
    return Covered(names, levels, np.array(design, np.int32), counts, totals, squares,
                   more.pop("wins", (0, 0, 0)), **more)  # type: ignore[arg-type]  # fmt: skip
