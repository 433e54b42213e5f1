"""Transport streams in datagrams, sent by the test or by FFmpeg."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from qoe_agent.model import CORRUPT, Damage, Opened, Packet, Target
from qoe_agent.sources import udp
from qoe_agent.sources.connect import explain
from tests.bitstream.test_ts import only, read
from tests.bitstream.ts_files import SIZE, muxed
from tests.e2e.servers import free_port
from tests.sources.hls_origin import Ear

SEVEN = 7 * SIZE


def rtp(n: int, payload: bytes, *, extension: bool = False, pad: int = 0) -> bytes:
    first = 0x80 | (0x10 if extension else 0) | (0x20 if pad else 0)
    head = bytes((first, 33)) + n.to_bytes(2, "big") + bytes(8)
    more = b"\xbe\xde\0\1abcd" if extension else b""
    return head + more + payload + (bytes(pad - 1) + bytes((pad,)) if pad else b"")


async def sent(ear: Ear, address: tuple[str, int], datagrams: list[bytes]) -> None:
    """Send one after the other, each once the one before was seen: nothing is lost on the way."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        while not ear.all(Opened):  # until it listens
            sock.sendto(bytes(SIZE), address)
            await asyncio.sleep(0.01)
        for datagram in datagrams:
            sock.sendto(datagram, address)
            await asyncio.sleep(0)


@pytest.mark.parametrize("host", ["127.0.0.1", "239.255.7.7"], ids=["unicast", "multicast"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "rtp"])
async def test_datagrams_are_read(host: str, wrapped: bool) -> None:
    port, data = free_port(), muxed()
    pieces = [data[i : i + SEVEN] for i in range(0, len(data), SEVEN)]
    if wrapped:
        pieces = [rtp(n, p, extension=n % 2 == 0, pad=4 * (n % 3 == 0)) for n, p in enumerate(pieces)]
    ear = Ear(Target(f"udp://@{host}:{port}?localaddr=127.0.0.1"))
    await sent(ear, (host, port), pieces)
    expected = only(read(data))
    await ear.until(lambda: len(ear.all(Packet)) >= len(expected) - 2)
    await ear.stop()
    found = ear.all(Packet)
    assert [p.data for p in found] == [p.data for p in expected][: len(found)]
    assert ear.all(Opened)[0].protocol == "udp"


async def test_lost_datagrams_are_seen() -> None:
    port, data = free_port(), muxed()
    pieces = [data[i : i + SEVEN] for i in range(0, len(data), SEVEN)]
    del pieces[20]
    ear = Ear(Target(f"udp://127.0.0.1:{port}"))
    await sent(ear, ("127.0.0.1", port), pieces)
    await ear.until(lambda: len(ear.all(Packet)) > 150)
    await ear.stop()
    assert [seen.detail for seen in ear.all(Damage) if seen.track == 0] == ["continuity counter"]
    assert any(p.flags & CORRUPT for p in ear.all(Packet))


async def test_silence_is_lost() -> None:
    lost = await Ear(Target(f"udp://127.0.0.1:{free_port()}", open_timeout=0.3)).lost()
    assert (lost.reason, lost.detail) == ("timeout", "nothing came within the deadline")


async def test_a_port_that_is_taken_is_said_to_be() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        lost = await Ear(Target(f"udp://127.0.0.1:{taken.getsockname()[1]}")).lost()
    assert (lost.reason, lost.detail) == ("failed", "address already in use")


@pytest.mark.parametrize("url", ["udp://127.0.0.1", "udp://127.0.0.1:99999", "udp://203.0.113.9:1234"])
async def test_addresses_that_cannot_be_listened_on_are_no_traceback(url: str) -> None:
    lost = await Ear(Target(url)).lost()
    assert lost.reason in ("failed", "unreachable")


def test_a_host_name_without_address_is_a_resolve_error() -> None:
    with pytest.raises(socket.gaierror) as caught:
        udp.listen("udp://no.such.host.invalid:1234")
    assert explain(caught.value)[0] == "resolve"


def test_what_only_looks_like_rtp_is_left_alone() -> None:
    for datagram in (b"", b"\x80", b"\x80" * 20, bytes((0x47,)) * SIZE, rtp(0, b"not TS")):
        assert udp.payload(datagram) == datagram
    assert udp.payload(rtp(0, b"G" * SIZE, extension=True, pad=8)) == b"G" * SIZE
