"""The fleet follows the configuration: what changes is touched, what goes leaves nothing, and the rest goes on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import beats, catalogue, clock, fleet
from qoe_agent.board import AFTERGLOW, Board
from qoe_agent.config import Join, Stream
from qoe_agent.fleet import Fleet
from qoe_agent.model import Joined, Opened
from qoe_agent.session import Session
from qoe_agent.sink import Key
from qoe_agent.sources import hls
from tests.stage import Stage, stage, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUIET = Join(every=None)


def stream(name: str = "a", url: str = "", **options: Any) -> Stream:
    return Stream(**{"name": name, "url": url or f"rtmp://127.0.0.1/live/{name}", "join": QUIET} | options)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(beats, "BEAT", 0.01)
    monkeypatch.setattr(fleet, "STAGGER", 0.0)
    return stage(monkeypatch)


@pytest.fixture
async def watched(played: Stage) -> AsyncIterator[Fleet]:
    """A fleet that ticks 25 times a second; afterwards nothing of it is left."""
    threads = threading.active_count()
    made = Fleet(Board(catalogue.metrics()), ring_bytes=1 << 20, decode_threads=1, expected=lambda s, at: at > 0)
    run = asyncio.create_task(made.run())
    yield made
    played.leave.set()
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert threading.active_count() == threads
    assert not made.budget._rings


def value(board: Board, name: str, key: Key | None) -> float | None:
    return next((one["value"] for one in board.metrics(key) if one["name"] == name), None)


def sessions(watched: Fleet, name: str) -> list[Any]:
    return list(watched._kept[name].sessions)


async def test_only_the_stream_that_changed_is_touched(watched: Fleet, played: Stage) -> None:
    watched.apply([stream("a"), stream("b")])
    await until(lambda: played.begun == 2)
    (a,), (b,) = sessions(watched, "a"), sessions(watched, "b")
    watched.apply([stream("a", lost_after=3.0), stream("b")])
    await until(lambda: played.begun == 3)
    assert sessions(watched, "b") == [b]
    assert sessions(watched, "a") != [a]
    assert played.at(stream("a").url)[0].target.lost_after == 3.0


async def test_an_agent_that_stands_still_while_it_ticks_ticks_as_of_before(
    watched: Fleet, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That nothing came meanwhile is no gap of the streams that are yet to hear of the second."""
    told: list[float] = []
    ahead, real = [0.0], clock.monotonic

    def tick(_: Session, lag: float, now: float) -> None:
        told.append(now)
        ahead[0] += 3.0

    monkeypatch.setattr(clock, "monotonic", lambda: real() + ahead[0])
    watched.apply([stream("a"), stream("b")])
    await until(lambda: played.begun == 2)
    monkeypatch.setattr(Session, "tick", tick)
    await until(lambda: len(told) >= 4 and len(told) % 2 == 0)
    assert [told.count(now) for now in told[:4]] == [2, 2, 2, 2]


async def test_a_stream_that_comes_back_at_once_waits_for_its_former_self_and_is_whole(
    watched: Fleet, played: Stage
) -> None:
    key = Key("a")
    watched.apply([stream()])
    await until(lambda: played.begun == 1)
    played.leave.clear()  # the former one takes its time
    watched.apply([])
    watched.apply([stream()])
    await until(lambda: not sessions(watched, "a"))
    played.leave.set()
    await until(lambda: played.begun == 2)
    assert played.most == 1
    played.at(stream().url)[0].play()
    await until(lambda: value(watched.board, "qoe_up", key) == 1.0)
    await until(lambda: value(watched.board, "qoe_buffer_seconds", key) is not None)  # a gauge: it is not removed
    watched.board.sweep(clock.now() + AFTERGLOW + 1.0)
    assert value(watched.board, "qoe_connects_total", key) == 1.0


async def test_changed_again_and_again_it_is_pulled_once_at_a_time(watched: Fleet, played: Stage) -> None:
    watched.apply([stream()])
    await until(lambda: played.begun == 1)
    played.leave.clear()
    for seconds in (1.0, 2.0, 3.0, 4.0):
        watched.apply([stream(lost_after=seconds)])
        await asyncio.sleep(0)
    played.leave.set()
    await until(lambda: played.begun == 2)
    assert played.most == 1
    assert played.at(stream().url)[0].target.lost_after == 4.0


