"""Connections, as many as there are files for; bodies that are large or never end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from qoe_agent.config import Ingest, Source
from qoe_agent.viewers.facts import segments
from qoe_agent.viewers.ingest import bodies, compacting, gate, listener, meter
from qoe_agent.viewers.ingest.compacting import Compacting
from qoe_agent.viewers.ingest.gate import Gate
from tests.test_exporter import certificate
from tests.viewers.ingest.test_listener import KEY, Ingested, event
from tests.viewers.made import NOON_MS, RING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HEAD = f"POST /in/{KEY}/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
FILES = 16


class Gated:
    """A listener behind a gate."""

    def __init__(self, folder: Path) -> None:
        self.made = Ingested(folder)
        self.server = web.Server(self.made.listener.handle)
        self.gate = Gate(self.server, self.made.listener.idle, FILES)
        self.sock = socket.create_server(("127.0.0.1", 0))
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        found = await asyncio.open_connection(*self.sock.getsockname(), ssl=tls)
        self._open.append(found[1])
        return found

    async def send(self, body: bytes, connection: Any = None) -> bytes:
        reader, writer = connection or await self.connect()
        writer.write((HEAD % len(body)).encode() + body)
        return bytes(await reader.readline())

    def close(self) -> None:
        for each in self._open:
            each.close()
        self.sock.close()


@pytest.fixture
async def gated(tmp_path: Path) -> AsyncIterator[Gated]:
    async with gating(tmp_path / "facts", None) as made:
        yield made


@contextlib.asynccontextmanager
async def gating(folder: Path, tls: ssl.SSLContext | None) -> AsyncIterator[Gated]:
    made = Gated(folder)
    made.made.store.open()
    running = asyncio.create_task(made.gate.run(made.sock, tls))
    yield made
    running.cancel()
    await asyncio.wait({running})
    made.close()
    await made.server.shutdown(1.0)
    await made.made.store.close()


def body(sn: int, padding: int = 0) -> bytes:
    return json.dumps([event("a", sn)]).encode() + b" " * padding


async def test_newcomers_are_served_where_idlers_hold_all_that_there_are_files_for(
    gated: Gated, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await gated.connect()
    writer.write((HEAD % len(body(0))).encode() + body(0)[:5])  # busy: it is in the middle of a body
    while not gated.made.listener._held:
        await asyncio.sleep(0)
    for sn in range(1, 3 * FILES):
        assert b" 204 " in await gated.send(body(sn))
        assert len(gated.server.connections) <= gated.gate.most < FILES
    writer.write(body(0)[5:])
    assert b" 204 " in await reader.readline()
    assert len(gated.made.stored()) == 3 * FILES
    assert len([each for each in caplog.records if each.name == gate.__name__]) == 1


async def test_those_who_never_ask_make_room_too(gated: Gated) -> None:
    for _ in range(2 * FILES):
        await gated.connect()
    assert b" 204 " in await gated.send(body(1))


async def test_those_who_never_begin_tls_make_room_too(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(pem)
    async with gating(tmp_path / "facts", serves) as gated, asyncio.timeout(gate.HANDSHAKE / 2):
        for _ in range(2 * FILES):
            await gated.connect()
        connection = await gated.connect(ssl.create_default_context(cafile=pem))
        assert b" 204 " in await gated.send(body(1), connection)


async def test_where_the_system_gives_no_file_that_is_said_once_and_tried_again(
    gated: Gated, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop, failures = asyncio.get_running_loop(), [OSError(errno.EMFILE, "Too many open files")] * 20
    accept = loop.sock_accept

    async def failing(sock: socket.socket) -> Any:
        if failures:
            raise failures.pop()
        return await accept(sock)

    monkeypatch.setattr(gate, "RETRY", 0.0)
    monkeypatch.setattr(loop, "sock_accept", failing)
    assert b" 204 " in await gated.send(body(1))  # the gate waits in the accept that was there before
    assert b" 204 " in await gated.send(body(2))
    assert not failures
    assert [each.getMessage() for each in caplog.records if "no connection" in each.getMessage()] == [
        "no connection of viewers can be taken: Too many open files"
    ]


async def test_who_goes_in_the_middle_of_a_body_is_no_bug_of_ours(
    gated: Gated, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await gated.connect()
    writer.write((HEAD % 1000).encode() + b"[")
    while not gated.made.listener._held:
        await asyncio.sleep(0)
    writer.close()
    while gated.made.listener._held:
        await asyncio.sleep(0)
    assert b" 204 " in await gated.send(body(1))
    assert gated.made.counted(meter.REJECTED.name, source="web", reason="gone") == 1
    assert gated.made.counted(meter.REJECTED.name, source="web", reason="bug") == 0
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_large_bodies_are_read_beside_the_loop_and_only_so_many_wait(
    gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    held, read = threading.Event(), bodies.plain_events

    def noted(*given: Any) -> bodies.Taken:
        threads.append(threading.current_thread())
        if len(given[0]) > listener.LARGE:
            held.wait(10)
        return read(*given)

    monkeypatch.setattr(bodies, "plain_events", noted)
    monkeypatch.setattr(listener, "MOST_LARGE", 2)
    large = [asyncio.create_task(gated.send(body(sn, listener.LARGE))) for sn in (1, 2)]
    while gated.made.listener._large < 2 or not threads:
        await asyncio.sleep(0)
    assert b" 503 " in await gated.send(body(3, listener.LARGE))
    assert b" 204 " in await gated.send(body(4))
    held.set()
    assert all(b" 204 " in answer for answer in await asyncio.gather(*large))
    assert [each is threading.main_thread() for each in threads] == [False, True, False]


async def test_compaction_goes_on_when_the_system_had_nothing_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []

    def none(_: Path) -> Any:
        tries.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(segments, "listed", none)
    monkeypatch.setattr(compacting, "EVERY", 0.0)
    running = asyncio.create_task(Compacting(_options(tmp_path)).run(_Nowhere()))
    while len(tries) < 3 and not running.done():
        await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert len([each for each in caplog.records if each.levelno >= logging.ERROR]) == 1


def _options(folder: Path) -> Ingest:
    return Ingest(folder=str(folder), sources=(Source(name="web", keys=(KEY,)),))


class _Nowhere:
    def put(self, *_: Any) -> None:
        pass

    add = remove = sweep = put


def test_lines_without_end_are_counted_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    whole = bodies.from_json
    monkeypatch.setattr(bodies, "from_json", lambda line: read.append(1) or whole(line))
    taken = bodies.plain_events(b"x\n" * 5000, Source(name="web", keys=(KEY,)), NOON_MS, RING)
    assert (taken.status, taken.events) == (413, [])
    assert len(read) == 1
