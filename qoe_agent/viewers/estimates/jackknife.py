"""Leave-one-bucket-out replicates: users fall into buckets, so that what is alike within a user counts once.

Each replicate is one Newton step from the full fit without the bucket: as exact as a refit, since one bucket of many
moves the maximum little (checked against refits in the tests). Of few users it is rougher, but bounded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.estimates.design import BINS, Model, modelled
from qoe_agent.viewers.estimates.likelihood import exits_of, expected, positive, totals
from qoe_agent.viewers.estimates.references import UNKNOWN, compared, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qoe_agent.viewers.estimates.likelihood import Exits, Floats, Whole
    from qoe_agent.viewers.shapes import Cells


LATER = ("startup",)
"""Factors whose level is unknown of those who left before it showed: who is unknown is so because he left."""
REPORTED = ("stall",)
"""Factors that reports depend on. Who stays how long is told with these alone: others would only add parameters."""

LEAST = 1e-3
MOST = 0.75
SOME = 0.5
"""Exits of a bucket: anybody left."""


class Study(NamedTuple):
    """A fitted model, and what it would be without each bucket."""

    model: Model
    thetas: Floats
    """(buckets, width)"""
    exits: Floats
    """(buckets, width): expected, by column."""
    seconds: Floats
    """(buckets, width): expected person-time."""
    hazards: Floats
    """Of each tenure bin over all who were in it, a second."""
    copies: Floats
    """(buckets, bins): the same without each bucket."""
    names: Whole
    """Which buckets these are, ascending."""
    plain: Study | None = None
    """The same with the factors REPORTED alone, without such of them as have a level in which nobody spent any time,
    where there are others: `hazards` and `copies` are of it."""

    @property
    def buckets(self) -> int:
        return len(self.thetas)

    def freedom(self, column: int) -> float:
        """Of a column's t interval: buckets in which anybody left, less one."""
        return float((self.exits[:, column] > SOME).sum() - 1)

    def held(self, columns: Sequence[int]) -> tuple[float, float, float]:
        """Of these columns together exits, buckets in which anybody left, and certain person-seconds."""
        exits, known = self.exits[:, columns].sum(axis=1), totals(self.model.data, self.model.data.time)
        return float(exits.sum()), float((exits > SOME).sum()), float(known[columns].sum())

    def others(self, columns: Sequence[int]) -> tuple[float, float, float]:
        """The same of the reference of a factor that has these columns."""
        exits = self.exits[:, :BINS].sum(axis=1) - self.exits[:, columns].sum(axis=1)
        known = totals(self.model.data, self.model.data.time)
        seconds = float(known[:BINS].sum() - known[columns].sum())
        return max(0.0, float(exits.sum())), float((exits > SOME).sum()), max(0.0, seconds)


class Entries(NamedTuple):
    """Of some buckets and cells what they contribute."""

    bucket: Whole
    cell: Whole
    pull: Floats
    passed: Floats
    exits: Floats


def spread(copies: Floats) -> Floats:
    """Standard errors from replicates, along the first axis."""
    count = len(copies)
    if count < 2:
        return np.full(copies.shape[1:], np.inf)
    return np.asarray(np.sqrt((count - 1) / count * ((copies - copies.mean(axis=0)) ** 2).sum(axis=0)))


def study(cells: Cells) -> Study | None:
    """Fit, and leave out each bucket. None: nobody left."""
    cells = compared(cells)
    later = [factor for factor in cells.factors if factor in LATER]
    for factor in later:
        cells = _not_yet(cells, factor)
    exits = exits_of(cells)
    found, bare = _study(cells, exits), left_out(cells)
    apart = [factor for factor in cells.factors if factor in bare or factor not in REPORTED]
    if not apart:
        return found
    for factor in apart:
        cells = without(cells, factor)
    plain = _study(cells, exits)
    if found is None or plain is None:
        return found or plain
    return found._replace(hazards=plain.hazards, copies=plain.copies, plain=plain)


def _not_yet(cells: Cells, factor: str) -> Cells:
    """Who left before a level was known left while it could be unknown: of an interval such an exit lies in a part in
    proportion to the share of those there of whom it was not yet known, so that part counts as that much shorter."""
    place = cells.factors.index(factor)
    if UNKNOWN not in cells.levels[place]:
        return cells
    unknown = cells.design[:, place] == cells.levels[place].index(UNKNOWN)
    bins, held = cells.bins[cells.time_cell], unknown[cells.time_cell]
    total = np.bincount(bins, cells.time_seconds, BINS)
    mine = np.bincount(bins[held], cells.time_seconds[held], BINS)
    share = np.clip(mine / np.where(total > 0.0, total, 1.0), LEAST, 1.0)
    shorter = np.where(unknown, share[cells.bins], 1.0)
    return replace(cells, exit_seconds=cells.exit_seconds * shorter[np.maximum(cells.exit_cell, 0)])


def without(cells: Cells, factor: str) -> Cells:
    """As if a factor were not known."""
    place = cells.factors.index(factor)
    return replace(
        cells,
        factors=tuple(each for each in cells.factors if each != factor),
        levels=tuple(each for number, each in enumerate(cells.levels) if number != place),
        design=np.delete(cells.design, place, axis=1),
    )


