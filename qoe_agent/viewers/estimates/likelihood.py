"""Exits at unknown moments: the likelihood of a piecewise-exponential model over cells, and its maximum.

The hazard of a cell is exp(x'theta) with indicators x: one of a tenure bin, one of a level of each factor. Certain
person-time T gives exp(-T hazard), an exit at a known moment its hazard, an exit somewhere in an interval that passes
through cells for s1, s2, … seconds 1 - exp(-U), U = sum of s hazard (Holford 1980, Laird and Olivier 1981; interval
censoring: Finkelstein 1986). By Louis (1982) its score is that of exits and person-time as expected given the
interval: steps are those of EM (Lange 1995, with the information of the expected data) where the observed information
is not positive, else Newton's. A weak normal prior (precision PRIOR) holds what the data leave open: neighbouring
bins that no heartbeat tells apart, levels that nobody left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Cells

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

PRIOR = 1e-3
CHUNK = 1 << 14
"""Rows at a time, so that what they touch stays in the processor's cache."""
TOLERANCE, STEPS, LEAP = 1e-8, 100, 2.0
TINY = 1e-12
MOST = 300.0
"""Of a hazard summed over an interval: beyond it all are gone."""


class Group(NamedTuple):
    """Exits whose intervals pass through equally many cells: (rows, pieces) twice, (rows,)."""

    cells: Whole
    seconds: Floats
    counts: Floats
    rows: Whole
    """Which exits of Cells these are; empty where like ones were put together."""

    def chunks(self) -> Iterator[Group]:
        """Some rows at a time: memory stays small."""
        for start in range(0, len(self.counts), CHUNK):
            part = slice(start, start + CHUNK)
            yield Group(self.cells[part], self.seconds[part], self.counts[part], self.rows[part])


class Exits(NamedTuple):
    """Rows of exits."""

    known: Whole
    """Which happened at a known moment."""
    groups: tuple[Group, ...]
    """The others."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is known, by cell. A column number `width` stands for none: the reference of a factor."""

    columns: Whole
    """(cells, terms): which column each term sets to one."""
    width: int
    penalty: Floats
    time: Floats
    exact: Floats
    """(cells,): certain person-seconds, and exits whose moment is known."""
    groups: tuple[Group, ...]

    def hazard(self, theta: Floats) -> Floats:
        """Of each cell, a second."""
        sums = np.append(theta, 0.0)[self.columns].sum(axis=1)
        return np.asarray(np.exp(np.clip(sums, -60.0, 20.0)))


class Fit(NamedTuple):
    theta: Floats
    information: Floats
    """Observed, with the prior's."""
    steps: int
    converged: bool


class Expected(NamedTuple):
    """Of rows with intervals, by piece."""

    exits: Floats
    pulls: Floats
    """Contribution to the score: exits less hazard x person-time."""
    passed: Floats
    """Hazard x expected person-time."""


def problem(cells: Cells, exits: Exits, columns: Whole, width: int, penalty: Floats) -> Problem:
    """Person-time and exits at known moments by cell; intervals by how many cells they pass through."""
    count = len(columns)
    time = np.bincount(cells.time_cell, cells.time_seconds, count).astype(float)
    exact = np.bincount(cells.exit_cell[exits.known, 0], cells.exit_count[exits.known], count).astype(float)
    return Problem(columns, width, penalty, time, exact, tuple(_alike(each) for each in exits.groups))


def exits_of(cells: Cells) -> Exits:
    """Those of the cells."""
    seconds = np.where(cells.exit_cell >= 0, cells.exit_seconds, 0.0)
    known, held = seconds.sum(axis=1) <= TINY, seconds > TINY
    pieces = np.where(known, 0, held.sum(axis=1))
    return Exits(np.flatnonzero(known), tuple(_intervals(cells, held, pieces)))


def _intervals(cells: Cells, held: NDArray[np.bool_], pieces: Whole) -> Iterator[Group]:
    for count in range(1, held.shape[1] + 1):
        rows = np.flatnonzero(pieces == count)
        if len(rows):
            inside = held[rows]
            through = cells.exit_cell[rows][inside].reshape(-1, count).astype(np.int64)
            seconds = cells.exit_seconds[rows][inside].reshape(-1, count).astype(float)
            yield Group(through, seconds, cells.exit_count[rows].astype(float), rows)


def _alike(group: Group) -> Group:
    """Intervals within one cell that are equally long, to the millisecond, as one row: most are a heartbeat long."""
    if group.cells.shape[1] > 1:
        return group
    length = np.rint(np.minimum(group.seconds[:, 0], 1e6) * 1000.0).astype(np.int64)
    keys, place = np.unique(group.cells[:, 0] << 31 | length, return_inverse=True)
    counts = np.bincount(place, group.counts).astype(float)
    seconds = np.bincount(place, group.counts * group.seconds[:, 0]) / counts
    return Group((keys >> 31)[:, None], seconds[:, None], counts, np.zeros(0, np.int64))


def blurred(data: Problem) -> Problem:
    """The same with intervals that pass through the same cells as one: rows are few, and its maximum is near."""
    return replace(data, groups=tuple(_through_the_same(each) for each in data.groups))


