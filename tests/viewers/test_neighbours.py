"""What agents that share the streams write is known to the one that takes viewers' events in."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent import catalogue, clock
from qoe_agent.board import Board
from qoe_agent.history import History
from qoe_agent.maths.leaving import SLOT
from qoe_agent.model import Incident
from qoe_agent.sink import Key
from qoe_agent.viewers import neighbours
from qoe_agent.viewers.chronicle import Chronicle
from qoe_agent.viewers.exodus import UNEXPLAINED, Exodus
from qoe_agent.viewers.ingest.departures import Departed
from qoe_agent.viewers.neighbours import Neighbours

if TYPE_CHECKING:
    from pathlib import Path

SHOW = Key("show")


@pytest.fixture
def there() -> Board:
    """Another agent's board."""
    board = Board(catalogue.metrics())
    board.add(SHOW, {})
    return board


async def told(there: Board, folder: Path, *incidents: Incident) -> None:
    """The other agent says this, and ends."""
    log = Chronicle(there, History(there), folder, "a", 86_400.0)
    for incident in incidents:
        there.put(SHOW, incident, clock.now())
    task = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def measured(folder: Path, ago: float, more: str = "") -> None:
    (folder / "measures").mkdir(exist_ok=True)
    said = {"stream": "show", "at": clock.wall(clock.now()) - ago, "seconds": 60, "height": 720}
    with open(folder / "measures" / "2030-01-01.a.jsonl", "a", encoding="utf-8") as file:
        file.write(f"{more}{json.dumps(said)}\n")


@pytest.mark.parametrize(("ago", "explained"), [(400.0, False), (40.0, True)])
async def test_exits_are_explained_by_what_another_agent_saw(
    there: Board, tmp_path: Path, ago: float, explained: bool
) -> None:
    now = clock.now()
    await told(there, tmp_path, Incident("black", now - ago, now - ago + 8.0, "critical"))
    measured(tmp_path, 90.0)
    others, board = Neighbours(tmp_path), Board(catalogue.metrics())
    others.take(others.lines())
    board.add(SHOW, {})
    exodus, random = Exodus(board, others.watch, others.incidents), np.random.default_rng(1)
    for n in range(-120, 0):
        exits = random.poisson(20.0 * (12.0 if n >= -4 else 1.0))
        exodus.take([Departed("show", now + n * SLOT, 3000.0 * SLOT, float(exits))])
    assert (UNEXPLAINED in {one.incident.kind for one in board.incidents(SHOW)}) != explained
    assert len(exodus.costs("show")) == 1, "what it cost is known, too"


async def test_an_incident_is_one_through_all_its_lines_and_forgotten_in_time(
    there: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, now = Neighbours(tmp_path), clock.now()
    await told(there, tmp_path, Incident("stall", now - 20.0, None, "critical"))
    others.take(others.lines())
    assert [one.end for one in others.incidents("show")] == [None]
    await told(there, tmp_path, Incident("stall", now - 20.0, now - 5.0, "critical"))
    others.take(others.lines())
    (one,) = others.incidents("show")
    assert (one.kind, one.start, one.end) == ("stall", pytest.approx(now - 20.0), pytest.approx(now - 5.0))
    monkeypatch.setattr(neighbours, "KEPT", -1.0)
    others.take(others.lines())
    assert others.incidents("show") == []


def test_a_stream_is_watched_while_it_is_measured(tmp_path: Path) -> None:
    others = Neighbours(tmp_path)
    assert others.lines() == []
    measured(tmp_path, 1000.0)
    others.take(others.lines())
    assert not others.watch("show")
    measured(tmp_path, 90.0, '{"stream": "tor\n{"at": 1}\n')
    others.take(others.lines())
    assert others.watch("show")
    assert not others.watch("another")


def test_of_large_files_the_end_is_read_and_old_ones_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "TAIL", 100)
    for _ in range(5):
        measured(tmp_path, 90.0)
    assert len(Neighbours(tmp_path).lines()) == 1
    (path,) = (tmp_path / "measures").iterdir()
    os.utime(path, (0, 0))
    assert Neighbours(tmp_path).lines() == []
