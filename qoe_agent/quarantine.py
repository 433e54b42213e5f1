"""Streams that make their worker process crash again and again are not decoded for a while, so that others live on."""

from __future__ import annotations

import dataclasses
import logging
import signal
from typing import TYPE_CHECKING

from qoe_agent.maths.strikes import Strikes
from qoe_agent.model import Incident, Metric, Sample

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from qoe_agent.board import Board
    from qoe_agent.config import Stream
    from qoe_agent.sink import Key

log = logging.getLogger(__name__)

CRASHES = Metric(
    "qoe_agent_decode_crashes_total", "counter", "Times a worker process crashed, or hung for good, in the midst of "
    "decoding the stream.",
)  # fmt: skip
SUSPENDED = Metric(
    "qoe_agent_decode_suspended", "gauge", "1 while the stream is not decoded because that made its worker process "
    "crash again and again; absent otherwise. Packets are counted all the same.",
)  # fmt: skip
METRICS = (CRASHES, SUSPENDED)
KIND = "decode_suspended"
INCIDENTS = {
    KIND: "decoding the stream made its worker process crash again and again: it is not decoded for a while, its "
    "packets are counted"
}

FATAL = {
    -number for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)
}
"""Exit statuses of a process that went wrong by itself. SIGKILL comes from outside, and says nothing of the stream that
happened to be decoded."""


class Quarantine:
    """Of all streams."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._strikes: dict[str, Strikes] = {}
        self._owed: dict[str, int] = {}
        """Crashes that are not on the board yet."""
        self._told: dict[str, Incident] = {}

    def blame(self, reason: str, status: int | None, names: Sequence[str], now: float) -> None:
        """A worker is gone, while it decoded these."""
        if not names or (reason != "stuck" and status not in FATAL):
            return
        log.error("it %s while it decoded %s", "hung" if reason == "stuck" else "crashed", " or ".join(names))
        for name in names:
            strikes = self._strikes.setdefault(name, Strikes())
            self._owed[name] = self._owed.get(name, 0) + 1
            if strikes.strike(now, 1.0 / len(names)) and strikes.until is not None and name not in self._told:
                seconds = strikes.until - now
                log.error("%s: not decoded for %.0f s, as that makes workers crash; packets are counted", name, seconds)
                detail = {"reason": reason, "seconds": seconds}
                self._told[name] = Incident(KIND, now, None, "warning", detail=detail)

    def of(self, stream: Stream) -> Stream:
        """The stream as it is to be watched now."""
        return dataclasses.replace(stream, decode="none") if stream.name in self._told else stream

    def keep(self, names: Collection[str]) -> None:
        """Only these are watched from now on."""
        for known in (self._strikes, self._owed, self._told):
            for name in [name for name in known if name not in names]:
                del known[name]

    def tick(self, now: float, keys: Iterable[Key]) -> list[str]:
        """A second has passed, these are on the board; returns the streams that are to be decoded again."""
        by_name: dict[str, list[Key]] = {}
        for key in keys if self._strikes else ():
            by_name.setdefault(key.stream, []).append(key)
        for name in [name for name in self._owed if name in by_name]:
            crashes = self._owed.pop(name)
            for key in by_name[name]:
                self._board.put(key, Sample(CRASHES, crashes), now)
        free = [name for name in self._told if not self._strikes[name].barred(now)]
        for name, told in list(self._told.items()):
            over = name in free
            incident = dataclasses.replace(told, end=now) if over else told
            for key in by_name.get(name, ()):
                self._board.put(key, Sample(SUSPENDED, None if over else 1.0), now)
                self._board.put(key, incident, now)
            if over:
                del self._told[name]
                log.warning("%s: decoded again, to see whether it still makes workers crash", name)
        for name in [name for name, strikes in self._strikes.items() if strikes.clean(now)]:
            del self._strikes[name]
        return free
