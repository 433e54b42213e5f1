"""A session: reconnects, isolates its probes, feeds decoder and ring, and never hangs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock, memory, session, sources
from qoe_agent.board import Board
from qoe_agent.config import Stream
from qoe_agent.model import (
    Damage,
    Format,
    Incident,
    Joined,
    Lost,
    Metric,
    Observation,
    Opened,
    Packet,
    Picture,
    Sample,
    Sound,
    Tick,
)  # fmt: skip
from qoe_agent.probes import Declaration
from qoe_agent.ring import Budget
from qoe_agent.session import Session
from qoe_agent.sink import Key
from tests.media import aac, h264

if TYPE_CHECKING:
    from qoe_agent.decode import Pool

SEEN = Metric("qoe_seen_total", "counter", "Observations.")
STATE = Metric("qoe_state", "gauge", "A state.")
FACT = Metric("qoe_fact", "gauge", "A fact.", kept=True)
KEY = Key("show")


@dataclass(slots=True)
class Counts:
    bad: bool = False

    def feed(self, seen: Any) -> Iterator[Sample | Incident]:
        if self.bad and isinstance(seen, Packet):
            raise ZeroDivisionError
        yield Sample(SEEN, 1)
        if isinstance(seen, Tick):
            yield Sample(STATE, 1.0)
            yield Sample(FACT, 1.0)
        if isinstance(seen, Opened):
            yield Incident("odd", seen.at, None, "info", "bad" if self.bad else "good")


def declared(name: str = "counts", sees: tuple[type, ...] = (Packet, Tick, Opened, Lost), **more: Any) -> Declaration:
    return Declaration(name, Counts, (SEEN, STATE, FACT), {"odd": ""}, sees, None, None, **more)


Play = Callable[[Callable[[Observation], None]], Any]


@pytest.fixture
def make(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Session, Board]]:
    """A session whose source is a coroutine of the test's and whose probes are given."""

    def build(play: Play, *probes: Declaration, taps: Any = (), **options: Any) -> tuple[Session, Board]:
        async def watch(target: Any, emit: Callable[[Observation], None]) -> Lost:
            result: Lost = await play(emit)
            return result

        monkeypatch.setattr(sources, "watch", watch)
        monkeypatch.setattr(session, "declarations", lambda: {one.name: one for one in probes})
        board = Board()
        board.add(KEY, {})
        stream = Stream(**{"name": "show", "url": "rtmp://127.0.0.1/live/show"} | options)
        return Session(stream, KEY, board, pool, Budget(1 << 20), taps=taps), board

    return build


def value(board: Board, name: str, key: Key | None = KEY, **labels: str) -> float | None:
    for one in board.metrics(key):
        if one["name"] == name and one["labels"] == labels:
            found: float = one["value"]
            return found
    return None


async def test_a_probe_that_raises_is_taken_out_counted_and_the_others_go_on(make: Any) -> None:
    broken = declared("broken")
    packets = h264(frames=4)[1]

    async def play(emit: Any) -> Lost:
        emit(Opened(clock.now(), clock.now(), "rtmp"))
        for packet in packets:
            emit(packet)
        return Lost(clock.now(), "reset")

    watched, board = make(play, broken, declared("fine"), probes={"broken": {"bad": True}})
    await watched.pull()
    assert value(board, "qoe_agent_probe_errors_total", probe="broken") == 1
    assert value(board, "qoe_seen_total") == 1 + 6  # Opened twice, four packets and Lost once
    kinds = {(known.incident.kind, known.incident.end is None) for known in board.incidents(KEY)}
    assert kinds == {("odd", True), ("odd", False)}  # the broken probe's incident is closed, the other's open
    closed = next(known.incident for known in board.incidents(KEY) if known.incident.end is not None)
    assert closed.detail["unobserved"] is True


async def test_a_dead_streams_gauges_vanish_and_its_counters_and_facts_stay(make: Any) -> None:
    reached = asyncio.Event()
    finish = asyncio.Event()

    async def play(emit: Any) -> Lost:
        emit(h264(frames=1)[1][0])
        reached.set()
        await finish.wait()
        return Lost(clock.now(), "reset")

    watched, board = make(play, declared())
    pull = asyncio.create_task(watched.pull())
    await reached.wait()
    watched.tick(0.0, clock.now())
    assert value(board, "qoe_state") == 1.0
    finish.set()
    await pull
    assert value(board, "qoe_state") is None
    before = value(board, "qoe_seen_total")
    watched.tick(0.0, clock.now())
    assert value(board, "qoe_state") is None  # not even when the probe still says so
    assert value(board, "qoe_fact") == 1.0
    assert value(board, "qoe_seen_total") == (before or 0) + 1


