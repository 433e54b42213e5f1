"""What goes wrong in the demo, when, and what truly happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

FaultKind: TypeAlias = Literal["stall", "burst", "resolution_drop", "silence", "black", "standing"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to go wrong."""

    kind: FaultKind
    """stall: nothing is sent and the media clock stands; burst: nothing is sent, then all of it at once;
    resolution_drop: half the width and height; silence: the sound is zero; black: the picture is; standing: one
    picture over and over."""
    start: float
    """Seconds after the broadcast began (or after the schedule last repeated)."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that happened, by the agent's clock, exactly as it was sent."""

    kind: FaultKind
    start: float
    """stall, burst: when the next frame was due; else when the first faulty frame was sent."""
    end: float | None = None
    """When the first good frame was sent; None while it lasts."""
    start_pts: float | None = None
    end_pts: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it lasted."""
        return None if self.end is None else self.end - self.start


DEFAULT = (
    Fault("stall", 10, 8),
    Fault("resolution_drop", 28, 8),
    Fault("silence", 44, 4),
    Fault("black", 53, 2),
    Fault("standing", 62, 3),
)
"""The stall outlasts the buffer of an HLS viewer, who plays three segments of two seconds behind."""
DEFAULT_PERIOD = 75.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Faults along the broadcast, once or again every `period` seconds."""

    faults: tuple[Fault, ...] = ()
    period: float | None = None

    def now(self, elapsed: float) -> dict[FaultKind, float]:
        """The faults that are on `elapsed` seconds into the broadcast, each with when it will be over."""
        if elapsed < 0:
            return {}
        base = elapsed - elapsed % self.period if self.period else 0.0
        return {
            fault.kind: base + fault.start + fault.seconds
            for fault in self.faults
            if fault.start <= elapsed - base < fault.start + fault.seconds
        }
