"""Messages between the agent and its worker processes: tuples, pickled, over a socket pair.

Both ends are this program, one the parent of the other, and nobody else has the socket: that is why pickle will do.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_LENGTH = struct.Struct("!I")
FULL = 32 << 20
"""Bytes that may wait to be sent; beyond it the other side is taken to be stuck."""


class Link:
    """One end. `receive` gives whole messages in order, `send` never waits."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Link:
        """An end of a connected socket."""
        sock.setblocking(False)
        return cls(*await asyncio.open_connection(sock=sock, limit=1 << 20))

    def send(self, *message: Any) -> None:
        """Queue a message; nothing happens when the other side is gone."""
        if not self._writer.is_closing():
            body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            self._writer.write(_LENGTH.pack(len(body)) + body)

    @property
    def full(self) -> bool:
        """So much waits to be sent that it makes no sense to add to it."""
        return self._writer.transport.get_write_buffer_size() > FULL

    async def receive(self) -> tuple[Any, ...] | None:
        """The next message; None when the other side is gone."""
        try:
            head = await self._reader.readexactly(_LENGTH.size)
            message: tuple[Any, ...] = pickle.loads(await self._reader.readexactly(*_LENGTH.unpack(head)))
        except (asyncio.IncompleteReadError, OSError):
            return None
        return message

    async def flush(self, seconds: float) -> None:
        """Wait until all is sent, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                while self._writer.transport.get_write_buffer_size() and not self._writer.is_closing():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            pass

    def close(self) -> None:
        """No more."""
        self._writer.close()
