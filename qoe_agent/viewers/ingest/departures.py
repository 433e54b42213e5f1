"""Who stays and who leaves, ten seconds at a time: what `maths.leaving` is fed. Time is an argument.

Settled viewers only, who have watched for a minute. Who falls silent is known to have left only after a while, so a
slot is told when that has passed: by then its exits lie where they happened.
"""

from __future__ import annotations

from typing import NamedTuple

from qoe_agent.maths.leaving import SLOT

SETTLES = 60.0
"""Seconds after which a session is settled."""
LATE = 110.0
"""Seconds after its end that a slot waits for exits: most silences are over then."""


class Departed(NamedTuple):
    """A slot of one stream."""

    stream: str
    at: float
    """When it began."""
    watched: float
    """Person-seconds of settled sessions."""
    exits: float


class Departures:
    """All streams'."""

    def __init__(self, now: float) -> None:
        self._settled: dict[str, int] = {}
        self._slots: dict[int, dict[str, list[float]]] = {}
        """By number: person-seconds and exits, by stream."""
        self._told = int(now / SLOT)
        """Slots up to this one are told, or began before we did."""
        self._ticked = now

    def settle(self, stream: str) -> None:
        """A session has watched for long enough."""
        self._settled[stream] = self._settled.get(stream, 0) + 1

    def unsettle(self, stream: str) -> None:
        """A settled session watches another stream now, or is gone."""
        self._settled[stream] -= 1
        if not self._settled[stream]:
            del self._settled[stream]

    def left(self, stream: str, at: float) -> None:
        """A settled session left then."""
        self.unsettle(stream)
        number = int(at / SLOT)
        if number > self._told:
            self._of(number, stream)[1] += 1.0

    def tick(self, now: float) -> list[Departed]:
        """Time has passed: slots that are complete by now."""
        passed, self._ticked = now - self._ticked, now
        number = int(now / SLOT)
        if number > self._told:
            for stream, count in self._settled.items():
                self._of(number, stream)[0] += count * passed
        found = []
        for each in sorted(one for one in self._slots if (one + 1) * SLOT + LATE <= now):
            found += [Departed(stream, each * SLOT, *sums) for stream, sums in self._slots.pop(each).items()]
            self._told = each
        return found

    def _of(self, number: int, stream: str) -> list[float]:
        return self._slots.setdefault(number, {}).setdefault(stream, [0.0, 0.0])
