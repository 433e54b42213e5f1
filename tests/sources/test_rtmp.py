"""The RTMP source against scripted servers on loopback: phases, refusals, ends, hangs, cancellation."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from qoe_agent import sources
from qoe_agent.model import BACKLOG, Lost, Observation, Opened, Packet, Target
from tests import rtmp_server as server
from tests.bitstream.flv_files import by_pyav, file
from tests.e2e.servers import free_port
from tests.sources.certificates import certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

FLV = file()
TAGS = server.tags(FLV)
DEADLINE = 30.0


@asynccontextmanager
async def serving(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback that does `talk` with every client; its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


def saying(answer: bytes, *, stay: bool = False) -> Talk:
    """A server that answers to the handshake, says `answer` after `connect`, and closes or stays."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1537)
        writer.write(server.HANDSHAKE)
        await reader.readexactly(1536)
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        if not stay:
            writer.write_eof()
        await reader.read(-1)

    return talk


async def pull(talk: Talk, **options: object) -> tuple[Lost, list[Observation]]:
    seen: list[Observation] = []
    async with serving(talk) as port, asyncio.timeout(DEADLINE):
        lost = await sources.watch(Target(f"rtmp://127.0.0.1:{port}/live/key", **options), seen.append)
    return lost, seen


async def test_a_show_from_its_beginning_to_its_end() -> None:
    end = server.status("NetStream.Play.UnpublishNotify")
    lost, seen = await pull(saying(server.ACCEPTED + server.media(TAGS) + end, stay=True))
    assert (lost.reason, lost.clean) == ("ended", True)
    assert isinstance(seen[0], Opened)
    assert [(p.kind, p.data) for p in seen if isinstance(p, Packet)] == [t[:2] for t in by_pyav(FLV)]


async def test_the_phases_add_up_to_the_opening() -> None:
    _, seen = await pull(saying(server.ACCEPTED + server.media(TAGS)))
    opened = seen[0]
    assert isinstance(opened, Opened)
    assert set(opened.phases) == {"resolve", "connect", "handshake", "first_byte"}
    assert sum(opened.phases.values()) == pytest.approx(opened.at - opened.requested)
    assert min(opened.phases.values()) >= 0.0


async def test_a_gop_cache_in_one_burst_is_backlog() -> None:
    _, seen = await pull(saying(server.ACCEPTED + server.media(TAGS)))
    packets = [p for p in seen if isinstance(p, Packet)]
    assert packets
    assert all(p.flags & BACKLOG for p in packets)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (server.CONNECTED + server.CREATED + server.status("NetStream.Play.StreamNotFound", "error"), "not_found"),
        (server.command("_error", 1.0, None, {"code": "NetConnection.Connect.Rejected"}), "auth"),
        (server.command("_error", 1.0, None, {"code": "NetConnection.Connect.InvalidApp"}), "not_found"),
        (b"", "reset"),
        (server.ACCEPTED, "reset"),
        (server.ACCEPTED + server.media(TAGS)[:-50], "reset"),
        (server.ACCEPTED + b"\xff" * 500, "protocol"),
        (server.ACCEPTED + server.media(TAGS) + server.control(1, 1), "ended"),
    ],
)
async def test_what_the_server_says_last_is_the_reason(answer: bytes, reason: str) -> None:
    lost, _ = await pull(saying(answer))
    assert lost.reason == reason
    assert "\n" not in lost.detail


async def test_a_server_of_another_protocol_is_named() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(-1)

    lost, _ = await pull(web)
    assert (lost.reason, lost.detail) == ("protocol", "the server does not speak RTMP")


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (server.CONNECTED, "timeout", "nothing came within the deadline"),
        (server.ACCEPTED, "silent", "connected, but no media came"),
        (server.ACCEPTED + server.media(TAGS), "silent", "no whole media packet for 0.3 s"),
    ],
)
async def test_silence_ends_at_its_deadline(answer: bytes, reason: str, detail: str) -> None:
    lost, _ = await pull(saying(answer, stay=True), open_timeout=1.0, lost_after=0.3)
    assert (lost.reason, lost.detail) == (reason, detail)


async def test_a_cancelled_pull_closes_its_connection() -> None:
    closed, playing = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await saying(server.ACCEPTED + server.media(TAGS), stay=True)(reader, writer)
        finally:
            closed.set()

    async with serving(talk) as port, asyncio.timeout(DEADLINE):
        target = Target(f"rtmp://127.0.0.1:{port}/live/key")
        task = asyncio.ensure_future(sources.watch(target, lambda seen: playing.set()))
        await playing.wait()
        task.cancel()
        await closed.wait()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_port_where_nobody_listens_is_refused() -> None:
    lost = await sources.watch(Target(f"rtmp://127.0.0.1:{free_port()}/live/key"), lambda seen: None)
    assert (lost.reason, lost.detail) == ("refused", "connection refused")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 80])
async def test_a_name_without_address_is_not_resolved(host: str) -> None:
    lost = await sources.watch(Target(f"rtmp://{host}/live/key"), lambda seen: None)
    assert lost.reason == "resolve"


async def test_no_secret_of_the_address_is_told() -> None:
    said = server.status("NetStream.Play.Failed", "error", "bad token s3cret for key")
    seen: list[Observation] = []
    async with serving(saying(server.CONNECTED + server.CREATED + said)) as port:
        target = Target(f"rtmp://user:pa55word@127.0.0.1:{port}/live/key?token=s3cret")
        lost = await sources.watch(target, seen.append)
    assert lost.reason == "status"
    assert "s3cret" not in lost.detail
    assert "pa55word" not in lost.detail


async def test_an_address_without_a_stream_says_so() -> None:
    lost = await sources.watch(Target("rtmp://127.0.0.1/live"), lambda seen: None)
    assert lost.reason == "failed"
    assert "rtmp://host/app/stream" in lost.detail


async def test_a_bug_in_what_follows_is_not_the_streams_fault() -> None:
    def broken(seen: Observation) -> None:
        raise ZeroDivisionError

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # asyncio reports it, too
    async with serving(saying(server.ACCEPTED + server.media(TAGS), stay=True)) as port, asyncio.timeout(DEADLINE):
        with pytest.raises(ZeroDivisionError):
            await sources.watch(Target(f"rtmp://127.0.0.1:{port}/live/key"), broken)


@pytest.mark.parametrize("trusted", ["ca", "unverified", "nothing"])
async def test_rtmps_with_and_without_trust(trusted: str, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    options = {"ca": {"ca_file": str(pem)}, "unverified": {"verify_tls": False}, "nothing": {}}[trusted]
    seen: list[Observation] = []
    talk = saying(server.ACCEPTED + server.media(TAGS) + server.control(1, 1), stay=True)
    async with serving(talk, context) as port, asyncio.timeout(DEADLINE):
        lost = await sources.watch(Target(f"rtmps://127.0.0.1:{port}/live/key", **options), seen.append)
    if trusted == "nothing":
        assert (lost.reason, seen) == ("tls", [])
        assert lost.detail.startswith("certificate: ")
    else:
        assert lost.reason == "ended"
        assert isinstance(seen[0], Opened)
        assert seen[0].protocol == "rtmps"
        assert seen[0].phases["tls"] > 0.0
