"""Thumbnails: wanted by people, made by workers, kept for minutes; private rooms and strangers have none."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from qoe_agent import catalogue, clock
from qoe_agent.board import Board
from qoe_agent.config import Agent, Stream
from qoe_agent.crew import Crew, crew
from qoe_agent.demo.origin import Origin
from qoe_agent.sink import Key
from qoe_agent.thumbnails import AGAIN, KEPT, LARGEST, LOOKS, Thumbnails
from qoe_agent.web import thumbs
from tests.e2e.servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOM = Key("room")


def stream(name: str = "room", **options: Any) -> Stream:
    return Stream(name=name, url="rtmp://127.0.0.1:9/live/x", **options)


class Bench:
    """Thumbnails of one room, and how often somebody was said to look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.looked = 1000.0, list[float]()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        self.kept = Thumbnails(self.looked.append)
        self.kept.follow([stream()])


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_the_latest_is_kept_whatever_order_they_come_in(bench: Bench) -> None:
    for at in (990.0, 998.0, 994.0):
        bench.kept.take(ROOM, at, b"%d" % at)
    assert bench.kept.of(ROOM) == (998.0, b"998")
    assert bench.kept.of(Key("room", "480p")) is None


def test_old_ones_are_forgotten(bench: Bench) -> None:
    bench.kept.take(ROOM, bench.now, b"jpeg")
    bench.now += KEPT
    assert bench.kept.of(ROOM)
    bench.now += 0.1
    assert bench.kept.of(ROOM) is None
    bench.kept.sweep(bench.now)
    bench.now -= KEPT
    assert bench.kept.of(ROOM) is None


@pytest.mark.parametrize("options", [{"evidence": "off"}, {"decode": "none"}])
def test_private_rooms_and_undecoded_streams_have_none(bench: Bench, options: dict[str, Any]) -> None:
    bench.kept.take(ROOM, bench.now, b"jpeg")
    bench.kept.follow([stream(**options)])
    assert bench.kept.of(ROOM) is None
    bench.kept.take(ROOM, bench.now, b"jpeg")
    assert bench.kept.of(ROOM) is None


def test_streams_that_are_gone_and_strangers_have_none(bench: Bench) -> None:
    bench.kept.take(ROOM, bench.now, b"jpeg")
    bench.kept.take(Key("stranger"), bench.now, b"jpeg")
    bench.kept.follow([stream("other")])
    bench.kept.follow([stream(), stream("stranger")])
    assert bench.kept.of(ROOM) is None
    assert bench.kept.of(Key("stranger")) is None


def test_a_stream_that_became_another_under_its_name_does_not_show_the_former_one(bench: Bench) -> None:
    bench.kept.take(ROOM, bench.now, b"jpeg")
    bench.kept.follow([stream()])
    assert bench.kept.of(ROOM)
    bench.now += 1.0
    bench.kept.follow([replace(stream(), url="rtmp://127.0.0.1:9/live/y")])
    assert bench.kept.of(ROOM) is None
    bench.kept.take(ROOM, bench.now - 0.5, b"late")
    assert bench.kept.of(ROOM) is None
    bench.kept.take(ROOM, bench.now + 0.5, b"its own")
    assert bench.kept.of(ROOM)


def test_what_is_too_large_is_not_kept(bench: Bench) -> None:
    bench.kept.take(ROOM, bench.now, bytes(LARGEST + 1))
    assert bench.kept.of(ROOM) is None


def test_those_who_make_them_are_told_now_and_then_while_somebody_looks(bench: Bench) -> None:
    begun = bench.now
    while bench.now < begun + 30.0:
        bench.kept.want(bench.now)
        bench.now += 0.5
    assert bench.looked == [begun + n * AGAIN + LOOKS for n in range(3)]
    bench.now += 1000.0
    bench.kept.want(bench.now)
    assert bench.looked[-1] == bench.now + LOOKS


async def test_the_route_gives_the_picture_and_asks_for_the_next(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.kept.take(ROOM, bench.now, b"\xff\xd8jpeg")
    app = web.Application()
    app.add_routes(thumbs.routes(bench.kept))
    async with TestClient(TestServer(app)) as client:
        async with client.get("/thumbnails", params={"stream": "room"}) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            assert await answer.read() == b"\xff\xd8jpeg"
        async with client.get("/thumbnails", params={"stream": "room", "rendition": "480p"}) as answer:
            assert answer.status == 404
    assert bench.looked
    assert "jpeg" not in caplog.text


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    origin = Origin()
    yield await origin.start()
    await origin.stop()


@pytest.mark.parametrize("workers", [0, 1])
async def test_workers_make_them_while_somebody_looks(origin: str, workers: int) -> None:
    board = Board(catalogue.metrics())
    made: list[Any] = []
    kept = Thumbnails(lambda until: made[0].look(until))
    made.append(crew(board, Agent(workers=workers), lambda stream, at: True, kept.take))
    run = asyncio.create_task(made[0].run())
    try:
        url = f"{origin}/live/show.flv"
        streams = [
            Stream(name="room", url=url, pictures_every=0.0),
            Stream(name="private", url=url, evidence="off", pictures_every=0.0),
        ]
        kept.follow([*streams, Stream(name="late", url=url)])
        made[0].apply(streams)
        await until(lambda: _pictures(board, "room") and _pictures(board, "private"), "pictures", 30.0)
        assert not kept.of(ROOM)
        kept.want(clock.now())
        await until(lambda: kept.of(ROOM), "a thumbnail", 30.0)
        found = kept.of(ROOM)
        assert found
        assert found.jpeg[:2] == b"\xff\xd8"
        assert abs(clock.now() - found.at) < 30.0
        if isinstance(made[0], Crew):
            child, begun = made[0]._children[0], clock.now()
            child.kill("stopped")  # its successor knows that somebody looks
            await until(lambda: child.began > begun, "a successor", 30.0)
            begun = child.began
            await until(lambda: (now := kept.of(ROOM)) is not None and now.at > begun, "another one", 30.0)
        assert not kept.of(Key("private"))
    finally:
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run


def _pictures(board: Board, name: str) -> bool:
    return any(one["name"] == "qoe_last_frame_timestamp_seconds" for one in board.metrics(Key(name)))
