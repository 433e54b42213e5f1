"""Who has the processors while a soak runs: the agent, what it is tried on, other programs; and who waits for them."""

from __future__ import annotations

import contextlib
import http.client
import threading
from pathlib import Path
from statistics import mean
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

OTHERS = 0.3
"""Share of the machine that other programs have when ours may have to wait for them."""
BEAT, STARVED = 0.1, 0.5
"""Seconds between two looks at the machine, and how late one must be for the machine to be called too busy."""
ASK, SLUGGISH = 0.1, 0.3
"""Seconds between two requests to the server, and those in which it answers one if it is well."""
SLOW = 5.0
"""Seconds between two looks at processes."""


class Shares(NamedTuple):
    """Since the look before, in processors."""

    at: float
    agent: float
    ours: float
    """The agent's, the servers' and our own."""
    others: float
    waited: float
    """By how many of the agent's threads, on average, a processor was waited for."""


class Machine:
    """Looks, and remembers."""

    def __init__(self, agent: psutil.Process, now: Callable[[], float]) -> None:
        self._agent, self._now = agent, now
        self.shares: list[Shares] = []
        self.starved: list[tuple[float, float]] = []
        """When the machine was too busy to let us look, and for how long."""
        self.sluggish: list[tuple[float, float]] = []
        """When the server had let a request wait, and for how long."""
        self.over = threading.Event()
        self._cpu: dict[int, float] = {}
        self._waits: dict[str, float] = {}
        self._last = 0.0

    def beat(self) -> None:
        """Until `over`, in a thread: whether the machine has time for us, who are no nicer than the agent."""
        last = self._now()
        while not self.over.wait(BEAT):
            now = self._now()
            if now - last - BEAT > STARVED:
                self.starved.append((now, round(now - last - BEAT, 2)))
            last = now

    def ask(self, port: int) -> None:
        """Until `over`, in a thread: whether the server turns, which is nginx alone with all streams."""
        while not self.over.wait(ASK):
            began = self._now()
            with contextlib.suppress(OSError, http.client.HTTPException):
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=30.0)
                link.request("GET", "/hls/")
                link.getresponse().read()
                link.close()
            now = self._now()
            if now - began > SLUGGISH:
                self.sluggish.append((now, round(now - began, 2)))

    def look(self) -> None:
        """What was used since the look before."""
        now, first = monotonic(), not self._last
        passed, self._last = now - self._last, now
        busy = psutil.cpu_percent() / 100.0 * (psutil.cpu_count() or 1)
        us = psutil.Process()
        agent = [self._agent, *self._children(self._agent)]
        ours = {one.pid: one for one in [us, *self._children(us), *agent]}
        used, before = {pid: _cpu(one) for pid, one in ours.items()}, self._cpu
        self._cpu = used
        waits, waited = {}, 0.0
        for one in agent:
            for thread, seconds in _waits(one.pid).items():
                waits[thread] = seconds
                waited += max(0.0, seconds - self._waits.get(thread, seconds))
        self._waits = waits
        if first:
            return
        rose = {pid: max(0.0, cpu - before.get(pid, 0.0)) / passed for pid, cpu in used.items()}
        own, its = sum(rose.values()), sum(rose[one.pid] for one in agent)
        self.shares.append(Shares(self._now(), its, own, max(0.0, busy - own), waited / passed))

    @staticmethod
    def _children(one: psutil.Process) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return one.children(recursive=True)
        return []

    def contended(self, since: float, until: float) -> bool:
        """Whether other programs had so much of the machine that the agent waited for longer than it worked."""
        return any(_contended(one) for one in self.shares if since - 2 * SLOW <= one.at <= until + SLOW)

    def summary(self, since: float) -> dict[str, float | None]:
        """Means in processors, after the warm-up, and the share of time for which it was contended."""
        kept = [one for one in self.shares if one.at >= since]
        means = {
            name: round(mean(getattr(one, name) for one in kept), 3) if kept else None
            for name in ("agent", "ours", "others", "waited")
        }
        return {**means, "contended": round(mean(_contended(one) for one in kept), 3) if kept else None}


def _contended(one: Shares) -> bool:
    return one.others > OTHERS * (psutil.cpu_count() or 1) and one.waited > one.agent


def _cpu(one: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = one.cpu_times()
        return times.user + times.system
    return 0.0


def _waits(pid: int) -> dict[str, float]:
    """By thread: seconds for which it was ready and had no processor (proc_pid_schedstat)."""
    found = {}
    with contextlib.suppress(OSError):
        for each in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found[f"{pid}/{each.name}"] = int((each / "schedstat").read_text().split()[1]) * 1e-9
    return found
