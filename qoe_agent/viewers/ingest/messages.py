"""Messages on their way: sent by one viewer, shown to others. Time is an argument; both ends' clocks are corrected."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from qoe_agent.viewers.ingest import meter

if TYPE_CHECKING:
    from qoe_agent.viewers.ingest.sums import Sums

MOST = 100_000
"""Messages that are waited for at once."""
EARLY = 100
"""Times that a message was shown that are kept until it is known when it was sent."""
PATIENCE = 60.0
"""Seconds after which nobody will be shown a message any more."""
UNSURE = 5.0
"""Seconds by which corrected clocks may be wrong: shown so long before it was sent means at once."""


class _Message:
    __slots__ = ("early", "known", "sent", "shown")

    def __init__(self, known: float) -> None:
        self.known, self.shown = known, False
        self.sent: float | None = None
        self.early: list[float] = []


class Messages:
    """Those of the last minute, by stream and id."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums
        self._open: OrderedDict[tuple[str, str], _Message] = OrderedDict()

    def sent(self, stream: str, message: str, at: float, now: float) -> None:
        """Somebody sent it, at `at` by our clock."""
        found = self._message(stream, message, now)
        if found.sent is None:
            found.sent = at
            self._sums.count(meter.SENT, stream)
            for early in found.early:
                self._took(stream, early - at)
            found.early = []

    def shown(self, stream: str, message: str, at: float, now: float) -> None:
        """A viewer was shown it."""
        found = self._message(stream, message, now)
        found.shown = True
        self._sums.count(meter.SHOWN, stream)
        if found.sent is not None:
            self._took(stream, at - found.sent)
        elif len(found.early) < EARLY:
            found.early.append(at)

    def _took(self, stream: str, delay: float) -> None:
        """A delay that no clock can be right about, if it was set, is not counted."""
        if -UNSURE <= delay <= PATIENCE:
            self._sums.observe(meter.DELAY, stream, max(0.0, delay))

    def tick(self, now: float) -> None:
        """Give up those that are old."""
        while self._open and next(iter(self._open.values())).known + PATIENCE <= now:
            self._close()

    def _message(self, stream: str, message: str, now: float) -> _Message:
        found = self._open.get((stream, message))
        if found is None:
            found = self._open[stream, message] = _Message(now)
            if len(self._open) > MOST:
                self._open.popitem(last=False)  # nobody knows what becomes of it
        return found

    def _close(self) -> None:
        (stream, _), message = self._open.popitem(last=False)
        if message.sent is not None and not message.shown:
            self._sums.count(meter.LOST, stream)