async def test_changed_and_removed_before_it_began_it_leaves_nothing(watched: Fleet, played: Stage) -> None:
    watched.apply([stream()])
    await until(lambda: value(watched.board, "qoe_up", Key("a")) == 0.0)
    played.leave.clear()
    watched.apply([stream(lost_after=2.0)])
    watched.apply([])
    played.leave.set()
    await until(lambda: value(watched.board, "qoe_up", Key("a")) is None)
    watched.board.sweep(clock.now() + AFTERGLOW + 1.0)
    assert watched.board.metrics(Key("a")) == []
    assert b'stream="a"' not in watched.board.render()


async def test_a_removed_stream_keeps_its_counters_for_a_while_and_nothing_open(watched: Fleet, played: Stage) -> None:
    watched.apply([stream()])
    await until(lambda: played.begun == 1)
    played.at(stream().url)[0].play()
    played.at(stream().url)[0].end("ended")
    await until(lambda: value(watched.board, "qoe_disconnects_total", Key("a")))
    assert [known.incident.kind for known in watched.board.incidents() if known.incident.end is None] == ["ended"]
    watched.apply([])
    await until(lambda: value(watched.board, "qoe_up", Key("a")) is None)
    assert value(watched.board, "qoe_disconnects_total", Key("a")) == 1.0
    (known,) = watched.board.incidents()
    assert known.incident.end is not None
    assert known.incident.detail["unobserved"] is True


async def test_two_streams_of_one_address_are_two(watched: Fleet, played: Stage) -> None:
    url = "rtmp://127.0.0.1/live/same"
    watched.apply([stream("a", url), stream("b", url)])
    await until(lambda: len(played.at(url)) == 2)
    played.at(url)[0].play()
    await until(lambda: {value(watched.board, "qoe_up", Key(name)) for name in "ab"} == {0.0, 1.0})
    assert sorted(state for _, state in watched.states()) == ["connecting", "up"]


async def test_it_is_ready_when_every_stream_was_tried(watched: Fleet, played: Stage) -> None:
    assert watched.ready()
    watched.apply([stream("a"), stream("b")])
    await until(lambda: played.begun == 2)
    assert not watched.ready()
    played.at(stream("a").url)[0].play()
    assert not watched.ready()
    played.at(stream("b").url)[0].end("refused")
    await until(watched.ready)


