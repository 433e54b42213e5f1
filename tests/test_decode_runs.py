"""Decoding everything for a while: where a run begins, what breaks it, and what an empty packet must not do."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from qoe_agent.decode import Decoding, Pool
from qoe_agent.decode.decoding import WAITING
from qoe_agent.decode.pictures import TOGETHER
from qoe_agent.model import Damage, Observation, Picture, Sound
from tests.media import aac, h264
from tests.test_decode import decode

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    pool.close()
    assert all(lane.faults == 0 for lane in pool.lanes)


async def test_a_burst_begins_once_though_many_packets_came_with_its_first(pool: Pool) -> None:
    form, packets = h264(frames=100, gop=25)
    packets = [replace(one, at=max(one.at, 1001.48)) for one in packets]  # a second and a half from the server's cache
    seen = await decode(pool, packets, form, policy="adaptive")
    pictures = [one for one in seen if isinstance(one, Picture)]
    assert [one.pts for one in pictures] == pytest.approx([*(n / 25 for n in range(50)), 2.0, 3.0])


async def test_a_packet_without_data_does_not_end_the_decoder(pool: Pool) -> None:
    form, packets = aac(seconds=3.0)
    packets[60] = replace(packets[60], data=b"", size=0)
    sounds = [one for one in await decode(pool, packets, form) if isinstance(one, Sound)]
    assert sum(one.duration for one in sounds) > 2.9
    form, packets = h264(frames=50)
    packets[10] = replace(packets[10], data=b"", size=0)
    seen = await decode(pool, packets, form, policy="all")
    assert not any(isinstance(one, Damage) for one in seen)
    assert len([one for one in seen if isinstance(one, Picture)]) == 49


async def test_after_a_left_out_picture_decoding_goes_on_at_the_next_key_frame(pool: Pool) -> None:
    form, packets = h264(frames=WAITING + 50, gop=25)
    seen: list[Observation] = []
    free = threading.Event()
    calls: list[tuple[object, ...]] = []
    decoding = Decoding(
        pool.lane(), seen.append, lambda *call: calls.append(call), pictures={}, sounds={}, policy="all"
    )
    assert pool.lanes[0].put(lambda: free.wait(30.0) and None)  # the lane is busy: what comes now waits
    decoding.format(form)
    held = WAITING + 6
    for packet in packets[:held]:
        decoding.packet(packet)
    assert decoding.skipped["picture"] == 6
    free.set()
    done = threading.Event()
    while not pool.lanes[0].put(done.set):
        pass
    assert done.wait(30.0)
    for deliver, *found in calls:
        deliver(*found)  # type: ignore[operator]  # what the lane would have had the loop call
    calls.clear()
    for packet in packets[held:]:
        decoding.packet(packet)
    decoding.flush()
    done.clear()
    assert pool.lanes[0].put(done.set)
    assert done.wait(30.0)
    for deliver, *found in calls:
        deliver(*found)  # type: ignore[operator]  # same
    shown = [round((one.pts or 0.0) * 25) for one in seen if isinstance(one, Picture)]
    assert shown == [*range(WAITING), *range(75, WAITING + 50)]
    assert not any(isinstance(one, Damage) for one in seen)
    assert decoding.skipped["picture"] == 75 - WAITING


async def test_pictures_of_a_run_that_stands_still_wait_until_they_are_asked_for(pool: Pool) -> None:
    form, packets = h264(frames=TOGETHER + 1, gop=25)
    seen: list[Observation] = []
    call = asyncio.get_running_loop().call_soon_threadsafe
    decoding = Decoding(pool.lane(), seen.append, call, pictures={}, sounds={}, policy="all")
    decoding.format(form)
    for number, packet in enumerate(packets, 1):
        decoding.packet(packet)
        await decoding.drained(30.0)
        assert len([one for one in seen if isinstance(one, Picture)]) == number // TOGETHER * TOGETHER
    decoding.flush()
    await decoding.drained(30.0)
    assert len([one for one in seen if isinstance(one, Picture)]) == TOGETHER + 1
