"""What the agent under test shows: its metrics once a second, its processes, its log."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from time import monotonic
from typing import TYPE_CHECKING

import aiohttp
import psutil

from tests.soak.judge import SILENT, SILENT_HLS, Event, Gap
from tests.soak.machine import SLOW, Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOK = 1.0
SERIES = re.compile(r"^(qoe_[a-z_]+)(?:\{([^}]*)\})? ([\d.eE+-]+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
WANTED = (
    "qoe_up{", "qoe_packets_total{", "qoe_incidents_total{", "qoe_agent_", "qoe_join_attempts_total{",
    "qoe_stall_seconds_total{", "qoe_evidence_cases_total{",
)  # fmt: skip
BUGS = (
    "qoe_agent_stream_errors_total", "qoe_agent_decode_faults_total", "qoe_agent_probe_errors_total",
    "qoe_agent_request_errors_total", "qoe_agent_decode_crashes_total",
)  # fmt: skip
"""Counters that must stay at zero."""
CRIES = ("Traceback", "CRITICAL", "a bug of the agent", "was never awaited", "Task exception", "ResourceWarning")


class Seen:
    """Looks, and remembers."""

    def __init__(self, pid: int, port: int, log: Path, note: Callable[..., None] = lambda *_, **__: None) -> None:
        """`note` is told what was seen, when, and more about it."""
        self.agent, self._log, self._note = psutil.Process(pid), log, note
        self._url, self._began = f"http://127.0.0.1:{port}/metrics", monotonic()
        self.values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        """The latest look."""
        self.up: dict[str, bool] = {}
        self.packets: dict[str, tuple[float, float]] = {}
        """By stream: how many, and when that was last more."""
        self.events: list[Event] = []
        self.gaps: list[Gap] = []
        self.joins: defaultdict[str, float] = defaultdict(float)
        self.stalls: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        """By stream: looks at which it had stalled for longer than before, and for how much longer."""
        self.backwards: list[str] = []
        """Counters that went down."""
        self.took: list[float] = []
        """Seconds of each scrape."""
        self.unanswered = 0
        self.memory: list[tuple[float, float]] = []
        self.parent: list[tuple[float, float]] = []
        self.files: list[tuple[float, float]] = []
        self.threads: list[tuple[float, float]] = []
        self.zombies: set[int] = set()
        self.workers: dict[int, psutil.Process] = {}
        self.machine = Machine(self.agent, self.now)
        self.overloaded: list[float] = []
        """When the agent said that it leaves decoding out."""
        self.watched: set[str] = set()
        """Streams whose packets are expected."""
        self._incidents: dict[tuple[str, str], float] = {}
        self._stall_seconds: dict[str, float] = {}
        self._suspects: set[int] = set()

    def now(self) -> float:
        """Seconds since the beginning."""
        return monotonic() - self._began

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0)) as http:
            due, slow = monotonic(), 0.0
            while True:
                due = max(due + LOOK, monotonic())
                await asyncio.sleep(max(0.0, due - monotonic()))
                began = monotonic()
                try:
                    async with http.get(self._url) as answer:
                        text = await answer.text()
                except (aiohttp.ClientError, TimeoutError, OSError):
                    self.unanswered += 1
                    continue
                self.took.append(monotonic() - began)
                self.take(text, self.now())
                if monotonic() - slow > SLOW:
                    slow = monotonic()
                    self.machine.look()
                    self._processes(self.now())

    def take(self, text: str, now: float) -> None:
        """One look at the metrics."""
        lines = "\n".join(line for line in text.splitlines() if line.startswith(WANTED))
        found = {(name, tuple(LABEL.findall(labels))): float(value) for name, labels, value in SERIES.findall(lines)}
        self.values = found
        self.up = {dict(labels)["stream"]: value == 1.0 for (name, labels), value in found.items() if name == "qoe_up"}
        if self.total("qoe_agent_overload_level") > 0.0:
            self.overloaded.append(now)
        self.joins.clear()
        told = {dict(labels).get("stream") for name, labels in found if name == "qoe_packets_total"}
        for stream in [one for one in self.packets if one not in told and one not in self.watched]:
            del self.packets[stream]  # a guest that is gone: should it come again, it counts anew
        for (name, labels), value in found.items():
            said = dict(labels)
            if name == "qoe_incidents_total":
                self._incident(said.get("stream", ""), said["kind"], value, now)
            elif name == "qoe_packets_total" and said.get("track") == "video":
                self._packets(said["stream"], value, now)
            elif name == "qoe_join_attempts_total":
                self.joins[said["outcome"]] += value
            elif name == "qoe_stall_seconds_total":
                self._stalled(said["stream"], value, now)

    def _incident(self, stream: str, kind: str, value: float, now: float) -> None:
        before = self._incidents.get((stream, kind), 0.0)
        self._incidents[stream, kind] = value
        fresh = int(max(0.0, value - before))
        self.events += [Event(now, stream, kind)] * fresh
        if fresh:
            self._note("incident", now, stream=stream, kind=kind)
        if value < before:
            self.backwards.append(f"{stream} {kind}: {before:g} to {value:g}")

    def _stalled(self, stream: str, value: float, now: float) -> None:
        longer = value - self._stall_seconds.get(stream, 0.0)
        self._stall_seconds[stream] = value
        if longer > 0.0:
            self.stalls[stream].append((now, longer))

    def stalled(self, stream: str, since: float, until: float) -> float:
        """Seconds for which it stalled then, as far as looks a second apart tell."""
        return sum(longer for at, longer in self.stalls[stream] if since <= at <= until)

    def _packets(self, stream: str, value: float, now: float) -> None:
        before, at = self.packets.get(stream, (0.0, now))
        if value < before:
            self.backwards.append(f"{stream} packets: {before:g} to {value:g}")
        if value != before:
            limit = SILENT_HLS if "hls" in stream else SILENT
            if now - at > limit and stream in self.watched:
                self.gaps.append(Gap(stream, at, now))
                self._note("silence", now, stream=stream, since=round(at, 2))
            self.packets[stream] = value, now

    def finish(self) -> None:
        """Silences that never ended are silences, too."""
        now = self.now()
        for stream in self.watched:
            at = self.packets.get(stream, (0.0, 0.0))[1]
            if now - at > SILENT_HLS:
                self.gaps.append(Gap(stream, at, now))

    def quiet(self, streams: frozenset[str], since: float) -> list[str]:
        """Those of them that have brought no packet since then, or are not up."""
        return [one for one in streams if self.packets.get(one, (0.0, -1.0))[1] <= since or not self.up.get(one)]

    def _processes(self, now: float) -> None:
        memory = files = threads = 0.0
        suspects, sizes = set[int](), dict[int, int]()
        try:
            family = [self.agent, *self.agent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for one in family:
            try:
                if one.status() == psutil.STATUS_ZOMBIE:
                    suspects.add(one.pid)
                    continue
                size = one.memory_full_info().uss
                memory, files, threads = memory + size, files + one.num_fds(), threads + one.num_threads()
                sizes[one.pid] = size
                if one.pid == self.agent.pid:
                    self.parent.append((now, size))
                else:
                    self.workers[one.pid] = one
            except psutil.NoSuchProcess:
                continue
        self.zombies |= suspects & self._suspects  # there at two looks
        self._suspects = suspects
        self._note("memory", now, bytes=sizes, files=files, threads=threads)
        if len(family) == 3:  # no worker is missing
            self.memory.append((now, memory))
            self.files.append((now, files))
            self.threads.append((now, threads))

    def bugs(self) -> list[str]:
        """What the agent says of its own mistakes."""
        said = [f"{name}{dict(labels)} is {value:g}" for (name, labels), value in self.values.items() if name in BUGS]
        said = [line for line in said if not line.endswith(" is 0")]
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return said + [line[:300] for line in lines if any(cry in line for cry in CRIES)][:20]

    def told(self) -> str:
        """The log so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's series that have these labels."""
        return sum(
            value for (one, said), value in self.values.items() if one == name and labels.items() <= dict(said).items()
        )
