"""The pictures that a probe judges: those of the first video track of a connection, on the agent's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.maths.due import Due
from qoe_agent.model import Lost

if TYPE_CHECKING:
    from qoe_agent.model import Opened, Picture, Segment


class Following:
    """Feed it connections, segments and pictures."""

    __slots__ = ("_due", "_since", "dead", "track")

    def __init__(self) -> None:
        self._due = Due()
        self.track: int | None = None
        """The track; None before its first picture."""
        self._since = 0.0
        self.dead = False
        """The connection is lost."""

    def restart(self, seen: Opened | Lost) -> None:
        """A connection begins or ends."""
        self._due, self.track = Due(), None
        self._since, self.dead = seen.at, isinstance(seen, Lost)

    def segment(self, seen: Segment) -> None:
        """Pictures come in pieces."""
        self._due.segment(seen.duration)

    def takes(self, picture: Picture) -> bool:
        """Whether it is one of them; what arrived earlier belongs to a connection of the past."""
        if self.dead or picture.at < self._since or self.track not in (None, picture.track):
            return False
        self.track = picture.track
        return True

    def broken(self, picture: Picture) -> bool:
        """Whether it does not go on from where media time was; ask before `when`."""
        return self._due.broken(picture.pts)

    def when(self, picture: Picture) -> float:
        """Where it lies on the agent's clock, had all been delivered evenly; ask once of each."""
        return self._due.when(picture.at, picture.pts)
