"""A publisher that we control to the packet: RTMP by hand, with a log of what left when (the truth).

RTMP as in Adobe's specification 1.0, §5 (handshake, chunks) and §7.2 (commands); of the server's answers only
the one to publish is read.
"""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qoe_agent import clock
from qoe_agent.bitstream import capture
from qoe_agent.demo.encoder import LEAD_IN
from qoe_agent.demo.faults import Fault, Schedule
from qoe_agent.demo.programme import Programme
from qoe_agent.demo.studio import Studio
from qoe_agent.model import KEY, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.demo.encoder import Coded
    from qoe_agent.demo.faults import Injected

AUDIO, VIDEO = 8, 9
CHUNK = 1 << 20
SMALL = Programme(width=320, height=180)
SOON = 0.5
"""Seconds until a fault that is asked for begins."""


class Publisher:
    """Broadcasts the demo's programme to an RTMP server from a thread; use as a context manager."""

    def __init__(self, url: str, programme: Programme = SMALL, early: float | None = None) -> None:
        """`early`: pictures carry our SEI, which says that they were captured so many seconds before they were due."""
        self._early = early
        self.captured: dict[float, float] = {}
        """By media time: the capture time, in Unix seconds, that a picture's SEI says."""
        self.log: list[Packet] = []
        """Every packet with the time it was handed to the network; no payload."""
        self.failure: Exception | None = None
        self._socket = _connect(url)
        self._studio = Studio(self._deliver, programme)
        self._thread = threading.Thread(target=self._run, name="publisher")

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self.stop()

    @property
    def injected(self) -> list[Injected]:
        """What went wrong so far."""
        return list(self._studio.injected)

    @property
    def media(self) -> float:
        """Media time of the latest picture."""
        return next((packet.pts or 0.0 for packet in reversed(self.log) if packet.kind == "video"), 0.0)

    def inject(self, *faults: Fault) -> None:
        """Let these go wrong; their `start` counts from now."""
        now = clock.now() - self._studio.started
        self._studio.schedule = Schedule(tuple(replace(fault, start=now + fault.start) for fault in faults))

    def stop(self) -> None:
        """End cleanly."""
        self._end()

    def kill(self) -> float:
        """Vanish as a crashed program does: the connection is reset. Returns when."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end()
        return clock.now()

    def _end(self) -> None:
        self._studio.stop()
        self._thread.join()
        self._socket.close()
        if self.failure:
            raise self.failure

    def _run(self) -> None:
        try:
            self._studio.run()
        except Exception as error:  # the thread's top: `stop` raises it again
            self.failure = error

    def _deliver(self, coded: Coded, sequence: bytes) -> None:
        message = bytearray()
        packets = []
        for piece in coded.flv:
            for kind, stamp, body in _tags(piece.data):
                if kind == VIDEO and body[1] == 1 and self._early is not None:
                    body = self._dated(stamp / 1000, body, self._early)
                message += _message(4 if kind == AUDIO else 6, kind, 1, stamp, body)
                if body[1] == 1:  # a frame, not a configuration
                    packets.append((kind, stamp / 1000, body))
        self._socket.sendall(message)
        at = clock.now()
        for kind, pts, body in packets:
            flags = KEY if kind == AUDIO or body[0] >> 4 == 1 else 0
            name, track = ("audio", 1) if kind == AUDIO else ("video", 0)
            self.log.append(Packet(at, track, name, pts, pts, flags, len(body), b""))  # type: ignore[arg-type]  # a Kind

    def _dated(self, pts: float, body: bytes, early: float) -> bytes:
        """A picture with our SEI before its first slice."""
        time = clock.wall(self._studio.started) + pts - LEAD_IN - early
        self.captured[pts] = time
        return body[:5] + capture.inject("h264", body[5:], 4, capture.write(time, len(self.captured)))


def _tags(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, milliseconds and body of each FLV tag."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        stamp = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        yield data[at], stamp, data[at + 11 : at + 11 + size]
        at += 15 + size


def _connect(url: str) -> socket.socket:
    """Handshake, connect, createStream, publish."""
    parts = urlsplit(url)
    app, _, name = parts.path.strip("/").partition("/")
    link = socket.create_connection((parts.hostname or "", parts.port or 1935), timeout=30.0)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(b"\x03" + bytes(1536))
    answer = _exactly(link, 1 + 2 * 1536)
    link.sendall(answer[1 : 1 + 1536])
    target = {"app": app, "type": "nonprivate", "flashVer": "qoe-test", "tcUrl": f"rtmp://{parts.netloc}/{app}"}
    link.sendall(
        _message(2, 1, 0, 0, CHUNK.to_bytes(4, "big"))
        + _message(3, 20, 0, 0, _amf("connect") + _amf(1.0) + _amf(target))
        + _message(3, 20, 0, 0, _amf("createStream") + _amf(2.0) + b"\x05")
        + _message(3, 20, 1, 0, _amf("publish") + _amf(3.0) + b"\x05" + _amf(name) + _amf("live"))
    )
    seen = b""
    while b"NetStream.Publish.Start" not in seen:
        more = link.recv(4096)
        if not more or b"NetStream.Publish.BadName" in seen:
            raise ConnectionError(f"the server does not let us publish: {seen!r}")
        seen += more
    return link


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise ConnectionError("the server hung up in the handshake")
        data += more
    return data


def _message(chunk_stream: int, kind: int, stream: int, stamp: int, body: bytes) -> bytes:
    """One message in one chunk of type 0 (§5.3.1.2.1): ours never exceed CHUNK."""
    head = bytes([chunk_stream]) + (stamp & 0xFFFFFF).to_bytes(3, "big") + len(body).to_bytes(3, "big")
    return head + bytes([kind]) + stream.to_bytes(4, "little") + body


def _amf(value: str | float | dict[str, str]) -> bytes:
    if isinstance(value, float):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\x02" + len(value).to_bytes(2, "big") + value.encode()
    pairs = b"".join(len(key).to_bytes(2, "big") + key.encode() + _amf(each) for key, each in value.items())
    return b"\x03" + pairs + b"\x00\x00\x09"
