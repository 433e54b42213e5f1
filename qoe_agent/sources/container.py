"""Whatever PyAV opens: RTSP, files, pipes, and any other stream under `source: libav`.

libavformat blocks, so it runs in one daemon thread a pull, which hands observations over a bounded queue: a
slow loop blocks the reader, never fills the memory. `fflags=nobuffer` is not used: it throws away what probing
read (avformat_find_stream_info), often the first key frame, by which startup is measured; the opening burst is
marked BACKLOG where all sources are guarded instead.

A regular file is paced to real time by its decode timestamps, so that it behaves like a live stream and the
player model, drift and gaps mean something. Files are opened only when a target names one; what libavformat
may open on from there (segments, redirects) is held to the protocols of `_PROTOCOLS`.

A read that blocks inside libavformat can only be ended by its own deadline: PyAV's interrupt callback knows
nothing else. A cancelled pull therefore stops emitting at once, and its thread closes the container when the
read returns, at the latest after `lost_after`. Pipes and pacing end at once.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import av

from qoe_agent import clock
from qoe_agent.model import Lost, Opened, Packet
from qoe_agent.sources.local import Local, Pipe, Stopped, local
from qoe_agent.sources.tracks import Tracks, lost

if TYPE_CHECKING:
    from qoe_agent.model import Observation, Target
    from qoe_agent.sources import Emit
    from qoe_agent.sources.tracks import Seen

QUEUE = 512
"""Observations that may wait between the thread and the loop."""
JUMP = 5.0
"""A step of a file's timeline beyond this, or back, is a jump: it is not waited for."""
BACK = -1.0
READ_AHEAD = 2.0
"""Seconds of a file that are read ahead, to put its tracks in step."""
_POLL = 0.1
"""Seconds between looks at whether to stop."""
PROBE_SECONDS = 0.5
"""How much of a live stream libavformat may read to learn its formats."""
PROBE_BYTES = 1_000_000

_FILE = "file,crypto,data"
_HTTP = "http,https,httpproxy,tls,tcp,crypto"
_PROTOCOLS = {
    "http": _HTTP,
    "https": _HTTP,
    "rtsp": "rtsp,rtp,srtp,udp,tcp,http,httpproxy",
    "rtsps": "rtsp,rtp,srtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp",
    "rtmpt": "rtmpt,ffrtmphttp,http,tcp",
    "rtp": "rtp,udp",
    "udp": "udp",
    "tcp": "tcp",
}
"""What libavformat may speak on behalf of each scheme; any other scheme is refused."""


async def watch(target: Target, emit: Emit) -> Lost:
    """Pull `target` through PyAV."""
    reader = _Reader(target, asyncio.get_running_loop())
    threading.Thread(target=reader.run, name="container", daemon=True).start()
    try:
        while True:
            await reader.wake.wait()
            reader.wake.clear()
            while reader.queue:
                seen = reader.queue.popleft()
                reader.room.release()
                if isinstance(seen, Lost):
                    return seen
                emit(seen)
    finally:
        reader.stop.set()


