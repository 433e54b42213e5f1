"""Frame rate and missing frames, out of timestamps."""

from __future__ import annotations

from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SPAN = 4.0
"""Seconds of media that a frame rate is measured over."""
BREAK = 10.0
"""A step of more seconds than this, either way, begins another timeline."""


def frame_rate(times: Sequence[float]) -> float | None:
    """Frames per second at the end of `times` (presentation times in the order of decoding), None if unknown.

    One over the median step, so that holes and a variable rate do no harm; refined by the mean of the steps
    beside the median, because FLV and HLS often round to milliseconds (33, 33, 34 is 30 frames a second).
    """
    start = len(times) - 1
    while start > 0 and abs(times[start] - times[start - 1]) <= BREAK:
        start -= 1
    shown = sorted(times[max(start, 0) :])
    recent = [at for at in shown if at > shown[-1] - SPAN]
    steps = [b - a for a, b in pairwise(recent if len(recent) > 8 else shown[-9:]) if b > a]
    if len(steps) < 4:
        return None
    middle = median_low(steps)
    near = [step for step in steps if abs(step - middle) <= max(0.0015, 0.1 * middle)]
    mean = sum(near) / len(near)
    return 1.0 / mean if mean > 1e-4 else None


class Holes:
    """Frames that are missing from a stream of steady rate: Σ(round(step · rate) − 1) over its holes.

    Fed with decoding times, which do not reorder. Judged in blocks: where the steps are not steady (variable
    rate, a change of rate), nothing is missing as far as anyone can tell. A hole is at most three long steps
    between regular ones, so that a switch from 30 to 15 frames a second is not a row of holes.
    """

    BLOCK = 32
    FEWEST = 8
    STEADY = 0.75
    LONGEST_RUN = 3

    __slots__ = ("_last", "_steps", "missing")

    def __init__(self) -> None:
        self._last: float | None = None
        self._steps: list[float] = []
        self.missing = 0
        """All so far."""

    def feed(self, media: float) -> None:
        """Take the next frame's decoding time."""
        last, self._last = self._last, media
        if last is None:
            return
        step = media - last
        if not 0.0 <= step <= BREAK:
            self.settle()
            return
        self._steps.append(step)
        if len(self._steps) >= self.BLOCK:
            self._steps = self._judge()

    def settle(self) -> None:
        """The timeline ends here: judge what is left and start anew."""
        if len(self._steps) >= self.FEWEST:
            self._judge()
        self._steps.clear()

    def forget(self) -> None:
        """The next frame follows no other."""
        self.settle()
        self._last = None

    def _judge(self) -> list[float]:
        """Count the holes of the block; returns the steps that the next block must begin with."""
        steps = self._steps
        usual = median_low(steps)
        tolerance = max(0.002, 0.2 * usual)
        if usual <= 0.0 or sum(abs(step - usual) <= tolerance for step in steps) < self.STEADY * len(steps):
            return steps[-1:]
        run: list[float] = []
        regular: float | None = None
        for step in steps:
            if step - usual > tolerance:
                run.append(step)
                continue
            if regular is not None and len(run) <= self.LONGEST_RUN:
                self.missing += sum(round(hole / usual) - 1 for hole in run if hole > 1.5 * usual)
            regular, run = step, []
        return [] if regular is None else [regular, *run]
