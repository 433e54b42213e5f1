"""The gate: takes connections, as many as there are files for; where there are more, the idlest make room."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
from typing import TYPE_CHECKING

from qoe_agent import clock

if TYPE_CHECKING:
    import socket
    import ssl

    from aiohttp import web

log = logging.getLogger(__name__)

RESERVE = 128
"""Files that are kept for the log, its compaction and the rest, but half of all at most."""
BATCH = 64
"""Connections that are taken before others have their turn."""
SHARE = 50
"""Of so many connections one is closed at a time, so that not each newcomer makes somebody search."""
HANDSHAKE = 10.0
"""Seconds that TLS may take to begin."""
RETRY, FULL = 1.0, 0.05
"""Seconds to wait where the system gives no connection, and where none of ours can be closed."""
INTERVAL = 60.0
"""Seconds in which a trouble is told once."""


class Gate:
    """`idle`: connections without a request, that idle longest first; the listener keeps it."""

    def __init__(self, server: web.Server, idle: dict[web.RequestHandler, None], files: int) -> None:
        self._server, self._idle = server, idle
        self.most = files - min(RESERVE, files // 2)
        self._count = 0
        """Connections, at most: those that have gone since they were counted are among them."""
        self._greeted: dict[asyncio.Task[None], None] = {}
        """Those who begin TLS, the first first."""
        self._told: dict[str, float] = {}

    async def run(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Take connections until cancelled."""
        loop, taken = asyncio.get_running_loop(), 0
        sock.setblocking(False)
        while True:
            await self._room()
            try:
                connection, _ = await loop.sock_accept(sock)
            except ConnectionError:  # he has gone
                continue
            except OSError as error:
                self._tell("no connection of viewers can be taken: %s", error.strerror or error)
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._close(max(1, len(self._idle) // SHARE))
                await asyncio.sleep(RETRY)
                continue
            task = asyncio.create_task(self._greet(connection, tls))
            self._greeted[task] = None
            task.add_done_callback(lambda done: self._greeted.pop(done, None))
            taken += 1
            if taken % BATCH == 0:
                await asyncio.sleep(0)

    async def _greet(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._made, connection, ssl=tls, ssl_handshake_timeout=HANDSHAKE if tls else None
            )
        except OSError:  # it was no TLS, or he has gone
            connection.close()

    def _made(self) -> web.RequestHandler:
        made = self._server()
        self._idle[made] = None
        return made

    async def _room(self) -> None:
        """Wait until one more may come."""
        while self._count >= self.most:
            self._count = len(self._server.connections) + len(self._greeted)
            if self._count >= self.most:
                self._tell(
                    "viewers hold %d connections, for more there are no files: the idlest are closed", self._count
                )
                closed = self._close(max(1, self.most // SHARE))
                await asyncio.sleep(0 if closed else FULL)
        self._count += 1

    def _close(self, most: int) -> int:
        closed = 0
        if len(self._greeted) > self.most // 4:
            for task in list(self._greeted)[:most]:
                task.cancel()
                closed += 1
        for each in list(self._idle):
            if closed == most:
                break
            del self._idle[each]
            if (transport := each.transport) is not None:
                each.force_close()
                transport.abort()
                closed += 1
        return closed

    def _tell(self, what: str, *more: object) -> None:
        if clock.now() - self._told.get(what, -math.inf) >= INTERVAL:
            self._told[what] = clock.now()
            log.warning(what, *more)
