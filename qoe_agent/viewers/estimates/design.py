"""Indicators: which parameters of a model a cell takes part in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.estimates.likelihood import PRIOR, blurred, exits_of, fit, problem
from qoe_agent.viewers.estimates.references import empty
from qoe_agent.viewers.shapes import TENURE

if TYPE_CHECKING:
    from qoe_agent.viewers.estimates.likelihood import Exits, Fit, Floats, Problem
    from qoe_agent.viewers.shapes import Cells

BINS = len(TENURE)
SMOOTH = 0.1


class Model(NamedTuple):
    cells: Cells
    exits: Exits
    data: Problem
    fitted: Fit
    first: tuple[int, ...]
    """For each factor the column of its first level beside the reference."""


def modelled(cells: Cells, exits: Exits | None = None) -> Model | None:
    """Tenure as baseline, and each factor's levels against its reference. None: nobody left who had spent any time.

    `exits`: of these cells, or of the same with other factors.
    """
    exits = exits or exits_of(cells)
    width, first, columns = BINS, [], [cells.bins.astype(np.int64)]
    for factor, levels in enumerate(cells.levels):
        first.append(width)
        columns.append(cells.design[:, factor].astype(np.int64) - 1 + width)
        width += max(len(levels) - 1, 0)
    for factor, column in enumerate(columns[1:]):
        column[cells.design[:, factor] == 0] = width
    terms, bare = np.stack(columns, axis=1), empty(cells)
    terms[bare] = width
    left = float(cells.exit_count[~bare[cells.exit_cell[:, 0]]].sum())
    if not left:
        return None
    data = problem(cells, exits, terms, width, _penalty(width))
    doubtful = float(cells.exit_count @ np.where(cells.exit_cell >= 0, cells.exit_seconds, 0.0).sum(axis=1))
    start = np.zeros(width)
    start[:BINS] = np.log(left / max(float(data.time.sum()) + 0.5 * doubtful, 1.0))
    near = fit(blurred(data), start).theta
    return Model(cells, exits, data, fit(data, near), tuple(first))


def _penalty(width: int) -> Floats:
    """Of neighbouring bins' differences (by a factor of 20 or less, mostly), and of each level."""
    steps = np.diff(np.eye(BINS), axis=0)
    penalty = PRIOR * np.eye(width)
    penalty[:BINS, :BINS] = SMOOTH * steps.T @ steps
    return penalty
