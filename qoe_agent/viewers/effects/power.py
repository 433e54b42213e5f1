"""What it takes to see an effect: units and smallest effects on the scale log(1 + lift), decided at the end or always.

Units an arm, equal arms: n = 2 (reach + z)^2 CV^2 / log(1 + lift)^2, where z belongs to the power and reach is the
half-width in standard errors of the interval that decides: 1.96 of one look, 3.06 of the always-valid band at its
planned end (sooner sightings are not counted on).
"""

from __future__ import annotations

from math import exp, expm1, inf, isfinite, log1p, sqrt
from typing import TYPE_CHECKING

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.audience.hazards import LONGEST, PUFFER
from qoe_agent.viewers.effects.adjusting import pair, strata
from qoe_agent.viewers.effects.means import POWER, capped
from qoe_agent.viewers.effects.sequential import widening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Amount, Metric, Moments


def needed(variation: float, effect: float, *, alpha: float = 0.05, power: float = POWER, always_valid: bool = False,
           balance: float = 1.0) -> float:  # fmt: skip
    """Units of control (of treatment `balance` times as many) by which a lift of `effect` is seen with `power`."""
    reach = _reach(alpha, power, always_valid)
    return (1.0 + 1.0 / balance) * (reach * variation / log1p(effect)) ** 2


def detectable(variation: float, units: float, *, alpha: float = 0.05, power: float = POWER,
               always_valid: bool = False, balance: float = 1.0) -> float:  # fmt: skip
    """The smallest lift that so many units of control (of treatment `balance` times as many) see with `power`."""
    return expm1(_reach(alpha, power, always_valid) * variation * sqrt((1.0 + 1.0 / balance) / units))


def _reach(alpha: float, power: float, always_valid: bool) -> float:
    from scipy.special import ndtri

    return (widening(1.0, 1.0, alpha) if always_valid else t_quantile(1.0 - alpha, inf)) + float(ndtri(power))


def variation(metric: Metric, moments: Moments, *, cap: float | None = None, pre: Sequence[Amount] = (),
              by: Mapping[tuple[str, ...], Mapping[str, Moments]] | None = None) -> float | None:  # fmt: skip
    """Coefficient of variation of past units (of a ratio: of its linearisation), after what covariates and strata (by
    their values, then the arm "") explain. None: it is not known, or there is nothing of it."""
    metric = capped(metric, cap)
    cells = strata((each[""], each[""]) for each in by.values()) if by else [(moments, moments)]
    if moments.units < 2 or (metric.over is not None and not moments.mean(metric.over) > 0.0):
        return None
    plain = pair(metric.of, metric.over, cells, pre, logarithms=False)
    if not min(plain.values) > 0.0:
        return None
    found = sqrt(max(0.0, plain.variance * moments.units / 2.0)) / plain.values[0]
    return found if isfinite(found) else None


def supposed(cap: float | None = None) -> float:
    """The coefficient of variation of a session's watch time, counted up to `cap`, where leaving follows the hazards of
    Puffer's live television (`PUFFER`): it stands in where no past sessions are at hand."""
    end, last = LONGEST if cap is None else min(cap, LONGEST), len(PUFFER) - 1
    mean = square = gathered = 0.0
    for place, (start, rate) in enumerate(PUFFER):
        until = min(end, PUFFER[place + 1][0] if place < last else LONGEST)
        if until <= start:
            break
        length, there = until - start, exp(-gathered)
        left = exp(-rate * length)
        mean += there * (1.0 - left) / rate
        square += 2.0 * there * (start * (1.0 - left) / rate + (1.0 - left * (1.0 + rate * length)) / rate**2)
        gathered += rate * length
    return sqrt(square - mean**2) / mean
