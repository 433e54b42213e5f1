"""The server's side of RTMP, written after the specification and apart from the client: bytes to answer with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.bitstream import amf

if TYPE_CHECKING:
    from collections.abc import Iterable

HANDSHAKE = b"\x03" + bytes(range(256)) * 6 + b"\x55" * 1536
"""S0, S1, S2."""
AUDIO, VIDEO, SCRIPT, COMMAND, AGGREGATE = 8, 9, 18, 20, 22
SET_CHUNK_SIZE, ABORT, USER_CONTROL, WINDOW, BANDWIDTH = 1, 2, 4, 5, 6


def chunked(
    kind: int,
    payload: bytes,
    *,
    stamp: int = 0,
    channel: int = 3,
    size: int = 128,
    stream: int = 0,
    repeat: bool = True,
) -> bytes:
    """A message as one chunk of type 0 and as many of type 3 as it takes; `repeat` the extended time in those."""
    basic = _basic(0, channel)
    long = stamp >= 0xFFFFFF
    extended = stamp.to_bytes(4, "big") if long else b""
    head = min(stamp, 0xFFFFFF).to_bytes(3, "big") + len(payload).to_bytes(3, "big") + bytes([kind])
    out = basic + head + stream.to_bytes(4, "little") + extended + payload[:size]
    for at in range(size, len(payload), size):
        out += _basic(3, channel) + (extended if repeat else b"") + payload[at : at + size]
    return out


def follow(form: int, payload: bytes, *, delta: int = 0, kind: int = 0, channel: int = 3) -> bytes:
    """A message in one chunk of type 1, 2 or 3."""
    head = _basic(form, channel)
    if form < 3:
        head += min(delta, 0xFFFFFF).to_bytes(3, "big")
    if form == 1:
        head += len(payload).to_bytes(3, "big") + bytes([kind])
    if delta >= 0xFFFFFF:
        head += delta.to_bytes(4, "big")
    return head + payload


def _basic(form: int, channel: int) -> bytes:
    if channel < 64:
        return bytes([form << 6 | channel])
    if channel < 320:
        return bytes([form << 6, channel - 64])
    return bytes([form << 6 | 1, (channel - 64) & 255, (channel - 64) >> 8])


def command(*values: Any, stream: int = 0) -> bytes:
    return chunked(COMMAND, amf.encode(values), stream=stream)


def status(code: str, level: str = "status", description: str = "") -> bytes:
    info = {"level": level, "code": code, "description": description}
    return command("onStatus", 0.0, None, info, stream=1)


def control(event: int, value: int) -> bytes:
    return chunked(USER_CONTROL, event.to_bytes(2, "big") + value.to_bytes(4, "big"), channel=2)


CONNECTED = (
    chunked(WINDOW, (5_000_000).to_bytes(4, "big"), channel=2)
    + chunked(BANDWIDTH, (5_000_000).to_bytes(4, "big") + b"\x02", channel=2)
    + command("_result", 1.0, {"fmsVer": "FMS/3,0,1,123"}, {"code": "NetConnection.Connect.Success"})
)
CREATED = command("_result", 2.0, None, 1.0)
PLAYING = control(0, 1) + status("NetStream.Play.Start")
ACCEPTED = CONNECTED + CREATED + PLAYING


def media(tags: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Type, time and body of FLV tags as messages."""
    return b"".join(
        chunked(kind, body, stamp=stamp, channel=6 if kind == VIDEO else 4, stream=1) for kind, stamp, body in tags
    )


def tags(flv: bytes) -> list[tuple[int, int, bytes]]:
    """The tags of an FLV file (header of 9 bytes)."""
    out, at = [], 13
    while at < len(flv):
        size = int.from_bytes(flv[at + 1 : at + 4], "big")
        stamp = int.from_bytes(flv[at + 4 : at + 7], "big") | flv[at + 7] << 24
        out.append((flv[at], stamp, flv[at + 11 : at + 11 + size]))
        at += 15 + size
    return out
