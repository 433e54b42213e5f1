"""Cells out of what an engine counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.shapes import PIECES, TENURE, Cells
from qoe_agent.viewers.tables.levels import OTHER, UNKNOWN

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


class Time(NamedTuple):
    """Person-time by joint code and bucket: a row of seconds by bin for each."""

    code: NDArray[np.int64]
    bucket: NDArray[np.int64]
    seconds: NDArray[np.float64]


def assembled(factors: Sequence[Factor], time: pa.Table, exits: pa.Table, changes: int) -> Cells:
    """`time` and `exits` as `cells.person_time` and `cells.exits` give them; codes f0, … and f0s1, … after changes.

    The exits may hold censored sessions, whose cause is negative.
    """
    radix = [len(each.levels) for each in factors]
    known = _spent(time, radix)
    rows, bins = np.nonzero(known.seconds)
    exits = exits.filter(_ints(exits, "cause") >= 0)
    codes = [_joint(exits, [f"f{number}s{change}" for number in range(len(factors))], radix)
             for change in range(changes + 1)]  # fmt: skip
    pieces, lengths = _pieces(exits, codes, changes)
    inside = pieces >= 0
    used, index = np.unique(np.concatenate([known.code[rows] * BINS + bins, pieces[inside]]), return_inverse=True)
    pieces[inside] = index[len(rows) :]
    index = index[: len(rows)]
    spent = known.seconds[rows, bins]
    levels, design = _levels(factors, used // BINS, np.bincount(index, spent, len(used)).astype(np.float64))
    return Cells(
        factors=tuple(each.name for each in factors), levels=levels, bins=(used % BINS).astype(np.int32), design=design,
        time_cell=index.astype(np.int64), time_bucket=known.bucket[rows].astype(np.int32), time_seconds=spent,
        exit_bucket=_ints(exits, "bucket").astype(np.int32), exit_cause=_ints(exits, "cause").astype(np.int32),
        exit_count=_floats(exits, "count"), exit_cell=pieces, exit_seconds=lengths,
    )  # fmt: skip


def witnessed(cells: Cells, factor: str) -> Cells:
    """The same without a factor, whose levels (numbers) take the place of users' buckets."""
    place = cells.factors.index(factor)
    number = np.array([int(each) for each in cells.levels[place]], np.int32)[cells.design[:, place]]
    apart = np.column_stack([cells.bins, np.delete(cells.design, place, axis=1)])
    kinds, index = np.unique(apart, axis=0, return_inverse=True)
    return replace(
        cells, factors=cells.factors[:place] + cells.factors[place + 1 :], bins=kinds[:, 0], design=kinds[:, 1:],
        levels=cells.levels[:place] + cells.levels[place + 1 :], time_cell=index[cells.time_cell],
        time_bucket=number[cells.time_cell], exit_bucket=number[cells.exit_cell[:, 0]],
        exit_cell=np.where(cells.exit_cell >= 0, index[np.maximum(cells.exit_cell, 0)], -1),
    )  # fmt: skip


def _spent(time: pa.Table, radix: Sequence[int]) -> Time:
    """Seconds in each bin: all of it where more ended later than began later, and parts at both ends."""
    joint = _joint(time, [f"f{number}" for number in range(len(radix))], radix) * 1000 + _ints(time, "bucket")
    keys, row = np.unique(joint, return_inverse=True)
    seconds = np.zeros((len(keys), BINS))
    for sign, column, place in ((1.0, "b", "until"), (-1.0, "a", "from")):
        where = row * BINS + _ints(time, place)
        shape = seconds.shape
        count = np.bincount(where, _floats(time, "count"), seconds.size).reshape(shape)
        total = np.bincount(where, _floats(time, column), seconds.size).reshape(shape) / 1000.0
        beyond = count[:, ::-1].cumsum(axis=1)[:, ::-1] - count
        width = np.append(np.diff(TENURE), 0.0)
        seconds += sign * (total - count * np.array(TENURE) + beyond * width)
    return Time(keys // 1000, keys % 1000, np.round(seconds, 6))


def _ints(table: pa.Table, name: str) -> NDArray[np.int64]:
    return np.asarray(table[name].to_numpy(), np.int64)


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(), np.float64)


def _joint(table: pa.Table, columns: Sequence[str], radix: Sequence[int]) -> NDArray[np.int64]:
    """One number for all codes of a row."""
    found = np.zeros(table.num_rows, np.int64)
    for column, size in zip(columns, radix, strict=True):
        found = found * size + _ints(table, column)
    return found


def _pieces(exits: pa.Table, codes: Sequence[NDArray[np.int64]],
            changes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """(exits, PIECES or fewer): joint codes of cells that each interval passes through in order, and for how long."""
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
    most = max(1, min(PIECES, int(place.max(initial=0))))
    return cell[:, :most].copy(), seconds[:, :most].copy()


def _levels(
    factors: Sequence[Factor], joint: NDArray[np.int64],
            totals: NDArray[np.float64]) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int32]]:  # fmt: skip
    """The levels that occur, the reference first and what is unknown last; and of each cell their indices."""
    names: list[tuple[str, ...]] = []
    design = np.zeros((len(joint), len(factors)), np.int32)
    rest = joint
    for number in range(len(factors) - 1, -1, -1):
        factor = factors[number]
        size = len(factor.levels)
        code, rest = rest % size, rest // size
        present = np.unique(code)
        weight = np.bincount(code, totals, size)
        known = [each for each in present if factor.levels[each] not in (OTHER, UNKNOWN)] or list(present)
        wanted = [each for each in known if factor.levels[each] == factor.reference]
        first = wanted[0] if wanted else max(known, key=lambda each: weight[each], default=None)
        order = sorted(present, key=lambda each: (each != first, factor.levels[each] == UNKNOWN, each))
        lookup = np.zeros(size, np.int32)
        lookup[order] = np.arange(len(order))
        design[:, number] = lookup[code]
        names.insert(0, tuple(factor.levels[each] for each in order))
    return tuple(names), design