class _Reader:
    """The thread's side: opens, demuxes, paces, and waits for room."""

    def __init__(self, target: Target, loop: asyncio.AbstractEventLoop) -> None:
        self._target, self._loop = target, loop
        self.queue: deque[Observation] = deque()
        self.room = threading.Semaphore(QUEUE)
        self.wake = asyncio.Event()
        self.stop = threading.Event()

    def run(self) -> None:
        """The thread's top; its last word is Lost."""
        try:
            try:
                last = self._pull()
            except Stopped:
                raise
            except Exception as error:  # the top of a thread: nobody else would hear of it
                last = Lost(clock.now(), "failed", f"{type(error).__name__} in the reader")
            self._put(last)
        except Stopped:
            pass  # nobody listens any more

    def _put(self, seen: Observation) -> None:
        while not self.room.acquire(timeout=_POLL):
            if self.stop.is_set():
                raise Stopped
        if self.stop.is_set():
            raise Stopped
        self.queue.append(seen)
        if self.wake.is_set():
            return  # the loop has not looked yet, and will find this too
        try:
            self._loop.call_soon_threadsafe(self.wake.set)
        except RuntimeError as error:  # the loop is closed
            raise Stopped from error

    def _pull(self) -> Lost:
        target, requested = self._target, clock.now()
        name = local(target.url)
        scheme = "file" if name else urlsplit(target.url).scheme
        if not name and scheme not in _PROTOCOLS:
            return Lost(requested, "unsupported", f"no source speaks {scheme or 'this'}:")
        opened = False
        pipe = None
        try:
            pipe = name.pipe(self.stop, target.open_timeout, target.lost_after) if name else None
            with self._open(name, scheme, pipe) as container:
                opened = True
                protocol = name.protocol if name else scheme
                self._put(Opened(clock.now(), requested, protocol))
                return self._demux(container, _Pace() if name and name.paced else None)
        except (av.FFmpegError, OSError, ValueError) as error:
            return lost(error, clock.now(), opened=opened, url="" if name else target.url)
        finally:
            if pipe:
                pipe.close()

    def _open(self, name: Local | None, scheme: str, pipe: Pipe | None) -> av.container.InputContainer:
        target = self._target
        timeout = (target.open_timeout, target.lost_after)
        if name is None:
            what, options = target.url, _options(target, scheme)
        else:
            what, options = f"file:{name.path}", {"protocol_whitelist": _FILE + name.extra_protocols}
        return av.open(pipe or what, "r", timeout=timeout, options=options, metadata_errors="replace")

    def _demux(self, container: av.container.InputContainer, pace: _Pace | None) -> Lost:
        tracks, packets = Tracks(), 0
        for packet in container.demux():
            seen = list(tracks.observe(packet, clock.now()))
            packets += any(isinstance(each, Packet) for each in seen)
            if pace is None:
                for each in seen:
                    self._put(each)
            elif seen:
                pace.add(seen)
                self._play(pace, READ_AHEAD)
        if pace:
            self._play(pace, 0.0)
        if packets:
            return Lost(clock.now(), "ended", "end of file")
        return Lost(clock.now(), "empty", "the container holds no media")

    def _play(self, pace: _Pace, ahead: float) -> None:
        """Hand out what is known to be next, each when it is due."""
        while pace and pace.span >= ahead:
            due, seen = pace.take(clock.now())
            if self.stop.wait(max(0.0, due - clock.now())):
                raise Stopped
            for each in seen:
                self._put(replace(each, at=clock.now()))


class _Pace:
    """Puts a file's packets in the order of their decode timestamps, and says when each is due.

    Files are interleaved coarsely: libavformat reads MP4 by position while tracks are within a second of each
    other (mov.c, mov_find_next_sample), so that what it gives would come up to a second late.
    """

    def __init__(self) -> None:
        self._anchor = 0.0
        self._last: dict[int, tuple[float, float]] = {}
        """Each track's last time, and the anchor that it was placed by."""
        self._newest = 0.0
        self._began: float | None = None
        self._held: list[tuple[float, int, list[Seen]]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def span(self) -> float:
        """Seconds from the first to the last that is held."""
        return self._newest - self._held[0][0] if self._held else 0.0

    def add(self, seen: list[Seen]) -> None:
        """Hold a packet, and the formats before it."""
        due = max([self._due(each) for each in seen if isinstance(each, Packet)], default=self._newest)
        self._newest = max(self._newest, due)
        self._number += 1
        heapq.heappush(self._held, (due, self._number, seen))

    def take(self, now: float) -> tuple[float, list[Seen]]:
        """The next, and when it is due; the very first is due now."""
        due, _, seen = heapq.heappop(self._held)
        if self._began is None:
            self._began = now - due
        return self._began + due, seen

    def _due(self, packet: Packet) -> float:
        at = packet.dts if packet.dts is not None else packet.pts
        newest = self._newest
        if at is None:
            return newest
        last, anchor = self._last.get(packet.track, (at, self._anchor))
        if not self._last or not BACK < at - last < JUMP:
            if anchor == self._anchor or abs(self._anchor + at - newest) > JUMP:  # else it follows another's jump
                self._anchor = newest - at
            anchor = self._anchor
        self._last[packet.track] = at, anchor
        due = anchor + at
        return due if due - newest < JUMP else newest


def _options(target: Target, scheme: str) -> dict[str, str]:
    """What libavformat needs to know of a network target."""
    options = {
        "protocol_whitelist": _PROTOCOLS[scheme],
        "analyzeduration": str(int(PROBE_SECONDS * 1e6)),
        "probesize": str(PROBE_BYTES),
    }
    if scheme.startswith("rtsp"):
        options |= {"rtsp_transport": target.rtsp_transport}
    if scheme.startswith("rtmp"):
        return options | {"rtmp_flashver": target.user_agent}
    headers = dict(target.headers)
    if target.cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in target.cookies.items())
    options |= {"user_agent": target.user_agent, "tls_verify": "1" if target.verify_tls else "0"}
    if headers:
        options["headers"] = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if target.ca_file:
        options["ca_file"] = target.ca_file
    if target.proxy:
        options["http_proxy"] = target.proxy
    return options
