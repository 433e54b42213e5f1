"""An audience for the demo: thousands watch what the origin sends, and leave by what goes wrong in it.

Who leaves is simulated; what went wrong, and when, is what the probe saw. So what an incident is said to have cost can
be held against what it did cost. Times are seconds by the agent's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from qoe_agent.viewers import estimates
from qoe_agent.viewers.audience.fates import fates
from qoe_agent.viewers.audience.plan import Injected, Plan, Reporting
from qoe_agent.viewers.audience.seen import Seen, seen
from qoe_agent.viewers.audience.truth import cost as true_cost
from qoe_agent.viewers.shapes import Cost, Incident, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.demo.compare import Row
    from qoe_agent.demo.faults import Fault
    from qoe_agent.viewers.audience.fates import Fates

SESSIONS = 30_000
BEFORE = 1500.0
"""Seconds for which it has watched when the demo begins: what is usual must be known."""
LINGER = 5.0
"""Seconds after a fault for which viewers leave because of it; the demo's faults come in quick succession."""
HEARTBEAT = 2.0
LATENCY = 1.0
SETTLES = LINGER + HEARTBEAT + 8 * LATENCY
"""Seconds after a fault until nearly everybody has seen it, and has been heard of or not."""
RATIOS: Mapping[str, float] = {"stall": 8.0, "burst": 8.0, "resolution_drop": 2.5, "silence": 4.0, "black": 5.0,
                               "standing": 5.0}  # fmt: skip
"""By kind of fault how many times faster viewers leave."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Those who watch the demo."""

    fates: Fates
    known: Seen
    began: float
    """When its streams began, which was before the demo did."""

    def watching(self, now: float) -> int:
        """Who is there."""
        start, end = self.fates.people.start, self.fates.people.start + self.fates.end
        return int(np.sum((start <= now - self.began) & (now - self.began < end)))

    def timeline(self, now: float) -> Timeline:
        """Who was there and who left, as far as it is known at `now`, each at his place in the media."""
        people, told = self.fates.people, self.known.tells & self.fates.left
        low = np.where(told, self.fates.end, self.known.last)
        high = np.where(told, self.fates.end, self.known.high)
        gone = self.fates.left & (people.start + high <= now - self.began)
        moved = people.start - people.latency
        steps = int(now - self.began)
        exits = np.zeros(steps)
        for part in (0.125, 0.375, 0.625, 0.875):
            exits += 0.25 * _counted((moved + low + part * (high - low))[gone], steps)
        came = _counted(moved[people.start <= now - self.began], steps)
        watching = np.cumsum(came) - np.cumsum(exits)
        nobody = np.zeros(steps)
        return Timeline("show", self.began, 1.0, np.stack([watching, nobody]), np.stack([exits, nobody]),
                        np.zeros((2, steps)), clock="content", heartbeat=HEARTBEAT)  # fmt: skip

    def costs(self, rows: Sequence[Row], now: float) -> list[tuple[Row, Cost, int]]:
        """Of each fault that the probe has seen and that is settled: what it cost by the report, and in truth."""
        incidents = {number: one for number, row in enumerate(rows) if (one := _incident(number, row))}
        timeline, found = self.timeline(now), []
        for number in self.settled(rows, now):
            said = estimates.cost(timeline, incidents[number], list(incidents.values()), lag=LINGER)
            found.append((rows[number], said, int(true_cost(self.fates, number)["excess_exits"])))
        return found

    def settled(self, rows: Sequence[Row], now: float) -> list[int]:
        """Which faults, in the order of the schedule, the probe has seen, and everybody has had time to leave."""
        first = enumerate(rows[: len(self.fates.plan.incidents)])
        return [number for number, row in first if row.seen_start is not None and row.seen_seconds is not None
                and now >= row.seen_start + row.seen_seconds + SETTLES]  # fmt: skip


def crowd(faults: Sequence[Fault], started: float) -> Crowd:
    """An audience of a broadcast that `started` with `faults`, each once."""
    injected = tuple(Injected(one.kind, BEFORE + one.start, one.seconds, RATIOS[one.kind]) for one in faults)
    last = max((one.start + one.seconds for one in faults), default=0.0)
    plan = Plan(
        sessions=SESSIONS, seconds=BEFORE + last + 60, rush=0.0, linger=LINGER, latency=LATENCY, bursts=0.2,
        incidents=injected, reporting=Reporting(intervals=(HEARTBEAT,), late=0.0),
    )  # fmt: skip
    found = fates(plan)
    return Crowd(found, seen(found), started - BEFORE)


def _counted(at: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """How many fall into each second; those from before the first are there from it on."""
    inside = at[at < steps]
    return np.bincount(np.maximum(inside, 0).astype(np.int64), minlength=steps).astype(np.float64)


def _incident(number: int, row: Row) -> Incident | None:
    """What the probe saw of a fault."""
    if row.seen_start is None:
        return None
    end = None if row.seen_seconds is None else row.seen_start + row.seen_seconds
    return Incident(str(number), row.seen_as, "show", row.seen_start, end, content=None if end is None else
                    (row.seen_start, end))  # fmt: skip


def table(found: Sequence[tuple[Row, Cost, int]], watching: int) -> Table:
    """What the report says beside the truth."""
    drawn = Table(title=f"{watching} simulated viewers, and who left because of it", title_justify="left")
    for name in ("fault", "seen as", "left", "expected", "found cost", "true cost"):
        drawn.add_column(name, justify="left" if name in ("fault", "seen as") else "right")
    for row, said, true in found:
        words = [row.kind.replace("_", " "), row.seen_as.replace("_", " ")]
        if said.excess_exits is None or said.low is None or said.high is None:
            drawn.add_row(*words, "", "", said.note, str(true))
            continue
        drawn.add_row(*words, f"{said.exits:.0f}", f"{said.expected:.0f}",
                      f"{said.excess_exits:.0f} ({said.low:.0f}…{said.high:.0f})", str(true))  # fmt: skip
    return drawn
