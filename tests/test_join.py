"""Join probes: what one new viewer meets on a fresh connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock
from qoe_agent.join import AUDIO_ONLY_AFTER, Start, join
from qoe_agent.model import Format, Joined, Opened, Packet, Sound, Target
from tests.media import aac, h264
from tests.stage import Pull, Stage, stage, until

if TYPE_CHECKING:
    from qoe_agent.decode import Pool

    pass

TARGET = Target("rtmp://127.0.0.1/live/show")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage(monkeypatch)


async def joined(pool: Pool, played: Stage, opening: Any, timeout: float = 5.0) -> Joined:
    played.opening = opening
    found = await asyncio.wait_for(join(TARGET, pool, timeout), 10.0)
    assert not played.at(TARGET.url), "the connection is still there"
    return found


async def test_it_ends_with_the_first_decodable_picture(pool: Pool, played: Stage) -> None:
    form, packets = h264(frames=60, gop=25, start=clock.now())
    packets[0].data = bytes(len(packets[0].data))

    def opening(pull: Pull) -> None:
        pull.emit(Opened(clock.now(), clock.now(), "rtmp", {"connect": 0.01}))
        pull.emit(form)
        for packet in packets:
            pull.emit(packet)

    found = await joined(pool, played, opening)
    assert (found.outcome, found.phases) == ("ok", {"connect": 0.01})
    assert found.startup == pytest.approx(packets[25].at - found.requested)
    assert found.first_packet == found.first_key == pytest.approx(packets[0].at - found.requested)


async def test_a_picture_of_a_pull_that_ended_meanwhile_still_counts(pool: Pool, played: Stage) -> None:
    form, packets = h264(frames=2, start=clock.now() + 0.5)

    def opening(pull: Pull) -> None:
        pull.emit(form)
        pull.emit(packets[0])
        pull.end("reset")

    assert (await joined(pool, played, opening)).outcome == "ok"


async def test_a_refusal_is_the_outcome(pool: Pool, played: Stage) -> None:
    found = await joined(pool, played, lambda pull: pull.end("auth"))
    assert (found.outcome, found.startup, found.first_packet) == ("auth", None, None)


async def test_without_a_picture_the_deadline_is_the_outcome(pool: Pool, played: Stage) -> None:
    found = await joined(pool, played, lambda pull: pull.play(), timeout=0.1)
    assert (found.outcome, found.startup) == ("deadline", None)
    assert found.first_packet is not None


async def test_a_bug_in_a_source_is_a_failed_join_not_more(pool: Pool, played: Stage) -> None:
    def opening(pull: Pull) -> None:
        raise ZeroDivisionError

    assert (await joined(pool, played, opening)).outcome == "failed"


async def test_cancelled_it_hangs_up(pool: Pool, played: Stage) -> None:
    task = asyncio.create_task(join(TARGET, pool, 60.0))
    await until(lambda: played.at(TARGET.url))
    task.cancel()
    await asyncio.wait({task}, timeout=30.0)
    assert task.cancelled()
    assert not played.at(TARGET.url)


async def test_sound_alone_is_a_start_after_a_while(pool: Pool, played: Stage) -> None:
    form, packets = aac(seconds=AUDIO_ONLY_AFTER + 2.0, start=clock.now())

    def opening(pull: Pull) -> None:
        pull.emit(form)
        for packet in packets:
            pull.emit(packet)

    found = await joined(pool, played, opening)
    assert found.outcome == "ok"
    assert found.startup == pytest.approx(packets[0].at - found.requested)


def test_sound_is_no_start_where_video_is_announced_or_before_its_time() -> None:
    def sound(at: float) -> Sound:
        return Sound(at, 1, 0.0, 1.0, 48_000, 2, at)

    start = Start(100.0)
    assert not start.starts(sound(100.5))
    start.see(Packet(100.2, 1, "audio", 0.0, 0.0, 0, 1, b"a"))
    assert not start.starts(sound(101.0))
    assert start.starts(sound(100.2 + AUDIO_ONLY_AFTER))
    start.see(Format(100.3, 0, "video", "h264"))
    assert not start.starts(sound(110.0))
