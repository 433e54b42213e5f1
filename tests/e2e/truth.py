"""What a viewer must have met: the agent's own player model, run on the publisher's packet log (DECISIONS 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qoe_agent.maths.viewing import Viewing
from qoe_agent.model import Format, Opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.playout import Event
    from qoe_agent.model import Packet

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.start


def rtmp(log: Iterable[Packet], joined: float) -> list[Span]:
    """The stalls of a viewer who joined an RTMP stream at `joined`."""
    viewing = Viewing("auto", PATIENCE)
    viewing.take(Opened(joined, joined, "rtmp"))
    viewing.take(Format(joined, 0, "video", "h264"))
    viewing.take(Format(joined, 1, "audio", "aac"))
    for packet in log:
        if packet.at >= joined:
            viewing.take(replace(packet))
    return spans(viewing.events)


def spans(events: Iterable[Event]) -> list[Span]:
    """The stalls among a player's events that ended."""
    found, begun = [], None
    for event in events:
        if event.kind == "stall":
            begun = event.at
        elif begun is not None:
            found.append(Span(begun, event.at))
            begun = None
    return found
