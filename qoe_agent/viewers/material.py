"""What claims are tested with, out of a fitted model of exits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers import costing, minutes
from qoe_agent.viewers.estimates.breakdowns import only
from qoe_agent.viewers.estimates.jackknife import spread, study
from qoe_agent.viewers.estimates.minutes import restricted
from qoe_agent.viewers.estimates.retention import exposure, reached, watched_by_bin
from qoe_agent.viewers.proof import Figure, Longer, Material, Replayed, Stalled
from qoe_agent.viewers.shapes import TENURE
from qoe_agent.viewers.shares import FEWEST, apart, portion
from qoe_agent.viewers.talking import talked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Cells, Exits, Hazard
    from qoe_agent.viewers.tables import AfterStall, Audience

HORIZONS = (3.0, 10.0, 30.0)
"""Seconds after a stall that may be called at once."""
STEP = 0.1
"""Seconds: how finely it is told when they left."""
NOBODY = 1e-6
CAPS = (3600.0, 1800.0, 600.0, 300.0, 60.0)
"""Seconds of a session that count at most, the first that sessions of both arms reached."""
SETTLED = 10
"""Seconds after which the first picture is there, or nobody waits for it."""
SCENARIO, REPLAY = "scenario", "replay"
"""The attribute that says which sessions are replays."""
ILL = {"startup": ("2–4", "≥4"), "height": ("<480", "480–719")}
"""Levels at which a session fares ill, by factor."""
FEWEST_EXITS = 10
"""Without a stall, or what would have been without one is not known."""


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


def longer(cells: Cells, more: str = "hd", less: str = "sd") -> Longer | None:
    """Restricted mean watch time of one arm over that of another; None: no such arms, or too little of one."""
    names = {name.lower(): name for name in cells.levels[cells.factors.index("arm")]}
    if not {more, less} <= set(names):
        return None
    parts = [only(cells, "arm", names[each]) for each in (more, less)]
    studies = [study(part) for part in parts]
    watched = [watched_by_bin(part) for part in parts]
    cap = next((each for each in CAPS if all(reached(those, each) for those in watched)), None)
    if cap is None or any(each is None or each.buckets < FEWEST for each in studies):
        return None
    values, copies = zip(*[_log_mean(each, cap) for each in studies if each is not None], strict=True)
    value, error = values[0] - values[1], float(spread((copies[0] - copies[1])[_buckets(studies)]))
    if not math.isfinite(error):
        return None
    reach = t_quantile(0.95, min(each.buckets for each in studies if each is not None) - 1) * error
    return Longer(cap, Figure(*(math.expm1(each) for each in (value, value - reach, value + reach))))


def _log_mean(found: Study, cap: float) -> tuple[float, NDArray[np.float64]]:
    """Logarithm of the restricted mean, and by bucket (0…999) what it would be without."""
    value = math.log(restricted(found.hazards, 0.0, cap))
    copies = np.full(1000, value)
    copies[found.names] = [math.log(restricted(each, 0.0, cap)) for each in found.copies]
    return value, copies


def _buckets(studies: Sequence[Study | None]) -> NDArray[np.int64]:
    """Which hold anything in one of them."""
    return np.unique(np.concatenate([each.names for each in studies if each is not None]))


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


def replays(audience: Audience) -> dict[str, Replayed]:
    """How many of them begin late, and are of few lines; empty: it is not told which sessions are replays."""
    if SCENARIO not in audience.attributes():
        return {}
    first = audience.first(SCENARIO)
    if REPLAY not in audience.counts(first):
        return {}
    cells = audience.cells([*(name for name in ILL if name in audience.has), first])
    found = {name: replayed(cells, first, name, levels) for name, levels in ILL.items() if name in cells.factors}
    return {name: each for name, each in found.items() if each is not None}


def replayed(cells: Cells, scenario: str, factor: str, ill: Sequence[str]) -> Replayed | None:
    """How many replays are at an ill level of a factor, by person-time after SETTLED seconds, as in `quick`."""
    whose, place = cells.factors.index(scenario), cells.factors.index(factor)
    at = cells.design[cells.time_cell]
    told = cells.bins[cells.time_cell] == TENURE.index(SETTLED)
    for each in (whose, place):
        if "unknown" in cells.levels[each]:
            told &= at[:, each] != cells.levels[each].index("unknown")
    replay = at[:, whose] == cells.levels[whose].index(REPLAY)
    bad = np.isin(at[:, place], [number for number, name in enumerate(cells.levels[place]) if name in ill])
    sums = [
        np.bincount(cells.time_bucket[those], cells.time_seconds[those], 1000)
        for those in (told & replay & bad, told & replay, told & ~replay & bad, told & ~replay)
    ]
    share, more = portion(*sums[:2]), apart(*sums)
    return Replayed(share, more) if share and more else None


def stalled(
    after: AfterStall | None, recent: Recent | None = None, horizons: Sequence[float] = HORIZONS
) -> tuple[Stalled, ...]:
    """Shares gone so soon after a stall, and how many more than without; empty where too few users are known to stall.

    Where everybody is lost from sight before a horizon, nothing is told of it.
    """
    some = np.flatnonzero(after.stalls > 0) if after is not None else np.zeros(0, np.int64)
    if after is None or len(some) < FEWEST:
        return ()
    sums = [each.sum(axis=0) for each in after]
    whole, copies = survival(*sums), survival(*[total - each[some] for total, each in zip(sums, after, strict=True)])
    found = []
    for seconds in horizons:
        last = round(seconds / STEP) - 1
        share, shares = 1 - whole.share[last], 1 - copies.share[:, last]
        if math.isnan(share):
            break
        gone = _interval(float(share), shares, len(some) - 1, (0.0, 1.0))
        if recent is None or np.isnan(shares).any():
            found.append(Stalled(seconds, float(after.stalls.sum()), gone))
            continue
        usual = 1 - np.exp(-whole.hazard[last] / recent.ratio)
        usuals = 1 - np.exp(-copies.hazard[:, last] / recent.copies[some])
        excess = _interval(float(share - usual), shares - usuals, min(len(some) - 1, recent.freedom), (-1.0, 1.0))
        found.append(Stalled(seconds, float(after.stalls.sum()), gone, float(usual), excess))
    return tuple(found)


class Survival(NamedTuple):
    """At the end of each step."""

    share: NDArray[np.float64]
    """Of those there at the beginning, by Kaplan and Meier; NaN: nobody is known so far."""
    hazard: NDArray[np.float64]
    """Cumulative, by Nelson and Aalen."""


def survival(there: NDArray[np.float64], gone: NDArray[np.float64], lost: NDArray[np.float64]) -> Survival:
    """By step, the last axis; `there`: at the beginning. Who is lost in a step was at risk in it."""
    out = gone + lost
    left = np.asarray(there)[..., None] - np.cumsum(out, axis=-1) + out
    known = left > NOBODY
    rates = np.clip(np.where(known, gone / np.where(known, left, 1.0), 0.0), 0.0, 1.0)
    share = np.cumprod(1 - rates, axis=-1)
    return Survival(np.where(known | (share < NOBODY), share, np.nan), np.cumsum(rates, axis=-1))


class Recent(NamedTuple):
    """How many times as fast viewers leave in the 30 s after a stall as before any."""

    ratio: float
    copies: NDArray[np.float64]
    """By bucket (0…999): without it."""
    freedom: float


def recent(found: Study | None, hazards: Sequence[Hazard]) -> Recent | None:
    """None: there is no such figure, or too few left at its reference."""
    rows = {one.level: one for one in hazards if one.factor == "stall"}
    if found is None or not {"none", "recent"} <= set(rows) or rows["recent"].hazard_ratio is None:
        return None
    cells = found.model.cells
    place = cells.factors.index("stall")
    if cells.levels[place][0] != "none" or rows["none"].exits < FEWEST_EXITS:
        return None
    column = found.model.first[place] + cells.levels[place].index("recent") - 1
    copies = np.full(1000, rows["recent"].hazard_ratio)
    copies[found.names] = np.exp(found.thetas[:, column])
    return Recent(rows["recent"].hazard_ratio, copies, found.freedom(column))


def _interval(value: float, copies: NDArray[np.float64], freedom: float, ends: tuple[float, float]) -> Figure:
    """By the jackknife; where all or nobody did, by what so many users (one of each group) could have hidden."""
    error = float(spread(copies[~np.isnan(copies)]))
    reach = t_quantile(0.95, max(1.0, freedom)) * error
    if error < NOBODY and value in ends:
        reach = 1 - math.pow(0.025, 1 / (freedom + 1))
    return Figure(value, max(ends[0], value - reach), min(ends[1], value + reach))


def gathered(audience: Audience, fitted: Study | None, exits: Exits) -> Material:
    """All that the data tell of claims."""
    found = Material(
        retention={mark.seconds: mark for mark in exits.retention}, hazards=exits.hazards, costs=exits.incidents,
        stalled=stalled(audience.after_stall(HORIZONS[-1]), recent(fitted, exits.hazards)),
        quick=quick(fitted.model.cells) if fitted else None,
        together=costing.together(audience.incidents(), costing.heartbeat(exits.timelines)), talked=talked(audience),
    )  # fmt: skip
    if fitted is not None:
        found = replace(found, early=pace(fitted, (0, 3), (3, 30)), later=pace(fitted, (30, 180), (0, 30)))
    found = replace(found, replays=replays(audience), crowded=minutes.crowded(audience, fitted),
                    paced=minutes.paced(audience, fitted))  # fmt: skip
    if "arm" in audience.has:
        cells = audience.cells([*(["stall"] if "stall_times" in audience.has else []), "arm"])
        found = replace(found, longer=longer(cells))
    return found
