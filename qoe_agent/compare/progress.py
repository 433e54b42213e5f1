"""How far the work on several tests has come, all in all, told from many threads; and how it is stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from qoe_agent.compare.shapes import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAYING, SCORING, HEARING = 0.25, 1.0, 0.05
"""What a frame takes, in units of its scoring: to find its place, to score it, to hear its sound."""


class Stopped(Exception):
    """The work is no longer wanted."""


class Progress:
    """Adds up what is done; its steps are in frames of all tests."""

    def __init__(self, frames: Sequence[int], heard: Callable[[Step], None]) -> None:
        self._frames, self._heard = frames, heard
        self._done = [0.0] * len(frames)
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def stop(self) -> None:
        """Whoever tells of a step from now on is stopped."""
        self.stopped.set()

    def of(self, test: int, begins: float, share: float) -> Callable[[Step], None]:
        """What to call with steps of a part of the work on a test: it begins at, and takes, so much of it."""
        whole = LAYING + SCORING + HEARING

        def heard(step: Step) -> None:
            part = min(1.0, step.done / step.total) if step.total else 0.0
            self.came(test, (begins + share * part) / whole, step.doing)

        return heard

    def came(self, test: int, part: float, doing: str) -> None:
        """So much of a test's work is done; less than was said before is no news. Raises Stopped."""
        if self.stopped.is_set():
            raise Stopped
        with self._lock:
            self._done[test] = max(self._done[test], part)
            done = sum(each * many for each, many in zip(self._done, self._frames, strict=True))
            self._heard(Step(doing, done, float(sum(self._frames))))
