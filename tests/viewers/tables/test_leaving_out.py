"""Robots, staff and players that nobody sees are left out: they alone, and no leave with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.shapes import Without
from qoe_agent.viewers.tables import Audience, open_facts, open_files
from tests.viewers.tables import told
from tests.viewers.tables.test_events import LONG
from tests.viewers.tables.test_facts import stored
from tests.viewers.tables.told import event, lines

if TYPE_CHECKING:
    from pathlib import Path

STAFF = Without((("role", "staff"), ("device", "robot")))
SEEN = Without(hidden=True)


def audience(folder: Path, rows: list[dict[str, Any]], without: Without) -> Audience:
    return open_files([lines(folder / "rows.jsonl", rows)], without=without)


def test_sessions_by_what_they_are(tmp_path: Path) -> None:
    who = [("a", "staff", "tv"), ("b", "guest", "robot"), ("c", "guest", None), ("d", None, "tv"), ("e", "Staff", "tv")]
    rows = [{"session": name, "role": role, "device": device, "watch_seconds": 2 ** number}
            for number, (name, role, device) in enumerate(who)]  # fmt: skip
    with audience(tmp_path, rows, STAFF) as found:
        assert (found.sessions(), told.spent(found.cells([]))) == (3, {(): 4 + 8 + 16})
        assert found.notes == ["sessions left out by role=staff: 1", "sessions left out by device=robot: 1"]
    with audience(tmp_path, rows, Without((("role", "root"),))) as found:
        assert (found.sessions(), found.notes) == (5, ["sessions left out by role=root: 0"])


def test_whole_sessions_by_what_any_of_their_events_says(tmp_path: Path) -> None:
    rows = [event("a", 0, stream="s"), event("a", 10, "stall"), event("a", 20, role="staff"), event("a", 30, "leave"),
            event("b", 0, role="guest", stream="s"), event("b", 7, "leave")]  # fmt: skip
    with audience(tmp_path, rows, Without((("role", "staff"),))) as found:
        assert (found.sessions(), told.spent(found.cells([]))) == (1, {(): 7})
        assert found.notes == ["sessions left out by role=staff: 1"]
        assert "stall_times" not in found.has, "those of whoever is left out are not known"
    with audience(tmp_path, rows, Without((("stream", "s"),))) as found:
        assert found.sessions() == 0


OUT_OF_SIGHT = [
    event("comes back", 0, background=False, interval_seconds=10), event("comes back", 20, background=True),
    event("comes back", 30, background=False), event("comes back", 35, "leave", background=False),
    event("falls silent", 0, interval_seconds=10), event("falls silent", 40, background=True),
    event("goes on", 0, interval_seconds=10),
    *[event("goes on", after, background=True) for after in range(80, 200, 10)],
    event("closes the page", 0, interval_seconds=10), event("closes the page", 160, background=True),
    event("closes the page", 160.02, "leave", background=True),
    event("never seen", 0, background=True, interval_seconds=10), event("never seen", 320, "leave"),
]  # fmt: skip


def test_players_that_nobody_sees(tmp_path: Path) -> None:
    with audience(tmp_path, OUT_OF_SIGHT, SEEN) as found:
        assert (found.sessions(), told.spent(found.cells([]))) == (4, {(): 20 + 40 + 80 + 160.02})
        assert told.exits(found.cells([])) == [("left", 1, [(120, 0.0)])], "of the one who closed the page"
        assert "until they went out of sight: 3; left out because they began there: 1;" in found.notes[0]


def test_a_stream_goes_on_whoever_goes_out_of_sight(tmp_path: Path) -> None:
    with audience(tmp_path, OUT_OF_SIGHT + LONG, SEEN) as found:
        assert sum(count for _, count, _ in told.exits(found.cells([]))) == 1
    with audience(tmp_path, OUT_OF_SIGHT + LONG, Without()) as found:
        assert sum(count for _, count, _ in told.exits(found.cells([]))) == 5


def test_what_the_data_do_not_tell_is_refused(tmp_path: Path) -> None:
    for rows, without, said in (
        ([{"session": "a", "watch_seconds": 1}], SEEN, "needs events"),
        ([{"session": "a", "watch_seconds": 1, "tier": "x"}], STAFF, "no such attribute; it has tier"),
        (LONG, SEEN, "no event tells it"),
        (LONG, STAFF, "no such attribute"),
    ):
        with pytest.raises(ValueError, match=said):
            audience(tmp_path, rows, without)


def test_facts_as_well(tmp_path: Path) -> None:
    stored(tmp_path)
    with open_facts(tmp_path, without=Without((("tier", "gold"), ("region", "y")))) as found:
        assert found.sessions() == 1
