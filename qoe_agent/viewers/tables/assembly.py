"""Cells out of what an engine counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.shapes import PIECES, TENURE, Cells
from qoe_agent.viewers.tables.levels import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

BINS = len(TENURE)


class Factor(NamedTuple):
    """A factor as it is counted: its levels by their code."""

    name: str
    levels: tuple[str, ...]
    reference: str | None = None
    """Preferred over the commonest level, where it occurs."""


def assembled(factors: Sequence[Factor], time: pa.Table, exits: pa.Table, changes: int) -> Cells:
    """`time` and `exits` as `cells.person_time` and `cells.exits` give them; codes f0, … and f0s1, … after changes."""
    radix = [len(each.levels) for each in factors]
    state = _joint([_ints(time, f"f{number}") for number in range(len(factors))], radix, time.num_rows)
    seconds = np.stack([_floats(time, f"t{number}") for number in range(BINS)], axis=1) / 1000.0
    rows, bins = np.nonzero(seconds)
    codes = [_joint([_ints(exits, f"f{number}s{change}") for number in range(len(factors))], radix, exits.num_rows)
             for change in range(changes + 1)]  # fmt: skip
    pieces, lengths = _pieces(exits, codes, changes)
    used, index = np.unique(np.concatenate([state[rows] * BINS + bins, pieces[pieces >= 0]]), return_inverse=True)
    cell = np.full(pieces.shape, -1, np.int64)
    cell[pieces >= 0] = index[len(rows) :]
    totals = np.bincount(index[: len(rows)], seconds[rows, bins], len(used)).astype(np.float64)
    levels, design = _levels(factors, radix, used // BINS, totals)
    return Cells(
        factors=tuple(each.name for each in factors), levels=levels, bins=(used % BINS).astype(np.int32), design=design,
        time_cell=index[: len(rows)].astype(np.int64), time_bucket=_ints(time, "bucket")[rows].astype(np.int32),
        time_seconds=seconds[rows, bins], exit_bucket=_ints(exits, "bucket").astype(np.int32),
        exit_cause=_ints(exits, "cause").astype(np.int32), exit_count=_floats(exits, "count"),
        exit_cell=cell, exit_seconds=lengths,
    )  # fmt: skip


def _ints(table: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(table[name].to_numpy(), np.int64)


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(), np.float64)


def _joint(codes: Sequence[NDArray[np.int64]], radix: Sequence[int], rows: int) -> NDArray[np.int64]:
    """One number for all codes of a row."""
    found = np.zeros(rows, np.int64)
    for code, size in zip(codes, radix, strict=True):
        found = found * size + code
    return found


def _pieces(exits: pa.Table, codes: Sequence[NDArray[np.int64]],
            changes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """(exits, PIECES): joint codes of cells that each interval passes through in order, and for how long."""
    count = _floats(exits, "count")
    cuts = [_floats(exits, f"c{number}") / count / 1000.0 for number in range(changes + 2)]
    bins = [_ints(exits, f"b{number}") for number in range(changes + 2)]
    rows = np.arange(len(count))
    cell, seconds = np.full((len(count), PIECES), -1, np.int64), np.zeros((len(count), PIECES))
    place = np.zeros(len(count), np.int64)
    ends = (*TENURE[1:], np.inf)
    for change, code in enumerate(codes):
        for number, (low, high) in enumerate(zip(TENURE, ends, strict=True)):
            here = (bins[change] <= number) & (number <= bins[change + 1])
            length = np.where(here, np.minimum(cuts[change + 1], high) - np.maximum(cuts[change], low), 0.0)
            some = rows[length > 0.0]
            at = np.minimum(place[some], PIECES - 1)
            fresh = place[some] < PIECES
            cell[some[fresh], at[fresh]] = code[some[fresh]] * BINS + number
            seconds[some, at] += length[some]
            place[some] += 1
    exact = place == 0
    cell[exact, 0] = codes[0][exact] * BINS + bins[-1][exact]
    return cell, seconds


def _levels(factors: Sequence[Factor], radix: Sequence[int], joint: NDArray[np.int64],
            totals: NDArray[np.float64]) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int32]]:  # fmt: skip
    """The levels that occur, the reference first and what is unknown last; and of each cell their indices."""
    names: list[tuple[str, ...]] = []
    design = np.zeros((len(joint), len(factors)), np.int32)
    rest = joint
    for number in range(len(factors) - 1, -1, -1):
        factor = factors[number]
        code, rest = rest % radix[number], rest // radix[number]
        present = np.unique(code)
        weight = np.bincount(code, totals, radix[number])
        known = [each for each in present if factor.levels[each] != UNKNOWN] or list(present)
        wanted = [each for each in known if factor.levels[each] == factor.reference]
        first = wanted[0] if wanted else max(known, key=lambda each: weight[each], default=None)
        order = sorted(present, key=lambda each: (each != first, factor.levels[each] == UNKNOWN, each))
        lookup = np.zeros(radix[number], np.int32)
        lookup[order] = np.arange(len(order))
        design[:, number] = lookup[code]
        names.insert(0, tuple(factor.levels[each] for each in order))
    return tuple(names), design
