"""How worker processes are: their signs of life, and what is shown of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.beats import BEAT, BEATS_A_TICK
from qoe_agent.fleet import LAG, QUEUE
from qoe_agent.incidents import unobserved
from qoe_agent.model import Metric, Sample
from qoe_agent.session import BEHIND
from qoe_agent.strain import LEVEL, WAIT

if TYPE_CHECKING:
    from qoe_agent.board import Board
    from qoe_agent.sink import Key

RESTARTS = Metric(
    "qoe_agent_worker_restarts_total", "counter", "Worker processes replaced: crashed, hung (no sign of life), stuck "
    "(one decode job without end), memory (grown too large).", ("worker", "reason"),
)  # fmt: skip
CPU = Metric("qoe_agent_worker_cpu_seconds_total", "counter", "CPU time of a worker process.", ("worker",))
MEMORY = Metric("qoe_agent_worker_resident_memory_bytes", "gauge", "Resident memory of a worker process.", ("worker",))
FILES = Metric("qoe_agent_worker_open_fds", "gauge", "Open file descriptors of a worker process.", ("worker",))
THREADS = Metric("qoe_agent_worker_threads", "gauge", "Threads of a worker process that Python knows.", ("worker",))
LOAD = Metric("qoe_agent_worker_streams", "gauge", "Streams that a worker process watches.", ("worker",))
DELAY = Metric(
    "qoe_agent_finding_delay_seconds", "gauge", "How long it takes at most from a packet's arrival until what follows "
    "is on the board.", ("worker",),
)  # fmt: skip
STATES = (LAG, QUEUE, LEVEL, WAIT, MEMORY, FILES, THREADS, DELAY)
"""What is not known of a worker that is gone."""

TICK = BEAT * BEATS_A_TICK
"""Seconds between two Ticks of a stream."""


class Vitals(NamedTuple):
    """How a worker is, told once a second."""

    at: float
    cpu: float
    """Seconds since it began, of user and system."""
    memory: int
    """Resident bytes."""
    files: int | None
    """Open file descriptors; None: not known, for lack of one."""
    threads: int
    stuck: float
    """Seconds that the oldest decode job under way has taken."""
    tried: bool
    """Every stream has been tried once."""
    states: list[tuple[Key, str]]


class Charts:
    """Puts the vitals of workers on the board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._cpu: dict[str, float] = {}
        """What each worker had used when it last said so."""

    def note(self, worker: str, vitals: Vitals, streams: int, now: float) -> None:
        """It gave a sign of life."""
        more = max(0.0, vitals.cpu - self._cpu.get(worker, 0.0))
        self._cpu[worker] = vitals.cpu
        delay = TICK + BEHIND + max(0.0, now - vitals.at)
        numbers = {CPU: more, MEMORY: vitals.memory, FILES: vitals.files, THREADS: vitals.threads, LOAD: streams}
        for metric, value in {**numbers, DELAY: delay}.items():
            self._board.put(None, Sample(metric, value, (worker,)), now)

    def gone(self, worker: str, reason: str, now: float) -> None:
        """It is no more, and will be replaced."""
        self._cpu.pop(worker, None)
        self._board.put(None, Sample(RESTARTS, 1, (worker, reason)), now)
        for metric in STATES:
            self._board.put(None, Sample(metric, None, (worker,)), now)
        for key, incident, _ in self._board.incidents():
            if key is None and incident.key == worker and incident.end is None:
                self._board.put(None, unobserved(incident, now), now)
