"""Arms compared within cells of the same covariates, over cells as treated sessions are spread over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.effects.balance import balance, kish
from qoe_agent.viewers.effects.replicates import Means, ratio
from qoe_agent.viewers.effects.sensitivity import with_e_values
from qoe_agent.viewers.lift.observed import Comparison

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Covered
    from qoe_agent.viewers.lift.shapes import Floats


def weights(count: Floats) -> Floats:
    """(cells, 2): what a session counts, so that both arms are spread over the cells as the treated are. Cells without
    both arms count nothing."""
    both = (count > 0.0).all(axis=1)
    safe = np.where(both, count[:, 0], 1.0)
    return np.stack([np.where(both, count[:, 1] / safe, 0.0), both.astype(float)], axis=1)


def means(count: Floats, total: Floats) -> Means | None:
    """Direct standardisation to the treated: each cell's mean of either arm, times treated sessions."""
    both = (count > 0.0).all(axis=1)
    weighted = weights(count)
    size = float(count[both, 1].sum())
    sums = (weighted * total).sum(axis=0)
    if not size or not sums.all():
        return None
    control = np.where(both, total[:, 0] / np.where(both, count[:, 0], 1.0), 0.0)
    pulls = np.zeros((*count.shape, 2))
    pulls[:, 1, 1] = both / sums[1]
    pulls[:, 1, 0] = -control / sums[0]
    pulls[:, 0, 1] = -weighted[:, 0] / sums[0]
    pulls[:, 0, 0] = weighted[:, 0] * control / sums[0]
    return Means(float(sums[1]) / size, float(sums[0]) / size, pulls)


def stratified(covered: Covered) -> Comparison:
    """The ratio of mean watch times in exact strata."""
    found, weighted = ratio(covered, means), weights(covered.count)
    used = float((weighted * covered.count)[:, 1].sum()) / max(float(covered.count[:, 1].sum()), 1.0)
    if found is None:
        return Comparison("stratified", None, None, None, None, used=used, note="no cell holds both arms")
    told = Comparison("stratified", found.lift, found.low, found.high, found.p, kish(covered.count, weighted), used,
                      balance=balance(covered, weighted), note="of the treated")  # fmt: skip
    return with_e_values(told)
