"""Files, pipes, RTSP and HTTP through PyAV: what comes out, at what pace, and why it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from aiohttp import web

from qoe_agent import clock, sources
from qoe_agent.model import BACKLOG, IDR, KEY, Format, Lost, Observation, Opened, Packet, Target, Tick
from qoe_agent.sources import container
from tests.sources.rtsp_server import rtsp_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

STREAMS = Path(__file__).parent.parent.parent / "fixtures" / "streams"


@pytest.fixture
def descriptor() -> Iterator[Any]:
    """Opens a fixture as a descriptor: a pipe in the eyes of the source, so read without pacing."""
    opened: list[int] = []

    def open_(path: Path) -> str:
        opened.append(os.open(path, os.O_RDONLY))
        return f"pipe:{opened[-1]}"

    yield open_
    for each in opened:
        os.close(each)


async def pull(url: str, **options: Any) -> tuple[list[Observation], Lost]:
    seen: list[Observation] = []
    target = Target(url, source="container", **({"open_timeout": 5.0, "lost_after": 5.0} | options))
    async with asyncio.timeout(20):
        lost = await sources.watch(target, seen.append)
    return seen, lost


def packets(seen: list[Observation], kind: str = "video") -> list[Packet]:
    return [each for each in seen if isinstance(each, Packet) and each.kind == kind]


def formats(seen: list[Observation], kind: str = "video") -> list[Format]:
    return [each for each in seen if isinstance(each, Format) and each.kind == kind]


def demuxed(path: Path, kind: str = "video") -> list[tuple[bytes, float | None, float | None]]:
    with av.open(str(path)) as opened:
        return [
            (
                bytes(p),
                None if p.pts is None else float(p.pts * p.time_base),
                None if p.dts is None else float(p.dts * p.time_base),
            )
            for p in opened.demux()
            if p.size and p.stream.type == kind
        ]


@pytest.mark.parametrize("name", ["h264.ts", "hevc.flv", "av1.mp4", "opus.ts", "gap.flv", "truncated.mp4"])
async def test_everything_arrives_as_libavformat_demuxes_it(name: str, descriptor: Any) -> None:
    seen, lost = await pull(descriptor(STREAMS / name))
    assert lost.reason == "ended"
    assert isinstance(seen[0], Opened)
    assert seen[0].protocol == "pipe"
    for kind in ("video", "audio"):
        got = [(p.data, p.pts, p.dts) for p in packets(seen, kind)]
        assert [each[0] for each in got] == [each[0] for each in demuxed(STREAMS / name, kind)]
        for mine, other in zip(got, demuxed(STREAMS / name, kind), strict=True):
            assert mine[1:] == pytest.approx(other[1:])
    first = packets(seen)[0]
    assert first.flags & ~BACKLOG == KEY | IDR
    assert all(p.size == len(p.data) for p in packets(seen))


async def test_formats_come_before_their_packets_and_say_what_is_known(descriptor: Any) -> None:
    seen, _ = await pull(descriptor(STREAMS / "h264.mp4"))
    (video,), (audio,) = formats(seen), formats(seen, "audio")
    assert (video.codec, video.width, video.height, video.pixel_format) == ("h264", 192, 108, "yuv420p")
    assert (video.profile, video.level, video.frame_rate) == ("High", "1.1", 25.0)
    assert video.extradata[0] == 1
    assert (audio.codec, audio.sample_rate, audio.channels, audio.profile) == ("aac", 48000, 2, "LC")
    assert seen.index(video) < seen.index(packets(seen)[0])
    assert seen.index(audio) < seen.index(packets(seen, "audio")[0])


@pytest.mark.parametrize("name", ["resolution.ts", "resolution.flv"])
async def test_a_new_resolution_is_a_new_format(name: str, descriptor: Any) -> None:
    seen, _ = await pull(descriptor(STREAMS / name))
    assert [(f.width, f.height) for f in formats(seen)] == [(192, 108), (96, 54), (192, 108)]


@pytest.mark.parametrize("name", ["dot.flv", "dot.ts", "dot.mp4"])
async def test_one_pixel_is_a_picture(name: str, descriptor: Any) -> None:
    seen, lost = await pull(descriptor(STREAMS / name))
    assert {(f.width, f.height) for f in formats(seen)} == {(1, 1)}
    assert lost.reason == "ended"


@pytest.mark.parametrize(
    ("name", "kind", "none"), [("audio_only.ts", "audio", "video"), ("video_only.flv", "video", "audio")]
)
async def test_one_track_is_enough(name: str, kind: str, none: str, descriptor: Any) -> None:
    seen, lost = await pull(descriptor(STREAMS / name))
    assert packets(seen, kind)
    assert not packets(seen, none)
    assert lost.reason == "ended"


async def test_a_file_arrives_in_real_time(tmp_path: Path) -> None:
    data = (STREAMS / "audio_only.ts").read_bytes()
    path = tmp_path / "second.ts"
    path.write_bytes(data[: len(data) // 6])
    before = clock.now()
    seen, lost = await pull(f"file:{path}")
    sound = packets(seen, "audio")
    assert lost.reason == "ended"
    begun = before - (sound[0].dts or 0.0)
    assert sound[-1].at - before > 0.8
    assert all(p.at - (p.dts or 0.0) - begun > -1e-6 for p in sound), "a packet came before its time"


def test_pacing_waits_out_gaps_but_not_jumps() -> None:
    def packet(dts: float | None, track: int = 0) -> Packet:
        return Packet(0.0, track, "video", dts, dts, 0, 0, b"")

    def due(*dts: tuple[float | None, int]) -> list[float]:
        pace = container._Pace()
        for at, track in dts:
            pace.add([packet(at, track)])
        return [round(pace.take(50.0)[0], 6) for _ in dts]

    assert due((100.0, 0), (100.5, 0), (103.5, 0)) == [50.0, 50.5, 53.5]
    assert due((100.0, 0), (100.5, 0), (None, 0), (100.2, 1)) == [50.0, 50.2, 50.5, 50.5]
    assert due((100.0, 0), (86500.0, 0), (86500.5, 0), (86500.2, 1)) == [50.0, 50.0, 50.2, 50.5]
    assert due((100.0, 0), (100.0, 1), (86500.0, 0), (86500.5, 1)) == [50.0, 50.0, 50.0, 50.5]
    assert due((100.0, 0), (100.0, 1), (86500.0, 0), (100.5, 1), (86500.6, 1)) == [50.0, 50.0, 50.0, 50.5, 50.6]
    assert due((100.0, 0), (100.5, 0), (10.0, 0), (10.2, 0)) == [50.0, 50.5, 50.5, 50.7]


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mp4", "h264.ts"])
async def test_a_files_tracks_come_in_step_however_it_interleaves_them(name: str) -> None:
    seen: list[Observation] = []
    pull = asyncio.ensure_future(sources.watch(Target(str(STREAMS / name)), seen.append))
    async with asyncio.timeout(30):
        while sum(isinstance(each, Packet) for each in seen) < 100 and not pull.done():
            await asyncio.wait({pull}, timeout=0.1)
    pull.cancel()
    await asyncio.wait({pull})
    found = [each for each in seen if isinstance(each, Packet)]
    assert {each.kind for each in found} == {"video", "audio"}
    due = [each.dts or 0.0 for each in found]
    assert due == sorted(due)
    assert len(found) >= 100


async def test_a_silent_pipe_is_lost_and_its_thread_ends() -> None:
    read, write = os.pipe()
    try:
        seen, lost = await pull(f"pipe:{read}", open_timeout=0.3)
        assert (seen, lost.reason) == ([], "timeout")
        await ended()
    finally:
        os.close(read)
        os.close(write)


async def test_a_named_pipe_without_a_writer_is_lost_not_a_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    _, lost = await pull(str(path), open_timeout=0.3)
    assert lost.reason == "timeout"
    await ended()


async def test_a_pipe_that_falls_silent_is_lost(tmp_path: Path) -> None:
    read, write = os.pipe()
    data = (STREAMS / "h264.ts").read_bytes()
    writer = threading.Thread(target=os.write, args=(write, data))
    writer.start()
    try:
        seen, lost = await pull(f"pipe:{read}", lost_after=0.5)
        assert packets(seen)
        assert lost.reason == "silent"
        await ended()
    finally:
        writer.join()
        os.close(read)
        os.close(write)


async def test_cancelling_ends_the_thread(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for url in (str(path), str(STREAMS / "h264.ts")):
        task = asyncio.create_task(container.watch(Target(url), lambda _: None))
        await until(lambda: any(t.name == "container" for t in threading.enumerate()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended()


async def until(true: Any) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def ended() -> None:
    """All reading threads are over."""
    await until(lambda: not any(thread.name == "container" for thread in threading.enumerate()))


async def test_a_slow_loop_blocks_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "QUEUE", 4)
    reader = container._Reader(Target("x"), asyncio.get_running_loop())

    def ten() -> Lost:
        for i in range(10):
            reader._put(Tick(float(i)))
        return Lost(10.0, "ended")

    monkeypatch.setattr(reader, "_pull", ten)
    thread = threading.Thread(target=reader.run)
    thread.start()
    await until(lambda: len(reader.queue) == 4)
    assert thread.is_alive()
    taken: list[Observation] = []
    while len(taken) < 11:
        await until(lambda: reader.queue)
        assert len(reader.queue) <= 4
        taken.append(reader.queue.popleft())
        reader.room.release()
    thread.join(5)
    assert [seen.at for seen in taken[:-1]] == [float(i) for i in range(10)]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (str(STREAMS / "no such file.ts"), "not_found"),
        (f"file:{STREAMS}/no such file.ts", "not_found"),
        (str(STREAMS), "not_found"),
        (str(STREAMS / "garbage.bin"), "protocol"),
        ("concat:a.ts|b.ts", "not_found"),
        ("gopher://example.org/", "unsupported"),
        ("http://host.invalid/live.flv", "resolve"),
        ("rtsp://host.invalid/live", "resolve"),
        ("pipe:4000", "failed"),
    ],
)
async def test_what_cannot_be_opened_says_why(url: str, reason: str) -> None:
    seen, lost = await pull(url)
    assert (seen, lost.reason) == ([], reason)
    assert lost.detail


async def test_an_empty_file_is_no_stream(tmp_path: Path) -> None:
    (tmp_path / "empty.ts").touch()
    _, lost = await pull(str(tmp_path / "empty.ts"))
    assert lost.reason in ("protocol", "empty")


async def test_a_playlist_cannot_reach_out_of_its_protocol(tmp_path: Path) -> None:
    """A playlist from a file may not make us fetch from the network."""
    path = tmp_path / "index.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/0.ts\n#EXT-X-ENDLIST\n")
    seen, lost = await pull(str(path))
    assert not packets(seen)
    assert lost.reason != "refused"


@pytest.fixture
async def http() -> AsyncIterator[str]:
    """An HTTP server: /NAME serves a fixture, /N answers with that status, /page is a page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name.isdigit():
            return web.Response(status=int(name))
        if name == "page":
            return web.Response(text="<html><body>Welcome</body></html>", content_type="text/html")
        assert request.headers["User-Agent"] == "qoe-agent"
        assert (request.headers["X-Key"], request.headers["Cookie"]) == ("abc", "a=1; b=2")
        return web.FileResponse(STREAMS / name)

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_http_through_libav(http: str) -> None:
    headers, cookies = {"X-Key": "abc"}, {"a": "1", "b": "2"}
    seen, lost = await pull(f"{http}/h264.flv", headers=headers, cookies=cookies)
    assert lost.reason == "ended"
    assert isinstance(seen[0], Opened)
    assert seen[0].protocol == "http"
    assert [p.data for p in packets(seen)] == [each[0] for each in demuxed(STREAMS / "h264.flv")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("404", "not_found"), ("401", "auth"), ("403", "auth"), ("500", "status"), ("page", "protocol")],
)
async def test_http_answers_that_are_no_stream(http: str, path: str, reason: str) -> None:
    seen, lost = await pull(f"{http}/{path}?token=hunter2hunter2")
    assert (seen, lost.reason) == ([], reason)
    assert "hunter2" not in lost.detail


