"""The shapes in which the audience's figures pass from the tables through the estimators to the reports.

Tables (`viewers.tables`) make Sessions, Cells and Timelines out of events or session files; estimators
(`viewers.estimates`) make Retention, Hazard, Cost and Claim out of these; reports print them. Times are Unix seconds,
lengths seconds. Arrays are numpy's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

TENURE = (0, 1, 3, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600, 7200, 14400)
"""Lower ends of the tenure bins, in seconds since the session began; the last bin has no end."""
CAUSES = ("left", "failed", "background", "switched")
"""Competing ways to go; the end of the stream or of what is known is no exit but censors."""
PIECES = 8
"""Cells that the interval of one exit may pass through (30 s from the start pass six bins, and a stall two states); the
last takes what more there would be."""


class Without(NamedTuple):
    """Whom to leave out of a report."""

    values: tuple[tuple[str, str], ...] = ()
    """Names of attributes and values: sessions that have one."""
    hidden: bool = False
    """And players from when nobody sees them."""


EVERYBODY = Without()
"""Nobody is left out."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Person-time and exits by tenure, factors and bucket: all that the hazard model needs (DECISIONS 42).

    A cell is a tenure bin with one level of each factor. Time until a session was last known to watch is certain; an
    exit lies somewhere in its interval, which passes through up to PIECES cells one after another.
    """

    factors: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    """For each factor the names of its levels, the reference first."""
    bins: NDArray[np.int32]
    """Of each cell: index into TENURE."""
    design: NDArray[np.int32]
    """(cells, factors): index of the level."""
    time_cell: NDArray[np.int64]
    time_bucket: NDArray[np.int32]
    time_seconds: NDArray[np.float64]
    """Certain person-time: in which cell, of which bucket (0…999), how long."""
    exit_bucket: NDArray[np.int32]
    exit_cause: NDArray[np.int32]
    """Index into CAUSES."""
    exit_count: NDArray[np.float64]
    exit_cell: NDArray[np.int64]
    """(exits, PIECES or fewer): cells that its interval passes through in order; -1: none. An exact exit has one of
    length 0."""
    exit_seconds: NDArray[np.float64]
    """The same: how long it stays in each."""


@dataclass(frozen=True, slots=True)
class Naive:
    """What one would get by comparing sessions that ever met a level with those that did not."""

    factor: str
    level: str
    ratio: float
    """Exits per second watched of sessions that ever met the level over those that never did."""
    reason: str
    """Why it misleads."""


class Mark(NamedTuple):
    """Share of sessions that still watch after so many seconds."""

    seconds: float
    share: float
    low: float
    high: float


class Hazard(NamedTuple):
    factor: str
    level: str
    hazard_ratio: float | None
    low: float | None
    high: float | None
    naive: float | None
    exits: float = 0.0
    person_seconds: float = 0.0
    note: str = ""
    """Why there is no figure, or how to read it."""


class Incident(NamedTuple):
    """What the probe saw: a row of the incidents table."""

    id: str
    kind: str
    stream: str
    start: float
    end: float | None
    severity: str = "warning"
    scope: Mapping[str, str] = {}
    """cdn, region, rendition: whom it struck; empty: everybody who watches the stream."""
    content: tuple[float, float] | None = None
    """The same in media time (program date-time), where that is known."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Who was there and who left one stream, in steps of time; the exposed (in an incident's scope) and the others."""

    stream: str
    start: float
    step: float
    watching: NDArray[np.float64]
    """(2, steps): person-seconds; row 0 in scope, row 1 not."""
    exits: NDArray[np.float64]
    """(2, steps): an exit whose moment is not known is spread over its interval."""
    orders: NDArray[np.float64]
    """(2, steps)"""
    clock: str = "wall"
    """wall, or content: moved by each session's latency, so that a picture is at the same place for everybody."""
    risk: NDArray[np.float64] | None = None
    """(2, steps): exits to be expected by how long those who watch have watched; None: taken to be the same for all."""
    heartbeat: float = 0.0
    """Seconds: how long the intervals of its exits are (90th percentile); widens windows."""


class Cost(NamedTuple):
    """What one incident cost; None: cannot be known, and `note` says why."""

    id: str
    kind: str
    start: float
    excess_exits: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    method: str = ""
    """unexposed viewers of the same stream, placebo windows, or empty."""
    viewer_minutes: float | None = None
    orders: float | None = None
    discovery: bool | None = None
    """Whether it stands after false-discovery control over all incidents of the report."""
    pretrend_p: float | None = None
    placebo_rank: float | None = None
    exits: float | None = None
    expected: float | None = None
    note: str = ""
    log_ratio: float | None = None
    """Exits in the window over those expected, and its standard error: to pool incidents of a kind."""
    error: float | None = None
    end: float | None = None
    """When it was over; None: not known."""


class Claim(NamedTuple):
    """What is said in the field, beside what this audience shows."""

    id: str
    claim: str
    shown: str
    """In words, with figures; or "not testable here: needs …"."""
    low: float | None = None
    value: float | None = None
    high: float | None = None
    design: str = ""
    verdict: str = "not testable"
    """agrees, disagrees, unclear, not testable"""


@dataclass(frozen=True, slots=True)
class Exits:
    """All that a report on exits says."""

    sessions: int
    retention: tuple[Mark, ...] = ()
    curve: tuple[Mark, ...] = ()
    """The same at every bin's end, to draw."""
    hazards: tuple[Hazard, ...] = ()
    causes: tuple[Mapping[str, Any], ...] = ()
    """{"seconds", "cause", "share"}: cumulative incidence of each cause (Aalen-Johansen)."""
    incidents: tuple[Cost, ...] = ()
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    breakdowns: tuple[Mapping[str, Any], ...] = ()
    """{"attribute", "level", "sessions", "seconds", "share", "low", "high", "p_adjusted"}"""
    timelines: Mapping[str, Timeline] = field(default_factory=dict)
    """By incident id: exits around it, to draw."""
    cause: str = ""
    """The one of CAUSES that `hazards` are of; empty: all together."""
