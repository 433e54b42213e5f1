"""The agent's side: keeps the process that takes viewers' events in, and puts on the board what it counts.

The listening socket is the agent's own: while the process is replaced, who connects waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.link import Link
from qoe_agent.model import Sample
from qoe_agent.sink import Key
from qoe_agent.viewers.exodus import Exodus
from qoe_agent.viewers.ingest import meter
from qoe_agent.viewers.ingest.process import Setup
from qoe_agent.viewers.ingest.whose import Known, known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.board import Board
    from qoe_agent.config import Config, Ingest, Stream
    from qoe_agent.viewers.ingest.departures import Departed
    from qoe_agent.viewers.neighbours import Neighbours

log = logging.getLogger(__name__)

WAITS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before the process is begun again, the more often it ended soon."""
SOON = 60.0
"""Seconds of life after which its end is not its beginning's fault."""
BEGINS = 60.0
"""Seconds that it may take to give a first sign of life, on a slow disk of a busy machine."""
HANGS = 15.0
"""Seconds without a sign of life after which it hangs."""
GOODBYE = 4.0
"""Seconds that it has to end."""
TICK = 1.0
FIXED = ("listen", "tls_cert", "tls_key", "folder", "pseudonyms", "max_sessions", "stats")
"""What of the configuration stays until a restart."""
ROOT = Path(__file__).resolve().parent.parent.parent.parent


