"""A scripted HTTP origin, HLS files that libavformat's muxer wrote, and an ear for what a pull emits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeVar

import av
from aiohttp import web

from qoe_agent import sources
from qoe_agent.model import Lost, Observation, Packet, Target
from tests.bitstream.ts_files import write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

DEADLINE = 30.0
_T = TypeVar("_T")


class Origin:
    """Serves what a test puts under each path: bytes, text, or a handler."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | str | Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        self.requests: list[web.Request] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def count(self, path: str) -> int:
        return sum(request.path == f"/{path}" for request in self.requests)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        found = self.files.get(request.path[1:])
        if found is None:
            return web.Response(status=404)
        if callable(found):
            return await found(request)
        body = found.encode() if isinstance(found, str) else found
        span = request.http_range
        if span.start is not None:
            return web.Response(status=206, body=body[span])
        return web.Response(body=body)

    def put(self, folder: Path, prefix: str = "") -> None:
        """Everything in `folder`."""
        for path in folder.iterdir():
            self.files[prefix + path.name] = path.read_bytes()


class Ear:
    """Pulls a target and keeps what it emits."""

    def __init__(self, target: Target) -> None:
        self.seen: list[Observation] = []
        self._news = asyncio.Event()
        self._task = asyncio.ensure_future(sources.watch(target, self._take))
        self._task.add_done_callback(lambda _: self._news.set())

    def _take(self, seen: Observation) -> None:
        self.seen.append(seen)
        self._news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until `true` says so; fails when the pull ends before or the deadline passes."""
        async with asyncio.timeout(DEADLINE):
            while not true():
                assert not self._task.done(), self._task.result()
                self._news.clear()
                await self._news.wait()

    async def lost(self) -> Lost:
        async with asyncio.timeout(DEADLINE):
            return await self._task

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    def all(self, kind: type[_T]) -> list[_T]:
        return [seen for seen in self.seen if isinstance(seen, kind)]


async def pull(url: str, **options: object) -> tuple[Lost, Ear]:
    """Pull until it ends by itself."""
    ear = Ear(Target(url, **options))  # type: ignore[arg-type]  # keywords as they come
    return await ear.lost(), ear


def written(folder: Path, *, seconds: float = 3.0, width: int = 256, sound: bool = True, **options: str) -> Path:
    """A programme of one-second segments; returns the playlist."""
    playlist = folder / "index.m3u8"
    settings = {"hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "vod", **options}
    with av.open(str(playlist), "w", format="hls", options=settings) as target:
        pictures = target.add_stream("libx264", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = width, width * 9 // 16 // 2 * 2, "yuv420p"
        pictures.gop_size, pictures.max_b_frames = 25, 2
        pictures.options = {"preset": "veryfast", "sc_threshold": "0"}
        sounds = target.add_stream("aac", rate=48_000, layout="stereo") if sound else None
        write(target, pictures, sounds, seconds, 48_000)
    return playlist


def payloads(playlist: Path) -> dict[str, list[bytes]]:
    """What libavformat's own HLS demuxer reads, by kind."""
    found: dict[str, list[bytes]] = {"video": [], "audio": []}
    with av.open(str(playlist), options={"allowed_extensions": "ALL"}) as container:
        for packet in container.demux():
            if packet.size:
                found[packet.stream.type].append(bytes(packet))
    return found


def media(ear: Ear, kind: str) -> list[Packet]:
    return [seen for seen in ear.all(Packet) if seen.kind == kind]
