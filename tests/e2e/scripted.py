"""A server that says exactly what a test wants, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Answer: TypeAlias = "Callable[[str, asyncio.StreamWriter], Awaitable[None]]"
"""Given the path asked for, writes the answer."""


def head(kind: str, length: int | None = None, status: str = "200 OK") -> bytes:
    """The head of an HTTP answer."""
    size = f"Content-Length: {length}\r\n" if length is not None else ""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{size}Connection: close\r\n\r\n".encode()


def body(kind: str, data: bytes, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    return head(kind, len(data), status) + data


@contextlib.asynccontextmanager
async def answering(answer: Answer, greet: bool = False) -> AsyncIterator[int]:
    """A server that answers each request as told, on the port that it yields; `greet`: it speaks unasked."""
    clients: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = ""
        try:
            if not greet:
                request = await reader.readuntil(b"\r\n\r\n")
                path = request.split()[1].decode()
            await answer(path, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the agent has had enough
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(talk(reader, writer))
        clients.add(task)
        task.add_done_callback(clients.discard)

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


def always(data: bytes) -> Answer:
    """The same bytes for everyone."""

    async def answer(path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


def slowly(first: bytes, data: bytes, pause: float) -> Answer:
    """`first` at once, then a byte every `pause` seconds."""

    async def answer(path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        for byte in data:
            await asyncio.sleep(pause)
            writer.write(bytes([byte]))
            await writer.drain()

    return answer


def site(pages: dict[str, bytes]) -> Answer:
    """A server with these pages."""

    async def answer(path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(pages.get(path) or body("text/plain", b"no such page", "404 Not Found"))

    return answer


def paced(kind: str, data: bytes, seconds: float, ahead: float = 0.0) -> Answer:
    """A live stream: `data` in `seconds`, fifty times a second, the first `ahead` of them at once; then silence."""
    step = max(1, round(len(data) / seconds / 50))

    async def answer(path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(head(kind))
        loop = asyncio.get_running_loop()
        began = loop.time() - ahead
        for number, place in enumerate(range(0, len(data), step)):
            await asyncio.sleep(max(0.0, began + number / 50 - loop.time()))
            writer.write(data[place : place + step])
            await writer.drain()
        await asyncio.Event().wait()

    return answer
