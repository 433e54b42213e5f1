"""How many still watch after so many seconds: the curve of a piecewise-exponential model of exits by tenure.

Give cells with the factors that reports depend on (stalls): a player that reports when it stalls is last seen just
then, so that intervals after it hold more exits than others; a model that knows stalls allows for that.

The first picture is such a report too: who leaves before it would soon have sent it, and where nobody leaves before it
the pace jumps there, at another moment for everybody. `jackknife` allows for the first only. Shares after a few seconds
read high where reports are much rarer than that and few exits are told as they happen: every 30 s, three in ten told,
by 0.3 points after 3 s (0.8 if nobody leaves before the picture), hardly after 30 s.
"""

from __future__ import annotations

from math import exp, inf, log
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.estimates.jackknife import Study, spread, study
from qoe_agent.viewers.shapes import TENURE, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.estimates.likelihood import Floats
    from qoe_agent.viewers.shapes import Cells

AT = (3.0, 30.0, 180.0)
NONE_LEFT = -log(0.025)
"""Exits that may be expected where none were seen, at most (97.5 % one-sided)."""
FEWEST = 2
"""Buckets that an interval needs."""
NEGLIGIBLE = 0.5
"""Expected exits: nobody left."""


def retention(cells: Cells | Study, at: Sequence[float] = AT) -> tuple[Mark, ...]:
    """Share still watching with 95 % intervals; a moment that nobody was seen to reach is left out."""
    found = cells if isinstance(cells, Study) else study(cells)
    watched = watched_by_bin(cells.model.cells if isinstance(cells, Study) else cells)
    seconds = [second for second in at if reached(watched, second)]
    if not seconds:
        return ()
    held = exposure(np.array(seconds))
    if found is None:
        return tuple(_nobody_left(watched, second, row) for second, row in zip(seconds, held, strict=True))
    values, copies = log_cumulative(found.hazards, held), log_cumulative(found.copies, held)
    reach = t_quantile(0.95, found.buckets - 1) if found.buckets >= FEWEST else inf
    exits = found.exits[:, : len(TENURE)].sum(axis=0)
    marks = []
    for place, second in enumerate(seconds):
        if exits[held[place] > 0.0].sum() < NEGLIGIBLE:
            marks.append(_nobody_left(watched, second, held[place]))
            continue
        value, error = float(values[place]), reach * float(spread(copies[:, place]))
        marks.append(Mark(float(second), share(value), share(value + error), share(value - error)))
    return tuple(marks)


def curve(cells: Cells | Study) -> tuple[Mark, ...]:
    """The same at every bin's end, as far as anybody was seen."""
    return retention(cells, [float(second) for second in TENURE[1:]])


def exposure(at: Floats) -> Floats:
    """(moments, bins): seconds that each bin lasts until a moment."""
    low = np.array(TENURE, float)
    high = np.append(low[1:], np.inf)
    return np.asarray(np.clip(np.minimum(np.asarray(at, float)[..., None], high) - low, 0.0, None))


def log_cumulative(hazards: Floats, held: Floats) -> Floats:
    """log(-log(share)) from hazards by bin: of one model, or (models, bins)."""
    return np.asarray(np.log(np.maximum(hazards @ held.T, 1e-30)))


def share(value: float) -> float:
    """The other way round."""
    return exp(-exp(min(value, 50.0)))


def watched_by_bin(cells: Cells) -> Floats:
    """Person-seconds by tenure: certain ones, and half of those in doubt."""
    pieces = cells.exit_cell >= 0
    doubtful = np.where(pieces, cells.exit_seconds, 0.0) * cells.exit_count[:, None] / 2.0
    inside = cells.bins[np.where(pieces, cells.exit_cell, 0)]
    certain = np.bincount(cells.bins[cells.time_cell], cells.time_seconds, len(TENURE))
    return np.asarray(certain + np.bincount(inside.ravel(), doubtful.ravel(), len(TENURE)))


def reached(watched: Floats, second: float) -> bool:
    """Whether somebody was seen, in the bin that ends or holds the moment, for as long as that."""
    held = exposure(np.array([second]))[0]
    last = int(np.flatnonzero(held)[-1]) if held.any() else 0
    return bool(watched[last] >= held[last] > 0.0)


def _nobody_left(watched: Floats, second: float, held: Floats) -> Mark:
    """Nobody left: one, with what might have been missed."""
    most = float((held / np.maximum(watched, 1e-9))[held > 0].max())
    return Mark(float(second), 1.0, exp(-NONE_LEFT * most), 1.0)