class Menu:
    """What the master playlist offers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] | None = None
        monkeypatch.setattr(hls, "renditions", self._renditions)
        monkeypatch.setattr(fleet, "RELIST", 0.01)
        monkeypatch.setattr(fleet, "RELIST_SOON", 0.01)

    async def _renditions(self, target: Any) -> list[Any]:
        if self.names is None:
            raise hls.Unavailable("refused", "")
        return [SimpleNamespace(name=name) for name in self.names]


ALL = stream("a", "http://127.0.0.1/live/a.m3u8", variant="all")


def shown(watched: Fleet) -> set[str]:
    return {session.key.rendition for session in sessions(watched, "a")}


async def test_renditions_come_and_go_and_the_others_are_not_touched(
    watched: Fleet, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu = Menu(monkeypatch)
    menu.names = ["1080p", "720p"]
    watched.apply([ALL])
    await until(lambda: played.begun == 2)
    assert {pull.target.variant for pull in played.at(ALL.url)} == {"1080p", "720p"}
    stays = next(one for one in sessions(watched, "a") if one.key.rendition == "720p")
    menu.names = ["720p", "360p"]
    await until(lambda: played.begun == 3 and shown(watched) == {"720p", "360p"})
    assert stays in sessions(watched, "a")
    assert value(watched.board, "qoe_up", Key("a", "1080p")) is None
    await until(lambda: value(watched.board, "qoe_up", Key("a", "360p")) == 0.0)
    watched.apply([replace(ALL, variant="best")])
    await until(lambda: value(watched.board, "qoe_up", Key("a")) == 0.0)
    assert value(watched.board, "qoe_up", Key("a", "720p")) is None


async def test_while_nobody_says_which_renditions_there_are_the_stream_reads_as_down(
    watched: Fleet, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu = Menu(monkeypatch)
    watched.apply([ALL])
    await until(lambda: value(watched.board, "qoe_up", Key("a")) == 0.0)
    menu.names = ["720p"]
    await until(lambda: shown(watched) == {"720p"})
    assert value(watched.board, "qoe_up", Key("a")) is None
    menu.names = None  # the server is away: its renditions stay
    begun = played.begun
    played.at(ALL.url)[0].play()
    await until(lambda: value(watched.board, "qoe_up", Key("a", "720p")) == 1.0)
    assert (shown(watched), played.begun) == ({"720p"}, begun)


async def test_a_bug_in_one_streams_work_is_counted_and_the_stream_watched_again(
    watched: Fleet, played: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fleet, "BACKOFF", (0.0,))
    worked = fleet._Kept._attend
    faults = [ZeroDivisionError()]

    async def attend(self: Any, rendition: str, variant: str | None) -> None:
        if self.stream.name == "a" and faults:
            raise faults.pop()
        await worked(self, rendition, variant)

    monkeypatch.setattr(fleet._Kept, "_attend", attend)
    watched.apply([stream("a"), stream("b")])
    await until(lambda: played.begun == 2)
    assert value(watched.board, "qoe_agent_stream_errors_total", None) == 1.0
    assert "ZeroDivisionError" in caplog.text


async def test_the_beat_says_how_many_streams_there_are_and_which_should_be_on_air(
    watched: Fleet, played: Stage
) -> None:
    watched.expected = lambda one, at: one.name == "a"
    watched.apply([stream("a"), stream("b")])
    await until(lambda: value(watched.board, "qoe_agent_streams", None) == 2.0)
    await until(lambda: value(watched.board, "qoe_stream_expected", Key("b")) == 0.0)
    assert value(watched.board, "qoe_stream_expected", Key("a")) == 1.0
    assert value(watched.board, "qoe_agent_lag_seconds", None) is not None


async def test_a_stepped_wall_clock_is_counted_and_followed(
    watched: Fleet, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_correction", clock._correction)  # put back afterwards
    truly = clock.realtime
    monkeypatch.setattr(clock, "realtime", lambda: truly() + 3600.0)
    await until(lambda: value(watched.board, "qoe_agent_clock_steps_total", None) == 1.0)
    assert clock.wall(clock.now()) - truly() == pytest.approx(3600.0, abs=1.0)


async def test_joins_are_made_while_the_stream_plays_and_an_end_in_one_is_no_failure(
    watched: Fleet, played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = ["ended", "ok", "deadline"]

    async def join(target: Any, pool: Any, timeout: float, name: str) -> Joined:
        now = clock.now()
        return Joined(now, now - 0.1, outcomes.pop(0) if outcomes else "ok", 0.1)

    monkeypatch.setattr(fleet, "join", join)
    watched.apply([stream(join=Join(every=0.01))])
    await until(lambda: played.begun == 1)
    assert len(outcomes) == 3  # nothing plays yet
    played.at(stream().url)[0].play()
    await until(lambda: not outcomes)
    key = Key("a")

    def counted() -> dict[str, float]:
        found = watched.board.metrics(key)
        return {one["labels"]["outcome"]: one["value"] for one in found if one["name"] == "qoe_join_attempts_total"}

    await until(lambda: counted().get("deadline") == 1.0 and counted().get("ok", 0.0) > 0.0)
    assert "ended" not in counted()


async def test_after_its_end_nothing_is_started(played: Stage) -> None:
    made = Fleet(Board(catalogue.metrics()), ring_bytes=1 << 20, decode_threads=1, expected=lambda s, at: True)
    run = asyncio.create_task(made.run())
    made.apply([stream()])
    await until(lambda: played.begun == 1)
    played.at(stream().url)[0].emit(Opened(clock.now(), clock.now(), "rtmp"))
    run.cancel()
    await asyncio.wait({run}, timeout=30.0)
    made.apply([stream("late")])
    assert made.streams() == []
    assert played.begun == 1
    assert not any(played.pulls.values())
