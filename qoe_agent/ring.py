"""The last seconds of every stream's packets, whole GOPs, within one budget for all streams."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.model import Format, Packet

OVERHEAD = 200
"""Bytes that a packet costs beside its payload (two objects and their slots)."""


@dataclass(slots=True)
class _Group:
    """A key frame and what needs it (of sound alone: a hundred frames)."""

    packets: list[Packet] = field(default_factory=list)
    size: int = 0


class Ring:
    """One stream's last GOPs and the formats that they need. Cut at key frames: what is kept decodes."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._groups: deque[_Group] = deque()
        self._keyed = False
        self.formats: dict[int, Format] = {}
        self.size = 0

    def format(self, seen: Format) -> None:
        """A track was announced: what came before it cannot be decoded with it."""
        if seen.track in self.formats and replace(self.formats[seen.track], at=seen.at) != seen:
            self.clear()
        self.formats[seen.track] = seen
        self._keyed = any(form.kind == "video" for form in self.formats.values())

    def append(self, seen: Packet) -> None:
        """Keep a packet, and let go of the oldest GOPs where the share is used up."""
        starts = seen.key and (seen.kind == "video" or not self._keyed)
        if starts and (not self._groups or self._keyed or len(self._groups[-1].packets) >= 100):
            self._groups.append(_Group())
        if not self._groups:
            return  # nothing decodes before the first key frame
        cost = seen.size + OVERHEAD
        latest = self._groups[-1]
        latest.packets.append(seen)
        latest.size += cost
        self.size += cost
        while self.size > self._budget.share and self._groups:
            self.size -= self._groups.popleft().size

    def clear(self) -> None:
        """Forget all packets."""
        self._groups.clear()
        self.size = 0

    @property
    def seconds(self) -> float:
        """How far back it reaches, by arrival."""
        return self._groups[-1].packets[-1].at - self._groups[0].packets[0].at if self._groups else 0.0

    def __iter__(self) -> Iterator[Packet]:
        for group in self._groups:
            yield from group.packets


class Budget:
    """Bytes for all rings together, shared fairly."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._rings: set[Ring] = set()

    @property
    def share(self) -> int:
        """What one stream may keep."""
        return self.total // max(1, len(self._rings))

    def ring(self) -> Ring:
        """A ring for a new stream."""
        ring = Ring(self)
        self._rings.add(ring)
        return ring

    def release(self, ring: Ring) -> None:
        """The stream is gone."""
        self._rings.discard(ring)
        ring.clear()
