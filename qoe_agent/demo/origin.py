"""The demo's live origin: paces the test programme, injects the faults, serves HTTP-FLV, HTTP-TS and HLS.

Encoding runs in one thread; HTTP runs in the caller's event loop, on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import web

from qoe_agent import clock
from qoe_agent.demo import flv
from qoe_agent.demo.encoder import LEAD_IN, Coded, Encoder
from qoe_agent.demo.faults import Fault, FaultKind, Injected, Schedule
from qoe_agent.demo.programme import Programme
from qoe_agent.demo.serving import Broadcast, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

SEGMENT = 2.0
LISTED = 5
REMEMBERED = 50_000
"""Frames in the log: half an hour."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that left the origin: the publisher's own log."""

    at: float
    pts: float


class Origin:
    """`base = await origin.start()`, then pull `base + "/live/show.flv"` (or .ts, .m3u8); `await origin.stop()`."""

    def __init__(self, programme: Programme | None = None, gop_cache: bool = True, port: int = 0) -> None:
        self.programme = programme or Programme()
        self.injected: deque[Injected] = deque(maxlen=1000)
        """What truly went wrong, the last thousand times."""
        self.sent: deque[Sent] = deque(maxlen=REMEMBERED)
        """The latest frames."""
        self._schedule = Schedule()
        self._port = port
        self._flv, self._ts = Broadcast(gop_cache), Broadcast(gop_cache)
        self._hls = Window(SEGMENT, LISTED)
        self._sequence = b""
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self.started = 0.0
        """When the first frame was due, by the agent's clock; faults count from here."""

    def schedule(self, faults: Iterable[Fault], period: float | None = None) -> None:
        """Inject `faults`, once or again every `period` seconds; replaces the schedule before."""
        self._schedule = Schedule(tuple(faults), period)

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
        loop = asyncio.get_running_loop()
        self.started = clock.now()
        self._task = asyncio.create_task(asyncio.to_thread(self._broadcast, loop))
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End the broadcast cleanly and free everything; raises what the encoder may have died of."""
        self._stop.set()
        try:
            if self._task:
                await self._task
        finally:
            for ending in (self._flv, self._ts, self._hls):
                ending.end()
            if self._runner:
                await self._runner.cleanup()

    def _broadcast(self, loop: asyncio.AbstractEventLoop) -> None:
        """The encoder's thread: one frame when it is due, until told to stop."""
        encoder = Encoder(self.programme, key_every=self.programme.rate)
        pause = 0.0
        index = 0
        try:
            while not self._stop.is_set():
                due = self.started + pause + index / self.programme.rate
                pause += self._wait(due, self._pts(index))
                if self._stop.is_set():
                    return
                faults = self._schedule.now(clock.now() - self.started)
                coded = self._encode(encoder, index, faults)
                loop.call_soon_threadsafe(self._send, coded, encoder.sequence)
                index += 1
        finally:
            encoder.close()

    def _wait(self, due: float, pts: float) -> float:
        """Wait until `due`, or longer where nothing is to be sent; returns by how much the media clock stood."""
        self._stop.wait(max(0.0, due - clock.now()))
        faults = self._schedule.now(due - self.started)
        kind: FaultKind = "stall" if "stall" in faults else "burst"
        if kind not in faults:
            return 0.0
        ends = self.started + faults[kind]
        if clock.now() >= ends:  # catching up after a burst
            return 0.0
        self.injected.append(Injected(kind, due, None, pts, pts))
        self._stop.wait(max(0.0, ends - clock.now()))
        self.injected[-1] = replace(self.injected[-1], end=clock.now())
        return clock.now() - due if kind == "stall" else 0.0

    def _encode(self, encoder: Encoder, index: int, faults: dict[FaultKind, float]) -> Coded:
        shrink = 2 if "resolution_drop" in faults else 1
        picture = self.programme.picture(index, shrink)
        coded = encoder.frame(index, picture, self.programme.tone(index, "silence" in faults))
        at, pts = clock.now(), self._pts(index)
        self.sent.append(Sent(at, pts))
        self._note("resolution_drop", "resolution_drop" in faults, at, pts)
        self._note("silence", "silence" in faults, at, pts)
        return coded

    def _note(self, kind: FaultKind, on: bool, at: float, pts: float) -> None:
        """Write down where a fault in the pictures or the sound begins and ends."""
        place = next((i for i, fault in enumerate(self.injected) if fault.kind == kind and fault.end is None), None)
        if on and place is None:
            self.injected.append(Injected(kind, at, None, pts))
        elif not on and place is not None:
            self.injected[place] = replace(self.injected[place], end=at, end_pts=pts)

    def _pts(self, index: int) -> float:
        return LEAD_IN + index / self.programme.rate

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
