"""How unusual exits in a window are, against the minutes before it: the same figure for an incident and for placebos.

With unexposed viewers of the same stream it is a ratio of ratios: how much faster the exposed leave than before, over
how much faster the others do. Without, it is the first ratio alone. Half an exit is added to each count.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Incident, Timeline

    Floats = NDArray[np.float64]

LAG = 30.0
"""Seconds after an incident in which viewers still leave because of it."""
BEFORE = 600.0
"""Seconds before a window that say what is usual."""
GUARDS = (300.0, 60.0)
"""Seconds after an incident that are not usual: those who would have left are gone, others come back. Where incidents
are so close that too little is left, the second."""
HALF = 0.5


class Window(NamedTuple):
    """Of a timeline's steps from `first` to before `last`."""

    first: int
    last: int

    @property
    def steps(self) -> int:
        return self.last - self.first


class Contrast(NamedTuple):
    """Of one window. Row 0: exposed."""

    ratio: float
    """Logarithm."""
    variance: float
    """Of the logarithm, if exits were independent."""
    exits: float
    """Of the exposed in the window."""
    expected: float
    rest: float
    """The variance without that of the exits in the window."""
    fewest: float
    """Exits of the unexposed, in the window or before it, whichever are fewer; infinite without unexposed."""

    @property
    def z(self) -> float:
        return float(self.ratio / np.sqrt(self.variance))


def window(incident: Incident, timeline: Timeline, lag: float = LAG) -> Window:
    """The incident's: widened by a heartbeat to both sides, as far as exits are spread. One without an end lasts as
    long as anybody watches, as in a hazard model."""
    start, seconds = span(incident, timeline.clock)
    first = int(np.floor((start - timeline.heartbeat - timeline.start) / timeline.step))
    if seconds == inf:
        return Window(first, max(watched(timeline), first + 1))
    last = int(np.ceil((start + seconds + lag + timeline.heartbeat - timeline.start) / timeline.step))
    return Window(first, max(last, first + 1))


def span(incident: Incident, clock: str) -> tuple[float, float]:
    """When it began, by a timeline's clock, and how long it lasted; infinite: it has no end."""
    seconds = inf if incident.end is None else max(incident.end - incident.start, 0.0)
    if clock == "content" and incident.content is not None:
        start, end = incident.content
        return start, end - start or seconds
    return incident.start, seconds


def watched(timeline: Timeline) -> int:
    """Steps until nobody watches any more."""
    there = np.flatnonzero(timeline.watching.sum(axis=0) > 0.0)
    return int(there[-1]) + 1 if len(there) else 0


class Course(NamedTuple):
    """Sums up to each step of a timeline: (2, steps + 1), of usual steps only, and of all.

    Who watches counts by how fast such viewers leave, where that is known: an audience that has just come is another.
    """

    watching: Floats
    exits: Floats
    usual_watching: Floats
    usual_exits: Floats
    usual: Floats
    """(steps + 1,): how many steps up to here are usual."""

    @property
    def steps(self) -> int:
        return len(self.usual) - 1


def course(timeline: Timeline, strange: Sequence[Window], guard: float = GUARDS[0]) -> Course:
    """Sums, leaving out of what is usual the windows of incidents and some minutes after them."""
    usual = np.ones(timeline.watching.shape[1])
    for each in strange:
        usual[max(each.first, 0) : max(each.last + int(np.ceil(guard / timeline.step)), 0)] = 0.0
    watching, exits = timeline.watching if timeline.risk is None else timeline.risk, timeline.exits
    return Course(_summed(watching), _summed(exits), _summed(watching * usual), _summed(exits * usual), _summed(usual))


def _summed(values: Floats) -> Floats:
    start = np.zeros((*values.shape[:-1], 1))
    return np.concatenate([start, np.cumsum(values, axis=-1)], axis=-1)


def contrast(sums: Course, where: Window, before: int, *, both: bool) -> Contrast | None:
    """None: nobody watched, or too little is known of the minutes before (less than half of them are usual)."""
    start = max(where.first - before, 0)
    if where.first < 0 or where.last > sums.steps:
        return None
    if sums.usual[where.first] - sums.usual[start] < before / 2:
        return None
    exits = np.stack([_between(sums.exits, *where), _between(sums.usual_exits, start, where.first)]) + HALF
    watching = np.stack([_between(sums.watching, *where), _between(sums.usual_watching, start, where.first)])
    rows = 2 if both else 1
    if (watching[:, :rows] <= 0.0).any():
        return None
    logs, parts = np.log(exits / np.where(watching > 0.0, watching, 1.0)), 1.0 / exits
    ratio = float(logs[0, 0] - logs[1, 0]) - (float(logs[0, 1] - logs[1, 1]) if both else 0.0)
    variance = float(parts[:, :rows].sum())
    seen = float(exits[0, 0])
    fewest = float(exits[:, 1].min()) - HALF if both else inf
    return Contrast(ratio, variance, seen, seen / float(np.exp(ratio)), variance - float(parts[0, 0]), fewest)


def _between(sums: Floats, first: int, last: int) -> Floats:
    return np.asarray(sums[:, last] - sums[:, first])


def placebos(sums: Course, steps: int, before: int, *, both: bool) -> list[Contrast]:
    """The same of windows that lie one after another wherever nothing is known to have happened."""
    found, first = [], before // 2
    while first + steps <= sums.steps:
        each = Window(first, first + steps)
        if sums.usual[each.last] - sums.usual[each.first] < steps:
            first += 1
            continue
        made = contrast(sums, each, before, both=both)
        if made is not None:
            found.append(made)
        first += steps
    return found
