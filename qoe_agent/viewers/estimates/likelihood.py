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

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Cells

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

PRIOR = 1e-3
CHUNK = 1 << 17
TOLERANCE, STEPS, LEAP = 1e-8, 100, 2.0
TINY = 1e-12


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
    rows: Whole
    """Of the exits in Cells those that have an interval."""
    cells: Whole
    seconds: Floats
    counts: Floats
    """Of these rows: (rows, pieces) twice, (rows,)."""

    def hazard(self, theta: Floats) -> Floats:
        """Of each cell, a second."""
        sums = np.append(theta, 0.0)[self.columns].sum(axis=1)
        return np.asarray(np.exp(np.clip(sums, -60.0, 20.0)))

    def chunks(self) -> Iterator[slice]:
        """Rows, some at a time: memory stays small."""
        yield from (slice(start, start + CHUNK) for start in range(0, len(self.counts), CHUNK))


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


def problem(cells: Cells, columns: Whole, width: int, penalty: Floats) -> Problem:
    """Sort exits into those at a known moment and those within an interval."""
    count = len(columns)
    time = np.bincount(cells.time_cell, cells.time_seconds, count).astype(float)
    pieces = cells.exit_cell >= 0
    seconds = np.where(pieces, cells.exit_seconds, 0.0)
    known = seconds.sum(axis=1) <= TINY
    exact = np.bincount(cells.exit_cell[known, 0], cells.exit_count[known], count).astype(float)
    rows = np.flatnonzero(~known)
    inside = np.where(pieces, cells.exit_cell, 0)[rows].astype(np.int64)
    return Problem(columns, width, penalty, time, exact, rows, inside, seconds[rows], cells.exit_count[rows])


def expected(seconds: Floats, hazards: Floats) -> Expected:
    """Where within its interval an exit lies, and how long was watched until then, given that it lies in it."""
    passing = np.maximum(seconds * hazards, 0.0)
    through = np.maximum(passing.sum(axis=1, keepdims=True), TINY)
    before = np.cumsum(passing, axis=1) - passing
    exits = np.exp(-before) * -np.expm1(-passing) / -np.expm1(-through)
    pulls = passing / np.expm1(np.minimum(through, 500.0))
    return Expected(exits, pulls, np.maximum(exits - pulls, 0.0))


def likelihood(data: Problem, theta: Floats) -> float:
    """Logarithm, with the prior's."""
    rates = data.hazard(theta)
    value = float(data.exact @ np.log(rates) - data.time @ rates - 0.5 * theta @ data.penalty @ theta)
    for part in data.chunks():
        through = np.maximum((data.seconds[part] * rates[data.cells[part]]).sum(axis=1), TINY)
        value += float(data.counts[part] @ np.log(-np.expm1(-through)))
    return value


def slopes(data: Problem, theta: Floats) -> tuple[Floats, Floats, Floats]:
    """Score, observed information, and the information that there would be if every exit's moment were known."""
    rates = data.hazard(theta)
    passed = data.time * rates
    pull, curve, whole = data.exact - passed, passed.copy(), passed.copy()
    outer = data.penalty.copy()
    for part in data.chunks():
        inside, counts = data.cells[part], data.counts[part, None]
        seconds = data.seconds[part]
        there = expected(seconds, rates[inside])
        for total, what in ((pull, there.pulls), (curve, -there.pulls), (whole, there.passed)):
            total += np.bincount(inside.ravel(), (counts * what).ravel(), len(rates))
        outer += _outer(data, inside, seconds * rates[inside], data.counts[part])
    score = totals(data, pull) - data.penalty @ theta
    return score, outer + crossed(data, curve), data.penalty + crossed(data, whole)


def _outer(data: Problem, inside: Whole, passing: Floats, counts: Floats) -> Floats:
    """Of rows with intervals the part of the information that ties their pieces together."""
    through = np.clip(passing.sum(axis=1), TINY, 500.0)
    weights = np.sqrt(counts * np.exp(through)) / np.expm1(through)
    tied = np.zeros((len(counts), data.width + 1))
    rows = np.arange(len(counts))
    for piece in range(inside.shape[1]):
        if not passing[:, piece].any():
            continue
        for term in range(data.columns.shape[1]):
            tied[rows, data.columns[inside[:, piece], term]] += passing[:, piece]
    tied = tied[:, : data.width] * weights[:, None]
    return np.asarray(tied.T @ tied)


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
        leap = np.linalg.solve(observed if _positive(observed) else whole, score)
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


def _positive(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
