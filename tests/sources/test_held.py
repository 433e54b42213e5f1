"""Bytes that wait: in order, with their arrival, not for long, and never in silence when they break something."""

from __future__ import annotations

import asyncio
import socket
from typing import TypeAlias

import pytest

from qoe_agent import sources
from qoe_agent.model import Observation, Packet, Target
from qoe_agent.sources import HOLD
from qoe_agent.sources.held import LARGEST, Held
from tests import rtmp_server as server
from tests.bitstream.ts_files import muxed
from tests.e2e.servers import free_port
from tests.sources.test_rtmp import TAGS, serving

Pieces: TypeAlias = "list[tuple[bytes, float]]"


class Taken:
    """Notes what is handed on, and wakes who waits for it."""

    def __init__(self) -> None:
        self.batches: list[Pieces] = []
        self.some = asyncio.Event()

    def __call__(self, pieces: Pieces) -> None:
        self.batches.append(pieces)
        self.some.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.some.wait(), 5.0)


async def test_pieces_come_together_in_order_with_their_own_arrival() -> None:
    taken = Taken()
    held = Held(taken)
    for n in range(5):
        held.add(bytes([n]), 100.0 + n)
    assert not taken.batches
    began = asyncio.get_running_loop().time()
    await taken.wait()
    assert taken.batches == [[(bytes([n]), 100.0 + n) for n in range(5)]]
    assert asyncio.get_running_loop().time() - began < HOLD + 2.0


async def test_what_comes_later_goes_into_the_next_batch() -> None:
    taken = Taken()
    held = Held(taken)
    held.add(b"a", 1.0)
    held.flush()
    held.add(b"b", 2.0)
    await taken.wait()
    taken.some.clear()
    assert taken.batches[0] == [(b"a", 1.0)]
    await taken.wait()
    assert taken.batches[1:] == [[(b"b", 2.0)]]


async def test_much_is_handed_on_at_once() -> None:
    taken = Taken()
    held = Held(taken)
    held.add(bytes(LARGEST), 1.0)
    assert not taken.batches
    held.add(b"x", 2.0)
    assert [len(pieces) for pieces in taken.batches] == [2]


async def test_nothing_is_handed_on_after_it_was_dropped_or_where_there_is_nothing() -> None:
    taken = Taken()
    held = Held(taken)
    held.flush()
    held.add(b"a", 1.0)
    held.drop()
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(1.2 * HOLD, due.set)
    await asyncio.wait_for(due.wait(), 5.0)
    held.flush()
    assert not taken.batches


async def test_a_fault_in_a_batch_reaches_who_adds_the_next_piece_and_who_ends_it() -> None:
    broken = asyncio.Event()

    def take(pieces: Pieces) -> None:
        broken.set()
        raise ZeroDivisionError

    held = Held(take)
    held.add(b"a", 1.0)
    await asyncio.wait_for(broken.wait(), 5.0)
    with pytest.raises(ZeroDivisionError):
        held.add(b"b", 2.0)
    with pytest.raises(ZeroDivisionError):
        held.flush()
    held.drop()


@pytest.mark.parametrize("stay", [False, True], ids=["the server leaves", "the server goes on"])
async def test_a_fault_in_taking_media_ends_an_rtmp_pull_with_it(stay: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Not with silence, and not with a pull that waits for ever."""

    def take(seen: Observation) -> None:
        if isinstance(seen, Packet):
            raise ZeroDivisionError

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _accept(reader, writer)
        writer.write(server.media(TAGS))
        while stay:
            await writer.drain()
            await asyncio.sleep(HOLD / 2)
            writer.write(server.media(TAGS))

    async with serving(talk) as port, asyncio.timeout(30):
        with pytest.raises(ZeroDivisionError):
            await sources.watch(Target(f"rtmp://127.0.0.1:{port}/live/key"), take)


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(1537)
    writer.write(server.HANDSHAKE)
    await reader.readexactly(1536)
    await reader.read(1)
    writer.write(server.ACCEPTED)


async def test_a_fault_in_taking_media_ends_an_udp_pull() -> None:
    def take(seen: Observation) -> None:
        if isinstance(seen, Packet):
            raise ZeroDivisionError

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port = free_port()
        pull = asyncio.ensure_future(sources.watch(Target(f"udp://127.0.0.1:{port}"), take))
        media = muxed(seconds=1.0)
        async with asyncio.timeout(30):
            while not pull.done():
                for place in range(0, len(media), 1316):
                    sender.sendto(media[place : place + 1316], ("127.0.0.1", port))
                await asyncio.sleep(HOLD / 2)
    assert (pull.result().reason, pull.result().detail) == ("failed", "ZeroDivisionError")
