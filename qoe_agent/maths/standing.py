"""Conditions that hold for a while: told by steps of sound, each bad, good or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Step: TypeAlias = Literal["bad", "good", "unsure"]


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
