"""MPEG-TS over UDP, unicast or multicast, with or without RTP around it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from qoe_agent import clock
from qoe_agent.bitstream.ts import SYNC, Ts
from qoe_agent.model import Lost, Opened
from qoe_agent.sources.connect import explain
from qoe_agent.sources.held import Held

if TYPE_CHECKING:
    from qoe_agent.model import Target
    from qoe_agent.sources import Emit

RECEIVE_BUFFER = 4 << 20
"""Bytes that the kernel may hold for us (it grants up to net.core.rmem_max): a second of 32 Mb/s."""

_RTP_HEADER = 12


async def watch(target: Target, emit: Emit) -> Lost:
    """Listen where `target` says until the socket fails; silence is for the caller to judge."""
    requested = clock.now()
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[Exception] = loop.create_future()
    try:
        sock = await asyncio.to_thread(listen, target.url)  # it may ask for a name
    except ValueError:
        return Lost(clock.now(), "failed", "not an address to listen on")
    except OSError as error:
        return Lost(clock.now(), *explain(error))
    receiver = _Receiver(requested, emit, failed)
    transport, _ = await loop.create_datagram_endpoint(lambda: receiver, sock=sock)
    try:
        fault = await failed
        reason = explain(fault) if isinstance(fault, OSError) else ("failed", type(fault).__name__)
        return Lost(clock.now(), *reason)
    finally:
        transport.close()
        receiver.held.drop()


def listen(url: str) -> socket.socket:
    """A socket on which the stream arrives. `udp://@group:port?localaddr=…`; raises ValueError, OSError."""
    parts = urlsplit(url)
    if not parts.port:
        raise ValueError("no port")
    local = parse_qs(parts.query).get("localaddr", [""])[0]
    host = parts.hostname or ""
    group = host if host and ipaddress.ip_address(_number(host)).is_multicast else ""
    address = ipaddress.ip_address(_number(group or local or host or "0.0.0.0"))
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if group:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _join(sock, address, local)
        sock.bind((str(address), parts.port))
    except OSError:
        sock.close()
        raise
    return sock


def _number(host: str) -> str:
    """The address of a name such as localhost."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])


def _join(sock: socket.socket, group: ipaddress.IPv4Address | ipaddress.IPv6Address, local: str) -> None:
    if group.version == 4:
        interface = socket.inet_aton(_number(local) if local else "0.0.0.0")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.packed + interface)
    else:
        index = struct.pack("@I", socket.if_nametoindex(local) if local else 0)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group.packed + index)


def payload(datagram: bytes) -> bytes:
    """The TS packets in a datagram: all of it, or what is behind an RTP header (RFC 3550 §5.1, RFC 2250)."""
    if len(datagram) <= _RTP_HEADER or datagram[0] == SYNC or datagram[0] >> 6 != 2:
        return datagram
    start = _RTP_HEADER + 4 * (datagram[0] & 15)
    if datagram[0] & 0x10:
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    end = len(datagram) - (datagram[-1] if datagram[0] & 0x20 else 0)
    return datagram[start:end] if start < end and datagram[start] == SYNC else datagram


class _Receiver(asyncio.DatagramProtocol):
    """Stamps datagrams and hands their packets on; lost ones show in the continuity counters."""

    def __init__(self, requested: float, emit: Emit, failed: asyncio.Future[Exception]) -> None:
        self._requested = requested
        self._emit = emit
        self._failed = failed
        self._ts = Ts()
        self.held = Held(self._feed)
        self._opened = False

    def datagram_received(self, data: bytes, addr: object) -> None:
        at = clock.now()
        if not self._opened:
            self._opened = True
            self._emit(Opened(at, self._requested, "udp", {"first_byte": at - self._requested}))
        try:
            self.held.add(payload(data), at)
        except Exception as fault:  # a task's top: the pull must hear of it, not the event loop
            self.error_received(fault)

    def _feed(self, pieces: list[tuple[bytes, float]]) -> None:
        for data, at in pieces:
            for seen in self._ts.feed(data, at):
                self._emit(seen)

    def error_received(self, exc: Exception) -> None:
        if not self._failed.done():
            self._failed.set_result(exc)
