"""Arms compared as they are: what a chart shows, and what whoever is in them already differed in."""

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


def means(count: Floats, total: Floats) -> Means | None:
    """Of all sessions of each arm."""
    counts, totals = count.sum(axis=0), total.sum(axis=0)
    if not (counts.all() and totals.all()):
        return None
    sign = np.array([-1.0, 1.0])
    pulls = np.broadcast_to(np.stack([-sign / counts, sign / totals], axis=-1), (*count.shape, 2))
    return Means(float(totals[1] / counts[1]), float(totals[0] / counts[0]), pulls)


def naive(covered: Covered) -> Comparison:
    """The ratio of mean watch times."""
    even = np.ones_like(covered.count)
    found = ratio(covered, means)
    if found is None:
        return Comparison("naive", None, None, None, None, note="an arm without sessions")
    told = Comparison("naive", found.lift, found.low, found.high, found.p, kish(covered.count, even), 1.0,
                      balance=balance(covered, even))  # fmt: skip
    return with_e_values(told)
