"""A key frame and the packets after it, held by reference so that they can still be decoded in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.model import Packet

SHORTEST = 0.5
"""Seconds of media before a key frame begins another group: streams of key frames alone are not decoded whole."""
SECONDS, BYTES = 20.0, 16_000_000
"""What is held of a group at most; beyond it the group can no longer be decoded in full."""
TWIN = (0.08, 0.26)
"""The key frame's twin is a picture so many seconds after it: near enough to cost little, far enough to have moved."""
TWIN_PACKETS = 8
"""Packets that finding it may take."""


@dataclass(slots=True, eq=False)
class Gop:
    """The event loop appends; the decode thread reads what is there. Packets never leave while it is whole."""

    packets: list[Packet] = field(default_factory=list)
    size: int = 0
    whole: bool = True
    """It is within its bounds, and its times can be relied on."""
    small: bool = False
    """Its packets collapsed somewhere."""
    odd: bool = False
    """Its packets were suspicious otherwise."""
    handed: bool = False
    """Its key frame was given to the lane."""

    def append(self, seen: Packet) -> None:
        """Hold one more, unless it is too much by now."""
        if not self.whole:
            return
        self.packets.append(seen)
        self.size += seen.size
        if self.size > BYTES or seen.pts is None or seen.pts - self.pts > SECONDS:
            self.whole = False

    @property
    def pts(self) -> float:
        """When its key frame is to be shown."""
        first = self.packets[0].pts
        return 0.0 if first is None else first

    @property
    def seconds(self) -> float:
        """Media time from its key frame to its latest picture."""
        return max((seen.pts - self.pts for seen in self.packets[-16:] if seen.pts is not None), default=0.0)

    @property
    def leading(self) -> int:
        """The key frame and the pictures coded right after it but shown before it, which need the group before."""
        packets = self.packets
        n = 1
        while n < len(packets) and (pts := packets[n].pts) is not None and pts < self.pts:
            n += 1
        return n

    def begins_anew(self, key: Packet) -> bool:
        """Whether this key frame begins another group."""
        return key.pts is None or not 0.0 <= key.pts - self.pts < SHORTEST

    def twins(self) -> int | None:
        """How many packets it takes to get key frame and twin; 1: there is no twin; None: it has not come yet."""
        for n, seen in enumerate(self.packets[1 : TWIN_PACKETS + 1], 2):
            if seen.pts is not None and TWIN[0] <= seen.pts - self.pts <= TWIN[1]:
                return n
        return 1 if len(self.packets) > TWIN_PACKETS else None
