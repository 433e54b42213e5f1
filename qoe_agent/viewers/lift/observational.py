"""Arms that nobody randomised, compared in several ways side by side, and which of them to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.observed import Comparison, Covered


def compared(covered: Covered) -> tuple[Comparison, ...]:
    """Naive, stratified, matched, doubly robust, in this order."""
    return ()


def words(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Plain sentences: which figure to believe, and why."""
    return ()
