"""The guard between a source and its session: deadlines, the opening burst, and what comes too late."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import clock, sources
from qoe_agent.model import BACKLOG, KEY, Answer, Lost, Observation, Opened, Packet, Playlist, Target

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "rtmp://127.0.0.1/live/show?token=abcdef"


def packet(pts: float | None = 0.0, kind: Any = "video", at: float | None = None) -> Packet:
    return Packet(clock.now() if at is None else at, 0, kind, pts, pts, KEY, 3, b"abc")


def opened(protocol: str = "rtmp") -> Opened:
    return Opened(clock.now(), clock.now(), protocol)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands until it is moved."""
    told = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(clock, "monotonic", lambda: told.now)
    return told


@pytest.fixture
def pull(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Pulls a source that is a coroutine of the test's; returns why it ended and what came."""

    async def run(play: Callable[[Any], Any], **options: Any) -> tuple[Lost, list[Observation]]:
        async def watch(target: Target, emit: Any) -> Lost:
            result: Lost = await play(emit)
            return result

        seen: list[Observation] = []
        monkeypatch.setattr(sources.importlib, "import_module", lambda name: SimpleNamespace(watch=watch))
        target = Target(URL, **{"open_timeout": 0.2, "lost_after": 0.2} | options)
        return await asyncio.wait_for(sources.watch(target, seen.append), 10.0), seen

    return run


async def forever() -> Lost:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_source_that_says_nothing_has_timed_out(pull: Any) -> None:
    lost, seen = await pull(lambda emit: forever())
    assert (lost.reason, seen) == ("timeout", [])


async def test_a_connection_without_media_is_silent(pull: Any) -> None:
    async def play(emit: Any) -> Lost:
        emit(opened())
        return await forever()

    lost, _ = await pull(play)
    assert lost.reason == "silent"
    assert "no media came" in lost.detail


async def test_data_is_no_proof_of_life(pull: Any) -> None:
    async def play(emit: Any) -> Lost:
        emit(opened())
        while True:
            emit(packet(kind="data"))
            await asyncio.sleep(0.02)

    lost, seen = await pull(play)
    assert lost.reason == "silent"
    assert len(seen) > 2


async def test_nobody_is_silent_while_the_agent_is_stopped(pull: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steady, ahead = clock.monotonic, [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: steady() + ahead[0])
    monkeypatch.setattr(sources, "LOOK", 0.01)

    async def play(emit: Any) -> Lost:
        emit(opened())
        emit(packet())
        await asyncio.sleep(0)
        ahead[0] = 60.0
        for _ in range(10):
            await asyncio.sleep(0.01)
        emit(packet(1.0))
        return Lost(clock.now(), "ended")

    lost, seen = await pull(play)
    assert lost.reason == "ended"
    assert len(seen) == 3


async def test_media_moves_the_deadline_and_its_absence_is_told(pull: Any) -> None:
    began = clock.now()

    async def play(emit: Any) -> Lost:
        for n in range(20):
            emit(packet(n / 50))
            await asyncio.sleep(0.02)
        return await forever()

    lost, seen = await pull(play, lost_after=0.3)
    assert lost.reason == "silent"
    assert len(seen) == 20
    assert "0.3 s" in lost.detail
    assert lost.at - began >= 0.6


async def test_the_address_is_not_in_what_is_said(pull: Any) -> None:
    async def play(emit: Any) -> Lost:
        return Lost(clock.now(), "failed", f"cannot open {URL}")

    lost, _ = await pull(play)
    assert "abcdef" not in lost.detail


@pytest.mark.parametrize(
    "repeated",
    [
        "Bearer opensesame42", "denied: opensesame42", "user opensesame42", "cookie s3ss10nid",
        "key a%2Fb%3Dc%20d", "key a/b=c d", "GET /live/show?k=a%2Fb%3Dc%20d&e=1", "pw%21word", "pw!word",
    ],
)  # fmt: skip
def test_what_we_told_the_server_is_hidden_where_it_is_repeated(repeated: str) -> None:
    seen: list[Observation] = []
    url = "http://me:pw%21word@127.0.0.1/live/show?k=a%2Fb%3Dc%20d&e=1"
    told = Target(url, headers={"Authorization": "Bearer opensesame42", "X-A": "id=opensesame42; x"},
                  cookies={"sid": "s3ss10nid"})  # fmt: skip
    sources._Guard(told, seen.append).emit(Answer(clock.now(), "headers", f"X-Said: {repeated}."))
    (answer,) = seen
    assert isinstance(answer, Answer)
    for secret in ("opensesame42", "s3ss10nid", "a%2Fb%3Dc%20d", "a/b=c d", "pw%21word", "pw!word"):
        assert secret not in answer.text
    assert "X-Said" in answer.text


async def test_what_a_pull_says_after_its_end_is_not_heard(pull: Any) -> None:
    late = asyncio.Event()

    async def play(emit: Any) -> Lost:
        try:
            return await forever()
        finally:
            emit(packet())
            late.set()

    lost, seen = await pull(play)
    assert lost.reason == "timeout"
    assert late.is_set()
    assert seen == []


def guard(seen: list[Observation], **options: Any) -> Any:
    return sources._Guard(Target(URL, **options), seen.append)


def test_a_segmented_stream_has_the_patience_of_its_target_duration(time: SimpleNamespace) -> None:
    watching = guard([], lost_after=10.0)
    watching.emit(Playlist(clock.now(), clock.now(), "media", target_duration=6.0))
    watching.emit(packet())
    assert watching.deadline == pytest.approx(clock.now() + 18.0)


def test_no_playlist_can_ask_for_patience_without_end(time: SimpleNamespace) -> None:
    watching = guard([], lost_after=10.0)
    for claimed in (1e12, math.inf, math.nan):
        watching.emit(Playlist(clock.now(), clock.now(), "media", target_duration=claimed))
    watching.emit(packet())
    assert watching.deadline == pytest.approx(clock.now() + sources.LONGEST)


def test_playlists_alone_do_not_move_the_deadline(time: SimpleNamespace) -> None:
    watching = guard([])
    before = watching.deadline
    time.now += 5.0
    watching.emit(opened("hls"))
    watching.emit(Playlist(clock.now(), clock.now(), "media", target_duration=2.0))
    assert watching.deadline == before


def test_a_recorded_outage_suspends_the_deadline_until_the_recording_connects_again(time: SimpleNamespace) -> None:
    watching = guard([], open_timeout=7.0, lost_after=10.0)
    watching.emit(packet())
    watching.emit(Lost(clock.now(), "silent"))
    assert watching.deadline == math.inf
    time.now += 3600.0
    watching.emit(Lost(clock.now(), "refused"))
    assert watching.deadline == math.inf
    watching.emit(opened())
    assert watching.deadline == pytest.approx(clock.now() + 7.0)
    watching.emit(packet())
    assert watching.deadline == pytest.approx(clock.now() + 10.0)


def test_the_opening_burst_is_marked_and_nothing_after_it() -> None:
    seen: list[Observation] = []
    watching = guard(seen)
    watching.emit(opened())
    for n in range(50):  # two seconds at once
        watching.emit(packet(n / 25, at=1000.0))
    for n in range(50, 100):  # then live
        watching.emit(packet(n / 25, at=1000.0 + (n - 50) / 25))
    marks = [bool(one.flags & BACKLOG) for one in seen if isinstance(one, Packet)]
    assert all(marks[:50])
    assert marks == sorted(marks, reverse=True)
    assert sum(marks) <= 50 + 25 * 0.3 + 1


@pytest.mark.parametrize("protocol", ["hls", "file"])
def test_protocols_that_know_their_backlog_are_left_alone(protocol: str) -> None:
    seen: list[Observation] = []
    watching = guard(seen)
    watching.emit(opened(protocol))
    watching.emit(packet())
    assert isinstance(seen[-1], Packet)
    assert seen[-1].flags == KEY


def test_packets_without_times_are_not_taken_for_a_burst() -> None:
    seen: list[Observation] = []
    watching = guard(seen)
    watching.emit(opened())
    for n in range(100):
        watching.emit(packet(None, at=1000.0 + n / 25))
    assert not any(one.flags & BACKLOG for one in seen if isinstance(one, Packet))