def _through_the_same(group: Group) -> Group:
    place = np.zeros(len(group.counts), np.int64)
    for column in group.cells.T:
        place = np.unique(place * (int(column.max()) + 1) + column, return_inverse=True)[1]
    counts = np.bincount(place, group.counts).astype(float)
    cells = np.zeros((len(counts), group.cells.shape[1]), np.int64)
    cells[place] = group.cells
    means = [np.bincount(place, group.counts * each) / counts for each in group.seconds.T]
    return Group(cells, np.stack(means, axis=1), counts, np.zeros(0, np.int64))


def expected(seconds: Floats, hazards: Floats) -> Expected:
    """Where within its interval an exit lies, and how long was watched until then, given that it lies in it."""
    passing = np.maximum(seconds * hazards, TINY)
    through = passing.sum(axis=1, keepdims=True)
    before = np.cumsum(passing, axis=1) - passing
    exits = np.exp(-before) * np.expm1(-passing) / np.expm1(-through)
    pulls = passing / np.expm1(np.minimum(through, MOST))
    return Expected(exits, pulls, np.maximum(exits - pulls, 0.0))


def likelihood(data: Problem, theta: Floats) -> float:
    """Logarithm, with the prior's."""
    rates = data.hazard(theta)
    value = float(data.exact @ np.log(rates) - data.time @ rates - 0.5 * theta @ data.penalty @ theta)
    for part in (chunk for group in data.groups for chunk in group.chunks()):
        through = np.maximum(part.seconds * rates[part.cells], TINY).sum(axis=1)
        value += float(part.counts @ np.log(-np.expm1(-through)))
    return value


def slopes(data: Problem, theta: Floats) -> tuple[Floats, Floats, Floats]:
    """Score, observed information, and the information that there would be if every exit's moment were known."""
    rates = data.hazard(theta)
    passed = data.time * rates
    pull, curve, whole = data.exact - passed, passed.copy(), passed.copy()
    outer = data.penalty.copy()
    for part in (chunk for group in data.groups for chunk in group.chunks()):
        inside, counts = part.cells.ravel(), part.counts[:, None]
        there = expected(part.seconds, rates[part.cells])
        for total, what in ((pull, there.pulls), (curve, -there.pulls), (whole, there.passed)):
            total += np.bincount(inside, (counts * what).ravel(), len(rates))
        passing = np.maximum(part.seconds * rates[part.cells], TINY)
        through = np.minimum(passing.sum(axis=1), MOST)
        weights = part.counts * np.exp(through) / np.expm1(through) ** 2
        if part.cells.shape[1] == 1:
            curve += np.bincount(inside, weights * passing[:, 0] ** 2, len(rates))
        else:
            outer += _outer(data, part.cells, passing, weights)
    score = totals(data, pull) - data.penalty @ theta
    return score, outer + crossed(data, curve), data.penalty + crossed(data, whole)


def _outer(data: Problem, inside: Whole, passing: Floats, weights: Floats) -> Floats:
    """Of rows with intervals the part of the information that ties their pieces together: the sum of w m m', where m
    is the sum of each piece's hazard times its indicators. Counted: a matrix product would keep all cores busy."""
    size = data.width + 1
    pieces = range(inside.shape[1])
    parts = [(column[inside[:, piece]], passing[:, piece]) for piece in pieces for column in data.columns.T]
    same, apart = np.zeros(size * size), np.zeros(size * size)
    for place, (one, value) in enumerate(parts):
        at, weighted = one * size, weights * value
        same += np.bincount(at + one, weighted * value, size * size)
        for other, beside in parts[place + 1 :]:
            apart += np.bincount(at + other, weighted * beside, size * size)
    found, whole = apart.reshape(size, size), same.reshape(size, size)
    return np.asarray((found + found.T + whole)[:-1, :-1])


def totals(data: Problem, values: Floats) -> Floats:
    """X'v for a value of each cell."""
    found = np.zeros(data.width + 1)
    for column in data.columns.T:
        found += np.bincount(column, values, data.width + 1)
    return found[:-1]


def crossed(data: Problem, values: Floats) -> Floats:
    """X' diag(v) X for a value of each cell."""
    size = data.width + 1
    found = np.zeros(size * size)
    for one in data.columns.T:
        for other in data.columns.T:
            found += np.bincount(one * size + other, values, size * size)
    return found.reshape(size, size)[:-1, :-1]


def fit(data: Problem, start: Floats) -> Fit:
    """The most likely theta."""
    theta, value = start, likelihood(data, start)
    for step in range(STEPS):
        score, observed, whole = slopes(data, theta)
        leap = np.linalg.solve(observed if positive(observed) else whole, score)
        leap *= min(1.0, LEAP / max(float(np.abs(leap).max()), TINY))
        if np.abs(leap).max() < TOLERANCE:
            return Fit(theta, observed, step, converged=True)
        for _ in range(30):
            tried = likelihood(data, theta + leap)
            if tried >= value - 1e-9 * max(1.0, abs(value)) * (np.abs(leap).max() < 1e-3):
                break
            leap = leap / 2.0
        theta, value = theta + leap, tried
    return Fit(theta, slopes(data, theta)[1], STEPS, converged=False)


def positive(matrix: Floats) -> bool:
    """Whether all is known that a step needs."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
