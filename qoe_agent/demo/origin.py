"""The demo's live origin: paces the test programme, injects the faults, serves HTTP-FLV, HTTP-TS and HLS.

Encoding runs in one thread; HTTP runs in the caller's event loop, on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import clock
from qoe_agent.demo import flv
from qoe_agent.demo.faults import Schedule
from qoe_agent.demo.serving import Broadcast, Window
from qoe_agent.demo.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.demo.encoder import Coded
    from qoe_agent.demo.faults import Fault, Injected
    from qoe_agent.demo.programme import Programme
    from qoe_agent.demo.studio import Sent

SEGMENT = 2.0
LISTED = 5


class Origin:
    """`base = await origin.start()`, then pull `base + "/live/show.flv"` (or .ts, .m3u8); `await origin.stop()`."""

    def __init__(self, programme: Programme | None = None, gop_cache: bool = True, port: int = 0) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._studio = Studio(self._hand_over, programme)
        self._port = port
        self._flv, self._ts = Broadcast(gop_cache), Broadcast(gop_cache)
        self._hls = Window(SEGMENT, LISTED)
        self._sequence = b""
        self._task: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    @property
    def injected(self) -> list[Injected]:
        """What truly went wrong so far, by the agent's clock."""
        return list(self._studio.injected)

    @property
    def over(self) -> bool:
        """Whether the broadcast has come to its end; `stop` says why."""
        return self._task is not None and self._task.done()

    @property
    def sent(self) -> list[Sent]:
        """The latest frames, with when they left."""
        return list(self._studio.sent)

    @property
    def started(self) -> float:
        """When the first frame was due, by the agent's clock; faults count from here."""
        return self._studio.started

    def schedule(self, faults: Iterable[Fault], period: float | None = None) -> None:
        """Inject `faults`, once or again every `period` seconds; replaces the schedule before."""
        self._studio.schedule = Schedule(tuple(faults), period)

    async def start(self) -> str:
        """Serve and broadcast; returns the base URL."""
        app = web.Application()
        app.router.add_get("/live/show.flv", self._serve_flv)
        app.router.add_get("/live/show.ts", self._serve_ts)
        app.router.add_get("/live/show.m3u8", self._serve_playlist)
        app.router.add_get(r"/live/show-{sequence:\d+}.ts", self._serve_segment)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(asyncio.to_thread(self._studio.run))
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End the broadcast cleanly and free everything; raises what the encoder may have died of."""
        self._studio.stop()
        try:
            if self._task:
                await self._task
        finally:
            for ending in (self._flv, self._ts, self._hls):
                ending.end()
            if self._runner:
                await self._runner.cleanup()

    def _hand_over(self, coded: Coded, sequence: bytes) -> None:
        """In the encoder's thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._send, coded, sequence)

    def _send(self, coded: Coded, sequence: bytes) -> None:
        """In the loop: hand a frame to everyone."""
        self._sequence = sequence
        for piece in coded.flv:
            self._flv.send(piece)
        for piece in coded.ts:
            self._ts.send(piece)
            self._hls.add(piece, clock.wall(clock.now()))

    async def _serve_flv(self, request: web.Request) -> web.StreamResponse:
        return await self._stream(request, "video/x-flv", self._flv, flv.FILE_HEADER + self._sequence)

    async def _serve_ts(self, request: web.Request) -> web.StreamResponse:
        return await self._stream(request, "video/mp2t", self._ts, b"")

    async def _stream(
        self, request: web.Request, content_type: str, broadcast: Broadcast, opening: bytes
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the viewer left
            async for data in broadcast.view(opening):
                await response.write(data)
        return response

    async def _serve_playlist(self, request: web.Request) -> web.Response:
        text = self._hls.playlist()
        if text is None:
            raise web.HTTPNotFound(text="no segment is complete yet")
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=text, content_type="application/vnd.apple.mpegurl", headers=headers)

    async def _serve_segment(self, request: web.Request) -> web.Response:
        data = self._hls.segment(int(request.match_info["sequence"]))
        if data is None:
            raise web.HTTPNotFound(text="that segment is gone, or not there yet")
        return web.Response(body=data, content_type="video/mp2t")
