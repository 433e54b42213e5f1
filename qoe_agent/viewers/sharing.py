"""Intervals of what befalls all who watch a stream at once. Pure.

Users are not the witnesses then: whatever else happened in those minutes, happened to all of them. So exits are counted
a second time by the stretches of streams in which they happened, and of both intervals the wider one holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.shapes import Hazard

FEW = "too few stretches of streams to say: all who watch a stream share what befalls it"


def widened(hazards: Sequence[Hazard], others: Sequence[Hazard]) -> tuple[Hazard, ...]:
    """`hazards` by users with the wider interval of these and `others`, by stretches of streams."""
    by_stretch = {(one.factor, one.level): one for one in others}
    return tuple(_wider(one, by_stretch.get((one.factor, one.level))) for one in hazards)


def _wider(one: Hazard, other: Hazard | None) -> Hazard:
    if one.low is None or one.high is None or one.low == one.high:
        return one
    if other is None or other.low is None or other.high is None or other.hazard_ratio is None:
        return one._replace(hazard_ratio=None, low=None, high=None, note=FEW)
    if other.high / other.low <= one.high / one.low:
        return one
    assert one.hazard_ratio is not None
    moved = one.hazard_ratio / other.hazard_ratio
    return one._replace(low=other.low * moved, high=other.high * moved)
