"""Arms compared by two models at once: who gets the treatment, and how long who does not get it watches.

Augmented inverse probability weighting on cells (Robins, Rotnitzky and Zhao 1994; of the treated: Moodie and others
2018): it holds if either model does. Both have main effects of the covariates' levels, and a small ridge: a logit for
the treatment, a Poisson model for seconds. So few parameters over cells need no cross-fitting, which guards against
learners that follow the noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.viewers.effects.balance import balance, kish
from qoe_agent.viewers.effects.replicates import Means, ratio
from qoe_agent.viewers.effects.sensitivity import with_e_values
from qoe_agent.viewers.lift.observed import Comparison

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Covered
    from qoe_agent.viewers.lift.shapes import Floats

TRIM = 0.01
"""Cells in which the treatment is rarer than this, or the control is, do not count: nobody there to compare with."""
RIDGE = 1.0
"""Of each level: as if it were known to be about 0, give or take 1, on the scale of logarithms."""
STEPS, AGAIN, ENOUGH = 50, 3, 1e-9
"""Of Newton's: at most, without a bucket, and when it is over."""


class Models(NamedTuple):
    """What is held fixed while buckets are left out."""

    terms: Floats
    """(cells, parameters): 1, then a column for each level but the commonest."""
    scale: float
    """Seconds that weigh as one event: so their variance is about their mean."""
    treated: Floats
    longer: Floats
    """Parameters."""
    kept: Floats
    """(cells,): 1: within the trim."""


def doubly_robust(covered: Covered) -> Comparison:
    """The ratio of mean watch times of the treated, and of the same had they been untreated."""
    if not (covered.count.sum(axis=0) > 0.0).all() or not covered.total[:, 0].sum():
        return Comparison("doubly robust", None, None, None, None, note="an arm without sessions or watching")
    models = _models(covered)

    def way(count: Floats, total: Floats) -> Means | None:
        treated = _logit(models.terms, count, models.treated, AGAIN)
        longer = _poisson(models.terms, count[:, 0], total[:, 0] / models.scale, models.longer, AGAIN)
        return _means(models._replace(treated=treated, longer=longer), count, total)

    found, weighted = ratio(covered, way), _weights(models)
    used = float((weighted * covered.count)[:, 1].sum() / covered.count[:, 1].sum())
    if found is None:
        return Comparison("doubly robust", None, None, None, None, used=used, note="no cells in which both arms are")
    told = Comparison(
        "doubly robust", found.lift, found.low, found.high, found.p, kish(covered.count, weighted), used,
        balance=balance(covered, weighted), note=f"of the treated; propensity from {TRIM:.0%} to {1 - TRIM:.0%}",
    )  # fmt: skip
    return with_e_values(told)


def _models(covered: Covered) -> Models:
    terms = _terms(covered)
    scale = float(covered.squares[:, 0].sum() / covered.total[:, 0].sum())
    treated = _logit(terms, covered.count, np.zeros(terms.shape[1]), STEPS)
    longer = _poisson(terms, covered.count[:, 0], covered.total[:, 0] / scale, np.zeros(terms.shape[1]), STEPS)
    shares = _share(terms, treated)
    return Models(terms, scale, treated, longer, ((shares >= TRIM) & (shares <= 1.0 - TRIM)).astype(float))


def _terms(covered: Covered) -> Floats:
    """Of levels that anybody is at."""
    columns = [np.ones(len(covered.count))]
    sizes = covered.count.sum(axis=1)
    for place, levels in enumerate(covered.levels):
        held = np.bincount(covered.design[:, place], sizes, len(levels))
        others = [level for level in np.flatnonzero(held) if level != np.argmax(held)]
        columns += [(covered.design[:, place] == level).astype(float) for level in others]
    return np.stack(columns, axis=1)


def _share(terms: Floats, theta: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(terms @ theta, -30.0, 30.0))))


def _logit(terms: Floats, count: Floats, theta: Floats, steps: int) -> Floats:
    """Ridge logit of treated sessions, by Newton."""
    sizes = count.sum(axis=1)
    for _ in range(steps):
        shares = _share(terms, theta)
        theta, moved = _step(terms, theta, count[:, 1] - sizes * shares, sizes * shares * (1.0 - shares))
        if moved < ENOUGH:
            break
    return theta


def _poisson(terms: Floats, sizes: Floats, events: Floats, theta: Floats, steps: int) -> Floats:
    """Ridge Poisson of events, `sizes` as exposure, by Newton."""
    if not theta.any():
        theta = np.append(np.log(events.sum() / sizes.sum()), theta[1:])
    for _ in range(steps):
        expected = sizes * np.exp(np.clip(terms @ theta, -30.0, 30.0))
        theta, moved = _step(terms, theta, events - expected, expected)
        if moved < ENOUGH:
            break
    return theta


def _step(terms: Floats, theta: Floats, residual: Floats, weight: Floats) -> tuple[Floats, float]:
    """A step of at most 1 in any parameter, and how far it goes."""
    ridge = np.full(len(theta), RIDGE)
    ridge[0] = 0.0
    information = (terms * weight[:, None]).T @ terms + np.diag(ridge)
    move = np.linalg.solve(information, terms.T @ residual - ridge * theta)
    far = float(np.abs(move).max())
    return theta + move / max(1.0, far), far


def _weights(models: Models) -> Floats:
    """(cells, 2): what a session counts: a control as the odds that one like it is treated."""
    shares = _share(models.terms, models.treated)
    return np.stack([models.kept * shares / (1.0 - shares), models.kept], axis=1)


def _means(models: Models, count: Floats, total: Floats) -> Means | None:
    weighted = _weights(models)
    expected = models.scale * np.exp(np.clip(models.terms @ models.longer, -30.0, 30.0))
    sizes, watched = weighted * count, weighted * total
    treated, control = float(sizes[:, 1].sum()), float(sizes[:, 0].sum())
    if not treated or not control:
        return None
    rest = float((watched[:, 0] - sizes[:, 0] * expected).sum()) / control
    mean = float((sizes[:, 1] * expected).sum()) / treated
    seen, instead = float(watched[:, 1].sum()) / treated, mean + rest
    if seen <= 0.0 or instead <= 0.0:
        return None
    pulls = np.zeros((*count.shape, 2))
    pulls[:, 1, 1] = models.kept / treated / seen
    pulls[:, 1, 0] = -models.kept / treated * (1.0 + (expected - mean) / instead)
    pulls[:, 0, 1] = -weighted[:, 0] / control / instead
    pulls[:, 0, 0] = weighted[:, 0] / control * (expected + rest) / instead
    return Means(seen, instead, pulls)
