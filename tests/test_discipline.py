"""Clock trust, against time servers whose error is known."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent import clock, config
from qoe_agent.about import OFFSET, UNCERTAINTY, About
from qoe_agent.bitstream.dates import NTP_EPOCH
from qoe_agent.board import Board
from qoe_agent.catalogue import metrics
from qoe_agent.config.agent import time_server
from qoe_agent.discipline import Discipline, http, kernel, ntp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

AHEAD = 3.25
"""Seconds by which the servers here are ahead of this machine."""


@pytest.fixture(autouse=True)
def _distrust() -> Iterator[None]:
    yield
    clock.trust(None)


class Server(asyncio.DatagramProtocol):
    """An NTP server; `change` edits its answer."""

    def __init__(self, change: Callable[[bytearray], bytes | None]) -> None:
        self._change = change
        self.asked: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.asked.append(data)
        now = round((clock.realtime() + AHEAD + NTP_EPOCH) * 2**32)
        head = struct.pack(">BBbbII4s", 0x24, 2, 6, -20, 0x0000_0200, 0x0000_0100, b"GPS\0")
        answer = bytearray(head + bytes(8) + data[40:48] + struct.pack(">QQ", now, now))
        changed = self._change(answer)
        if changed is not None:
            self._transport.sendto(changed, addr)  # type: ignore[attr-defined] # a DatagramTransport


@contextlib.asynccontextmanager
async def serving(change: Callable[[bytearray], bytes | None] = bytes) -> AsyncIterator[tuple[Server, int]]:
    made = asyncio.get_running_loop().create_datagram_endpoint(lambda: Server(change), local_addr=("127.0.0.1", 0))
    transport, server = await made
    try:
        yield server, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def ahead(unix: float) -> float:
    """How far a server's time is ahead of the wall clock, by what we made of its answer."""
    return unix - (clock.realtime() - clock.now())


async def test_an_ntp_server_says_how_far_it_is_ahead() -> None:
    async with serving() as (server, port):
        answer = await ntp.ask("127.0.0.1", port, 2.0)
    assert abs(ahead(answer.unix) - AHEAD) <= answer.bound < 0.5
    root = 0x200 / 65536 / 2 + 0x100 / 65536
    assert answer.bound >= root, "the server's own doubt is in it"
    (asked,) = server.asked
    assert (len(asked), asked[0]) == (48, 0x23)


def set_bytes(place: int, value: bytes) -> Callable[[bytearray], bytes]:
    def change(answer: bytearray) -> bytes:
        answer[place : place + len(value)] = value
        return bytes(answer)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (set_bytes(0, b"\xe4"), "not synchronised"),
        (set_bytes(1, b"\x10"), "not synchronised"),
        (set_bytes(40, bytes(8)), "not synchronised"),
        (lambda answer: set_bytes(1, b"\0")(bytearray(set_bytes(12, b"RATE")(answer))), r"refuses \(RATE\)"),
        (set_bytes(0, b"\x23"), "no answer of a server"),
        (set_bytes(8, b"\x7f\xff\0\0"), "contradicts"),
        (set_bytes(40, b"\xff"), "contradicts"),
        (lambda answer: bytes(answer[:40]), "too short"),
    ],
)
async def test_answers_that_say_no_time(change: Callable[[bytearray], bytes], told: str) -> None:
    async with serving(change) as (_, port):
        with pytest.raises(ntp.Unusable, match=told):
            await ntp.ask("127.0.0.1", port, 2.0)


@pytest.mark.parametrize("change", [lambda answer: None, set_bytes(24, b"forged!!")])
async def test_silence_and_forgeries_end_at_the_deadline(change: Callable[[bytearray], bytes | None]) -> None:
    async with serving(change) as (_, port), asyncio.timeout(30):
        with pytest.raises(TimeoutError):
            await ntp.ask("127.0.0.1", port, 0.2)


@given(st.binary(max_size=60))
def test_garbage_is_unusable_or_a_time(data: bytes) -> None:
    with contextlib.suppress(ntp.Unusable):
        assert ntp.read(data, 1.0, 2.0).bound >= 0


