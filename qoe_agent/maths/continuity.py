"""One track's media time, step by step, and how it keeps up with the wall clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from statistics import median

from qoe_agent.maths.window import Floor

JUMP = 0.5
"""Seconds that media time may skip before it counts as a gap, unless ten frames are longer."""
FRAMES = 10
SETTLED = 3
"""Steps that must be known before a slow stream's long steps are taken for its rate."""
UNSETTLED = 10.0
"""Until then: seconds that media time may skip."""


class Timeline:
    """Judges each step of decoding time; follows the floor of (arrival − media time), which is drift.

    Packets come late for many reasons and early for none, so the earliest of a window tell how media time
    relates to arrival; a burst after a halt and the sawtooth of segments do no harm. Jumps are no drift: what a
    step differs from the time that passed is taken out of the comparison.
    """

    __slots__ = ("_floor", "_last", "_low", "_reference", "_shift", "_since", "_steps", "_touched", "before", "passed")

    def __init__(self) -> None:
        self._last: float | None = None
        self._touched = 0.0
        self._steps: deque[float] = deque(maxlen=15)
        self._shift = 0.0
        self._low = inf
        self._floor = Floor()
        self._since: float | None = None
        self._reference: float | None = None
        self.before: float | None = None
        """Media time before the last irregular step."""
        self.passed = 0.0
        """Arrival time that passed during it."""

    def step(self, media: float, at: float, backlog: bool) -> float | None:
        """Take a packet; the step of media time if it is irregular, else None."""
        last, touched = self._last, self._touched
        self._last, self._touched = media, at
        irregular = None
        if last is not None:
            step = media - last
            if 0.0 <= step <= JUMP:
                self._steps.append(step)
            elif self._irregular(step):
                irregular, self.before, self.passed = step, last, max(0.0, at - touched)
                if abs(step - self.passed) > JUMP:
                    self._shift += step - self.passed
        if not backlog:
            lag = at - media + self._shift
            if lag < self._low:
                self._low = lag
            if self._since is None:
                self._since = at
        return irregular

    def _irregular(self, step: float) -> bool:
        if step < 0.0:
            return True
        steps = self._steps
        allowed = FRAMES * median(steps) if len(steps) >= SETTLED else UNSETTLED
        if step <= max(JUMP, allowed):
            steps.append(step)
            return False
        return True

    def drift(self, now: float, window: float) -> float | None:
        """Media time minus arrival time elapsed since the first window; None until it is over, or in silence."""
        if self._low < inf:
            self._floor.add(now, self._low)
            self._low = inf
        floor = self._floor.lowest(now - window)
        if floor is None or self._since is None or now - self._since < window:
            return None
        if self._reference is None:
            self._reference = floor
        return self._reference - floor


@dataclass(slots=True)
class Jump:
    """A jump of media time and the tracks that made it."""

    at: float
    step: float
    tracks: set[int]
    announced: bool = False

    def joined_by(self, track: int, at: float, step: float, within: float) -> bool:
        """Whether another track's jump is the same one; if so, that track has made it."""
        close = abs(step - self.step) <= max(1.0, 0.2 * abs(self.step))
        if track in self.tracks or abs(at - self.at) > within or not close:
            return False
        self.tracks.add(track)
        return True