async def test_it_pulls_again_and_waits_longer_after_each_failure(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    pulls = itertools.count()

    async def play(emit: Any) -> Lost:
        if next(pulls) == 3:
            emit(h264(frames=1)[1][0])
        return Lost(clock.now(), "refused")

    watched, _ = make(play)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 5:
            raise asyncio.CancelledError

    monkeypatch.setattr(session.asyncio, "sleep", sleep)
    monkeypatch.setattr(memory, "JITTER", 0.0)
    with pytest.raises(asyncio.CancelledError):
        await watched.run()
    assert waits == [2.0, 4.0, 8.0, 1.0, 2.0]  # the fourth pull brought media


async def test_startup_is_the_arrival_of_the_first_decodable_picture(make: Any) -> None:
    joined: list[Joined] = []
    form, packets = h264(frames=30, gop=10, start=clock.now() + 0.5)
    packets[0].data = bytes(80)  # the first key frame is garbage, the second is good

    async def play(emit: Any) -> Lost:
        emit(form)
        for packet in packets:
            emit(packet)
            await watched.decoding.drained(30.0)
        return Lost(clock.now(), "reset")

    watched, _ = make(play, taps=[lambda seen: joined.append(seen) if isinstance(seen, Joined) else None])
    await watched.pull()
    assert [one.outcome for one in joined] == ["ok"]
    requested = joined[0].requested
    assert joined[0].startup == pytest.approx(packets[10].at - requested)
    assert joined[0].first_key == pytest.approx(packets[0].at - requested)


async def test_a_pull_without_a_picture_is_a_join_that_failed(make: Any) -> None:
    joined: list[Joined] = []

    async def play(emit: Any) -> Lost:
        return Lost(clock.now(), "refused")

    watched, _ = make(play, taps=[lambda seen: joined.append(seen) if isinstance(seen, Joined) else None])
    await watched.pull()
    assert [(one.outcome, one.startup) for one in joined] == [("refused", None)]


async def test_sound_alone_counts_as_a_start_from_its_first_packet(make: Any) -> None:
    joined: list[Joined] = []
    form, packets = aac(seconds=4.0, start=clock.now() + 0.2)

    async def play(emit: Any) -> Lost:
        emit(form)
        for packet in packets:
            emit(packet)
            await watched.decoding.drained(30.0)
        return Lost(clock.now(), "reset")

    watched, _ = make(play, taps=[lambda seen: joined.append(seen) if isinstance(seen, Joined) else None])
    await watched.pull()
    assert [one.outcome for one in joined] == ["ok"]
    assert joined[0].startup == pytest.approx(packets[0].at - joined[0].requested)


async def test_it_has_been_tried_from_its_first_end_on_also_while_it_pulls_again(make: Any) -> None:
    hangs = asyncio.Event()

    async def play(emit: Any) -> Lost:
        if made.tried:
            await hangs.wait()
        return Lost(1000.0, "refused")

    made, _ = make(play)
    assert not made.tried
    await made.pull()
    again = asyncio.ensure_future(made.pull())
    await asyncio.wait({again}, timeout=0.01)
    assert made.tried
    assert made.lost is None
    hangs.set()
    await again


async def test_a_recording_is_neither_decoded_nor_joined_anew(make: Any) -> None:
    form, packets = h264(frames=50)
    joined = Joined(1000.0, 999.0, "ok", 1.0)

    async def play(emit: Any) -> Lost:
        for seen in (form, *packets, Picture(1000.0, 0, 0.0, 160, 96, "yuv420p", True, 1000.0), joined):
            emit(seen)
        return Lost(1010.0, "ended")

    taken: list[Observation] = []
    made, _ = make(play, taps=[taken.append], url="show.jsonl.gz")
    await made.pull()
    await made.decoding.drained(30.0)
    assert [one for one in taken if isinstance(one, Joined)] == [joined]
    assert sum(isinstance(one, Picture) for one in taken) == 1


async def test_a_source_with_a_bug_is_a_lost_stream_not_a_lost_agent(
    make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def play(emit: Any) -> Lost:
        raise KeyError("rtmp://127.0.0.1/live/show?token=abcdef")

    watched, board = make(play, declared(), url="rtmp://127.0.0.1/live/show?token=abcdef")
    with caplog.at_level("DEBUG"):
        lost = await watched.pull()
    assert lost.reason == "failed"
    assert "abcdef" not in lost.detail
    assert "KeyError" in caplog.text
    assert "abcdef" not in caplog.text
    assert value(board, "qoe_seen_total") == 1


async def test_a_look_that_raises_takes_its_probe_out_and_the_pictures_go_on(make: Any) -> None:
    form, packets = h264(frames=30, gop=10)
    pictures: list[Picture | Sound] = []
    made: list[Any] = []

    class Broken:
        def __init__(self) -> None:
            made.append(self)

        def __call__(self, *args: Any) -> Any:
            raise ZeroDivisionError

    async def play(emit: Any) -> Lost:
        emit(form)
        for packet in packets:
            emit(packet)
            await watched.decoding.drained(30.0)
        return Lost(clock.now(), "reset")

    broken = Declaration("broken", Counts, (SEEN,), {}, (Packet,), lambda _: Broken(), None)
    taps = [lambda seen: pictures.append(seen) if isinstance(seen, Picture) else None]
    watched, board = make(play, broken, taps=taps, decode="all")
    await watched.pull()
    await watched.decoding.drained(30.0)
    assert value(board, "qoe_agent_probe_errors_total", probe="broken") == 1
    assert len(pictures) == 30
    await watched.pull()
    await watched.decoding.drained(30.0)
    assert len(pictures) == 60
    assert len(made) == 1  # the second connection has no such look


async def test_stopping_closes_what_is_open_as_unobserved(make: Any) -> None:
    async def play(emit: Any) -> Lost:
        emit(Opened(clock.now(), clock.now(), "rtmp"))
        emit(Damage(clock.now(), 0, "corrupt"))
        emit(Format(clock.now(), 0, "video", "h264"))
        await asyncio.Event().wait()
        raise AssertionError

    watched, board = make(play, declared())
    pull = asyncio.create_task(watched.pull())
    while not board.incidents(KEY):
        await asyncio.sleep(0)
    pull.cancel()
    await asyncio.wait({pull})
    watched.stop()
    (known,) = board.incidents(KEY)
    assert known.incident.end is not None
    assert known.incident.detail["unobserved"] is True
