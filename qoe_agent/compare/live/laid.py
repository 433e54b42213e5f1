"""One live output's way to the source's clock: what is added to its media time, where that is known. Pure."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Floats

JUMP = 0.2
"""Seconds from one estimate to the next between which nothing is drawn."""
FAR = 300.0
"""Seconds between estimates over which nothing is drawn."""
ONWARD = 20.0
"""Seconds for which drift is taken to go on where pictures do not tell."""


@dataclass(slots=True)
class Laid:
    """Estimates by media time, and gaps between which nothing is known."""

    places: list[float] = field(default_factory=list)
    """Media times, rising …"""
    shifts: list[float] = field(default_factory=list)
    """… and what is added there."""
    likeness: float | None = None
    """Of the latest window, by content."""
    slope: float = 0.0
    """Drift behind the last place: what the shift grows by in a second."""
    gaps: list[tuple[float, float]] = field(default_factory=list)
    """Media times from which and up to which it is not known; the last may be open."""
    until: float = inf
    """Media time up to which it has been looked at."""

    def add(self, media: float, shift: float) -> None:
        """What is added at a place; none that lies before the last is taken."""
        if not self.places or media > self.places[-1]:
            self.places.append(media)
            self.shifts.append(shift)

    def lose(self, media: float) -> None:
        """From here on it is not known any more."""
        if self.lost:
            return
        self.gaps.append((media, inf))
        many = max(bisect_left(self.places, media), 1)
        del self.places[many:], self.shifts[many:]

    def find(self, media: float, shift: float) -> None:
        """From here on it is known again, if it was not."""
        if self.lost:
            self.gaps[-1] = self.gaps[-1][0], max(media, self.gaps[-1][0])
            self.add(self.gaps[-1][1], shift)

    @property
    def lost(self) -> bool:
        """Whether it is not known at present."""
        return bool(self.gaps) and self.gaps[-1][1] == inf

    @property
    def known(self) -> bool:
        """Whether it can be laid."""
        return bool(self.places)

    def clear(self) -> None:
        """Nothing of it was so."""
        self.places.clear()
        self.shifts.clear()
        self.gaps.clear()
        self.slope = 0.0

    def forget(self, before: float) -> None:
        """What lies before is no longer asked for; the last estimate stays."""
        many = min(bisect_left(self.places, before), len(self.places) - 1)
        if many > 0:
            del self.places[:many], self.shifts[:many]
        self.gaps = [gap for gap in self.gaps if gap[1] >= before]

    def source(self, media: Floats) -> Floats:
        """Media times by the source's clock; NaN where that is not known."""
        places, shifts = np.array(self.places), np.array(self.shifts)
        right = np.clip(np.searchsorted(places, media), 0, len(places) - 1)
        left = np.clip(right - 1, 0, len(places) - 1)
        span = places[right] - places[left]
        steady = (np.abs(shifts[right] - shifts[left]) <= JUMP) & (span > 0) & (span < FAR)
        share = np.where(steady, np.clip((media - places[left]) / np.where(span > 0, span, 1.0), 0.0, 1.0), 0.0)
        nearer = np.where(np.abs(places[right] - media) <= np.abs(media - places[left]), shifts[right], shifts[left])
        drawn = shifts[left] + share * (shifts[right] - shifts[left])
        onward = self.slope * np.clip(media - places[-1], 0.0, ONWARD)
        found = np.asarray(media + np.where(steady, drawn, nearer) + onward)
        for begin, end in self.gaps:
            found[(media >= begin) & (media < end)] = np.nan
        return found

    def media(self, source: float) -> float:
        """The media time at a time of the source, by the estimate nearest to it; NaN where that is not known."""
        if not self.places:
            return source
        n = bisect_left([p + s for p, s in zip(self.places, self.shifts, strict=True)], source)
        n = min(max(n, 0), len(self.places) - 1)
        guess = source - self.shifts[n]
        return source - (float(self.source(np.array([guess]))[0]) - guess)
