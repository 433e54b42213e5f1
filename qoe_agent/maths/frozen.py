"""Whether a stream is frozen now: what its pictures, its packets' sizes and its sound say together.

Where every picture is seen, pictures decide. Where they lie apart, two that are the same are a freeze if the packets
between fell to a fraction of what they were, and not after a cut, in a stream that moves otherwise; they also tell
when it began and ended. Where not even all key frames are decoded, packets alone may decide, if they are small for a
second and a whole group of pictures, and its key frames alike.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.maths.collapse import Collapse
from qoe_agent.maths.glimpses import NORMAL, Glimpses
from qoe_agent.maths.hush import Hush

if TYPE_CHECKING:
    from qoe_agent.maths.stillness import Seen, Spell

HUSHED = 3.0
"""Seconds of silence that make a freeze of a still picture."""
TOGETHER = 1.0
"""Seconds between the beginning of that silence and of the still."""
LEAPS = 2
"""Holes between pictures that are the same for these to prove a freeze, if packets are smaller at all."""
LONG = 2.0
"""Seconds that a picture under a clock or ticker stands still before that proves it, its beginning unseen."""
GOP = 1.0
"""Seconds between key frames, while these are not known."""
SPARSE = 1.5
"""Groups of pictures between two decoded: not all key frames are."""


class Found(NamedTuple):
    """A freeze that is going on, in media time."""

    start: float
    until: float
    end: float | None
    """When packets say that it was over."""
    detail: dict[str, Any]
    """What it is based on."""


class Frozen:
    """One video track of one connection, and its sound."""

    __slots__ = ("_glimpses", "_keys", "_last", "_seen", "_sizes", "hush", "sparse")

    def __init__(self) -> None:
        self._sizes = Collapse()
        self._glimpses = Glimpses()
        self._keys: deque[float] = deque(maxlen=5)
        """Media times of the last key frames."""
        self._last: float | None = None
        """Media time of the last picture."""
        self._seen: Seen | None = None
        self.sparse = False
        """Not even all key frames are decoded."""
        self.hush = Hush()

    def packet(self, pts: float | None, dts: float | None, size: int, key: bool) -> None:
        """A packet of the track arrived."""
        self._sizes.add(pts, dts, size, key)
        if pts is None:
            return
        self._glimpses.packet(pts, size, key=key)
        if key:
            self._keys.append(pts)

    def picture(self, pts: float, seen: Seen | None) -> None:
        """A picture of it was looked at."""
        if self._last is not None and self._keys:
            apart = pts - self._last > SPARSE * self._gop
            self.sparse = apart or (self.sparse and seen is not None and seen.apart)
        if seen is None or seen.apart:
            self._glimpses.picture(pts, same=seen is not None and seen.spell is not None)
        self._last, self._seen = pts, seen or self._seen

    def now(self) -> Found | None:
        """The freeze that is going on."""
        spell = self._seen.spell if self._seen else None
        extent = self._glimpses.freeze(self._sizes.falls, self._gop) if self.sparse else None
        if extent:
            return self._found(extent.start, extent.until, extent.basis, spell, extent.end)
        if spell is None:
            return None
        if spell.why_not == "":
            return self._found(spell.start, spell.until, "pictures", spell)
        if spell.why_not == "unknown" and self._moves and not self.sparse:
            fall = self._sizes.latest()
            if fall and not fall.cut and fall.start < spell.until and (fall.end is None or fall.end > spell.start):
                return self._found(fall.start, max(spell.until, fall.until), "pictures, packets", spell, fall.end)
            leapt = spell.leaps >= LEAPS and self._glimpses.agrees(spell.start, spell.until, self._sizes.falls)
            if leapt or (spell.masked and spell.until - spell.start >= LONG):
                return self._found(spell.start, spell.until, "pictures", spell)
        if spell.why_not == "habit" and self.hush.since(spell.start, TOGETHER) >= HUSHED:
            return self._found(spell.start, spell.until, "pictures, sound", spell)
        return None

    def end(self, found: Found) -> float:
        """When a freeze that is over ended."""
        seen = self._seen
        if seen and seen.ended is not None and seen.ended >= found.start and not seen.apart:
            return seen.ended
        return max(found.until, found.end or found.until)

    @property
    def _gop(self) -> float:
        """Seconds between key frames, the longest of late."""
        return max((b - a for a, b in pairwise(self._keys)), default=GOP)

    @property
    def _moves(self) -> bool:
        """The stream is known to move most of the time."""
        share = self._seen.share if self._seen else None
        return share is not None and share <= NORMAL

    def _found(self, start: float, until: float, basis: str, spell: Spell | None, end: float | None = None) -> Found:
        detail: dict[str, Any] = {"basis": basis, "sound": self.hush.describe(start, until)}
        if self._seen and self._seen.share is not None:
            detail["still_ratio"] = round(self._seen.share, 3)
        if spell:
            detail |= {
                "pictures": spell.pictures, "difference": round(spell.difference, 3), "floor": round(spell.floor, 3),
                "motion_before": round(spell.before, 3), "moving_tiles": spell.masked,
            }  # fmt: skip
        if (fall := self._sizes.latest()) and "packets" in basis:
            detail |= {"packet_bytes": fall.size, "packet_bytes_before": fall.level}
        return Found(start, until, end, detail)
