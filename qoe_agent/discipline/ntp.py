"""SNTP: one question to a time server, one answer (RFC 5905 §7.3, §14)."""

from __future__ import annotations

import asyncio
import secrets
import struct

from qoe_agent import clock
from qoe_agent.bitstream.dates import ntp
from qoe_agent.maths.clocks import Answer, exchange

_CLIENT = 0x23
"""Leap 0, version 4, mode 3."""
_SERVER_MODE, _UNSYNCHRONISED = 4, 3
_SHORT = 65536.0
_packet = struct.Struct(">BBbbII4sQQQQ")


class Unusable(ValueError):
    """An answer that says no time."""


class _Question(asyncio.DatagramProtocol):
    """Keeps the first answer to one question, and when it came."""

    def __init__(self) -> None:
        self.nonce = secrets.token_bytes(8)  # says nothing of our clock, and cannot be guessed
        self.answered: asyncio.Future[tuple[bytes, float]] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.answered.done() and data[24:32] == self.nonce:
            self.answered.set_result((data, clock.now()))

    def error_received(self, exc: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc)


async def ask(host: str, port: int, within: float) -> Answer:
    """What the server says. Raises TimeoutError, OSError, Unusable."""
    transport = None
    try:
        async with asyncio.timeout(within):
            loop = asyncio.get_running_loop()
            transport, question = await loop.create_datagram_endpoint(_Question, remote_addr=(host, port))
            sent = clock.now()
            transport.sendto(bytes((_CLIENT,)) + bytes(39) + question.nonce)
            data, returned = await question.answered
    finally:
        if transport is not None:
            transport.close()
    return read(data, sent, returned)


def read(data: bytes, sent: float, returned: float) -> Answer:
    """The answer in a packet; `sent` and `returned` by our clock. Raises Unusable."""
    if len(data) < _packet.size:
        raise Unusable("too short for an answer")
    head, stratum, _, precision, delay, dispersion, name, _, _, received, replied = _packet.unpack_from(data)
    if head & 7 != _SERVER_MODE:
        raise Unusable("no answer of a server")
    if stratum == 0:
        code = name.decode("ascii", "replace")
        raise Unusable(f"the server refuses ({code if code.isalnum() else 'no reason given'})")
    if stratum > 15 or head >> 6 == _UNSYNCHRONISED or not replied or not received:
        raise Unusable("the server's own clock is not synchronised")
    unix, took = exchange(sent, ntp(received), ntp(replied), returned)
    root = delay / _SHORT / 2 + dispersion / _SHORT
    if took < -0.001 or root >= 16.0:
        raise Unusable("the answer contradicts itself")
    return Answer(returned, unix, max(0.0, took) / 2 + root + 2.0**precision)
