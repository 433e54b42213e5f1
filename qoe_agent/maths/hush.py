"""Whether there is sound, and since when there is none, in media time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.maths.quiet import Run

SEAM = 1.0
"""Seconds between stretches of sound that are no hole."""


class Hush:
    """Feed it what the look of the probe `audio` said of every stretch of sound."""

    __slots__ = ("first", "heard", "sounding")

    def __init__(self) -> None:
        self.first: float | None = None
        """Where the sound heard without a hole begins."""
        self.heard = 0.0
        """Up to where it was heard."""
        self.sounding: float | None = None
        """The last sample above silence in it."""

    def take(self, pts: float, rate: int, count: int, runs: Sequence[Run]) -> None:
        """A stretch of `count` samples, and its silent runs."""
        if self.first is None or not -SEAM <= pts - self.heard <= SEAM:
            self.first, self.sounding = pts, None
        self.heard = pts + count / rate
        loud = runs[-1][0] if runs and runs[-1][1] >= count else count
        while runs and loud > 0 and any(end == loud for _, end, _ in runs):
            loud = next(start for start, end, _ in runs if end == loud)
        if loud > 0:
            self.sounding = pts + loud / rate

    def since(self, start: float, tolerance: float) -> float:
        """Seconds of silence that began at `start`, after sound; 0.0 if it did not begin there or is over."""
        sounding = self.sounding
        return 0.0 if sounding is None or abs(sounding - start) > tolerance else self.heard - sounding

    def describe(self, start: float, until: float) -> str:
        """`sounding`, `silent` (for the latter half of it), or `unknown`."""
        if self.first is None or self.heard <= start:
            return "unknown"
        return "silent" if self.sounding is None or self.sounding <= 0.5 * (start + until) else "sounding"
