"""The HTTP source against scripted servers on loopback: what a body is, how it ends, who may have it."""

from __future__ import annotations

import asyncio
import io
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import av
import pytest
from aiohttp import web

from qoe_agent import sources
from qoe_agent.model import Answer, Format, Lost, Observation, Opened, Packet, Target
from qoe_agent.sources import http
from tests.bitstream.flv_files import by_pyav, file
from tests.e2e.servers import free_port
from tests.sources.certificates import certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FLV = file()
DEADLINE = 30.0


def _ts() -> bytes:
    out = io.BytesIO()
    with av.open(io.BytesIO(FLV), format="flv") as source, av.open(out, "w", format="mpegts") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    return out.getvalue()


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A web server on loopback that answers every path with `handler`; its port."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[int]:
    """A server that answers a request with exactly these bytes and closes; its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def pull(port: int, path: str = "live/key.flv", **options: object) -> tuple[Lost, list[Observation]]:
    seen: list[Observation] = []
    async with asyncio.timeout(DEADLINE):
        lost = await sources.watch(Target(f"http://127.0.0.1:{port}/{path}", **options), seen.append)
    return lost, seen


def body(data: bytes, **options: object) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=data, **options)

    return handle


async def test_flv_over_http_is_its_packets() -> None:
    """Oracle: libavformat by PyAV on the same bytes."""
    async with serving(body(FLV, content_type="video/x-flv")) as port:
        lost, seen = await pull(port)
    assert lost.reason == "ended"
    assert isinstance(seen[0], Opened)
    assert seen[0].protocol == "flv"
    assert [(p.kind, p.data) for p in seen if isinstance(p, Packet)] == [t[:2] for t in by_pyav(FLV)]


async def test_ts_over_http_is_known_by_its_bytes() -> None:
    async with serving(body(_ts(), content_type="application/octet-stream")) as port:
        lost, seen = await pull(port, "live/key")
    assert lost.reason == "ended"
    assert isinstance(seen[0], Opened)
    assert seen[0].protocol == "ts"
    assert {f.codec for f in seen if isinstance(f, Format)} == {"h264", "aac"}


async def test_packets_come_while_the_body_still_runs() -> None:
    first = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(FLV[: len(FLV) // 2])
        await first.wait()
        await answer.write(FLV[len(FLV) // 2 :])
        return answer

    seen: list[Observation] = []

    def emit(one: Observation) -> None:
        seen.append(one)
        if isinstance(one, Packet):
            first.set()

    async with serving(handle) as port, asyncio.timeout(DEADLINE):
        lost = await sources.watch(Target(f"http://127.0.0.1:{port}/live"), emit)
    assert lost.reason == "ended"
    assert len([p for p in seen if isinstance(p, Packet)]) == len(by_pyav(FLV))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FLV) + FLV, "ended"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(FLV) + 1) + FLV, "reset"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(FLV) + FLV + b"\r\n0\r\n\r\n", "ended"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(FLV) + FLV, "reset"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + FLV, "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "empty"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + FLV[:13], "empty"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "protocol"),
        (b"", "reset"),
        (b"\x03" + bytes(100) + b"\r\n\r\n", "protocol"),
    ],
)
async def test_how_the_body_ends_is_the_reason(answer: bytes, reason: str) -> None:
    async with saying(answer) as port:
        lost, _ = await pull(port)
    assert lost.reason == reason
    assert "\n" not in lost.detail


@pytest.mark.parametrize(
    ("code", "reason"), [(401, "auth"), (403, "auth"), (404, "not_found"), (500, "status"), (204, "status")]
)
async def test_a_status_that_is_no_success_is_the_reason(code: int, reason: str) -> None:
    async with serving(body(b"", status=code)) as port:
        lost, seen = await pull(port)
    assert (lost.reason, lost.detail) == (reason, f"the server answered {code}")
    (said,) = seen
    assert isinstance(said, Answer)
    assert said.text.startswith(f"status: {code}\n")


async def test_what_the_server_says_is_told_without_secrets() -> None:
    secret = "s3cr3tOfTheViewer"
    headers = {"X-Cache": "HIT from edge-7", "Set-Cookie": f"a={secret}", "X-Echo": f"key {secret} of Bearer abcdefgh"}
    async with serving(body(FLV, content_type="video/x-flv", headers=headers)) as port:
        _, seen = await pull(port, f"live/key.flv?key={secret}", headers={"Authorization": "Bearer abcdefgh"})
    assert isinstance(seen[0], Opened)
    said = {each.kind: each.text for each in seen if isinstance(each, Answer)}
    assert "X-Cache: HIT from edge-7\nX-Echo: key *** of *** ***\n" in said["headers"]
    assert "encoder: Lavf" in said["metadata"]
    assert not any(each in "".join(said.values()) for each in (secret, "abcdefgh", "Cookie"))


async def test_a_web_page_instead_of_media_is_named() -> None:
    async with serving(body(b"<!DOCTYPE html><p>hello", content_type="text/html")) as port:
        lost, seen = await pull(port)
    assert (lost.reason, lost.detail) == ("protocol", "the server answered with text/html, neither FLV nor MPEG-TS")
    (said,) = seen
    assert isinstance(said, Answer)
    assert "Content-Type: text/html" in said.text


async def test_a_playlist_under_any_name_goes_to_the_hls_source() -> None:
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nsegment\n#EXT-X-ENDLIST\n"

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=_ts()) if request.path == "/segment" else web.Response(text=playlist)

    async with serving(handle) as port:
        lost, seen = await pull(port, "live")
    assert lost.reason == "ended"
    [opened] = [one for one in seen if isinstance(one, Opened)]
    assert opened.protocol == "hls"
    assert any(isinstance(one, Packet) for one in seen)


async def test_garbage_for_ever_is_given_up() -> None:
    async with serving(body(b"\xff" * 100_000)) as port:
        lost, _ = await pull(port)
    assert lost.reason == "protocol"


@pytest.mark.parametrize("sent", [b"", FLV])
async def test_silence_ends_at_its_deadline(sent: bytes) -> None:
    done = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(sent)
        await done.wait()
        return answer

    async with serving(handle) as port:
        lost, _ = await pull(port, open_timeout=1.0 if sent else 0.3, lost_after=0.3)
        done.set()
    assert lost.reason == ("silent" if sent else "timeout")


async def test_what_the_target_says_is_sent() -> None:
    asked: list[web.BaseRequest] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return web.Response(body=FLV)

    async with serving(handle) as port:
        await pull(port, headers={"X-Token": "t"}, cookies={"session": "s"}, user_agent="agent/1")
    [request] = asked
    assert (request.headers["X-Token"], request.headers["User-Agent"]) == ("t", "agent/1")
    assert request.cookies["session"] == "s"


async def test_a_proxy_is_asked_instead() -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.StreamResponse:
        asked.append(str(request.url))
        return web.Response(body=FLV)

    async with serving(proxy) as port, asyncio.timeout(DEADLINE):
        target = Target("http://nowhere.invalid/live.flv", proxy=f"http://127.0.0.1:{port}")
        lost = await sources.watch(target, lambda seen: None)
    assert lost.reason == "ended"
    assert asked == ["http://nowhere.invalid/live.flv"]


async def test_redirections_are_followed_and_the_phases_are_of_the_last() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/live/key.flv":
            raise web.HTTPFound(f"http://localhost:{port}/edge")
        return web.Response(body=FLV)

    async with serving(handle) as port:
        lost, seen = await pull(port)
    assert lost.reason == "ended"
    opened = seen[0]
    assert isinstance(opened, Opened)
    assert set(opened.phases) == {"resolve", "connect", "first_byte"}
    assert sum(opened.phases.values()) < opened.at - opened.requested


async def test_a_redirection_to_a_file_is_not_followed() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("file:///etc/passwd")

    async with serving(handle) as port:
        lost, _ = await pull(port)
    assert (lost.reason, "redirect" in lost.detail) == ("unsupported", True)


async def test_a_port_where_nobody_listens_is_refused() -> None:
    lost, _ = await pull(free_port())
    assert (lost.reason, lost.detail) == ("refused", "connection refused")


async def test_a_name_without_address_is_not_resolved() -> None:
    lost = await sources.watch(Target("http://nowhere.invalid/live.flv?token=s3cret"), lambda seen: None)
    assert (lost.reason, lost.detail) == ("resolve", "the host name has no address")


@pytest.mark.parametrize("url", ["http://", "http://[::1/x", "http://h:99999/x"])
async def test_an_address_that_is_none_is_said_so(url: str) -> None:
    lost = await http.watch(Target(url), lambda seen: None)
    assert lost.reason == "failed"


async def test_a_certificate_file_that_is_not_there() -> None:
    lost = await sources.watch(Target("https://127.0.0.1:1/x", ca_file="nowhere.pem"), lambda seen: None)
    assert (lost.reason, lost.detail) == ("failed", "the CA file cannot be read")


@pytest.mark.parametrize("trusted", ["ca", "unverified", "nothing"])
async def test_https_with_and_without_trust(trusted: str, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    options = {"ca": {"ca_file": str(pem)}, "unverified": {"verify_tls": False}, "nothing": {}}[trusted]
    seen: list[Observation] = []
    async with serving(body(FLV), context) as port, asyncio.timeout(DEADLINE):
        lost = await sources.watch(Target(f"https://127.0.0.1:{port}/live.flv", **options), seen.append)
    if trusted == "nothing":
        assert (lost.reason, seen) == ("tls", [])
        assert lost.detail.startswith("certificate: ")
        return
    assert lost.reason == "ended"
    opened = seen[0]
    assert isinstance(opened, Opened)
    assert set(opened.phases) == {"connect", "tls", "first_byte"}
    assert sum(opened.phases.values()) == pytest.approx(opened.at - opened.requested)
    assert opened.phases["tls"] > 0.0
