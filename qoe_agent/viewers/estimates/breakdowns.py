"""Who stays, by an attribute of people: region, device, stage, tier, or a class of behaviour."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.maths.student import t_tail
from qoe_agent.viewers.estimates.jackknife import Study, spread, study, without
from qoe_agent.viewers.estimates.many import adjusted
from qoe_agent.viewers.estimates.references import FEWEST_BUCKETS, FEWEST_EXITS
from qoe_agent.viewers.estimates.retention import AT, exposure, log_cumulative, retention

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.estimates.likelihood import Floats
    from qoe_agent.viewers.shapes import Cells


def breakdown(
    cells: Mapping[str, Cells], at: Sequence[float] = AT, sessions: Mapping[tuple[str, str], int] | None = None
) -> tuple[Mapping[str, Any], ...]:
    """Rows {"attribute", "level", "sessions", "seconds", "share", "low", "high", "p_adjusted"} of every attribute's
    Cells (which have that attribute among their factors). p compares a level with everybody, the part that both share
    allowed for, and is adjusted over all rows (Benjamini and Hochberg). A level that few left has no row."""
    rows: list[dict[str, Any]] = []
    for attribute, those in cells.items():
        whole = study(those)
        if whole is None:
            continue
        for level in those.levels[those.factors.index(attribute)]:
            part = study(only(those, attribute, level))
            if part is None or part.buckets < FEWEST_BUCKETS or those_left(part) < FEWEST_EXITS:
                continue
            count = (sessions or {}).get((attribute, level))
            for mark in retention(part, at):
                p = _p(part, whole, mark.seconds) if len(those.levels[those.factors.index(attribute)]) > 1 else None
                rows.append({"attribute": attribute, "level": level, "sessions": count, **mark._asdict(), "p": p})
    tested = [row["p"] for row in rows if row["p"] is not None]
    found = iter(adjusted(tested))
    for row in rows:
        p = row.pop("p")
        row["p_adjusted"] = None if p is None else next(found)
    return tuple(rows)


def those_left(found: Study) -> float:
    """Exits."""
    return float(found.model.cells.exit_count.sum())


def only(cells: Cells, factor: str, level: str) -> Cells:
    """Of sessions at one level of a factor that does not change within a session; without that factor."""
    place = cells.factors.index(factor)
    there = cells.design[:, place] == cells.levels[place].index(level)
    time, exits = there[cells.time_cell], there[cells.exit_cell[:, 0]]
    return replace(
        without(cells, factor),
        time_cell=cells.time_cell[time],
        time_bucket=cells.time_bucket[time],
        time_seconds=cells.time_seconds[time],
        exit_bucket=cells.exit_bucket[exits],
        exit_cause=cells.exit_cause[exits],
        exit_count=cells.exit_count[exits],
        exit_cell=cells.exit_cell[exits],
        exit_seconds=cells.exit_seconds[exits],
    )


def _p(part: Study, whole: Study, seconds: float) -> float | None:
    """Whether a level differs from everybody: the difference is jackknifed as one, bucket by bucket."""
    held = exposure(np.array([seconds]))
    value = float(log_cumulative(part.hazards, held)[0] - log_cumulative(whole.hazards, held)[0])
    mine = np.full(whole.buckets, float(log_cumulative(part.hazards, held)[0]))
    mine[np.searchsorted(whole.names, part.names)] = log_cumulative(part.copies, held)[:, 0]
    copies: Floats = mine - log_cumulative(whole.copies, held)[:, 0]
    error = float(spread(copies))
    if not isfinite(error) or error <= 0.0:
        return None
    return t_tail(value / error, part.buckets - 1.0)
