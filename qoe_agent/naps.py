"""An event loop that rests a moment before it asks which sockets are ready, so that it finds more of them at once.

A media server writes a picture in many small pieces. A loop that wakes for each spends more time on waking and on
system calls than on media; after a nap of some milliseconds one read gets them all. What arrives is stamped by as much
later, at most.

It also looks names up on threads of their own, one look-up for all who ask the same: a name server that does not answer
must not keep other work waiting, nor names that others know.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LENGTH = 0.008
"""Seconds of a nap: half of what passes between two pictures at 60 a second."""
MANY = 8
"""Streams from which on it pays."""
LOOK_UPS = 64
"""Names that may be looked up at once; one that nobody answers for takes a thread for ten seconds (resolv.conf(5))."""


class Napping(selectors.DefaultSelector):
    """A selector that naps, once it is told to."""

    length = 0.0
    """Seconds of a nap; 0: none."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready sockets; a nap is not longer than `timeout`, and none is taken when there is work already."""
        if self.length and (timeout is None or timeout > 0.0):
            nap = self.length if timeout is None else min(self.length, timeout)
            select.select((), (), (), nap)
            timeout = None if timeout is None else timeout - nap
        return super().select(timeout)


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a napping selector."""

    def __init__(self) -> None:
        self._napping = Napping()
        self._names = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="names")
        self._asked: dict[tuple[Any, ...], asyncio.Future[Any]] = {}
        super().__init__(self._napping)

    def busy(self, streams: int) -> None:
        """So many streams are read: nap if it pays."""
        self._napping.length = LENGTH if streams >= MANY else 0.0

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # the name that asyncio gives it
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As `socket.getaddrinfo`."""
        asked = (host, port, family, type, proto, flags)
        answer = self._asked.get(asked)
        if answer is None:
            answer = self._asked[asked] = self.run_in_executor(self._names, socket.getaddrinfo, *asked)
            answer.add_done_callback(lambda done: self._answered(asked, done))
        return list(await asyncio.shield(answer))

    def _answered(self, asked: tuple[Any, ...], answer: asyncio.Future[Any]) -> None:
        del self._asked[asked]
        if not answer.cancelled():
            answer.exception()  # nobody may be waiting any more

    def close(self) -> None:
        """Wait for no name."""
        self._names.shutdown(wait=False, cancel_futures=True)
        super().close()
