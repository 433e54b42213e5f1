"""The demo's origin: PyAV reads what it serves, and its faults are in the streams as it says."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import aiohttp
import av
import numpy as np
import pytest

from qoe_agent.demo.encoder import Encoder
from qoe_agent.demo.faults import Fault, Schedule
from qoe_agent.demo.origin import Origin
from qoe_agent.demo.programme import Programme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

SMALL = Programme(width=320, height=180)
FAULTS = [Fault("stall", 1.5, 0.5), Fault("resolution_drop", 2.5, 0.5)]


@pytest.fixture
async def origin() -> AsyncIterator[tuple[Origin, str]]:
    """A broadcast with a stall and a drop of the resolution."""
    made = Origin(SMALL)
    made.schedule(FAULTS)
    base = await made.start()
    try:
        yield made, base
    finally:
        before = threading.active_count()
        await made.stop()
        assert threading.active_count() <= before


async def until(true: Callable[[], Any]) -> None:
    """Wait for it."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


def pull(url: str, seconds: float) -> list[tuple[float, int]]:
    """Media time and width of the pictures of the first `seconds`, decoded by PyAV."""
    found: list[tuple[float, int]] = []
    with av.open(url, timeout=(30.0, 30.0)) as opened:
        for frame in opened.decode(video=0):
            found.append((frame.time or 0.0, frame.width))
            if frame.time is not None and frame.time > seconds:
                break
    return found


@pytest.mark.parametrize("name", ["show.flv", "show.ts"])
async def test_pyav_sees_every_frame_and_the_drop(origin: tuple[Origin, str], name: str) -> None:
    made, base = origin
    await until(lambda: made.sent)  # before that there is nothing to begin with
    seen = await asyncio.to_thread(pull, f"{base}/live/{name}", 3.8)
    times = [at for at, _ in seen]
    assert np.diff(times) == pytest.approx(1 / SMALL.rate, abs=0.002), "a frame is missing, or the media clock ran on"
    (drop,) = [fault for fault in made.injected if fault.kind == "resolution_drop"]
    narrow = [at for at, width in seen if width == 160]
    assert (narrow[0], narrow[-1] + 1 / SMALL.rate) == pytest.approx((drop.start_pts, drop.end_pts), abs=0.01)
    assert {width for _, width in seen} == {320, 160}


async def test_a_new_viewer_begins_with_a_whole_gop(origin: tuple[Origin, str]) -> None:
    made, base = origin
    await until(lambda: made.sent and made.sent[-1].pts > 2.3)
    before = made.sent[-1].pts
    seen = await asyncio.to_thread(pull, f"{base}/live/show.flv", before + 0.1)
    assert seen[0][0] == pytest.approx(round(seen[0][0]), abs=0.01), "a key frame: there is one each second"
    assert before - 1.0 < seen[0][0] <= made.sent[-1].pts, "that of the current second"


async def test_the_truth_is_what_left(origin: tuple[Origin, str]) -> None:
    """The frames' own log shows the silence where the stall was noted."""
    made, _ = origin
    await until(lambda: made.sent and made.sent[-1].at > made.started + 2.2)
    (stall,) = [fault for fault in made.injected if fault.kind == "stall"]
    log = made.sent
    assert stall.end is not None
    at = next(i for i, frame in enumerate(log) if frame.pts == stall.start_pts)
    assert stall.end - stall.start > 0.45
    assert log[at].at >= stall.end > log[at - 1].at
    assert log[at].pts - log[at - 1].pts == pytest.approx(1 / SMALL.rate)


async def test_hls_lists_whole_segments(origin: tuple[Origin, str]) -> None:
    made, base = origin
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/live/show.m3u8") as early:
            assert early.status == 404
        async with asyncio.timeout(30):
            while True:
                async with session.get(f"{base}/live/show.m3u8") as answer:
                    text = await answer.text()
                if answer.status == 200:
                    break
                await asyncio.sleep(0.05)
        assert "#EXT-X-TARGETDURATION:2" in text
        assert "#EXTINF:2.000" in text
        async with session.get(f"{base}/live/show-0.ts") as answer:
            data = await answer.read()
    assert len(data) % 188 == 0
    await made.stop()


async def test_a_slow_viewer_is_dropped_and_the_others_are_not(origin: tuple[Origin, str]) -> None:
    from qoe_agent.demo.encoder import Piece
    from qoe_agent.demo.serving import QUEUED, Broadcast

    broadcast = Broadcast()
    slow, quick = broadcast.view(b"a"), broadcast.view(b"b")
    assert (await anext(slow), await anext(quick)) == (b"a", b"b")
    waiting = asyncio.ensure_future(anext(slow)), asyncio.ensure_future(anext(quick))
    await asyncio.sleep(0)
    for number in range(QUEUED + 2):
        broadcast.send(Piece(bytes([number % 255 + 1])))
        if number == 0:
            await asyncio.gather(*waiting)
        else:
            assert await anext(quick)
    got = [data async for data in slow]
    assert len(got) == QUEUED - 1
    broadcast.end()
    assert [data async for data in quick] == []


def test_key_frames_larger_than_the_muxers_buffer_stay_whole() -> None:
    programme = Programme()
    encoder = Encoder(programme, key_every=5, bit_rate=20_000_000)
    pieces = []
    for index in range(15):
        coded = encoder.frame(index, programme.picture(index), programme.tone(index))
        pieces += coded.ts
    encoder.close()
    assert max(len(piece.data) for piece in pieces) > 65536
    assert all(len(piece.data) % 188 == 0 and piece.data[::188].strip(b"G") == b"" for piece in pieces)
    assert [piece.key_pts for piece in pieces if piece.key_pts is not None] == pytest.approx([1.0, 1.2, 1.4])


def test_every_frame_can_be_drawn_again() -> None:
    programme = Programme()
    first, again = programme.picture(77), programme.picture(77)
    assert first.shape == (540, 640)
    assert np.array_equal(first, again)
    assert programme.picture(77, shrink=2).shape == (270, 320)
    luma = [programme.picture(i)[:360].astype(int) for i in (77, 78)]
    blocks = np.abs(luma[1] - luma[0])[80:320].reshape(15, 16, 40, 16).max(axis=(1, 3))
    assert (blocks > 2).mean() > 0.95, "moves everywhere"
    assert programme.tone(3).shape == (2, 1920)
    assert not programme.tone(3, silent=True).any()


def test_a_schedule_repeats() -> None:
    schedule = Schedule((Fault("silence", 4, 2),), period=10)
    assert schedule.now(3.9) == {}
    assert schedule.now(5) == {"silence": 6}
    assert schedule.now(25) == {"silence": 26}
    assert Schedule((Fault("silence", 4, 2),)).now(15) == {}
