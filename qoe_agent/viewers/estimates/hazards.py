"""How many times faster viewers leave in one state than in another, at the same tenure and all else in the model equal.

A piecewise-exponential model, which is a Poisson regression on person-time (VIEWERS.md §2.1), with exits where EM
expects them; intervals from the jackknife over buckets of users.
"""

from __future__ import annotations

from math import exp, isfinite, log
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.estimates.design import BINS
from qoe_agent.viewers.estimates.jackknife import Study, spread, study
from qoe_agent.viewers.estimates.references import exits_at, why_not
from qoe_agent.viewers.shapes import TENURE, Hazard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qoe_agent.viewers.estimates.likelihood import Floats
    from qoe_agent.viewers.shapes import Cells, Naive


def hazards(cells: Cells | Study, naive: Sequence[Naive] = ()) -> tuple[Hazard, ...]:
    """Of every level of every factor against its reference, then of tenure against the bin where most leave."""
    found = cells if isinstance(cells, Study) else study(cells)
    if found is None:
        return ()
    plain = {(each.factor, each.level): each for each in naive}
    return (*_levels(found, plain), *_tenure(found))


def _levels(found: Study, plain: dict[tuple[str, str], Naive]) -> Iterator[Hazard]:
    cells = found.model.cells
    for factor, first, levels in zip(cells.factors, found.model.first, cells.levels, strict=True):
        columns = list(range(first, first + len(levels) - 1))
        lack = why_not(*found.others(columns), reference=True)
        for column, level in zip(columns, levels[1:], strict=True):
            row = _row(found, factor, level, found.model.fitted.theta[column], found.thetas[:, column], column, lack)
            if not row.person_seconds and (gone := exits_at(cells, factor, level)):
                row = row._replace(exits=gone, note="too few to say: whoever was in it left at once")
            yield _beside(row, plain.get((factor, level)), levels[0])


def _tenure(found: Study) -> Iterator[Hazard]:
    exits = found.exits[:, :BINS].sum(axis=0)
    most = int(np.argmax(exits))
    theta, copies, lack = found.model.fitted.theta, found.thetas, why_not(*found.held([most]), reference=True)
    for place in range(BINS):
        if place != most and found.seconds[:, place].sum() > 0.0:
            value, each = theta[place] - theta[most], copies[:, place] - copies[:, most]
            row = _row(found, "tenure", _bin(place), value, each, place, lack)
            yield row._replace(note="; ".join(filter(None, (row.note, f"against {_bin(most)}"))))


def _bin(place: int) -> str:
    return f"{TENURE[place]}-{TENURE[place + 1]} s" if place + 1 < BINS else f"{TENURE[place]} s and more"


def _row(found: Study, factor: str, level: str, value: float, copies: Floats, column: int, lack: str) -> Hazard:
    """`lack`: what keeps the reference from being compared with."""
    exits, seconds = float(found.exits[:, column].sum()), float(found.seconds[:, column].sum())
    none = Hazard(factor, level, None, None, None, None, exits, seconds)
    if not seconds:
        return none._replace(note="nobody was in it")
    if reason := why_not(*found.held([column])) or lack:
        return none._replace(note=reason)
    freedom = found.freedom(column)
    error = float(spread(copies))
    if not isfinite(error):
        return none._replace(note="the figure hangs on one group of users")
    reach = t_quantile(0.95, freedom) * error
    ends = exp(value), exp(min(value - reach, 700.0)), exp(min(value + reach, 700.0))
    return none._replace(hazard_ratio=ends[0], low=ends[1], high=ends[2])


def _beside(row: Hazard, plain: Naive | None, reference: str) -> Hazard:
    notes = [row.note, f"against {reference}"]
    if plain is not None:
        row = row._replace(naive=float(plain.ratio))
        if row.hazard_ratio is not None and row.low is not None and row.high is not None:
            wrong = plain.ratio > 0.0 and log(plain.ratio) * log(row.hazard_ratio) < 0.0
            if wrong and not row.low <= 1.0 <= row.high:
                notes.append(f"the naive figure has the wrong sign: {plain.reason}")
            elif not row.low <= plain.ratio <= row.high:
                notes.append(f"the naive figure misleads: {plain.reason}")
    return row._replace(note="; ".join(filter(None, notes)))
