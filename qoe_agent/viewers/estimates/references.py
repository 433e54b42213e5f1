"""What levels are compared with, and which cannot be compared: a ratio needs exits and person-time on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Cells

FEWEST_EXITS, FEWEST_BUCKETS = 10, 5
"""Of a level, or there is no figure: buckets are groups of users, and one user's habits are not a state's effect."""
STATES = ("stall", "incident")
"""Factors whose reference is that nothing happened: another would answer another question."""
OTHER, UNKNOWN = "other", "unknown"


def compared(cells: Cells) -> Cells:
    """The same cells, where a factor's first level has too few exits to compare with one that has the most before it.

    Never with those of whom nothing is known; with what is left over only where no level by itself will do.
    """
    for place, factor in enumerate(cells.factors):
        levels = cells.levels[place]
        if factor in STATES or len(levels) < 2:
            continue
        exits, able = _able(cells, place)
        if able[0] and levels[0] not in (OTHER, UNKNOWN):
            continue
        known = [each for each in range(len(levels)) if able[each] and levels[each] != UNKNOWN]
        if known:
            cells = _first(cells, place, max(known, key=lambda each: (levels[each] != OTHER, exits[each])))
    return cells


def _able(cells: Cells, place: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of each level of a factor its exits, by the cells that their intervals begin in, and whether it can be compared
    with."""
    count = len(cells.levels[place])
    level = cells.design[cells.exit_cell[:, 0], place]
    exits = np.bincount(level, cells.exit_count, count).astype(float)
    buckets = np.bincount(np.unique(level.astype(np.int64) << 32 | cells.exit_bucket) >> 32, minlength=count)
    watched = np.bincount(cells.design[cells.time_cell, place], cells.time_seconds, count)
    return exits, (exits >= FEWEST_EXITS) & (buckets >= FEWEST_BUCKETS) & (watched > 0.0)


def _first(cells: Cells, place: int, level: int) -> Cells:
    """With a level of a factor as its first."""
    count = len(cells.levels[place])
    order = [level, *(each for each in range(count) if each != level)]
    lookup = np.empty(count, cells.design.dtype)
    lookup[order] = np.arange(count)
    design = cells.design.copy()
    design[:, place] = lookup[design[:, place]]
    levels = list(cells.levels)
    levels[place] = tuple(levels[place][each] for each in order)
    return replace(cells, levels=tuple(levels), design=design)


def empty(cells: Cells) -> NDArray[np.bool_]:
    """Cells at a level, or in a tenure bin, in which nobody can have spent any time: whoever was there left at once.

    No rate tells how fast that was, so that a model leaves them out.
    """
    spent = np.bincount(cells.time_cell, cells.time_seconds, len(cells.bins)).astype(float)
    held = cells.exit_cell >= 0
    spent += np.bincount(cells.exit_cell[held], cells.exit_seconds[held], len(cells.bins))
    found = np.zeros(len(cells.bins), bool)
    for column in (cells.bins, *cells.design.T):
        found |= (np.bincount(column, spent) <= 0.0)[column]
    return found


def left_out(cells: Cells) -> list[str]:
    """Factors with a level in which nobody spent any time."""
    bare = empty(cells)
    return [factor for place, factor in enumerate(cells.factors) if _emptied(cells, place, bare)]


def _emptied(cells: Cells, place: int, bare: NDArray[np.bool_]) -> bool:
    level = cells.design[:, place]
    return bool(bare.any() and set(level[bare].tolist()) - set(level[~bare].tolist()))


def why_not(exits: float, buckets: float, watched: float, *, reference: bool = False) -> str:
    """What keeps a level from being compared, or from being compared with; empty: nothing."""
    said = f"too few {'in the reference ' * reference}to say: "
    if exits < FEWEST_EXITS:
        return f"{said}{exits:.0f} exits, {FEWEST_EXITS} are needed"
    if buckets < FEWEST_BUCKETS:
        return f"{said}exits in {buckets:.0f} groups of users, {FEWEST_BUCKETS} are needed"
    if watched <= 0.0:
        return f"{said}nobody is known to have stayed for any time"
    return ""


def exits_at(cells: Cells, factor: str, level: str) -> float:
    """Exits whose intervals begin there."""
    place = cells.factors.index(factor)
    there = cells.design[cells.exit_cell[:, 0], place] == cells.levels[place].index(level)
    return float(cells.exit_count[there].sum())
