"""Viewers' exits beside the probe's incidents, while it happens: exits that no incident explains, incidents that nobody
minds, and a running count of what incidents cost.

That count is of settled viewers, against what is usual in the half hour before, and without an interval; figures to go
by are those of `qoe-agent exits`.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.leaving import SLOT, Excess, Leaving
from qoe_agent.model import Incident, Metric, Sample
from qoe_agent.sink import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.board import Board
    from qoe_agent.viewers.ingest.departures import Departed

DURING = Metric(
    "qoe_viewer_incident_exits_total", "counter", "Exits of viewers who had watched for a minute, during incidents and "
    "up to 30 seconds after, by the incident's kind.", ("kind",),
)  # fmt: skip
EXPECTED = Metric(
    "qoe_viewer_incident_exits_expected_total", "counter", "How many these would have been as usual in the half hour "
    "before: the rest is what incidents cost so far.", ("kind",),
)  # fmt: skip
METRICS = (DURING, EXPECTED)

UNEXPLAINED, UNNOTICED = "exits_unexplained", "fault_unnoticed"
INCIDENTS = {
    UNEXPLAINED: "many more viewers leave than usual, and no incident on the stream says why: something that the probe "
    "cannot see; needs viewers' events and ten minutes of them, and is told two minutes late",
    UNNOTICED: "viewers stayed through an incident as they usually do, and there were enough of them to tell; key: the "
    "incident's kind",
}
BEFORE = 90.0
"""Seconds before exits rise in which an incident that began explains them."""
AFTER = 30.0
"""Seconds after an incident in which exits are put down to it."""
AT_LEAST = 5.0
"""Seconds that an incident lasts of which it is worth saying that nobody minded."""
ENOUGH, AT_MOST = 10.0, 1.5
"""Exits that would be usual, and how many times these there may be at the upper end of what chance makes of them, to
say so."""
MOST = 200
"""Incidents of a stream that are remembered."""
NO_FAULTS = frozenset({"resolution_change", "format_change", UNEXPLAINED, UNNOTICED})
"""Kinds that viewers need not mind."""


class Cost(NamedTuple):
    """What an incident seems to have cost."""

    kind: str
    start: float
    excess: Excess


class Exodus:
    """All streams'."""

    def __init__(
        self, board: Board, watches: Callable[[str], bool], others: Callable[[str], list[Incident]] = lambda _: []
    ) -> None:
        """`watches`: whether incidents of a stream are known here, else nothing is unexplained; `others`: those that
        are not on the board, because other agents watch it."""
        self._board, self._watches, self._others = board, watches, others
        self._streams: dict[str, Leaving] = {}
        self._surges: dict[str, Incident] = {}
        self._judged: dict[str, dict[tuple[str, float], Cost | None]] = {}

    def costs(self, stream: str) -> list[Cost]:
        """Of the stream's incidents, as far as they are known."""
        return [cost for cost in self._judged.get(stream, {}).values() if cost]

    def take(self, slots: Iterable[Departed]) -> None:
        """These ten seconds are complete."""
        for slot in slots:
            leaving = self._streams.setdefault(slot.stream, Leaving())
            leaving.slot(slot.at, slot.watched, slot.exits)
            until = slot.at + SLOT
            self._follow(slot.stream, leaving.surge(), until)
            self._judge(slot.stream, leaving, until)

    def keep(self, streams: Iterable[str]) -> None:
        """Only these are ours."""
        names = set(streams)
        for each in (self._streams, self._surges, self._judged):
            for gone in each.keys() - names:
                del each[gone]

    def _incidents(self, stream: str) -> list[Incident]:
        found = [one.incident for one in self._board.incidents(Key(stream))] + self._others(stream)
        return [one for one in found if one.kind not in NO_FAULTS]

    def _follow(self, stream: str, surge: Excess | None, until: float) -> None:
        told = self._surges.get(stream)
        explained = surge and any(surge.start - BEFORE <= one.start <= until for one in self._incidents(stream))
        if surge is None or explained or not self._watches(stream):
            if told:
                del self._surges[stream]
                self._tell(stream, told, until - SLOT)
            return
        detail = {
            "exits": round(surge.exits), "expected": round(surge.expected, 1), "usual_up_to": round(surge.bound, 1)
        }  # fmt: skip
        start = told.start if told else surge.start
        self._surges[stream] = Incident(UNEXPLAINED, start, None, "warning", detail=detail)
        self._tell(stream, self._surges[stream], None)

    def _tell(self, stream: str, incident: Incident, end: float | None) -> None:
        ended = Incident(incident.kind, incident.start, end, incident.severity, incident.key, detail=incident.detail)
        self._board.put(Key(stream), ended, incident.start if end is None else end)

    def _judge(self, stream: str, leaving: Leaving, until: float) -> None:
        judged = self._judged.setdefault(stream, {})
        for one in self._incidents(stream):
            name = one.kind, one.start
            if one.end is None or one.end + AFTER > until or name in judged or one.severity == "info":
                continue
            excess = leaving.excess(one.start, one.end + AFTER)
            judged[name] = Cost(*name, excess) if excess else None
            if excess:
                self._count(stream, one, excess)
        while len(judged) > MOST:
            del judged[next(iter(judged))]

    def _count(self, stream: str, one: Incident, excess: Excess) -> None:
        key, at = Key(stream), excess.until
        self._board.put(key, Sample(DURING, excess.exits, (one.kind,)), at)
        self._board.put(key, Sample(EXPECTED, excess.expected, (one.kind,)), at)
        most = excess.exits + 2.0 * sqrt(max(1.0, excess.exits))
        if one.end is None or one.end - one.start < AT_LEAST or excess.expected < ENOUGH:
            return
        if most <= AT_MOST * excess.expected:
            detail = {"exits": round(excess.exits), "expected": round(excess.expected, 1)}
            self._board.put(key, Incident(UNNOTICED, one.start, one.end, "info", one.kind, detail=detail), at)
