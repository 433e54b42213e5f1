"""What is simulated: sessions, effects, incidents, and how it is reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTUP = (0.6, 1.0, 2.0, 4.0)
HEIGHT = (480.0, 720.0, 1080.0)
LATENCY = (3.0, 6.0, 10.0)
OFFSET = (-0.090, 0.185)
"""Where one class ends and the next begins. Of sound: as ITU-R BT.1359-1 accepts it, above 0 where it is late."""
HEIGHTS = (360, 540, 720, 1080)
OFFSETS = (-0.15, 0.0, 0.25)
RECENT = 30.0
"""Seconds after a stall began for which it is a recent one."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Hazard ratios: how many times faster viewers leave."""

    recent: float = 3.0
    """Within RECENT seconds after a stall began."""
    earlier: float = 1.3
    """Later, in a session that stalled before."""
    startup: tuple[float, ...] = (0.95, 0.97, 1.0, 1.12, 1.4)
    """By class of STARTUP, from the first picture on."""
    height: tuple[float, ...] = (1.25, 1.1, 1.0, 0.95)
    latency: tuple[float, ...] = (0.95, 1.0, 1.05, 1.15)
    arms: Mapping[str, float] = field(default_factory=lambda: {"hd": 0.97, "sd": 1.0})
    device: Mapping[str, float] = field(default_factory=lambda: {"phone": 1.0, "desktop": 0.95, "tv": 0.8})
    region: Mapping[str, float] = field(default_factory=lambda: {"north": 1.0, "south": 1.0, "east": 1.1})
    stage: Mapping[str, float] = field(default_factory=lambda: {"new": 1.15, "active": 1.0, "returning": 1.0})
    tier: Mapping[str, float] = field(default_factory=lambda: {"free": 1.0, "paying": 0.9, "top": 0.8})
    effective_height: tuple[float, ...] = (1.3, 1.1, 1.0, 1.0)
    """By class of HEIGHT, of what is sent; where the plan has `measures`."""
    av_offset: tuple[float, ...] = (1.2, 1.0, 1.4)
    """By class of OFFSET: sound early, in tolerance, late."""


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that is put into a stream."""

    kind: str
    at: float
    """Seconds after the streams begin: in media time for faults in the picture or sound, else by the clock."""
    seconds: float
    hazard_ratio: float
    """1: nobody minds."""
    stream: int = 0
    scope: Mapping[str, str] = field(default_factory=dict)
    """region, cdn: whom it strikes; empty: everybody."""
    in_content: bool = True
    """Whether it is in the media, so that it reaches each viewer after his latency."""
    seen: bool = True
    """Whether a probe reports it."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """How sessions are seen by a collector."""

    intervals: tuple[float, ...] = (5.0, 10.0, 30.0)
    """Seconds between heartbeats, one of them for each session."""
    beacons: float = 0.3
    """Share of exits that are told as they happen; of the others one sees that nothing comes any more."""
    lost: float = 0.003
    """Share of reports that never arrive."""
    twice: float = 0.01
    """Share that arrives again."""
    late: float = 0.02
    """Share that comes up to 20 s late, so behind others; all come about 0.2 s after they were sent."""
    skew: float = 0.0
    """Standard deviation of the clocks of sessions, in seconds; one in 50 is 60 times as far off."""


DEFAULT = (
    Injected("freeze", 1500.0, 8.0, 6.0),
    Injected("black", 2700.0, 5.0, 1.0),
    Injected("silence", 3300.0, 12.0, 3.0),
    Injected("stall", 3900.0, 20.0, 4.0, scope={"cdn": "b"}, in_content=False),
    Injected("freeze", 4500.0, 4.0, 2.0, scope={"region": "east"}, in_content=False),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole simulation; the same plan gives the same audience."""

    sessions: int = 10_000
    seed: int = 1
    streams: int = 1
    seconds: float = 5400.0
    """How long the streams go on; then those who still watch are sent away, which is no exit of theirs."""
    begins: float = 1_767_225_600.0
    """Unix time."""
    rush: float = 0.2
    """Share of the sessions that come in the first minutes; the others come at any time."""
    sessions_per_user: float = 3.0
    frailty: float = 0.1
    """Variance of what makes some users leave sooner than others, always; their mean is 1."""
    bursts: float = 0.3
    """Standard deviation of the logarithm of how strongly the content drives everybody away, or keeps them."""
    stalls_per_hour: float = 6.0
    """On average; users differ."""
    orders_per_hour: float = 0.5
    messages_per_hour: float = 2.0
    causes: tuple[float, ...] = (0.84, 0.04, 0.06, 0.06)
    """Shares of those who left, whose player failed, who put it into the background, who switched to another stream."""
    probe_latency: float = 2.0
    """Seconds behind live at which the probe sees faults in the content."""
    latency: float = 4.5
    """Seconds behind live, median."""
    patient: bool = False
    """Whether nobody leaves before the first picture."""
    measures: bool = False
    """Whether what is sent varies in sharpness and in where the sound lies, and a probe writes that down."""
    linger: float = 30.0
    """Seconds after a fault's end for which viewers leave because of it."""
    effects: Effects = field(default_factory=Effects)
    incidents: tuple[Injected, ...] = DEFAULT
    reporting: Reporting = field(default_factory=Reporting)

    def stream(self, number: int) -> str:
        """A stream's name."""
        return f"live-{number + 1}"
