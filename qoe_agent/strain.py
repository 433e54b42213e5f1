"""Whether a worker keeps up: measured once a second, followed by what it leaves out, and told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from qoe_agent.incidents import unobserved
from qoe_agent.maths.overload import LEFT_OUT, Load, Overload
from qoe_agent.model import Incident, Metric, Sample

if TYPE_CHECKING:
    from qoe_agent.decode import Pool
    from qoe_agent.sink import Sink

log = logging.getLogger(__name__)

LEVEL = Metric(
    "qoe_agent_overload_level", "gauge", "How far a worker has fallen back because it cannot keep up, or has used its "
    f"CPU budget; 0: not at all; {'; '.join(f'{n}: without {what}' for n, what in enumerate(LEFT_OUT, 1))}; each with "
    "what the ones before leave out. Packets are counted all the same.", ("worker",),
)  # fmt: skip
WAIT = Metric("qoe_agent_decode_wait_seconds", "gauge", "How long decode jobs waited at worst.", ("worker",))
CPU = Metric("qoe_agent_decode_cpu_seconds_total", "counter", "CPU time of decoding and its looks.", ("worker",))
METRICS = (LEVEL, WAIT, CPU)

KIND = "agent_overloaded"
INCIDENTS = {
    KIND: "a worker of the agent cannot keep up, or has used its CPU budget: content incidents of its streams are "
    "marked, see `qoe_agent_overload_level`; key: the worker"
}
HELD = 8.0
"""Seconds at level 1 or above after which it is an incident: longer than one late second takes to be forgotten."""
GRACE, LONGEST = 5.0, 30.0
"""Seconds more for each in which the process itself was stopped, as work is left behind then; and at most."""
OVER = 5.0
"""Seconds at level 0 after which it is over."""


class Strain:
    """One worker's."""

    def __init__(self, board: Sink, pool: Pool, worker: str, budget: float | None = None) -> None:
        """`budget`: cores' worth of decoding that it may do; None: no limit."""
        self._board, self._pool, self._worker = board, pool, worker
        self._overload = Overload(budget)
        self._cpu, self._refused = 0.0, 0
        self._since: float | None = None
        """When it began to be overloaded."""
        self._calm: float | None = None
        """When it ceased to be."""
        self._wait = self._lag = self._stopped = 0.0
        self._worst = 0
        self._told: Incident | None = None

    @property
    def budget(self) -> float | None:
        """Cores' worth of decoding that it may do."""
        return self._overload.budget

    @budget.setter
    def budget(self, cores: float | None) -> None:
        self._overload.budget = cores

    def tick(self, now: float, lag: float, stopped: float = 0.0) -> None:
        """A second has passed. `stopped`: seconds in which the process did not run."""
        lanes = self._pool.lanes
        cpu, refused = sum(lane.cpu for lane in lanes), sum(lane.refused for lane in lanes)
        load = Load(max(lane.waited() for lane in lanes), lag, cpu - self._cpu, refused - self._refused)
        self._cpu, self._refused = cpu, refused
        before, level = self._overload.level, self._overload.step(now, load)
        for lane in lanes:
            lane.level = level
        for metric, value in ((LEVEL, level), (WAIT, load.wait), (CPU, load.cpu)):
            self._board.put(None, Sample(metric, value, (self._worker,)), now)
        if level or self._since is not None:
            self._follow(now, level, before, load, stopped)

    def _follow(self, now: float, level: int, before: int, load: Load, stopped: float) -> None:
        if self._since is None:
            self._since, self._wait, self._lag, self._stopped, self._worst = now, 0.0, 0.0, 0.0, 0
        self._wait, self._lag = max(self._wait, load.wait), max(self._lag, load.lag)
        self._stopped += stopped
        patience = HELD + min(GRACE * self._stopped, LONGEST)
        self._worst = max(self._worst, level)
        if level:
            self._calm = None
        elif self._calm is None:
            self._calm = now
        if self._calm is not None and now - self._calm >= OVER:
            self._end()
        elif (self._told and level != before) or (level and not self._told and now - self._since >= patience):
            self._tell(now, self._incident(self._since, None, level))

    def _end(self) -> None:
        if self._told and self._calm is not None:
            self._tell(self._calm, self._incident(self._told.start, self._calm, 0))
        self._since = self._calm = self._told = None

    def close(self, now: float) -> None:
        """Nobody measures it any more."""
        if self._told:
            self._board.put(None, unobserved(self._told, now), now)
        self._since = self._calm = self._told = None

    def _incident(self, start: float, end: float | None, level: int) -> Incident:
        detail = {
            "worker": self._worker, "level": level, "worst_level": self._worst, "left_out": list(LEFT_OUT[:level]),
            "wait_seconds": round(self._wait, 3), "lag_seconds": round(self._lag, 3),
            "stopped_seconds": round(self._stopped, 3),
        }  # fmt: skip
        return Incident(KIND, start, end, "warning", self._worker, detail=detail)

    def _tell(self, now: float, incident: Incident) -> None:
        if incident.end is not None:
            log.warning("worker %s keeps up again after %.0f s", self._worker, incident.end - incident.start)
        elif incident.detail["level"]:
            log.warning("worker %s is overloaded: without %s", self._worker, "; ".join(incident.detail["left_out"]))
        self._told = incident
        self._board.put(None, incident, now)
