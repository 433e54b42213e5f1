"""What claims are tested with, out of a fitted model of exits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.claims import Figure, Material, Stalled
from qoe_agent.viewers.estimates.jackknife import spread
from qoe_agent.viewers.estimates.quantiles import t_quantile
from qoe_agent.viewers.estimates.retention import exposure
from qoe_agent.viewers.shapes import TENURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Cells, Exits, Hazard
    from qoe_agent.viewers.tables import Audience

HORIZONS = (3.0, 10.0, 30.0)
"""Seconds after a stall that may be called at once."""
SETTLED = 10
"""Seconds after which the first picture is there, or nobody waits for it."""
FEWEST = 5
"""Groups of users that an interval needs."""


def pace(study: Study, span: tuple[float, float], beside: tuple[float, float]) -> Figure | None:
    """Exits a second of those there in one span of time watched, over those in another; None: too little is known."""
    if study.buckets < FEWEST:
        return None
    copies = _log_rate(study.copies, span) - _log_rate(study.copies, beside)
    value = float((_log_rate(study.hazards, span) - _log_rate(study.hazards, beside))[()])
    error = float(spread(copies))
    if not math.isfinite(value) or not math.isfinite(error):
        return None
    reach = t_quantile(0.95, study.buckets - 1) * error
    return Figure(math.exp(value), math.exp(value - reach), math.exp(value + reach))


def _log_rate(hazards: NDArray[np.float64], span: tuple[float, float]) -> NDArray[np.float64]:
    """Of the mean hazard within a span of time watched."""
    held = exposure(np.array(span))
    mean = hazards @ (held[1] - held[0]) / (span[1] - span[0])
    return np.log(np.where(mean > 0, mean, np.nan))


def arms(hazards: Sequence[Hazard], reference: str) -> dict[str, Figure | None]:
    """Hazard ratios of experiment arms, the reference first; empty where one of them has no figure."""
    found: dict[str, Figure | None] = {reference: None}
    for one in hazards:
        if one.factor == "arm" and one.level != reference:
            if one.hazard_ratio is None or one.low is None or one.high is None:
                return {}
            found[one.level] = Figure(one.hazard_ratio, one.low, one.high)
    return found


def quick(cells: Cells, level: str = "<0.6") -> Figure | None:
    """Share of sessions that began at a level of startup, of those still there after SETTLED seconds who tell it.

    By person-time from then on: before, those of slow starts have no level yet.
    """
    if "startup" not in cells.factors:
        return None
    place = cells.factors.index("startup")
    levels = cells.levels[place]
    at = cells.design[cells.time_cell, place]
    first = cells.bins[cells.time_cell] == TENURE.index(SETTLED)
    known = first & (at != levels.index("unknown") if "unknown" in levels else True)
    those = known & (at == levels.index(level)) if level in levels else np.zeros_like(known)
    whole = np.bincount(cells.time_bucket[known], cells.time_seconds[known], 1000)
    part = np.bincount(cells.time_bucket[those], cells.time_seconds[those], 1000)
    return portion(part, whole)


def stalled(audience: Audience, after: Sequence[float] = HORIZONS) -> tuple[Stalled, ...]:
    """Shares gone so soon after the last stall of a session; empty where nobody is known to have stalled."""
    found = []
    for seconds in after:
        told = audience.after_stall(seconds)
        figure = None if told is None else portion(told.soon, told.stalled)
        if told is not None and figure is not None:
            found.append(Stalled(seconds, float(told.stalled.sum()), figure, float(told.ever.sum())))
    return tuple(found)


def portion(part: NDArray[Any], whole: NDArray[Any]) -> Figure | None:
    """A share by groups of users, with its jackknife interval; None: too few groups."""
    some = whole > 0
    if some.sum() < FEWEST:
        return None
    value = float(part.sum() / whole.sum())
    copies = (part.sum() - part[some]) / (whole.sum() - whole[some])
    reach = t_quantile(0.95, float(some.sum() - 1)) * float(spread(copies))
    return Figure(value, max(0.0, value - reach), min(1.0, value + reach))


def gathered(audience: Audience, study: Study | None, exits: Exits) -> Material:
    """All that the data tell of claims."""
    from qoe_agent.viewers import estimates

    found = Material(
        retention={mark.seconds: mark for mark in exits.retention}, hazards=exits.hazards, costs=exits.incidents,
        stalled=stalled(audience), quick=quick(study.model.cells) if study else None,
    )  # fmt: skip
    if study is not None:
        found = replace(found, early=pace(study, (0, 3), (3, 30)), later=pace(study, (30, 180), (0, 30)))
    if "arm" in audience.has:
        cells = audience.cells([*(["stall"] if "stall_times" in audience.has else []), "arm"])
        place = cells.factors.index("arm")
        found = replace(found, arms=arms(estimates.hazards(cells), cells.levels[place][0]))
    return found
