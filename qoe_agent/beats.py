"""How late an event loop is, beat by beat, and whether that was because its process did not run at all."""

from __future__ import annotations

from typing import NamedTuple

from qoe_agent import clock

BEAT, LATE = 0.25, 0.05
"""Seconds between two looks at the event loop's lag, and by how much one must be late: naps are shorter."""
BEATS_A_TICK = 4
"""A Tick is sent every so many beats."""
BUSY = 0.5
"""Who was late and ran for less than this share of it was stopped: by a signal, with its machine, by other programs."""


class Tardy(NamedTuple):
    """How late the beats since the Tick before were, in seconds."""

    at: float
    """When this was known. Who uses it takes this for now: later than that the process may have stood still again."""
    worst: float = 0.0
    """The worst of them."""
    still: float = 0.0
    """All that are worth telling of, together."""
    stopped: float = 0.0
    """Those of them in which the process did not run, together."""


class Beats:
    """Sleep until `due`, say `beat`, and so on."""

    def __init__(self) -> None:
        self.due = clock.now() + BEAT
        self._cpu = clock.process_cpu()
        self._beats, self._tardy = 0, Tardy(self.due)

    def beat(self) -> Tardy | None:
        """It is time: how late the beats were, if it is time for a Tick."""
        cpu, now = clock.process_cpu(), clock.now()
        late = max(0.0, now - self.due)
        told = late if late > LATE else 0.0
        stopped = told if cpu - self._cpu < BUSY * late else 0.0
        _, worst, still, before = self._tardy
        tardy = Tardy(now, max(worst, late), still + told, before + stopped)
        self._beats, self._cpu, self.due = self._beats + 1, cpu, self.due + late + BEAT
        ticks = self._beats % BEATS_A_TICK == 0
        self._tardy = Tardy(now) if ticks else tardy
        return tardy if ticks else None
