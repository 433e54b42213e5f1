"""A worker process: watches the streams that its parent gives it, and tells it what it finds.

    python -m qoe_agent.worker FD NOTES

FD is one end of a socket pair, NOTES the file of a `Recorder`. The worker ends when the parent says so, or is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import resource
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent import catalogue, clock, garbage, logs
from qoe_agent.fleet import Fleet
from qoe_agent.link import Link
from qoe_agent.naps import Loop
from qoe_agent.outbox import Outbox
from qoe_agent.recorder import Recorder
from qoe_agent.tether import tether
from qoe_agent.vitals import Vitals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.config import Agent, Stream
    from qoe_agent.sink import Key

log = logging.getLogger(__name__)

PULSE = 0.5
"""Seconds between two signs of life; every other one says how it is."""
TRIM_EVERY = 30
"""Signs of life between two times at which memory that pictures have left is given back to the system."""
LAST_WORDS = 0.5
"""Seconds that the last findings may take to be sent."""


class Setup(NamedTuple):
    """What a worker is told first."""

    name: str
    ring_bytes: int
    clock: clock.State
    options: Agent


class Worker:
    """Between the link and the fleet."""

    def __init__(self, link: Link, setup: Setup, slots: Sequence[memoryview]) -> None:
        self._link, self._told = link, open("/proc/self/statm", "rb", buffering=0)  # noqa: SIM115  kept for the pulse
        board = Outbox(catalogue.metrics(), link.send, lambda: link.full)
        self.fleet = Fleet(
            board, ring_bytes=setup.ring_bytes, decode_threads=setup.options.decode_threads, worker=setup.name,
            slots=slots, evidence=setup.options.evidence, show=self._show,
        )  # fmt: skip
        self._visits: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until the parent says stop, or is gone."""
        tasks = [asyncio.create_task(self.fleet.run()), asyncio.create_task(self._pulse())]
        listening = asyncio.create_task(self._listen())
        done, _ = await asyncio.wait([*tasks, listening], return_when=asyncio.FIRST_COMPLETED)
        for task in [*tasks, *self._visits.values()]:
            task.cancel()
        await asyncio.wait(tasks)
        self._link.send("over")
        await self._link.flush(LAST_WORDS)
        for task in done:
            task.result()  # what ended by a bug of ours says so

    async def _listen(self) -> None:
        while (message := await self._link.receive()) is not None:
            what, *rest = message
            if what == "stop":
                return
            getattr(self, f"_on_{what}")(*rest)

    def _on_streams(self, streams: list[Stream], ring_bytes: int, decode_cpu: float | None) -> None:
        self.fleet.ring_bytes, self.fleet.decode_cpu = ring_bytes, decode_cpu
        self.fleet.apply(streams)

    def _on_clock(self, said: clock.State) -> None:
        clock.adopt(said)

    def _on_look(self, until: float) -> None:
        self.fleet.look(until)

    def _show(self, key: Key, at: float, jpeg: bytes) -> None:
        if not self._link.full:
            self._link.send("picture", key, at, jpeg)

    def _on_visit(self, number: int, stream: Stream, seconds: float) -> None:
        self._visits[number] = asyncio.create_task(self._visit(number, stream, seconds))

    def _on_leave(self, number: int) -> None:
        if task := self._visits.get(number):
            task.cancel()

    async def _visit(self, number: int, stream: Stream, seconds: float) -> None:
        try:
            brought = await self.fleet.visit(stream, seconds, lambda line: self._link.send("line", number, line))
            self._link.send("visited", number, brought)
        finally:
            del self._visits[number]

    async def _pulse(self) -> None:
        for beat in itertools.count(1):
            if beat % 2:
                self._link.send("vitals", self._vitals())
            else:
                self._link.send("alive")
            if beat % TRIM_EVERY == 0:
                await asyncio.to_thread(garbage.give_back)
            await asyncio.sleep(PULSE)

    def _vitals(self) -> Vitals:
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._told.seek(0)
        pages = int(self._told.read().split()[1])
        return Vitals(
            clock.now(),
            used.ru_utime + used.ru_stime,
            pages * resource.getpagesize(),
            _files(),
            threading.active_count(),
            max(lane.busy for lane in self.fleet.pool.lanes),
            self.fleet.ready(),
            list(self.fleet.states()),
        )


def _files() -> int | None:
    """Open file descriptors; None: there is none left to count them with."""
    try:
        return len(os.listdir("/proc/self/fd")) - 1
    except OSError:
        return None


async def _work(sock: socket.socket, notes: Recorder) -> None:
    link = await Link.over(sock)
    first: Any = await link.receive()
    if first is None:
        return
    setup = Setup(*first)
    clock.adopt(setup.clock)
    logs.configure(setup.options.log_format, setup.options.log_level)
    await Worker(link, setup, notes.slots).run()
    link.close()


def main() -> None:
    """Work, until there is no more to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent says when to stop
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tether()
    garbage.seldom()
    notes = Recorder(int(sys.argv[2]))
    os.close(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as sock, asyncio.Runner(loop_factory=Loop) as runner:
        status = 1
        try:
            runner.run(_work(sock, notes))
            status = 0
        except Exception:  # process top
            log.critical("worker: a bug of the agent's", exc_info=True)
        with contextlib.suppress(OSError):  # the log's disk may be full
            sys.stderr.flush()
        os._exit(status)  # a name look-up that hangs in a thread must not keep us


if __name__ == "__main__":
    main()
