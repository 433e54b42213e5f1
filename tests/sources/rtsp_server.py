"""A scripted RTSP server (RFC 2326) that plays H.264 over the RTSP connection itself (§10.12, RFC 6184)."""

from __future__ import annotations

import asyncio
import base64
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from qoe_agent.bitstream import nal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

RATE = 90000


@asynccontextmanager
async def rtsp_server(
    packets: list[bytes], status: str = "200 OK", hold: bool = False, captured: float | None = None
) -> AsyncIterator[str]:
    """Serves `packets` (Annex B, 25 a second by their timestamps, as fast as they are read); yields the URL.

    `status` is the answer to DESCRIBE; `hold` keeps the connection open in silence afterwards; `captured` is the Unix
    time of the first packet, as a sender report says it before each.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                method = request.split(b" ", 1)[0].decode()
                sequence = request.lower().split(b"cseq:", 1)[1].split(b"\r\n", 1)[0].strip().decode()
                writer.write(_answer(method, sequence, status, packets[0]))
                if method == "PLAY":
                    writer.writelines(_rtp(packets, captured))
                    await writer.drain()
                    if not hold:
                        break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
    finally:
        server.close()


def _answer(method: str, sequence: str, status: str, first: bytes) -> bytes:
    lines = [f"RTSP/1.0 {status if method == 'DESCRIBE' else '200 OK'}", f"CSeq: {sequence}", "Session: 1"]
    body = ""
    if method == "OPTIONS":
        lines.append("Public: DESCRIBE, SETUP, PLAY, TEARDOWN")
    if method == "SETUP":
        lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    if method == "DESCRIBE" and status.startswith("200"):
        body = _sdp(first)
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _sdp(first: bytes) -> str:
    units = [first[start:end] for start, end in nal.units(first, 0)]
    sets = ",".join(base64.b64encode(unit).decode() for unit in units if unit[0] & 31 in (7, 8))
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track0\r\n"
    )


def _rtp(packets: list[bytes], captured: float | None) -> Iterator[bytes]:
    """One RTP packet for each NAL unit, the marker on the last of a picture (RFC 6184 §5.6)."""
    number = 0
    for index, packet in enumerate(packets):
        stamp = index * RATE // 25
        if captured is not None:  # RFC 3550 §6.4.1
            ntp = round((captured + index / 25 + 2_208_988_800) * 2**32)
            yield b"$\1\0\x1c" + struct.pack(">BBH4sQIII", 0x80, 200, 6, b"qoe!", ntp, stamp, number, 0)
        units = [packet[start:end] for start, end in nal.units(packet, 0)]
        for unit in units:
            marker = 0x80 if unit is units[-1] else 0
            head = struct.pack(">BBHI4s", 0x80, 96 | marker, number & 0xFFFF, stamp, b"qoe!")
            yield b"$\0" + struct.pack(">H", len(head) + len(unit)) + head + unit
            number += 1
