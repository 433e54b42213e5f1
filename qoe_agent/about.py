"""What the agent says about itself: its build, its process, its clock, how its configuration was last read."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector

from qoe_agent import __version__, clock
from qoe_agent.model import Metric, Sample

if TYPE_CHECKING:
    from qoe_agent.board import Board

BUILD = Metric(
    "qoe_agent_build_info", "gauge", "The agent's version and what it runs on.", ("version", "python", "pyav")
)
RELOADED = Metric(
    "qoe_agent_config_last_reload_successful", "gauge", "1 if the configuration was good when it was last read, else 0."
)
RELOADED_AT = Metric(
    "qoe_agent_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When a good configuration was last read.",
    kept=True,
)
CPU = Metric("process_cpu_seconds_total", "counter", "CPU time of the agent's process.")
PROCESS = (
    Metric("process_resident_memory_bytes", "gauge", "Resident memory of the agent's process."),
    Metric("process_virtual_memory_bytes", "gauge", "Virtual memory of the agent's process."),
    Metric("process_start_time_seconds", "gauge", "Start of the agent's process, in Unix seconds."),
    Metric("process_open_fds", "gauge", "Open file descriptors of the agent's process."),
    Metric("process_max_fds", "gauge", "File descriptors that the agent's process may open."),
)
OFFSET = Metric(
    "qoe_clock_offset_seconds", "gauge", "How far this machine's clock is ahead of true time, by whoever vouches for "
    "it (`clock.source`); latencies are corrected by it.",
)  # fmt: skip
UNCERTAINTY = Metric(
    "qoe_clock_uncertainty_seconds", "gauge", "How far that may be off; absent while nobody vouches for the clock."
)
METRICS = (BUILD, RELOADED, RELOADED_AT, CPU, *PROCESS, OFFSET, UNCERTAINTY)


class About:
    """Puts the agent's own numbers on the board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._collector = ProcessCollector(registry=None)
        self._cpu = 0.0
        board.declare(*METRICS)
        labels = (__version__, platform.python_version(), _installed("av"))
        board.put(None, Sample(BUILD, 1.0, labels), clock.now())

    def reloaded(self, good: bool) -> None:
        """The configuration was read (also at the start); only a good one is in force."""
        now = clock.now()
        self._board.put(None, Sample(RELOADED, float(good)), now)
        if good:
            self._board.put(None, Sample(RELOADED_AT, now), now)

    def refresh(self) -> None:
        """Read the process's numbers, of which there are none without /proc, and the clock's anew."""
        now = clock.now()
        seen = {sample.name: sample.value for family in self._collector.collect() for sample in family.samples}
        for metric in PROCESS:
            if metric.name in seen:
                self._board.put(None, Sample(metric, seen[metric.name]), now)
        if CPU.name in seen:
            self._board.put(None, Sample(CPU, max(0.0, seen[CPU.name] - self._cpu)), now)
            self._cpu = seen[CPU.name]
        offset, uncertainty = clock.offset() or (None, None)
        self._board.put(None, Sample(OFFSET, offset), now)
        self._board.put(None, Sample(UNCERTAINTY, uncertainty), now)


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
