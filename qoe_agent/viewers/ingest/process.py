"""The process that takes viewers' events in: `python -m qoe_agent.viewers.ingest.process LINK LISTENER`.

LINK is one end of a socket pair with the agent, LISTENER a socket that listens: the agent keeps it open, so that
nobody is refused while this process is replaced. It ends when the agent says so, or is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from qoe_agent import clock, garbage, logs
from qoe_agent.link import Link
from qoe_agent.outbox import Outbox
from qoe_agent.sink import Key
from qoe_agent.tether import tether
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.compacting import Compacting
from qoe_agent.viewers.ingest.door import Door
from qoe_agent.viewers.ingest.gate import Gate
from qoe_agent.viewers.ingest.listener import Listener
from qoe_agent.viewers.ingest.live import Live
from qoe_agent.viewers.ingest.polling import Polling
from qoe_agent.viewers.ingest.store import Store
from qoe_agent.viewers.ingest.whose import Known, Whose

if TYPE_CHECKING:
    from qoe_agent.config import Ingest

log = logging.getLogger(__name__)
_NOISE = logging.getLogger(f"{__name__}.http")
_NOISE.setLevel(logging.CRITICAL)
"""What the HTTP server says of strangers that do not speak HTTP."""

PULSE = 1.0
"""Seconds between two signs of life."""
PATIENCE = 5.0
"""Seconds between two attempts to open the log."""
HEAD = 10.0
"""Seconds that a request's head may take."""
IDLE = 75.0
"""Seconds that a connection may be without a request."""
LAST = 3.0
"""Seconds that requests may take to end when the process does."""
LINE = 64 << 10
"""Bytes of a request's first line (CMCD in queries), and of a header."""
FILES = 65_536
"""Open files, if the system admits so many."""
FRESH = 300.0
"""Seconds after which nobody is taken to play still, who played when the process before this one ended."""


class Setup(NamedTuple):
    """What the process is told first."""

    options: Ingest
    streams: tuple[Known, ...]
    clock: clock.State
    log_format: str
    log_level: str
    again: bool
    """Whether one before it ended by a fault."""


class Process:
    """The listener, its store, and what it tells the agent."""

    def __init__(self, link: Link, setup: Setup) -> None:
        self._link, self._options, self._began = link, setup.options, clock.now()
        self._box = Outbox(meter.METRICS, link.send, lambda: link.full)
        self.live = Live(setup.options.max_sessions, clock.now(), setup.again)
        self.store = Store(setup.options, self.live)
        self._compacting = Compacting(setup.options)
        self.listener = Listener(self.store, Door(setup.options), Whose(()))
        self._server = web.Server(
            self.listener.handle, access_log=None, keepalive_timeout=IDLE, logger=_NOISE, auto_decompress=False,
            max_line_size=LINE, max_field_size=LINE, lingering_time=1.0,
        )  # fmt: skip
        self._gate = Gate(self._server, self.listener.idle, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._silent: dict[web.RequestHandler, float] = {}
        self._on_streams(setup.streams)

    async def run(self, sock: socket.socket) -> None:
        """Take events until the agent says stop, or is gone."""
        runner = web.ServerRunner(self._server, shutdown_timeout=LAST)
        await runner.setup()
        self._try()
        tasks = [asyncio.create_task(self._gate.run(sock, self._options.tls()))]
        tasks += [asyncio.create_task(self._beat()), asyncio.create_task(self._compacting.run(self._box))]
        polling = [Polling(stat, self.store, lambda: self.listener.whose) for stat in self._options.stats]
        tasks += [asyncio.create_task(each.run()) for each in polling]
        listening = asyncio.create_task(self._listen())
        done, _ = await asyncio.wait([*tasks, listening], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await runner.cleanup()
        await self.store.close()
        self._tell()
        await self._link.flush(1.0)
        for task in done:
            task.result()  # what ended by a bug of ours says so

    async def _listen(self) -> None:
        while (message := await self._link.receive()) is not None:
            what, *rest = message
            if what == "stop":
                return
            getattr(self, f"_on_{what}")(*rest)

    def _on_streams(self, streams: tuple[Known, ...]) -> None:
        before, self.listener.whose = self.listener.whose.names, Whose(streams)
        names = self.listener.whose.names
        for gone in before - names:
            self._box.remove(Key(gone))
        for new in names - before:
            self._box.add(Key(new), {})
        self.live.keep(names)
        if self.store.ready:
            self._resume(names - before)

    def _on_options(self, options: Ingest) -> None:
        self.listener.door = Door(options, self.listener.door)
        self._compacting.keep = options.keep

    def _on_clock(self, said: clock.State) -> None:
        clock.adopt(said)

    async def _beat(self) -> None:
        tried = clock.now()
        while True:
            await asyncio.sleep(PULSE)
            if not self.store.ready and clock.now() - tried > PATIENCE:
                tried = clock.now()
                self._try()
            await self.store.turn()
            self.live.tick(clock.now())
            if departed := self.live.departed(clock.now()):
                self._link.send("departed", departed)
            self._tell()
            self._sweep(clock.now())

    def _try(self) -> None:
        if not self.store.ready and self.store.open():
            self._resume(self.listener.whose.names)
            self._link.send("ready")

    def _resume(self, names: frozenset[str]) -> None:
        """Who played when the process before this one ended watches these streams."""
        at, now = self.store.playing.true_at, clock.now()
        if at is None or clock.realtime() - at > FRESH or now - self._began > FRESH:
            return
        intervals = {stat.source or stat.name: stat.every for stat in self._options.stats}
        for source, player in self.store.playing.all():
            stream = self.listener.whose.path(player.path)
            if stream in names:
                self.live.resume(source, player, stream, intervals.get(source, 0.0), now)

    def _tell(self) -> None:
        now = clock.now()
        self.live.tell(self._box, now)
        self._box.sweep(now)

    def _sweep(self, now: float) -> None:
        """Close connections whose first head does not come; aiohttp closes those that are idle later."""
        there = set(self._server.connections)
        self.listener.spoke &= there
        self._silent = {each: self._silent.get(each, now) for each in there - self.listener.spoke}
        for connection, since in self._silent.items():
            if now - since > HEAD:
                connection.force_close()
        for gone in self.listener.idle.keys() - there:
            del self.listener.idle[gone]
        self.listener.crowded = len(there) > self._gate.most * 3 // 4


async def _work(sock: socket.socket, listener: socket.socket) -> None:
    link = await Link.over(sock)
    first: Any = await link.receive()
    if first is None:
        return
    setup = Setup(*first)
    clock.adopt(setup.clock)
    logs.configure(setup.log_format, setup.log_level)
    await Process(link, setup).run(listener)
    link.close()


def main() -> None:
    """Work, until there is no more to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the agent says when to stop
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tether()
    garbage.seldom()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    with socket.socket(fileno=int(sys.argv[1])) as sock, socket.socket(fileno=int(sys.argv[2])) as listener:
        status = 1
        try:
            asyncio.run(_work(sock, listener))
            status = 0
        except Exception:  # process top
            log.critical("taking viewers' events in: a bug of the agent's", exc_info=True)
        with contextlib.suppress(OSError):  # the log's disk may be full
            sys.stderr.flush()
        os._exit(status)  # a disk that hangs in a thread must not keep us


if __name__ == "__main__":
    main()