class Keeper:
    """Where viewers' events come in."""

    def __init__(
        self, board: Board, config: Config, watches: Callable[[str], bool], others: Neighbours | None = None
    ) -> None:
        """`watches`: whether a stream is this agent's to watch; `others`: who watches streams that are not."""
        self._board, self._options, self._agent = board, config.ingest, config.agent
        board.declare(*meter.METRICS)
        self._metrics = {metric.name: metric for metric in meter.METRICS}
        self._others = others
        self.exodus = Exodus(board, watches)
        if others:
            self.exodus = Exodus(board, lambda name: watches(name) or others.watch(name), others.incidents)
        self._streams: tuple[Known, ...] = ()
        self._admitted: set[str] = set()
        self._socket: socket.socket | None = None
        self._link: Link | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ready = False
        """Whether it takes events."""
        self._silent = 0.0
        """Seconds without a message; below zero while it begins."""
        self._told: clock.State | None = None

    def bind(self) -> str:
        """Listen; returns where, as a URL. OSError, with the address for a file's name: that, or the certificate, will
        not do."""
        try:
            return self._bind(self._options.tls() is not None)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), self._options.listen) from None

    def _bind(self, secure: bool) -> str:
        host = self._options.host
        if host:
            family, _, _, _, address = socket.getaddrinfo(host, self._options.port, type=socket.SOCK_STREAM)[0]
            self._socket = socket.create_server(address[:2], family=family, backlog=1024)
        else:
            both = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if both else socket.AF_INET
            self._socket = socket.create_server(("", self._options.port), family=family, dualstack_ipv6=both,
                                                backlog=1024)  # fmt: skip
        shown, port = self._socket.getsockname()[:2]
        shown = f"[{shown}]" if ":" in shown else shown
        return f"http{'s' if secure else ''}://{shown}:{port}"

    @property
    def pid(self) -> int | None:
        """The process."""
        return self._process.pid if self._process else None

    def follow(self, streams: Iterable[Stream]) -> None:
        """These are ours now."""
        now = tuple(known(stream) for stream in streams)
        if now == self._streams:
            return
        names = {each.name for each in now}
        for name in self._admitted - names:
            self._board.remove(Key(name))
        self._admitted &= names
        self.exodus.keep(names)
        self._streams = now
        self._send("streams", now)

    def reconfigure(self, options: Ingest) -> None:
        """Follow the configuration, as far as it can be while this agent runs: a process that is begun anew must find
        what FIXED names as it was, for the socket and the log are still those."""
        if options.folder is None:
            log.warning("ingest has gone from the configuration: events are taken in as before until a restart")
            return
        options = copy.copy(options)
        for name in FIXED:  # not by `replace`, which checks them with the others: they may contradict each other
            object.__setattr__(options, name, getattr(self._options, name))
        if options != self._options:
            self._options = options
            self._send("options", options)

    async def run(self) -> None:
        """Keep the process until cancelled, then end it."""
        tasks = [asyncio.create_task(self._keep(), name="viewers' events")]
        tasks += [asyncio.create_task(self._others.run(), name="other agents")] if self._others else []
        try:
            while not any(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=TICK)
                self._tick()
            for task in tasks:
                if task.done():
                    task.result()  # neither may fail
        finally:
            await self._end(tasks)

    def _tick(self) -> None:
        if clock.state() != self._told:
            self._told = clock.state()
            self._send("clock", self._told)
        self._board.put(None, Sample(meter.UP, float(self._ready)), clock.now())
        self._silent += TICK
        if self._silent > HANGS and self._process and self._process.returncode is None:
            log.error("the process that takes viewers' events in hangs and is ended")
            self._process.kill()

    async def _keep(self) -> None:
        failures, again = 0, False
        while True:
            await asyncio.sleep(WAITS[min(failures, len(WAITS) - 1)])
            began = clock.now()
            try:
                await self._begin(again)
                await self._hear()
            except OSError as error:
                log.error("viewers' events cannot be taken in: %s", error.strerror or error)
            status = await self._bury()
            log.error("the process that takes viewers' events in ended (exit status %s) and is begun again", status)
            self._board.put(None, Sample(meter.RESTARTS, 1), clock.now())
            again = True
            failures = 0 if clock.now() - began > SOON else failures + 1

    async def _begin(self, again: bool) -> None:
        assert self._socket is not None
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as failed:
            failed.callback(ours.close)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "qoe_agent.viewers.ingest.process",
                    str(theirs.fileno()), str(self._socket.fileno()), stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), self._socket.fileno()), env={**os.environ, "PYTHONPATH": path},
                )  # fmt: skip
            self._link = await Link.over(ours)
            failed.pop_all()
        self._silent = HANGS - BEGINS
        agent = self._agent
        self._send(*Setup(self._options, self._streams, clock.state(), agent.log_format, agent.log_level, again))

    async def _hear(self) -> None:
        link = self._link
        assert link is not None
        while (message := await link.receive()) is not None:
            self._silent = 0.0
            what, *rest = message
            if what == "ready":
                self._ready = True
            elif what == "found":
                self._put(rest[0])
            elif what == "departed":
                self._departed(rest[0])

    def _put(self, found: list[tuple[Key | None, list[Any]]]) -> None:
        now, names = clock.now(), {each.name for each in self._streams}
        for key, changes in found:
            if key is not None:
                if key.stream not in names:
                    continue
                if self._board.admit(key):
                    self._admitted.add(key.stream)
            for name, labels, value, count in changes:
                try:
                    self._board.put(key, Sample(self._metrics[name], value, labels, count), now)
                except (KeyError, ValueError):
                    log.exception("what was counted of viewers' events does not fit")

    def _departed(self, slots: list[Departed]) -> None:
        names = {each.name for each in self._streams}
        ours = [slot for slot in slots if slot.stream in names]
        for stream in {slot.stream for slot in ours}:
            if self._board.admit(Key(stream)):
                self._admitted.add(stream)
        self.exodus.take(ours)

    async def _bury(self) -> int | None:
        """Nothing more comes of it: see that it is gone."""
        self._ready = False
        if self._link:
            self._link.close()
            self._link = None
        if self._process is None:
            return None
        try:
            async with asyncio.timeout(1.0):  # it may be on its way out
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        return self._process.returncode

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        self._send("stop")
        process, self._process = self._process, None
        if process and process.returncode is None:
            try:
                async with asyncio.timeout(GOODBYE):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._link:
            self._link.close()
        if self._socket:
            self._socket.close()
        await asyncio.wait(tasks)

    def _send(self, *message: Any) -> None:
        if self._link:
            self._link.send(*message)