def _study(cells: Cells, exits: Exits) -> Study | None:
    model = modelled(cells, exits)
    if model is None:
        return None
    data, theta = model.data, model.fitted.theta
    rates = data.hazard(theta)
    names, of_time, of_exits = numbered(cells)
    parts = list(_entries(model, rates, of_time, of_exits))
    entries = Entries(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    pulls, gone, seconds, whole = _by_bucket(data.columns, data.width, entries, rates, len(names))
    known = model.fitted.information
    moves = _moves(known if positive(known) else data.penalty + whole.sum(axis=0), whole, pulls)
    hazards, copies = _by_bin(whole, seconds, moves)
    return Study(model, theta + moves, gone, seconds, hazards, copies, names)


def _moves(information: Floats, whole: Floats, pulls: Floats) -> Floats:
    """Newton's steps from the maximum without each bucket: what it pulls over what would still be known.

    What a bucket would tell if all moments were known is more than it tells, so that little or nothing seems to be left
    of what intervals hide anyway; it counts as MOST of all at most.
    """
    root = np.linalg.inv(np.linalg.cholesky(information))
    held, turned = np.linalg.eigh(root @ whole @ root.T)
    along = np.einsum("bij,bi->bj", turned, pulls @ root.T) / (1.0 - np.minimum(held, MOST))
    return np.asarray(-np.einsum("bij,bj->bi", turned, along) @ root)


def numbered(cells: Cells) -> tuple[Whole, Whole, Whole]:
    """The buckets that hold anything, and which of these each row of time and each exit is in."""
    most = int(max(cells.time_bucket.max(initial=0), cells.exit_bucket.max(initial=0))) + 1
    there = np.bincount(cells.time_bucket, minlength=most) + np.bincount(cells.exit_bucket, minlength=most) > 0
    place = np.cumsum(there) - 1
    return np.flatnonzero(there), place[cells.time_bucket], place[cells.exit_bucket]


def _by_bucket(
    columns: Whole, width: int, entries: Entries, rates: Floats, count: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each bucket X'v for pulls, exits, seconds, and X' diag(passed) X; a bucket at a time: its sums are small."""
    size = width + 1
    sums, whole = np.zeros((3, count, size)), np.zeros((count, size, size))
    order = np.argsort(entries.bucket.astype(np.int16 if count < 1 << 15 else np.int64), kind="stable")
    ends = np.searchsorted(entries.bucket[order], np.arange(count + 1))
    for bucket in range(count):
        rows = order[ends[bucket] : ends[bucket + 1]]
        passed, cells = entries.passed[rows], entries.cell[rows]
        those = [np.ascontiguousarray(column) for column in columns[cells].T]
        for number, value in enumerate((entries.pull[rows], entries.exits[rows], passed / rates[cells])):
            for column in those:
                sums[number, bucket] += np.bincount(column, value, size)
        for place, column in enumerate(those):
            at = column * size
            for other in those[place:]:
                found = np.bincount(at + other, passed, size * size).reshape(size, size)
                whole[bucket] += found if other is column else found + found.T
    return sums[0, :, :-1], sums[1, :, :-1], sums[2, :, :-1], whole[:, :-1, :-1]


def _by_bin(whole: Floats, seconds: Floats, moves: Floats) -> tuple[Floats, Floats]:
    """Hazards by tenure over everybody who was there, and without each bucket: its pull on the model (to first order)
    and its share in who was there."""
    passed, watched = np.einsum("bii->bi", whole)[:, :BINS], seconds[:, :BINS]
    total, time = passed.sum(axis=0), watched.sum(axis=0)
    there = (total > 0.0) & (time > 0.0)
    hazards = np.where(there, total / np.where(there, time, 1.0), 0.0)
    mean = whole.sum(axis=0)[:BINS] / np.where(there, total, 1.0)[:, None]
    left = np.where((time - watched > 0.0) & (total - passed > 0.0), (total - passed), 0.0)
    rest = np.where(time - watched > 0.0, time - watched, 1.0)
    return hazards, left / rest * np.exp(moves @ mean.T)


def _entries(model: Model, rates: Floats, of_time: Whole, of_exits: Whole) -> Iterator[Entries]:
    cells, known = model.cells, model.exits.known
    passed = cells.time_seconds * rates[cells.time_cell]
    yield Entries(of_time, cells.time_cell.astype(np.int64), -passed, passed, np.zeros_like(passed))
    count = cells.exit_count[known].astype(float)
    yield Entries(of_exits[known], cells.exit_cell[known, 0].astype(np.int64), count, np.zeros_like(count), count)
    for part in (chunk for group in model.exits.groups for chunk in group.chunks()):
        there = expected(part.seconds, rates[part.cells])
        bucket = np.repeat(of_exits[part.rows], part.cells.shape[1])
        counts = part.counts[:, None]
        found = (counts * each for each in (there.pulls, there.passed, there.exits))
        yield Entries(bucket, part.cells.ravel(), *(each.ravel() for each in found))
