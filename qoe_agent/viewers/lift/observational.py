"""Arms that nobody randomised, compared in several ways side by side, and which of them to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.effects.matching import matched
from qoe_agent.viewers.effects.naive import naive
from qoe_agent.viewers.effects.strata import stratified
from qoe_agent.viewers.effects.weighting import doubly_robust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.observed import Comparison, Covered


def compared(covered: Covered) -> tuple[Comparison, ...]:
    """Naive, stratified, matched, doubly robust, in this order."""
    return naive(covered), stratified(covered), matched(covered), doubly_robust(covered)


def words(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Plain sentences: which figure to believe, and why."""
    return ()
