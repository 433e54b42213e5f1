"""What a script knows of the stream that it wrote."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.model import Observation, Packet

VIDEO, AUDIO = 0, 1
SOUND = 1024 / 48000
"""Seconds in a frame of AAC."""
KEY_SIZE, DELTA_SIZE, SOUND_SIZE = 60_000, 8_000, 200


def jitter(seed: int, amount: float, count: int = 997) -> list[float]:
    """`count` delays between 0 and 2 × `amount`: arrival varies by ± `amount` about its mean."""
    dice = random.Random(seed)
    return [dice.uniform(0, 2 * amount) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, in the publisher's time."""

    kind: str
    """stop, pause, drop, mute, resize, jump, lost, ended."""
    start: float
    end: float


@dataclass(slots=True)
class Run:
    """What came of a script."""

    observations: list[Observation]
    truth: list[Fact]
    log: list[Packet]
    """The publisher's own packet log; `at` is when it let go of the packet."""
    end: float
