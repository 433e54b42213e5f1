"""Whether a stretch of sound goes on where the one before ended."""

from __future__ import annotations

from typing import Literal, TypeAlias

SEAM = 0.1
"""Seconds that may be missing or double between stretches that follow one another: rounding, a lost frame."""
BACK = 10.0
"""Seconds; a stretch that lies further back than this begins another timeline."""
PATIENCE = 2
"""Stretches in a row that may lie in the past before it is the timeline that went back."""

Joint: TypeAlias = Literal["follows", "hole", "past"]


class Seams:
    """Takes stretches in the order in which they are heard.

    Stretches that lie in the past come from another audio track: one look hears all of a connection's.
    """

    __slots__ = ("_end", "_past")

    def __init__(self) -> None:
        self._end: float | None = None
        self._past = 0

    @property
    def end(self) -> float | None:
        """Media time up to which sound was heard."""
        return self._end

    def take(self, pts: float | None, seconds: float) -> Joint:
        """`follows`, `hole` (it follows nothing that is known) or `past` (to be left out)."""
        end, joint = self._end, "follows"
        if pts is None or end is None:
            self._past, self._end = 0, None if pts is None else pts + seconds
            return "follows" if pts is None and end is None else "hole"
        if -BACK < pts - end < -SEAM and self._past < PATIENCE:
            self._past += 1
            return "past"
        joint = "follows" if abs(pts - end) <= SEAM else "hole"
        self._past, self._end = 0, pts + seconds
        return "follows" if joint == "follows" else "hole"
