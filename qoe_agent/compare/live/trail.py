"""What the content of one live output has said lately about where it lies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf

from qoe_agent.compare.live.laid import ONWARD

LOOPS = 42.0
"""Seconds that must not repeat before a lag is kept through pictures that do, or believed after pictures that did."""


@dataclass(slots=True)
class Trail:
    """Its windows, and whether it is sure."""

    windows: list[tuple[float, float]] = field(default_factory=list)
    """Where the latest lay, by media time at their ends, and their shifts; those that agree with the last."""
    answers: Counter[str] = field(default_factory=Counter)
    sure: bool = False
    last: float = -inf
    """Media time at the end of the last window that was looked at …"""
    good: float = -inf
    """… and of the last that was found where it was expected."""
    since: float | None = None
    """Media time from which nothing has repeated."""
    loops: int = 0
    """Windows that were there before, less than `LOOPS` from one to the next …"""
    looped: float = -inf
    """… and the media time of the last."""
    was: float | None = None
    """Its shift before it was lost, on the same timelines: it is likely still there."""
    epochs: tuple[int, int] | None = None
    """Timelines of this output and of the first one that this is about."""

    def early(self, place: float) -> bool:
        """Whether a loop may have been too long to be seen."""
        return self.since is None or place - self.since < LOOPS

    def expected(self, place: float, slope: float) -> float:
        """Its shift there, if it drifts on as it did."""
        at, shift = self.windows[-1]
        return shift + slope * min(max(place - at, 0.0), ONWARD)
