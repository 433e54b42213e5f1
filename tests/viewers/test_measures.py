"""What the probes measured, among the facts."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import catalogue, clock
from qoe_agent.history import History
from qoe_agent.model import Sample
from qoe_agent.sink import Key
from qoe_agent.viewers.measures import MINUTE, Measures

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.board import Board

METRICS = {one.name: one for one in catalogue.metrics()}
SHOW, LOW = Key("show"), Key("show", "480p")


def minute() -> float:
    """The agent's time half a second after a minute of the wall's began, within the last hour."""
    wall = clock.wall(clock.now())
    return clock.now() - wall % MINUTE - 10 * MINUTE + 0.5


def put(board: Board, key: Key, name: str, value: float, *labels: str) -> None:
    board.put(key, Sample(METRICS[name], value, labels), clock.now())


async def lines(taken: Measures, folder: Path, wall: float) -> list[dict[str, Any]]:
    taken.take(wall)
    taken._book.write()
    paths = sorted((folder / "measures").glob("*.jsonl")) if (folder / "measures").exists() else []
    return [json.loads(each) for path in paths for each in path.read_text().splitlines()]


async def test_a_minute_is_the_mean_of_its_values(board: Board, tmp_path: Path) -> None:
    history, begun = History(board), minute()
    taken = Measures(history, tmp_path, "a", 86_400.0)
    for step in range(6):
        put(board, SHOW, "qoe_video_height_pixels", 720 if step < 3 else 360)
        put(board, LOW, "qoe_effective_height_pixels", 480, "detail")
        put(board, LOW, "qoe_av_offset_seconds", -0.1235, "events")
        history.take(begun + 10.0 * step)
    assert not await lines(taken, tmp_path, clock.wall(begun) + MINUTE - 1.0), "it is not over"
    found = await lines(taken, tmp_path, clock.wall(begun) + MINUTE + 1.0)
    whole = {each.get("rendition", ""): each for each in found}
    assert whole[""] == {
        "stream": "show",
        "at": pytest.approx(clock.wall(begun), abs=1.0),
        "seconds": 60,
        "height": 540,
    }
    assert whole["480p"]["effective_height"] == 480
    assert whole["480p"]["av_offset"] == pytest.approx(-0.1235, abs=0.0006), "below 0: sound early"
    assert "height" not in whole["480p"], "what is not known is absent"


async def test_each_minute_is_written_once(board: Board, tmp_path: Path) -> None:
    history, begun = History(board), minute()
    taken = Measures(history, tmp_path, "a", 86_400.0)
    for step in range(18):
        put(board, SHOW, "qoe_video_height_pixels", 720)
        history.take(begun + 10.0 * step)
    wall = clock.wall(begun)
    assert len(await lines(taken, tmp_path, wall + MINUTE + 1.0)) == 1
    assert len(await lines(taken, tmp_path, wall + MINUTE + 30.0)) == 1
    assert len(await lines(taken, tmp_path, wall + MINUTE - 30.0)) == 1, "a clock that went back"
    found = await lines(taken, tmp_path, wall + 3 * MINUTE + 1.0)
    assert [each["at"] - found[0]["at"] for each in found] == [0, 60, 120], "also those in between"


async def test_a_minute_of_which_nothing_is_known_has_no_line(board: Board, tmp_path: Path) -> None:
    history, begun = History(board), minute()
    history.take(begun)
    assert not await lines(Measures(history, tmp_path, "a", 86_400.0), tmp_path, clock.wall(begun) + MINUTE + 1.0)


async def test_stalls_are_of_the_time_that_was_watched(board: Board, tmp_path: Path) -> None:
    history, begun = History(board), minute()
    for step in range(7):
        if step in (2, 3):
            put(board, SHOW, "qoe_stall_seconds_total", 1.5)
        put(board, SHOW, "qoe_watched_seconds_total", 10.0)
        history.take(begun + 10.0 * step - 9.0)
    [found] = await lines(Measures(history, tmp_path, "a", 86_400.0), tmp_path, clock.wall(begun) + MINUTE + 1.0)
    assert (found["stalled_seconds"], found["watched_seconds"]) == (3.0, 60.0)


async def test_it_writes_while_it_runs(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history, now = History(board), clock.now()
    monkeypatch.setattr(clock, "wall", lambda at: at - now + 30_000_000.5 * MINUTE)  # it is the middle of a minute
    put(board, SHOW, "qoe_video_height_pixels", 720)
    history.take(now - MINUTE)
    task = asyncio.create_task(Measures(history, tmp_path, "a", 86_400.0).run())
    while not list(tmp_path.glob("measures/*.jsonl")):
        await asyncio.sleep(0)
        assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
