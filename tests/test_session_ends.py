"""How a session tells the end of a show from a stream that is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock, sources
from qoe_agent.board import Board
from qoe_agent.config import Stream
from qoe_agent.model import KEY, Joined, Lost, Observation, Opened, Packet, Playlist
from qoe_agent.ring import Budget
from qoe_agent.session import Session, stream_metrics
from qoe_agent.sink import Key
from tests.sources.hls_origin import Origin
from tests.sources.test_hls import listing, piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qoe_agent.decode import Pool

NAME = Key("show")


@pytest.fixture
def make(pool: Pool) -> Iterator[Callable[..., tuple[Session, Board, list[Observation]]]]:
    """A session with all probes, its board, and what it has seen."""
    made: list[Session] = []

    def build(url: str = "rtmp://127.0.0.1/live/show", **options: Any) -> tuple[Session, Board, list[Observation]]:
        board, seen = Board(stream_metrics()), list[Observation]()
        board.add(NAME, {})
        stream = Stream(name="show", url=url, **options)
        made.append(Session(stream, NAME, board, pool, Budget(1 << 20), taps=[seen.append]))
        return made[-1], board, seen

    yield build
    for session in made:
        session.close()


def scripted(monkeypatch: pytest.MonkeyPatch, *pulls: Callable[[Any], str]) -> None:
    """The source's next pulls: each emits what it wants and says why it ended."""
    rest = list(pulls)

    async def watch(target: Any, emit: Any) -> Lost:
        reason = rest.pop(0)(emit)
        return Lost(clock.now(), reason)

    monkeypatch.setattr(sources, "watch", watch)


def plays(emit: Any, reason: str = "ended", kind: Any = "video") -> str:
    emit(Opened(clock.now(), clock.now(), "rtmp"))
    for n in range(100):
        emit(Packet(clock.now() + n / 25 - 4.0, 0, kind, n / 25, n / 25, KEY, 3, b"abc"))
    return reason


def waits(emit: Any) -> str:
    """nginx-rtmp lets one play what nobody publishes, and says nothing."""
    emit(Opened(clock.now(), clock.now(), "rtmp"))
    return "silent"


def kinds(board: Board) -> dict[str, bool]:
    """Incidents by kind, and whether they are open."""
    return {known.incident.kind: known.incident.end is None for known in board.incidents(NAME)}


def value(board: Board, name: str) -> float | None:
    return next((one["value"] for one in board.metrics(NAME) if one["name"] == name), None)


async def test_a_show_that_ended_stays_ended_while_the_server_is_silent(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, board, seen = make()
    scripted(monkeypatch, plays, waits, waits, lambda emit: "refused", plays)
    for _ in range(4):
        await session.pull()
        session.tick(0.0, clock.now())
    assert kinds(board) == {"ended": True}
    assert value(board, "qoe_up") == 0
    assert not [one for one in seen if isinstance(one, Joined) and one.outcome != "ok"]  # nobody missed anything
    await session.pull()
    assert [known.incident.end is None for known in board.incidents(NAME)] == [False, True]  # it was back, and ended


async def test_a_stream_that_never_came_is_lost(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session, board, seen = make()
    scripted(monkeypatch, waits, waits)
    await session.pull()
    session.tick(0.0, clock.now())
    assert kinds(board) == {"lost": True}
    assert [one.outcome for one in seen if isinstance(one, Joined)] == ["silent"]


async def test_a_broken_connection_is_no_end_and_what_follows_counts_as_failed_joins(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, board, seen = make()
    scripted(monkeypatch, lambda emit: plays(emit, "reset"), lambda emit: "refused")
    await session.pull()
    await session.pull()
    session.tick(0.0, clock.now())
    assert "ended" not in kinds(board)
    assert "refused" in [one.outcome for one in seen if isinstance(one, Joined)]


async def test_data_alone_is_not_media(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session, board, _ = make()
    up: list[float | None] = []

    def play(emit: Any) -> str:
        plays(emit, kind="data")
        session.tick(0.0, clock.now())
        up.append(value(board, "qoe_up"))
        return "silent"

    scripted(monkeypatch, play)
    await session.pull()
    session.tick(0.0, clock.now())
    assert session.media is False
    assert up == [0.0]
    assert kinds(board) == {"lost": True}


async def test_a_lost_in_a_recording_takes_the_gauges_with_it(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session, board, _ = make("file:///no/such.jsonl.gz")
    told: list[float | None] = []

    def play(emit: Any) -> str:
        plays(emit)
        session.tick(0.0, clock.now())
        told.append(value(board, "qoe_buffer_seconds"))
        emit(Lost(clock.now(), "reset"))
        session.tick(0.0, clock.now())
        told.append(value(board, "qoe_buffer_seconds"))
        told.append(value(board, "qoe_up"))
        return "ended"

    scripted(monkeypatch, play)
    await session.pull()
    assert told[0] is not None
    assert told[1:] == [None, 0.0]


async def test_a_finished_playlist_that_stays_on_the_server_is_not_played_again(make: Any) -> None:
    async with Origin() as origin, asyncio.timeout(20.0):
        origin.files = {f"{n}.ts": piece(n) for n in range(4)}
        origin.files["live.m3u8"] = listing(["0.ts", "1.ts"], end=True)
        session, board, seen = make(origin.url("live.m3u8"))
        assert (await session.pull()).reason == "ended"
        assert session.media
        fetched = origin.count("0.ts")
        for _ in range(2):
            assert (await session.pull()).reason == "ended"
            assert not session.media
        assert origin.count("0.ts") == fetched
        assert kinds(board) == {"ended": True}
        origin.files["live.m3u8"] = listing(["2.ts", "3.ts"], sequence=2)  # the next show, live
        pull = asyncio.create_task(session.pull())
        while not session.media:
            await asyncio.sleep(0)
        assert kinds(board)["ended"] is False
        pull.cancel()
        await asyncio.wait({pull})
    assert next(one.ended for one in seen if isinstance(one, Playlist) and one.kind == "media") is True


async def test_a_playlist_that_stood_still_is_not_played_again(make: Any) -> None:
    """A publisher that dies leaves its playlist with the server; the stream is down, whatever is still listed."""
    async with Origin() as origin:
        origin.files |= {f"{n}.ts": piece(n) for n in range(4)}
        origin.files["live.m3u8"] = listing(["0.ts", "1.ts", "2.ts"], target=1)
        session, board, _ = make(origin.url("live.m3u8"), open_timeout=2.0, lost_after=1.0)
        assert (await session.pull()).reason == "silent"
        assert session.media
        again = await session.pull()
        assert (again.reason, again.detail, session.media) == ("silent", "the playlist lists nothing new", False)
        session.tick(0.0, clock.now())
        assert value(board, "qoe_up") == 0.0
        assert (await session.pull()).reason == "silent"
        assert [origin.count(f"{n}.ts") for n in range(4)] == [1, 1, 1, 0]
        origin.files["live.m3u8"] = listing(["1.ts", "2.ts", "3.ts"], sequence=1, target=1)
        await session.pull()
        assert session.media
