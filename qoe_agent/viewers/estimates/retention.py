"""How many still watch after so many seconds: the curve of a piecewise-exponential model by tenure alone."""

from __future__ import annotations

from math import exp, inf, log
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.estimates.design import BINS, by_tenure
from qoe_agent.viewers.estimates.jackknife import replicates
from qoe_agent.viewers.estimates.quantiles import t_quantile
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


def retention(cells: Cells, at: Sequence[float] = AT) -> tuple[Mark, ...]:
    """Share still watching with 95 % intervals; a moment that nobody was seen to reach is left out."""
    seconds = [second for second in at if _reached(cells, second)]
    if not seconds:
        return ()
    held = exposure(np.array(seconds))
    model = by_tenure(cells)
    if model is None:
        return tuple(_nobody_left(cells, second, row) for second, row in zip(seconds, held, strict=True))
    copies = replicates(model)
    size = len(copies.thetas)
    reach = t_quantile(0.95, size - 1) if size >= FEWEST else inf
    values = log_cumulative(model.fitted.theta, held)
    errors = copies.error(lambda thetas: log_cumulative(thetas, held))
    return tuple(
        Mark(float(second), _share(value), _share(value + reach * error), _share(value - reach * error))
        for second, value, error in zip(seconds, values, errors, strict=True)
    )


def curve(cells: Cells) -> tuple[Mark, ...]:
    """The same at every bin's end, as far as anybody was seen."""
    return retention(cells, [float(second) for second in TENURE[1:]])


def exposure(at: Floats) -> Floats:
    """(moments, bins): seconds that each bin lasts until a moment."""
    low = np.array(TENURE, float)
    high = np.append(low[1:], np.inf)
    return np.asarray(np.clip(np.minimum(np.asarray(at, float)[..., None], high) - low, 0.0, None))


def log_cumulative(thetas: Floats, held: Floats) -> Floats:
    """log(-log(share)) from log hazards by bin: of one model, or (models, bins)."""
    return np.asarray(np.log(np.exp(np.clip(thetas[..., :BINS], -60.0, 20.0)) @ held.T))


def _share(value: float) -> float:
    return exp(-exp(min(value, 50.0)))


def _watched(cells: Cells) -> Floats:
    """Person-seconds by bin: certain ones, and half of those in doubt."""
    pieces = cells.exit_cell >= 0
    doubtful = np.where(pieces, cells.exit_seconds, 0.0) * cells.exit_count[:, None] / 2.0
    inside = cells.bins[np.where(pieces, cells.exit_cell, 0)]
    certain = np.bincount(cells.bins[cells.time_cell], cells.time_seconds, BINS)
    return np.asarray(certain + np.bincount(inside.ravel(), doubtful.ravel(), BINS))


def _reached(cells: Cells, second: float) -> bool:
    """Whether anybody was seen for as long as the bin before the moment lasts until then."""
    watched, held = _watched(cells), exposure(np.array([second]))[0]
    last = int(np.flatnonzero(held)[-1]) if held.any() else 0
    return bool(second > 0.0 and watched[last] >= held[last] > 0.0)


def _nobody_left(cells: Cells, second: float, held: Floats) -> Mark:
    """Nobody left: one, with what might have been missed."""
    watched = np.maximum(_watched(cells), 1e-9)
    return Mark(float(second), 1.0, exp(-NONE_LEFT * float((held / watched)[held > 0].max())), 1.0)
