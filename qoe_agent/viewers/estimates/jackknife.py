"""Leave-one-bucket-out replicates: users fall into buckets, so that what is alike within a user counts once.

Each replicate is one Newton step from the full fit without the bucket: as exact as a refit, since one bucket of many
moves the maximum little (checked against refits in the tests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.estimates.likelihood import expected

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.viewers.estimates.design import Model
    from qoe_agent.viewers.estimates.likelihood import Floats, Problem, Whole
    from qoe_agent.viewers.shapes import Cells


class Replicates(NamedTuple):
    thetas: Floats
    """(buckets, width): of the model without each bucket."""
    left: Floats
    """(buckets, width): expected exits of each bucket by column."""

    def error(self, of: Callable[[Floats], Floats]) -> Floats:
        """Standard errors of a function of thetas."""
        values = of(self.thetas)
        count = len(values)
        return np.asarray(np.sqrt((count - 1) / count * ((values - values.mean(axis=0)) ** 2).sum(axis=0)))

    def freedom(self) -> Floats:
        """Degrees of freedom by column: buckets in which anybody left, less one."""
        return np.asarray((self.left > 0.5).sum(axis=0) - 1.0)


class Entries(NamedTuple):
    """Of each bucket and cell a contribution."""

    bucket: Whole
    cell: Whole
    pull: Floats
    passed: Floats
    exits: Floats


def replicates(model: Model) -> Replicates:
    """One for each bucket that holds anything."""
    data, cells = model.data, model.cells
    names, of_time, of_exits = _buckets(cells)
    entries = _entries(data, cells, data.hazard(model.fitted.theta), of_time, of_exits)
    count, size = len(names), data.width + 1
    pulls, left = (np.zeros((count, size)) for _ in range(2))
    whole = np.zeros((count, size, size))
    for column in data.columns.T:
        at = entries.bucket * size + column[entries.cell]
        pulls += np.bincount(at, entries.pull, count * size).reshape(count, size)
        left += np.bincount(at, entries.exits, count * size).reshape(count, size)
        for other in data.columns.T:
            both = at * size + other[entries.cell]
            whole += np.bincount(both, entries.passed, count * size * size).reshape(count, size, size)
    remaining = model.fitted.information - whole[:, :-1, :-1]
    steps = np.linalg.solve(remaining, pulls[:, :-1, None])[..., 0]
    return Replicates(model.fitted.theta - steps, left[:, :-1])


def _buckets(cells: Cells) -> tuple[Whole, Whole, Whole]:
    together = np.concatenate([cells.time_bucket, cells.exit_bucket])
    names, places = np.unique(together, return_inverse=True)
    places = places.astype(np.int64)
    return names.astype(np.int64), places[: len(cells.time_bucket)], places[len(cells.time_bucket) :]


def _entries(data: Problem, cells: Cells, rates: Floats, of_time: Whole, of_exits: Whole) -> Entries:
    passed = cells.time_seconds * rates[cells.time_cell]
    known = np.ones(len(of_exits), bool)
    known[data.rows] = False
    none, count = np.zeros_like(passed), cells.exit_count[known]
    found = [
        Entries(of_time, cells.time_cell.astype(np.int64), -passed, passed, none),
        Entries(of_exits[known], cells.exit_cell[known, 0].astype(np.int64), count, np.zeros_like(count), count),
    ]
    for part in data.chunks():
        inside, counts = data.cells[part], data.counts[part, None]
        there = expected(data.seconds[part], rates[inside])
        bucket = np.broadcast_to(of_exits[data.rows[part]][:, None], inside.shape)
        held = (data.seconds[part] > 0.0).ravel()
        pieces = (counts * there.pulls, counts * there.passed, counts * there.exits)
        found.append(Entries(bucket.ravel()[held], inside.ravel()[held], *(each.ravel()[held] for each in pieces)))
    return Entries(
        np.concatenate([each.bucket for each in found]),
        np.concatenate([each.cell for each in found]),
        *(np.concatenate([each[field] for each in found]) for field in (2, 3, 4)),
    )
