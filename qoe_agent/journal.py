"""What a person reads of a stream in the log: one line a change, one line an interval for what repeats."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.model import Damage, Incident, Lost

log = logging.getLogger(__name__)


class Journal:
    """What a person reads of this stream: repeated faults become "n …, last was …" once an interval."""

    INTERVAL = 10.0

    def __init__(self, name: str, heard: Callable[[str], None] = lambda line: None) -> None:
        """`heard` gets each line without the stream's name."""
        self._name, self._heard = name, heard
        self._faults = 0
        self._last = self._end = ""
        self._since = clock.now()

    def lost(self, lost: Lost, *, media: bool = True) -> None:
        """The pull ended; `media`: it had brought some. Who tries again and again in vain says why once."""
        level = logging.INFO if lost.reason in ("ended", "stopped") else logging.WARNING
        line = f"{lost.reason}: {lost.detail}" if lost.detail else lost.reason
        self._say(level if media or line != self._end else logging.DEBUG, line)
        self._end = line

    def incident(self, incident: Incident) -> None:
        """An incident began or is over."""
        level = logging.INFO if incident.severity == "info" else logging.WARNING
        what = f"{incident.kind} ({incident.detail['tile']})" if "tile" in incident.detail else incident.kind
        if incident.end is None:
            self._say(level, f"{what} began")
        else:
            self._say(level, f"{what}, {incident.end - incident.start:.2f} s")

    def damage(self, seen: Damage) -> None:
        """Something was wrong in the bytes."""
        self._faults += seen.count
        self._last = f"{seen.kind}: {seen.detail}"

    def flush(self, now: float) -> None:
        """Say what has gathered, if it is time."""
        if self._faults and now - self._since >= self.INTERVAL:
            self._say(logging.WARNING, f"{self._faults} faults in the media, last was {self._last}")
            self._faults, self._since = 0, now

    def _say(self, level: int, line: str) -> None:
        log.log(level, "%s: %s", self._name, line)
        self._heard(line)
