"""Many figures at once: what still stands, and what incidents of a kind have in common."""

from __future__ import annotations

from math import exp, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.student import t_quantile, t_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.shapes import Cost

FALSE = 0.05
"""Of discoveries so many may be false."""


def adjusted(ps: Sequence[float]) -> list[float]:
    """p values by Benjamini and Hochberg (1995): those at most q are discoveries of which q are false on average."""
    if not len(ps):
        return []
    values = np.asarray(ps, float)
    order = np.argsort(values)[::-1]
    ranks = np.arange(len(values), 0, -1)
    found = np.empty(len(values))
    found[order] = np.minimum.accumulate(values[order] * len(values) / ranks)
    return [float(each) for each in np.minimum(found, 1.0)]


def discoveries(costs: Sequence[Cost], false: float = FALSE) -> tuple[Cost, ...]:
    """The same, each with whether it stands among all; where nothing could be known it stays None."""
    known = [each.p for each in costs if each.p is not None]
    found = iter(adjusted(known))
    return tuple(each if each.p is None else each._replace(discovery=next(found) <= false) for each in costs)


class Pooled(NamedTuple):
    """How many times faster viewers leave in incidents of a kind: the mean over incidents, which differ."""

    kind: str
    incidents: int
    ratio: float
    low: float
    high: float
    p: float
    between: float
    """Standard deviation of the logarithm from incident to incident, chance apart."""


def pooled(costs: Sequence[Cost]) -> tuple[Pooled, ...]:
    """By kind, where there are two or more: random effects (DerSimonian and Laird 1986), with the t interval of Hartung
    and Knapp, which is never narrower than the plain one here."""
    kinds: dict[str, list[tuple[float, float]]] = {}
    for each in costs:
        if each.log_ratio is not None and each.error:
            kinds.setdefault(each.kind, []).append((each.log_ratio, each.error))
    return tuple(_pooled(kind, *np.array(found).T) for kind, found in kinds.items() if len(found) > 1)


def _pooled(kind: str, ratios: np.ndarray, errors: np.ndarray) -> Pooled:
    count, weights = len(ratios), errors**-2.0
    mean = weights @ ratios / weights.sum()
    spare = weights @ (ratios - mean) ** 2 - (count - 1)
    between = max(0.0, spare / (weights.sum() - weights @ weights / weights.sum()))
    weights = 1.0 / (errors**2 + between)
    mean = float(weights @ ratios / weights.sum())
    scale = max(1.0, float(weights @ (ratios - mean) ** 2) / (count - 1))
    error = sqrt(scale / float(weights.sum()))
    reach = t_quantile(0.95, count - 1) * error
    p = t_tail(mean / error, count - 1)
    return Pooled(kind, count, exp(mean), exp(mean - reach), exp(mean + reach), p, sqrt(between))
