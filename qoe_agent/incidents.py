"""Which incidents of a stream are open or recently closed, and how each looks to the outside."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.model import Incident

MOST_CLOSED = 100
"""Closed incidents that are remembered per stream: as many as a page draws."""


class Ledger:
    """One stream's incidents. The same kind, key and start is the same incident, whatever else changes."""

    __slots__ = ("_closed", "_open")

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, float], tuple[Incident, int]] = {}
        self._closed: dict[tuple[str, str, float], tuple[Incident, int]] = {}

    def file(self, incident: Incident) -> int:
        """Take note of it; returns its revision (1: it is new), or 0 if nothing in it has changed."""
        if not isfinite(incident.start):
            raise ValueError(f"{incident.kind}: an incident needs a start")
        identity = (incident.kind, incident.key, incident.start)
        known = self._open.get(identity) or self._closed.get(identity)
        if known and known[0] == incident:
            return 0
        revision = known[1] + 1 if known else 1
        self._open.pop(identity, None)
        self._closed.pop(identity, None)
        (self._open if incident.end is None else self._closed)[identity] = (incident, revision)
        if len(self._closed) > MOST_CLOSED:
            del self._closed[next(iter(self._closed))]
        return revision

    def __iter__(self) -> Iterator[tuple[Incident, int]]:
        """All of them with their revisions."""
        yield from self._closed.values()
        yield from self._open.values()


def unobserved(incident: Incident, at: float) -> Incident:
    """An open incident, ended because nobody looks any more."""
    return replace(incident, end=max(at, incident.start), detail={**incident.detail, "unobserved": True})


def describe(incident: Incident) -> dict[str, Any]:
    """An incident as JSON values: wall-clock times, and the seconds so far while it is open."""
    end = clock.now() if incident.end is None else incident.end
    return {
        "kind": incident.kind,
        "severity": incident.severity,
        "start": clock.wall(incident.start),
        "end": None if incident.end is None else clock.wall(incident.end),
        "seconds": max(0.0, end - incident.start),
        "start_pts": incident.start_pts,
        "end_pts": incident.end_pts,
        "detail": dict(incident.detail),
    }
