"""Whatever a server sends: an honest verdict within the deadlines, valid JSON, no traceback, no hang."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from qoe_agent.demo.encoder import Encoder
from qoe_agent.demo.programme import Programme
from tests.e2e import servers
from tests.e2e.scripted import always, answering, body, head, site, slowly

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

DEADLINE = 10.0
"""The agent's own patience with a server that is silent (open_timeout, lost_after)."""
SLACK = 8.0
"""Seconds by which it may be late on a busy machine."""
ASKED = 3 * DEADLINE
"""Seconds for which it is asked to watch: it ends long before."""
GARBAGE = random.Random(1).randbytes(200_000)


async def could_not(url: str, *told: str) -> servers.Watched:
    """`watch` ends in time with exit status 2 and says why, in one of these words."""
    watched = await servers.watch(url, ASKED)
    assert watched.document["seconds"] < DEADLINE + SLACK
    assert (watched.status, watched.document["verdict"]) == (2, "failed"), watched.document["reasons"]
    text = " ".join(watched.document["reasons"]).lower()
    assert any(word in text for word in told), text
    assert watched.value("qoe_up") in (None, 0.0)
    return watched


def playlist(*lines: str) -> bytes:
    """A media playlist with these lines."""
    text = "\n".join(["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0", *lines, ""])
    return body("application/vnd.apple.mpegurl", text.encode())


def transport_stream(seconds: float) -> bytes:
    """A well-formed TS of the test programme."""
    programme = Programme(width=320, height=180)
    encoder = Encoder(programme, key_every=programme.rate)
    count = int(seconds * programme.rate)
    try:
        coded = [encoder.frame(i, programme.picture(i), programme.tone(i)) for i in range(count)]
    finally:
        encoder.close()
    return b"".join(piece.data for each in coded for piece in each.ts)


async def test_a_host_without_address() -> None:
    await could_not("rtmp://no-such-host.invalid/live/show", "resolve", "address")


async def test_a_host_that_cannot_be_reached() -> None:
    """192.0.2.0/24 is for documentation (RFC 5737): packets are dropped, or refused by a router."""
    await could_not("http://192.0.2.1/live/show.flv", "unreachable", "timeout", "refused", "route", "deadline")


@pytest.mark.parametrize(
    "url", ["rtmp://127.0.0.1:{}/live/show", "http://127.0.0.1:{}/a.m3u8", "http://127.0.0.1:{}/a.flv"]
)
async def test_a_refused_connection(url: str) -> None:
    await could_not(url.format(servers.free_port()), "refused")


@pytest.mark.parametrize("name", ["show.flv", "show.ts", "show.m3u8"])
async def test_a_404(name: str) -> None:
    async with answering(site({})) as port:
        await could_not(f"http://127.0.0.1:{port}/{name}", "404", "not_found", "not found")


@pytest.mark.parametrize("name", ["show.flv", "show.m3u8"])
async def test_an_html_page(name: str) -> None:
    page = b"<!doctype html><html><body>Please sign in</body></html>"
    async with answering(always(body("text/html", page))) as port:
        await could_not(f"http://127.0.0.1:{port}/{name}", "protocol", "html", "playlist")


@pytest.mark.parametrize("data", [b"", b"#EXTM3U\n"])
async def test_an_empty_playlist(data: bytes) -> None:
    async with answering(always(body("application/vnd.apple.mpegurl", data))) as port:
        await could_not(f"http://127.0.0.1:{port}/a.m3u8", "empty", "protocol", "no media", "silent")


async def test_a_playlist_that_never_changes() -> None:
    """What is there is played; then it stands, and a viewer runs dry."""
    segment = body("video/mp2t", transport_stream(1.0))
    pages = {"/a.m3u8": playlist("#EXTINF:1.0,", "0.ts"), "/0.ts": segment}
    async with answering(site(pages)) as port:
        watched = await servers.watch(f"http://127.0.0.1:{port}/a.m3u8", 9)
    assert (watched.status, watched.document["verdict"]) == (1, "bad")
    assert watched.incidents("stall")
    assert watched.incidents("playlist_stale")


async def test_a_playlist_with_an_absurd_target_duration() -> None:
    """nginx-rtmp writes 2^64/90000 s when a publisher is killed at the wrong moment; the client polls on."""
    segment = body("video/mp2t", transport_stream(1.0))
    polls = 0

    async def answer(path: str, writer: asyncio.StreamWriter) -> None:
        nonlocal polls
        polls += path == "/a.m3u8"
        lines = [f"#EXTINF:{204963823041217.188 if number == 2 else 1.0}," + f"\n{number}.ts" for number in range(3)]
        data = "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:204963823041217", "#EXT-X-MEDIA-SEQUENCE:0", *lines, ""])
        writer.write(body("application/vnd.apple.mpegurl", data.encode()) if path == "/a.m3u8" else segment)

    async with answering(answer) as port:
        await servers.watch(f"http://127.0.0.1:{port}/a.m3u8", 12)
    assert polls >= 2


async def test_a_truncated_segment() -> None:
    """The server promises more than it sends."""
    whole = transport_stream(2.0)
    cut = head("video/mp2t", len(whole)) + whole[: len(whole) // 2]
    pages = {"/a.m3u8": playlist("#EXTINF:1.0,", "0.ts"), "/0.ts": cut}
    async with answering(site(pages)) as port:
        watched = await servers.watch(f"http://127.0.0.1:{port}/a.m3u8", 8)
    assert watched.status in (1, 2), watched.document["reasons"]
    assert watched.incidents("segment_error")


@pytest.mark.parametrize("kind", ["video/x-flv", "video/mp2t", "application/octet-stream"])
async def test_garbage_over_http(kind: str) -> None:
    async with answering(always(body(kind, GARBAGE))) as port:
        await could_not(f"http://127.0.0.1:{port}/show", "protocol", "empty", "no media", "unsupported", "garbage")


@pytest.mark.parametrize(
    "data", [GARBAGE, b"\x03" + GARBAGE, b"SSH-2.0-OpenSSH_9.2\r\n"], ids=["noise", "hello", "ssh"]
)
async def test_garbage_from_an_rtmp_port(data: bytes) -> None:
    async with answering(always(data), greet=True) as port:
        await could_not(f"rtmp://127.0.0.1:{port}/live/show", "protocol", "handshake", "reset", "closed", "ended")


SILENT: Sequence[tuple[str, bytes, bytes, float]] = [
    ("http://127.0.0.1:{}/show.flv", b"", b"", 0),
    ("http://127.0.0.1:{}/show.flv", head("video/x-flv"), b"FLV\x01\x05" * 20, 60.0),
    ("http://127.0.0.1:{}/show.ts", head("video/mp2t"), b"\x47" * 100, 0.5),
    ("http://127.0.0.1:{}/show.m3u8", b"", b"", 0),
    ("rtmp://127.0.0.1:{}/live/show", b"\x03", bytes(100), 60.0),
]


@pytest.mark.parametrize(("url", "first", "data", "pause"), SILENT, ids=["no answer", "flv", "ts", "playlist", "rtmp"])
async def test_a_server_that_sends_nothing_or_a_byte_now_and_then(
    url: str, first: bytes, data: bytes, pause: float
) -> None:
    async with answering(slowly(first, data or b"\x00", pause or 300.0), greet=url.startswith("rtmp")) as port:
        await could_not(url.format(port), "timeout", "silent", "no media", "deadline")
