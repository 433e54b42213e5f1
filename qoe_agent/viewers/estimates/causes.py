"""How many have gone by each cause after so many seconds, where causes compete (Aalen and Johansen 1978).

The incidence of a cause is the sum over tenure bins of those who left in the bin times the cause's share of them; the
shares follow from exits where EM expects them, each cause by its own, since causes differ in when they strike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.estimates.jackknife import Study, numbered, spread, study
from qoe_agent.viewers.estimates.likelihood import expected
from qoe_agent.viewers.estimates.retention import AT, NONE_LEFT, exposure, reached, watched_by_bin
from qoe_agent.viewers.shapes import CAUSES, TENURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.estimates.likelihood import Floats
    from qoe_agent.viewers.shapes import Cells

ROUNDS, STILL = 12, 1e-10
"""Of EM at most, and what shares change by in the last at most."""
FEWEST_COUNT = 1.0
"""Exits of a cause, or it is left out."""


def incidence(cells: Cells | Study, at: Sequence[float] = AT) -> tuple[Mapping[str, Any], ...]:
    """{"seconds", "cause", "share", "low", "high"}: gone by this cause until then; all causes sum to those gone."""
    found = cells if isinstance(cells, Study) else study(cells)
    if found is None:
        return ()
    found = found.plain or found
    watched = watched_by_bin(found.model.cells)
    held = exposure(np.array([second for second in at if reached(watched, second)]))
    by_cause = _by_cause(found)
    whole = by_cause.sum(axis=0)
    values, copies = _gone(found.hazards, whole, held), _gone(found.copies, whole - by_cause, held)
    none = min(1.0, NONE_LEFT / max(float(watched[0]), 1.0))
    rows = []
    for place, seconds in enumerate(second for second in at if reached(watched, second)):
        for number, cause in enumerate(CAUSES):
            if whole[:, number].sum() < FEWEST_COUNT:
                continue
            value, ends = float(values[place, number]), (0.0, none)
            if found.buckets > 1 and value > 0.0:
                ends = _ends(value, float(spread(copies[:, place, number])), found.buckets - 1)
            rows.append({"seconds": float(seconds), "cause": cause, "share": value, "low": ends[0], "high": ends[1]})
    return tuple(rows)


def _ends(value: float, error: float, freedom: float) -> tuple[float, float]:
    """On the scale log(-log(1 - share)), which stays within 0 and 1."""
    inside = min(max(value, 1e-12), 1.0 - 1e-12)
    through = -np.log1p(-inside)
    reach = t_quantile(0.95, freedom) * error / ((1.0 - inside) * through)
    low, high = (float(-np.expm1(-through * np.exp(np.clip(sign * reach, -50.0, 50.0)))) for sign in (-1.0, 1.0))
    return low, high


def _gone(hazards: Floats, exits: Floats, held: Floats) -> Floats:
    """(…, moments, causes) from hazards (…, bins) and exits (…, bins, causes)."""
    through = hazards[..., None, :] * held
    before = np.cumsum(through, axis=-1) - through
    left = np.exp(-before) * -np.expm1(-through)
    total = exits.sum(axis=-1, keepdims=True)
    shares = np.where(total > 0.0, exits / np.where(total > 0.0, total, 1.0), 0.0)
    return np.asarray(left @ shares)


def _by_cause(found: Study) -> Floats:
    """(buckets, bins, causes): expected exits."""
    cells, data = found.model.cells, found.model.data
    rates = data.hazard(found.model.fitted.theta)
    bucket = numbered(cells)[2]
    count, bins, causes = found.buckets, len(TENURE), len(CAUSES)
    size = bins * causes
    known = found.model.exits.known
    at = (bucket * size + cells.exit_cause)[known] + cells.bins[cells.exit_cell[known, 0]].astype(np.int64) * causes
    certain = np.bincount(at, cells.exit_count[known], count * size).astype(float)
    parts = [chunk for group in found.model.exits.groups for chunk in group.chunks()]
    shares, total = np.full((bins, causes), 1.0 / causes), certain
    for _ in range(ROUNDS if parts else 1):
        total = certain.copy()
        for part in parts:
            inside, cause = cells.bins[part.cells], cells.exit_cause[part.rows][:, None]
            weights = expected(part.seconds, rates[part.cells]).exits * shares[inside, cause]
            weights *= part.counts[:, None] / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
            place = bucket[part.rows][:, None] * size + inside.astype(np.int64) * causes + cause
            total += np.bincount(place.ravel(), weights.ravel(), count * size)
        summed = total.reshape(count, bins, causes).sum(axis=0)
        before, shares = shares, (summed + 1e-9) / (summed + 1e-9).sum(axis=1, keepdims=True)
        if np.abs(shares - before).max() < STILL:
            break
    return total.reshape(count, bins, causes)
