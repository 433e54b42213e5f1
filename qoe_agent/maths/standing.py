"""Conditions that hold for a while: told by steps of sound, each bad, good or neither, and the clock they lie on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from qoe_agent.maths.window import Floor

Step: TypeAlias = Literal["bad", "good", "unsure"]

JUMP = 5.0
"""Seconds between two stretches of sound after which arrival says nothing about the ones before."""


@dataclass(slots=True)
class Standing:
    """A condition from its first bad step to its last."""

    least: float
    """Seconds of bad steps from which it counts."""
    calm: float
    """Seconds of good steps in a row after which it is over."""
    start: float | None = None
    """Media time of the first bad step; None while nothing is wrong."""
    end: float = 0.0
    """Media time up to which it lasted."""
    heard: float = 0.0
    """Seconds of bad steps."""
    _good: float = 0.0

    @property
    def stands(self) -> bool:
        """Whether it lasted long enough to count."""
        return self.start is not None and self.heard >= self.least - 1e-6

    def take(self, step: Step, pts: float, seconds: float) -> bool:
        """The next step begins at `pts`. True: whatever stood is now over (read it, then `clear`)."""
        if step == "bad":
            if self.start is None:
                self.start = pts
            self.end, self.heard, self._good = pts + seconds, self.heard + seconds, 0.0
        elif step == "good" and self.start is not None:
            self._good += seconds
            return self._good >= self.calm - 1e-6
        return False

    def clear(self) -> None:
        """Nothing is wrong."""
        self.start, self.heard, self._good = None, 0.0, 0.0


@dataclass(slots=True)
class Arrivals:
    """Where media time lies on the agent's clock, had it been delivered evenly: by the earliest arrivals of late."""

    _lags: Floor = field(default_factory=Floor)
    _last: float | None = None
    _latest: float = 0.0

    def add(self, at: float, pts: float) -> None:
        """Sound up to `pts` arrived."""
        if self._last is not None and not -JUMP <= pts - self._last <= JUMP:
            self._lags = Floor()
        self._lags.add(at, at - pts)
        self._last, self._latest = pts, at

    def at(self, pts: float, uneven: float) -> float:
        """On the agent's clock; `uneven`: seconds by which arrival may differ from an even delivery."""
        return pts + (self._lags.lowest(self._latest - uneven) or 0.0)
