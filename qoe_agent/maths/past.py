"""The last pictures of a stream, for what is to be compared with them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.maths.sameness import Plane

APART = 0.15
"""Seconds between the pictures kept of the last second."""


class Past:
    """The last pictures."""

    __slots__ = ("began", "recent", "since", "sparse")

    def __init__(self, since: float, *, began: bool = False) -> None:
        self.since, self.began = since, began
        """Media time from which on nothing was left out; and whether nothing was shown before it."""
        self.recent: deque[tuple[float, Plane]] = deque(maxlen=9)
        """All of the last."""
        self.sparse: deque[tuple[float, Plane]] = deque(maxlen=8)
        """Some of the last second."""

    def add(self, pts: float, plane: Plane) -> None:
        """A picture was seen."""
        self.recent.append((pts, plane))
        if not self.sparse or not 0 <= pts - self.sparse[-1][0] < APART:
            self.sparse.append((pts, plane))

    def until(self, pts: float) -> Past:
        """What it was when this one of its `sparse` pictures had been seen."""
        past = Past(self.since, began=self.began)
        past.sparse.extend(each for each in self.sparse if each[0] <= pts)
        past.recent.extend(past.sparse)
        return past
