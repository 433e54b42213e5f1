"""An event loop that rests a moment before it asks which sockets are ready, so that it finds more of them at once.

A media server writes a picture in many small pieces. A loop that wakes for each spends more time on waking and on
system calls than on media; after a nap of some milliseconds one read gets them all. What arrives is stamped by as much
later, at most.
"""

from __future__ import annotations

import asyncio
import select
import selectors

LENGTH = 0.008
"""Seconds of a nap: half of what passes between two pictures at 60 a second."""
MANY = 8
"""Streams from which on it pays."""


class Napping(selectors.DefaultSelector):
    """A selector that naps, once it is told to."""

    length = 0.0
    """Seconds of a nap; 0: none."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready sockets; a nap is not longer than `timeout`, and none is taken when there is work already."""
        if self.length and (timeout is None or timeout > 0.0):
            nap = self.length if timeout is None else min(self.length, timeout)
            select.select((), (), (), nap)
            timeout = None if timeout is None else timeout - nap
        return super().select(timeout)


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a napping selector."""

    def __init__(self) -> None:
        self._napping = Napping()
        super().__init__(self._napping)

    def busy(self, streams: int) -> None:
        """So many streams are read: nap if it pays."""
        self._napping.length = LENGTH if streams >= MANY else 0.0
