"""Indicators: which parameters of a model a cell takes part in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.estimates.likelihood import PRIOR, Problem, fit, problem
from qoe_agent.viewers.shapes import TENURE

if TYPE_CHECKING:
    from qoe_agent.viewers.estimates.likelihood import Fit, Floats, Whole
    from qoe_agent.viewers.shapes import Cells

BINS = len(TENURE)


class Model(NamedTuple):
    cells: Cells
    data: Problem
    fitted: Fit
    first: tuple[int, ...]
    """For each factor the column of its first level beside the reference."""


def by_tenure(cells: Cells) -> Model | None:
    """Tenure alone: cells that differ in other factors are one. None: nobody left."""
    return _modelled(Columns(np.arange(BINS)[:, None], BINS, ()), _merged(cells))


def by_factors(cells: Cells) -> Model | None:
    """Tenure as baseline, and each factor's levels against its reference."""
    width, first = BINS, []
    columns = [cells.bins.astype(np.int64)]
    for factor, levels in enumerate(cells.levels):
        first.append(width)
        columns.append(cells.design[:, factor].astype(np.int64) - 1 + width)
        width += max(len(levels) - 1, 0)
    for factor in range(len(cells.levels)):
        columns[factor + 1][cells.design[:, factor] == 0] = width
    return _modelled(Columns(np.stack(columns, axis=1), width, tuple(first)), cells)


class Columns(NamedTuple):
    columns: Whole
    width: int
    first: tuple[int, ...]


def _modelled(shape: Columns, cells: Cells) -> Model | None:
    data = problem(cells, shape.columns, shape.width, _penalty(shape.width))
    exits = data.exact.sum() + data.counts.sum()
    if not exits:
        return None
    seconds = data.time.sum() + 0.5 * float(data.counts @ data.seconds.sum(axis=1))
    start = np.zeros(shape.width)
    start[:BINS] = np.log(exits / max(seconds, 1.0))
    return Model(cells, data, fit(data, start), shape.first)


def _penalty(width: int) -> Floats:
    """Of neighbouring bins' differences, and of each level."""
    steps = np.diff(np.eye(BINS), axis=0)
    penalty = np.eye(width)
    penalty[:BINS, :BINS] = steps.T @ steps
    return PRIOR * penalty


def _merged(cells: Cells) -> Cells:
    """The same by tenure bin alone."""
    bins = cells.bins.astype(np.int64)
    return replace(
        cells,
        factors=(),
        levels=(),
        bins=np.arange(BINS, dtype=np.int32),
        design=np.zeros((BINS, 0), np.int32),
        time_cell=bins[cells.time_cell],
        exit_cell=np.where(cells.exit_cell >= 0, bins[cells.exit_cell], -1),
    )
