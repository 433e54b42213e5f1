"""Where media time lies on the agent's clock, had it been delivered evenly.

Segments and caches come in bursts, so a picture's arrival says little of when it was due; the earliest arrivals of
late say how media time relates to the agent's clock.
"""

from __future__ import annotations

from qoe_agent.maths.window import Floor

LONGEST = 30.0
"""Seconds of a segment that are believed."""
EVEN = 2.0
"""Seconds that hold a whole pattern of pictures sent ahead of their time (B frames)."""
GAP = 60.0
"""A step of more seconds than this begins another timeline, where pictures may lie far apart."""
BELIEVED = 1e11
"""Media times beyond leave no room for milliseconds."""


class Due:
    """One connection's media time against arrival."""

    __slots__ = ("_gap", "_lags", "_last", "_segment")

    def __init__(self, gap: float = GAP) -> None:
        """`gap`: a step of more seconds than this begins another timeline."""
        self._gap = gap
        self._lags = Floor()
        self._last: float | None = None
        self._segment = 0.0

    def segment(self, seconds: float) -> None:
        """Media comes in pieces as long as this."""
        self._segment = max(self._segment, min(seconds, LONGEST))

    @property
    def segmented(self) -> bool:
        """Whether media comes in pieces."""
        return self._segment > 0.0

    @property
    def uneven(self) -> float:
        """Seconds by which arrival may differ from an even delivery."""
        return EVEN + self._segment

    def broken(self, pts: float | None) -> bool:
        """Whether `pts` does not go on from where media time was."""
        return self._last is not None and (pts is None or not 0.0 <= pts - self._last <= self._gap)

    def when(self, at: float, pts: float | None) -> float:
        """Take the next arrival and its media time; where that lies on the agent's clock."""
        if self.broken(pts):
            self._lags = Floor()
        self._last = pts
        if pts is None or not abs(pts) < BELIEVED:
            return at
        self._lags.add(at, at - pts)
        even = pts + (self._lags.lowest(at - self.uneven) or 0.0)
        return even if abs(at - even) <= 2 * self.uneven + LONGEST else at