@contextlib.asynccontextmanager
async def site(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_get("/time", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/time"
    finally:
        await runner.cleanup()


def iso(at: float) -> str:
    seconds, fraction = divmod(at, 1)
    return _utc(seconds, "%Y-%m-%dT%H:%M:%S") + f".{int(fraction * 1000):03d}Z"


def _utc(at: float, form: str) -> str:
    from datetime import UTC, datetime  # only here

    return datetime.fromtimestamp(at, UTC).strftime(form)


async def test_a_body_with_a_time() -> None:
    async with site(lambda: web.Response(text=iso(clock.realtime() + AHEAD))) as url:
        answer = await http.ask(url, 2.0)
    assert abs(ahead(answer.unix) - AHEAD) <= answer.bound < 0.5


async def test_a_date_header() -> None:
    def answer() -> web.Response:
        date = _utc(clock.realtime() + AHEAD, "%a, %d %b %Y %H:%M:%S GMT")
        return web.Response(text="<html>", headers={"Date": date})

    async with site(answer) as url:
        found = await http.ask(url, 2.0)
    assert abs(ahead(found.unix) - AHEAD) <= found.bound
    assert 0.5 <= found.bound < 1.0


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=503),
        lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1/"}),
        lambda: web.Response(text=iso(1.7e9), headers={"Age": "7"}),
        lambda: web.Response(text="soon", headers={"Date": "tomorrow"}),
    ],
)
async def test_http_answers_that_say_no_time(answer: Callable[[], web.Response]) -> None:
    async with site(answer) as url:
        with pytest.raises(ntp.Unusable):
            await http.ask(url, 2.0)


def test_what_the_kernel_says() -> None:
    assert kernel.judge(0, 16_000_000, kernel.STA_UNSYNC) is None
    assert kernel.judge(-2_500, 40_000, 0) == kernel.Kernel(0.0025, 0.04)
    assert kernel.judge(2_500_000, 40_000, kernel.STA_NANO) == kernel.Kernel(-0.0025, 0.04)
    found = kernel.read()  # whatever this machine's is
    assert found is None or 0 <= found.error < 60


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def test_the_agent_follows_its_time_server_and_says_so() -> None:
    async with serving() as (_, port):
        settings = config.Clock(source="ntp", server=f"127.0.0.1:{port}")
        discipline = Discipline(settings)
        work = asyncio.create_task(discipline.run())
        await until(lambda: clock.offset() is not None)
        unix, uncertainty = clock.unix()
        assert ahead(unix) == pytest.approx(AHEAD, abs=0.1)
        assert uncertainty is not None
        board = Board(metrics())
        about = About(board)
        about.refresh()
        told = {sample["name"]: sample["value"] for sample in board.metrics(None)}
        assert told[OFFSET.name] == pytest.approx(-AHEAD, abs=0.1), "this machine's clock is behind"
        assert 0 < told[UNCERTAINTY.name] < 0.5
        discipline.follow(replace(settings, source="none", server=None))
        await until(lambda: clock.offset() is None)
        about.refresh()
        assert OFFSET.name not in {sample["name"] for sample in board.metrics(None)}
        work.cancel()
        await asyncio.wait({work})


async def test_a_server_that_never_answers_leaves_the_clock_untrusted(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(lambda answer: None) as (server, port):
        work = asyncio.create_task(
            Discipline(config.Clock(source="ntp", server=f"127.0.0.1:{port}", every=1.0, timeout=0.05)).run()
        )
        await until(lambda: len(server.asked) > 1)
        assert clock.unix()[1] is None
        work.cancel()
        await asyncio.wait({work})
    assert caplog.messages == ["the time server does not answer"]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("time.example.com", "time.example.com", 123),
        ("time.example.com:1230", "time.example.com", 1230),
        ("::1", "::1", 123),
        ("[::1]", "::1", 123),
        ("[2001:db8::1]:124", "2001:db8::1", 124),
    ],
)
def test_names_of_time_servers(text: str, host: str, port: int) -> None:
    assert time_server(text) == (host, port)
