"""How far a worker that cannot keep up falls back: the ladder of what it does without, and when it climbs it.

Each level leaves out something more. Packets are counted at every level: what is left out is decoding alone.

1. Full decoding on schedule (the bursts of `adaptive`), and the half minute's share of sound that dear looks hear.
2. Full decoding on suspicion; streams with `all` are seen by their key frames, as with `keyframes`.
3. Three of four key frames: `pictures_every` counts four times.
4. Sound: one second in five is heard.

A worker is strained when decode jobs wait for more than three seconds or are turned away, when its event loop is
late by more than half a second, or when decoding takes more CPU than it may, over five seconds. The first strained
second takes it to level 1 at once; each three seconds that do not get a fifth better (or five, for CPU) take it one
further, and so does each second in which jobs are turned away, so that the order is kept. It comes down a level at a
time, after some seconds in a row at half of those limits or less: five at first, and twice as many, up to five
minutes, each time that it has to go up again within two minutes of coming down. So it does not flap, however the load
swings.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

LEFT_OUT = (
    "bursts of full decoding, and the sound that dear looks hear in bursts",
    "full decoding on suspicion and in the policy all",
    "three of four key frames",
    "four of five seconds of sound",
)
"""What each level leaves out beside what the ones below it do."""
BURSTLESS, PLAIN, RARE, HUSHED = 1, 2, 3, 4
"""The levels by name: no bursts, key frames only, few of them, little sound."""

WAIT = 3.0
"""Seconds that decode jobs may wait: a stream decoded backwards may well take two of them."""
LAG = 0.5
"""Seconds by which the event loop may be late."""
REST = 0.5
"""Share of each limit up to which a worker is at rest."""
PATIENCE = 3.0
"""Seconds that a level has to show an effect."""
BETTER = 0.8
"""An effect is this much of the pressure before, or less."""
WINDOW = 5.0
"""Seconds over which CPU use is taken; it is not known for so long after each change of level."""
HOLD, LONGEST = 5.0, 300.0
"""Seconds of rest before a level is given up, at first and at most."""
AGAIN = 120.0
"""Seconds within which having to go up again means that it was given up too soon."""
LEAST = 0.01
"""The least budget, for a worker that has no streams."""
SECOND = 2.0
"""Seconds that one step stands for at most: a machine that was paused has not rested."""


class Load(NamedTuple):
    """How a worker was since the step before."""

    wait: float
    """Seconds that decode jobs waited at worst."""
    lag: float
    """Seconds by which the event loop was late at worst."""
    cpu: float
    """CPU-seconds that decoding took."""
    refused: int
    """Decode jobs that were turned away."""


class Overload:
    """The level of one worker. `budget`: CPU-seconds a second that decoding may take; None: as many as there are."""

    def __init__(self, budget: float | None = None) -> None:
        self.level = 0
        self.budget = budget
        self._last: float | None = None
        self._used: deque[tuple[float, float]] = deque()
        """Seconds, and CPU-seconds in them, at this level."""
        self._since = self._pressure = 0.0
        """When the level last rose or was left as it is for an effect, and the pressure then."""
        self._rested = 0.0
        self._hold = HOLD
        self._fell: float | None = None

    def step(self, at: float, load: Load) -> int:
        """A second has passed: the level from now on."""
        passed = 0.0 if self._last is None else max(0.0, at - self._last)
        self._last = at
        pressure = max(self._late(load), self._dear(passed, load.cpu))
        if pressure >= 1.0:
            self._rested = 0.0
            self._strained(at, pressure, hard=load.refused > 0)
        elif pressure > REST:
            self._rested = 0.0
        else:
            self._rested += min(passed, SECOND)
            if self.level and self._rested >= self._hold:
                self._fell = at
                self._go(self.level - 1)
        return self.level

    def _late(self, load: Load) -> float:
        """How late it is, 1.0 being too late. What the whole process was late by, jobs did not wait for decoding."""
        waited = max(0.0, load.wait - load.lag)
        return max(waited / WAIT, load.lag / LAG, float(load.refused > 0))

    def _dear(self, passed: float, cpu: float) -> float:
        """How much of the budget decoding takes; while that is not known, neither too much nor little."""
        if self.budget is None:
            self._used.clear()
            return 0.0
        if passed:
            self._used.append((passed, cpu))
        seconds = sum(each for each, _ in self._used)
        while self._used and seconds - self._used[0][0] >= WINDOW:
            seconds -= self._used.popleft()[0]
        if seconds < WINDOW:
            return (1.0 + REST) / 2 if self.level else 0.0
        return sum(each for _, each in self._used) / seconds / max(self.budget, LEAST)

    def _strained(self, at: float, pressure: float, *, hard: bool) -> None:
        if self.level and not hard and at - self._since < PATIENCE:
            return
        worse = hard or not self.level or pressure > BETTER * self._pressure
        if worse and self.level < len(LEFT_OUT):
            if self._fell is not None and at - self._fell <= AGAIN:
                self._hold = min(2 * self._hold, LONGEST)
            elif not self.level:
                self._hold = HOLD
            self._fell = None
            self._go(self.level + 1)
        self._since, self._pressure = at, pressure

    def _go(self, level: int) -> None:
        self.level, self._rested = level, 0.0
        self._used.clear()
