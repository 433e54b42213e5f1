"""The newest media of a stream: which track's times count, and when they became playable."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from qoe_agent.maths.viewing import SEGMENTED
from qoe_agent.model import BACKLOG, DISCONTINUITY

if TYPE_CHECKING:
    from qoe_agent.model import Opened, Packet, Segment

OFTEN = 0.002
"""Least seconds between two arrivals that are noted."""
KEPT = 128
LEAP = 10.0
BACK = 1.0
"""Steps of media time beyond these, onwards and back, begin another timeline."""


class Edge:
    """Feed what comes; `arrivals` are the owner's to empty."""

    __slots__ = ("_newest", "_noted", "_segmented", "_staged", "arrivals", "lead", "timeline")

    def __init__(self) -> None:
        self.arrivals: deque[tuple[float, float]] = deque(maxlen=KEPT)
        """When, and the media time of what was then the newest that could be played; not of what was held for us."""
        self.timeline = 0
        """Counts up whenever media time begins anew."""
        self.lead: tuple[str, int] | None = None
        """Kind and number of the track that counts: the first with pictures, else with sound."""
        self._segmented = False
        self._begin()

    def _begin(self) -> None:
        self.timeline += 1
        self.arrivals.clear()
        self._newest: float | None = None
        self._noted = float("-inf")
        self._staged: tuple[float, float] | None = None

    def opened(self, seen: Opened | None) -> None:
        """A connection stands, or (None) broke."""
        self._segmented = seen is not None and seen.protocol in SEGMENTED
        self.lead = None
        self._begin()

    def packet(self, packet: Packet) -> bool:
        """Take a packet; whether it is of the track that counts."""
        pts, kind, lead = packet.pts, packet.kind, self.lead
        if pts is None or kind == "data":
            return False
        if lead is None or lead[1] != packet.track or lead[0] != kind:
            if lead is not None and (lead[0] == "video" or kind == "audio"):
                return False
            self.lead = kind, packet.track
            self._begin()
        newest = self._newest
        if newest is not None and (packet.flags & DISCONTINUITY or not -BACK <= pts - newest <= LEAP):
            self._begin()
            newest = None
        if self._segmented:
            first, last = self._staged or (pts, pts)
            self._staged = min(first, pts), max(last, pts)
        if newest is None or pts > newest:
            self._newest = pts
            if not (self._segmented or packet.flags & BACKLOG or 0.0 <= packet.at - self._noted < OFTEN):
                self._noted = packet.at
                self.arrivals.append((packet.at, pts))
        return True

    def segment(self, segment: Segment) -> float | None:
        """A segment is complete: media time of its first picture, if it is one of the track that counts."""
        if self.lead is None or self._staged is None or self.lead[1] not in segment.tracks:
            return None
        first, last = self._staged
        self._staged = None
        if not segment.backlog:
            self.arrivals.append((segment.at, last))
        return first
