"""Which incidents are open, and how many there were, as metrics: for dashboards and rules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.model import Metric, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.board import Board
    from qoe_agent.model import Incident, Severity
    from qoe_agent.sink import Key

OPEN = Metric(
    "qoe_incidents_open",
    "gauge",
    "Incidents that are open, by kind (see the table of incidents) and severity (that of alerts.rules where it is set "
    "there, else their own); absent where none is.",
    ("kind", "severity"),
    kept=True,
)
BEGUN = Metric("qoe_incidents_total", "counter", "Incidents that began, momentary ones included.", ("kind",))


class Rollcall:
    """Follows the incidents of a board."""

    def __init__(
        self, board: Board, severity: Callable[[str, Incident], Severity] = lambda _, one: one.severity
    ) -> None:
        """`severity`: of an incident of the stream of that name (empty: the agent's own)."""
        self._board, self._of = board, severity
        self._severity: dict[tuple[Key | None, str, str, float], str] = {}
        """Of each open incident, by its identity."""
        self._counts: Counter[tuple[Key | None, str, str]] = Counter()
        board.declare(OPEN, BEGUN)
        board.listen(self.told)

    def told(self, key: Key | None, incident: Incident, revision: int) -> None:
        """An incident is new or has changed."""
        identity = (key, incident.kind, incident.key, incident.start)
        now = clock.now()
        if revision == 1:
            self._board.put(key, Sample(BEGUN, 1, (incident.kind,)), now)
        was = self._severity.pop(identity, None)
        stands = None if incident.end is not None else self._of(key.stream if key else "", incident)
        if stands is not None:
            self._severity[identity] = stands
        for severity, change in ((was, -1), (stands, 1)):
            if severity is not None and was != stands:
                group = (key, incident.kind, severity)
                self._counts[group] += change
                count = self._counts[group] or None
                if count is None:
                    del self._counts[group]
                self._board.put(key, Sample(OPEN, count, (incident.kind, severity)), now)
