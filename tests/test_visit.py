"""Visits: how long they last, when they end early, and what they bring home."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock, memory, visit
from qoe_agent.config import Stream
from qoe_agent.model import Opened, Packet
from qoe_agent.report import watch as report
from qoe_agent.sources.replay import Recorder
from tests.media import aac, h264
from tests.probes.test_latency import DELAY, marked, published, script
from tests.stage import Pull, Stage, stage, until

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.decode import Pool
    from qoe_agent.visit import Visit

SHOW = Stream(name="show", url="rtmp://user:secret@127.0.0.1/live/show?token=abcdef")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(memory, "BACKOFF", (0.0,))
    return stage(monkeypatch)


async def visited(pool: Pool, seconds: float | None, stream: Stream = SHOW, **more: Any) -> Visit:
    return await asyncio.wait_for(visit.visit(stream, pool, seconds, **more), 15.0)


def whole(pull: Pull) -> None:
    """Two seconds of pictures and sound, all there at once."""
    pull.emit(Opened(clock.now(), clock.now() - 0.1, "rtmp", {"connect": 0.1}))
    now = clock.now()
    form, pictures = h264(frames=50, start=now - 2.0)
    heard, sounds = aac(start=now - 2.0)
    for seen in (form, heard, *sorted([*pictures, *sounds], key=lambda packet: packet.at)):
        if isinstance(seen, Packet):
            seen.at = max(seen.at, now)
        pull.emit(seen)


async def test_a_stream_that_cannot_be_opened_ends_it(pool: Pool, played: Stage) -> None:
    played.opening = lambda pull: pull.end("refused")
    seen = await visited(pool, 60.0)
    assert (seen.media, seen.success, played.begun) == (False, False, 1)
    assert seen.lost is not None
    assert seen.lost.reason == "refused"
    document = report.document(seen)
    assert (document["verdict"], document["reasons"]) == ("failed", ["no media: refused"])


async def test_without_decoding_media_are_a_success_and_nothing_is_said_of_startup(pool: Pool, played: Stage) -> None:
    played.opening = whole
    seen = await visited(pool, 2.5, replace(SHOW, decode="none"), brief=True)
    assert (seen.success, seen.joined, seen.picture) == (True, None, None)
    names = {one["name"] for one in seen.metrics()}
    assert "qoe_packets_total" in names
    assert not [name for name in names if name.startswith(("qoe_startup", "qoe_join"))]


async def test_it_lasts_as_long_as_wanted_and_what_was_pulled_is_still_decoded(pool: Pool, played: Stage) -> None:
    played.opening = whole
    seen = await visited(pool, 0.3)
    assert seen.seconds >= 0.3
    assert seen.success
    assert seen.picture is not None
    assert (seen.picture.width, seen.protocol, sorted(seen.formats)) == (160, "rtmp", [0, 1])
    assert not played.at(SHOW.url)
    numbers = {one["name"]: one["value"] for one in seen.metrics()}
    assert numbers["qoe_up"] == 1.0
    assert numbers["qoe_connects_total"] == 1.0  # the last Tick was not forgotten


async def test_without_a_time_a_clean_end_ends_it_with_its_last_states(pool: Pool, played: Stage) -> None:
    ticked = asyncio.Event()
    played.opening = whole
    task = asyncio.create_task(visited(pool, None, taps=[lambda one: ticked.set() if hasattr(one, "lag") else None]))
    await asyncio.wait_for(ticked.wait(), 5.0)
    played.at(SHOW.url)[0].end("ended")
    seen = await task
    assert played.begun == 1
    assert seen.lost is not None
    assert seen.lost.clean
    names = {one["name"] for one in seen.metrics()}
    assert "qoe_buffer_seconds" in names  # a gauge that the board no longer has
    assert "qoe_buffer_seconds" not in {one["name"] for one in seen.board.metrics(seen.key)}


async def test_a_stream_that_breaks_down_is_pulled_again(pool: Pool, played: Stage) -> None:
    def opening(pull: Pull) -> None:
        pull.play()
        if played.begun < 3:
            pull.end("reset")

    played.opening = opening
    task = asyncio.create_task(visited(pool, 30.0, stop=(stop := asyncio.Event())))
    await until(lambda: played.begun == 3)
    stop.set()
    seen = await task
    assert seen.seconds < 10.0
    assert {one["value"] for one in seen.metrics() if one["name"] == "qoe_connects_total"} == {3.0}


async def test_a_brief_visit_goes_on_a_little_after_the_first_picture(
    pool: Pool, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "SETTLE", 0.5)
    played.opening = whole
    seen = await visited(pool, 60.0, brief=True)
    assert seen.success
    assert seen.seconds >= 0.5


async def test_a_tap_that_raises_ends_it_and_says_so(pool: Pool, played: Stage) -> None:
    played.opening = whole

    def tap(seen: Any) -> None:
        if hasattr(seen, "lag"):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        await visited(pool, 60.0, taps=[tap])
    assert not played.at(SHOW.url)


async def test_cancelled_it_leaves_nothing(pool: Pool, played: Stage) -> None:
    played.opening = whole
    task = asyncio.create_task(visited(pool, 60.0))
    await until(lambda: played.at(SHOW.url))
    task.cancel()
    await asyncio.wait({task}, timeout=30.0)
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_its_document_holds_no_secret_and_says_what_the_stream_is(pool: Pool, played: Stage) -> None:
    played.opening = whole
    seen = await visited(pool, 0.2)
    document = report.document(seen)
    assert list(document) == [
        "url", "started", "seconds", "verdict", "reasons", "stream", "metrics", "incidents",
    ]  # fmt: skip
    assert "secret" not in str(document)
    assert "abcdef" not in str(document)
    assert document["stream"] | {"protocol": "rtmp", "width": 160, "height": 96, "codec": "h264"} == document["stream"]
    assert (document["stream"]["audio_codec"], document["stream"]["sample_rate"]) == ("aac", 48_000)


async def test_a_recording_of_last_year_tells_the_latency_of_last_year(pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "show.jsonl.gz"
    run = script().open(0.0).play(4).run()
    with Recorder(path) as recorder:
        for one in marked(run.observations, published):
            recorder.write(one)
    seen = await visited(pool, 10.0, Stream(name="show", url=str(path)))
    (told,) = [
        one["value"]
        for one in seen.metrics()
        if one["name"] == "qoe_latency_seconds" and one["labels"]["stage"] == "transport"
    ]
    assert told == pytest.approx(DELAY, abs=0.005)
