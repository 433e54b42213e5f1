"""Incidents among the facts."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent import catalogue, clock
from qoe_agent.history import History
from qoe_agent.model import Incident, Sample
from qoe_agent.sink import Key
from qoe_agent.viewers import chronicle, daybook
from qoe_agent.viewers.chronicle import CONTENT, Chronicle

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.board import Board

LATENCY = next(one for one in catalogue.metrics() if one.name == "qoe_latency_seconds")
SHOW, LOW = Key("show"), Key("show", "480p")


def lines(folder: Path) -> list[dict[str, Any]]:
    paths = sorted((folder / "incidents").glob("*.jsonl"))
    return [json.loads(each) for path in paths for each in path.read_text().splitlines()]


async def written(chronicle: Chronicle) -> None:
    """What is told is written when the task ends, at the latest."""
    task = asyncio.create_task(chronicle.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_kinds_in_the_media_are_kinds() -> None:
    assert not CONTENT - set(catalogue.kinds())


async def test_an_incident_is_one_id_and_its_last_line_holds(board: Board, tmp_path: Path) -> None:
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    board.put(SHOW, Incident("stall", now - 5.0, None, "critical"), now)
    board.put(SHOW, Incident("stall", now - 5.0, now - 1.0, "critical"), now)
    await written(log)
    opened, closed = lines(tmp_path)
    assert opened["id"] == closed["id"]
    assert (opened["end"], closed["seconds"]) == (None, pytest.approx(4.0))
    assert closed["start"] == pytest.approx(clock.wall(now - 5.0))
    assert (closed["stream"], closed["scope"], closed["kind"]) == ("show", {}, "stall")
    assert "content_start" not in closed


async def test_one_of_a_rendition_struck_those_who_watch_that(board: Board, tmp_path: Path) -> None:
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    for key in (SHOW, LOW):
        board.put(key, Incident("black", now, now + 1.0, "warning"), now)
    await written(log)
    assert [each["scope"] for each in lines(tmp_path)] == [{}, {"rendition": "480p"}]
    assert len({each["id"] for each in lines(tmp_path)}) == 2


async def test_a_fault_of_the_content_is_told_in_content_time(board: Board, tmp_path: Path) -> None:
    known = History(board)
    log, now = Chronicle(board, known, tmp_path, "a", 86_400.0), clock.now()
    board.put(SHOW, Sample(LATENCY, 3.5, ("stamp", "transport")), now)
    board.put(SHOW, Incident("black", now, now + 8.0, "critical"), now)
    board.put(SHOW, Incident("delivery_gap", now, now + 8.0, "critical"), now)
    await written(log)
    black, gap = lines(tmp_path)
    assert black["content_start"] == pytest.approx(black["start"] - 3.5)
    assert black["content_end"] == pytest.approx(black["end"] - 3.5)
    assert "content_start" not in gap


async def test_open_incidents_are_seen_again(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chronicle, "AGAIN", 0.0)
    monkeypatch.setattr(chronicle, "EVERY", 0.001)
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    board.put(SHOW, Incident("black", now, None, "critical"), now)
    task = asyncio.create_task(log.run())
    async with asyncio.timeout(20.0):
        while not (tmp_path / "incidents").exists() or len(lines(tmp_path)) < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    found = lines(tmp_path)
    assert len({each["id"] for each in found}) == 1
    assert found[0]["seen"] < found[-1]["seen"]


async def test_a_disk_that_takes_nothing_loses_nothing(board: Board, tmp_path: Path) -> None:
    (tmp_path / "incidents").write_text("in the way")
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    board.put(SHOW, Incident("black", now, now + 8.0, "critical"), now)
    await written(log)
    (tmp_path / "incidents").unlink()
    board.put(SHOW, Incident("silence", now, now + 9.0, "warning"), now)
    await written(log)
    assert [each["kind"] for each in lines(tmp_path)] == ["black", "silence"]


async def test_half_a_line_does_not_spoil_the_next(board: Board, tmp_path: Path) -> None:
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    board.put(SHOW, Incident("black", now, now + 8.0, "critical"), now)
    await written(log)
    [path] = (tmp_path / "incidents").iterdir()
    with path.open("a") as file:
        file.write('{"id": "torn')
    board.put(SHOW, Incident("silence", now, now + 9.0, "warning"), now)
    await written(log)
    assert json.loads(path.read_text().splitlines()[-1])["kind"] == "silence"


async def test_a_clock_that_is_corrected_makes_no_other_incident_of_it(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, log, now = History(board), Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    assert known.now(SHOW) == {}
    board.put(SHOW, Sample(LATENCY, 3.0, ("stamp", "transport")), now)
    board.put(SHOW, Incident("black", now, None, "critical"), now)
    await written(log)
    wall = clock.wall
    monkeypatch.setattr(clock, "wall", lambda at: wall(at) + 0.2)
    board.put(SHOW, Sample(LATENCY, 12.0, ("stamp", "transport")), now)
    board.put(SHOW, Incident("black", now, now + 8.0, "critical"), now)
    await written(log)
    opened, closed = lines(tmp_path)
    assert (closed["id"], closed["start"]) == (opened["id"], opened["start"])
    assert closed["end"] - closed["start"] == pytest.approx(8.0, abs=1e-6)
    assert closed["content_start"] == opened["content_start"]


async def test_who_is_told_to_stop_while_he_writes_writes_each_line_once(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chronicle, "EVERY", 0.0)
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    held, go_on, fsync = threading.Event(), threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        held.set()
        assert go_on.wait(20.0)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    board.put(SHOW, Incident("black", now, now + 8.0, "critical"), now)
    task = asyncio.create_task(log.run())
    await asyncio.to_thread(held.wait, 20.0)
    threading.Timer(0.2, go_on.set).start()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [each["kind"] for each in lines(tmp_path)] == ["black"]


def test_a_clock_that_is_years_ahead_removes_nothing(tmp_path: Path) -> None:
    for day in ("2026-11-20", "2026-11-21", "2027-11-22"):
        (tmp_path / f"{day}.a.jsonl").write_text("{}\n")
    daybook.expire(tmp_path, date(2027, 11, 22), timedelta(days=30))
    assert len(list(tmp_path.iterdir())) == 3
    daybook.expire(tmp_path, date(2026, 12, 21), timedelta(days=29))
    assert len(list(tmp_path.iterdir())) == 3


async def test_what_is_too_old_is_removed(board: Board, tmp_path: Path) -> None:
    old = tmp_path / "incidents" / "2020-01-01.b.jsonl"
    late = old.with_name("2020-01-05.b.jsonl")
    other = tmp_path / "incidents" / "notes.txt"
    old.parent.mkdir()
    for path in (old, late):
        path.write_text("{}\n")
    other.write_text("keep")
    log, now = Chronicle(board, History(board), tmp_path, "a", 86_400.0), clock.now()
    board.put(SHOW, Incident("black", now, now + 8.0, "critical"), now)
    await written(log)
    assert (old.exists(), late.exists()) == (False, True)  # of years in which nothing was written nothing is known
    assert other.exists()
