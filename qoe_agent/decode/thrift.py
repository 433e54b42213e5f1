"""What one stream does without while its lane is overloaded: see `maths.overload` for the order. On the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.maths.overload import BURSTLESS, HUSHED, RARE

if TYPE_CHECKING:
    from qoe_agent.decode.lanes import Lane
    from qoe_agent.model import Packet

KINDS = {
    "picture": "pictures whose turn came too late, and those of `all` while only key frames are decoded",
    "key": "key frames while few are decoded",
    "burst": "bursts of full decoding that were due",
    "suspicion": "groups of pictures that would have been decoded in full",
    "sound": "stretches of sound (a second)",
    "look": "stretches of sound that only the cheap looks heard",
}
"""What is left out, as it is counted."""

RARER = 4
"""One in so many key frames is decoded where few are."""
HEARD, HEARD_EVERY = 1.0, 5.0
"""Stretches that begin within so many seconds are heard, every so many seconds, where little is."""


class Thrift:
    """One stream's; outlasts connections. `phase`: 0 to 1, spreads what is seen and heard of a fleet over time."""

    def __init__(self, lane: Lane, every: float, phase: float) -> None:
        """`every`: seconds between key frames that are decoded in the policy `keyframes`."""
        self._lane, self._every, self._phase = lane, every, phase
        self._next = 0.0
        self._rare: float | None = None
        self._heard: float | None = None
        self.skipped = dict.fromkeys(KINDS, 0)
        self.started = False
        """A picture has come since the connection or the format is new; until then none is left out: it is startup."""

    @property
    def level(self) -> int:
        """How far the worker has fallen back."""
        return self._lane.level

    def anew(self) -> None:
        """A connection, or what it brings, is new."""
        self._next, self.started = 0.0, False

    def again(self) -> None:
        """The very next key frame is due."""
        self._next = 0.0

    def due(self, at: float) -> bool:
        """Whether the key frame that came at `at` is decoded: one in `every` seconds on the mean, wherever they
        fall."""
        if at < self._next:
            return False
        due = self._next or at
        self._next = max(due + self._every, at)
        return self.affords(at)

    def affords(self, at: float) -> bool:
        """Whether a key frame that came at `at`, and should be decoded, can be."""
        if self._lane.level < RARE or not self.started:
            return True
        period = RARER * self._every
        if self._rare is None or not 0.0 <= at - self._rare + period < 2 * period:
            self._rare = at + self._phase * period
        if at < self._rare - self._every / 2:
            self.skipped["key"] += 1
            return False
        self._rare += period
        return True

    def burst(self) -> bool:
        """Whether everything is decoded for a while, now that it is due."""
        if self._lane.level < BURSTLESS:
            return True
        self.skipped["burst"] += 1
        return False

    def hears(self, first: Packet) -> bool:
        """Whether a stretch of sound is decoded."""
        if self._lane.level < HUSHED:
            return True
        at = first.at if first.pts is None else first.pts
        if self._heard is None or not -HEARD <= at - self._heard < 2 * HEARD_EVERY:
            self._heard = at - self._phase * HEARD_EVERY
        elif at - self._heard >= HEARD_EVERY:
            self._heard += HEARD_EVERY
        if at - self._heard < HEARD:
            return True
        self.skipped["sound"] += 1
        return False
