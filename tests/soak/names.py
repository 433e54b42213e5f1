"""A name server that knows one name, or denies it, or says nothing (RFC 1035)."""

from __future__ import annotations

import asyncio
import struct
from typing import Literal, cast

HOST = "127.0.0.153"
"""A loopback address of its own, as resolv.conf takes no ports."""
KNOWN, MUTE = "show.soak.test", "mute.soak.test"
"""A name of 127.0.0.1, and the end of those for which there is never an answer; all others do not exist."""
_HEAD = struct.Struct("!HHHHHH")


class Names(asyncio.DatagramProtocol):
    """Answers on 127.0.0.153:53."""

    mood: Literal["well", "mute", "gone"] = "well"
    asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.asked += 1
        if answer := reply(data, self.mood):
            self._transport.sendto(answer, addr)

    def close(self) -> None:
        self._transport.close()


def reply(data: bytes, mood: str) -> bytes:
    """The answer to a question; empty: none is given."""
    number, _, _, _, _, _ = _HEAD.unpack_from(data)
    name, at = [], _HEAD.size
    while length := data[at]:
        name.append(data[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    question, (kind,) = data[_HEAD.size : at + 5], struct.unpack_from("!H", data, at + 1)
    full = ".".join(name)
    if mood == "mute" or full.endswith(MUTE):
        return b""
    if mood == "gone" or full != KNOWN:
        return _HEAD.pack(number, 0x8183, 1, 0, 0, 0) + question  # NXDOMAIN
    if kind != 1:  # A; of others there are none
        return _HEAD.pack(number, 0x8180, 1, 0, 0, 0) + question
    record = struct.pack("!HHHIH4B", 0xC00C, 1, 1, 1, 4, 127, 0, 0, 1)
    return _HEAD.pack(number, 0x8180, 1, 1, 0, 0) + question + record


async def serve() -> Names:
    """OSError: the address is not to be had."""
    _, names = await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=(HOST, 53))
    return names