async def test_a_closed_port_refuses() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        _, lost = await pull(f"rtsp://127.0.0.1:{held.getsockname()[1]}/live")
    assert lost.reason == "refused"


async def test_rtsp_over_tcp() -> None:
    sent = [data for data, _, _ in demuxed(STREAMS / "intra_refresh.ts")]
    async with rtsp_server(sent) as url:
        seen, lost = await pull(url)
    assert isinstance(seen[0], Opened)
    assert seen[0].protocol == "rtsp"
    (video,) = formats(seen)
    assert (video.codec, video.width, video.height) == ("h264", 192, 108)
    assert len(packets(seen)) == pytest.approx(len(sent), abs=1)  # the last may lack its end
    assert packets(seen)[0].flags & IDR
    assert lost.reason in ("ended", "reset")


@pytest.mark.parametrize(("status", "reason"), [("404 Not Found", "not_found"), ("401 Unauthorized", "auth")])
async def test_rtsp_refusals(status: str, reason: str) -> None:
    async with rtsp_server([b""], status) as url:
        _, lost = await pull(url)
    assert lost.reason == reason


async def test_rtsp_that_falls_silent_is_lost() -> None:
    sent = [data for data, _, _ in demuxed(STREAMS / "intra_refresh.ts")]
    async with rtsp_server(sent, hold=True) as url:
        begun = clock.now()
        seen, lost = await pull(url, lost_after=1.0)
        assert packets(seen)
        assert lost.reason == "silent"
        assert clock.now() - begun < 5.0
        await ended()
