"""Sessions out of events: exits that nobody told, states by time, clocks, repetitions, ends of streams and of data."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from qoe_agent.viewers.tables import Audience, BadTable, open_files
from tests.viewers.tables import told
from tests.viewers.tables.told import T, event, lines

if TYPE_CHECKING:
    from pathlib import Path

LONG = [event("stays", after, interval_seconds=10) for after in range(0, 2001, 10)]
"""A session that goes on when the data ends."""


def audience(folder: Path, rows: list[dict[str, Any]], **given: Any) -> Audience:
    return open_files([lines(folder / "events.jsonl", rows)], **given)


def exits(folder: Path, rows: list[dict[str, Any]]) -> list[Any]:
    with audience(folder, rows) as found:
        return told.exits(found.cells([]))


def test_who_falls_silent_left_before_the_next_report_was_due(tmp_path: Path) -> None:
    rows = [event("a", after, interval_seconds=10) for after in (0, 10, 20, 30)]
    assert exits(tmp_path, rows + LONG) == [("left", 1, [(30, 10.0)])]


def test_an_interval_that_is_not_said_is_taken_from_the_gaps(tmp_path: Path) -> None:
    rows = [event("a", after) for after in range(0, 121, 5)]
    assert exits(tmp_path, rows + LONG) == [("left", 1, [(120, 5.0)])]


@pytest.mark.parametrize(
    ("cause", "found"),
    [("quit", "left"), ("lost", "left"), (None, "left"), ("failed", "failed"), ("refused", "failed"),
     ("backgrounded", "background"), ("switched", "switched")],
)  # fmt: skip
def test_who_says_so_left_then(tmp_path: Path, cause: str | None, found: str) -> None:
    rows = [event("a", 0, "join", interval_seconds=10), event("a", 7, "leave", **({"cause": cause} if cause else {}))]
    assert exits(tmp_path, rows + LONG) == [(found, 1, [(5, 0.0)])]


def test_who_comes_back_did_not_leave(tmp_path: Path) -> None:
    rows = [event("a", 0, interval_seconds=10), event("a", 5, "leave"), event("a", 9), event("a", 19)]
    with audience(tmp_path, rows + LONG) as found:
        assert told.exits(found.cells([])) == [("left", 1, [(10, 1.0), (20, 9.0)])]


def test_states_at_the_end_tell_why(tmp_path: Path) -> None:
    rows = [
        event("failed", 0, interval_seconds=10), event("failed", 7, state="failed"),
        event("ended", 0, interval_seconds=10), event("ended", 7, state="ended"),
        event("hidden", 0, interval_seconds=2), event("hidden", 6, background=True),
    ]  # fmt: skip
    assert exits(tmp_path, rows + LONG) == [("background", 1, [(5, 2.0)]), ("failed", 1, [(5, 0.0)])]


def test_who_was_heard_of_at_the_end_of_the_data_is_still_there(tmp_path: Path) -> None:
    assert exits(tmp_path, LONG) == []
    late = [event("a", 1985, interval_seconds=10), event("a", 1995)]
    assert exits(tmp_path, late + LONG) == []
    early = [event("a", 1975, interval_seconds=10), event("a", 1985)]
    assert len(exits(tmp_path, early + LONG)) == 1


def test_repetitions_and_order_change_nothing(tmp_path: Path) -> None:
    states = [(0, "playing"), (10, "stalled"), (12, "playing"), (20, "playing"), (60, "stalled"), (63, "playing")]
    rows = [event("a", after, sn=number, state=state) for number, (after, state) in enumerate(states)]
    rows += [event("b", after, value=1) for after in (3, 13)] + LONG
    with audience(tmp_path, rows) as found:
        once = told.time(found.cells(["stall"])), told.exits(found.cells(["stall"]))
    many = rows * 2 + rows[:5]
    random.Random(3).shuffle(many)
    with audience(tmp_path, many) as found:
        assert (told.time(found.cells(["stall"])), told.exits(found.cells(["stall"]))) == once


def test_a_clock_that_is_wrong_is_set_right(tmp_path: Path) -> None:
    def seen(wrong: float) -> dict[str, Any]:
        rows = [event("a", after, received_at=T + after + delay, interval_seconds=10)
                for after, delay in ((0, 0.5), (10, 0.1), (20, 8.0))]  # fmt: skip
        rows = [row | {"at": row["at"] + wrong} for row in rows]
        long = [row | {"received_at": row["at"] + 0.1} for row in LONG]
        with audience(tmp_path, rows + long) as found:
            table = found._engine.rows(found._table.filter(found._table.sid == "a"))
            return {name: table[name][0].as_py() for name in ("start_ms", "lo_ms", "hi_ms", "cause")}

    assert seen(0) == {"start_ms": T * 1000 + 100, "lo_ms": 20_000, "hi_ms": 30_000, "cause": 0}
    assert seen(-86_400) == seen(3600) == seen(0)


def test_stalls_are_recent_for_half_a_minute(tmp_path: Path) -> None:
    rows = [event("a", 0, "join", state="starting", interval_seconds=10), event("a", 1, state="stalled"),
            event("a", 2, state="playing"), event("a", 12, state="stalled"), event("a", 15, state="playing"),
            event("a", 90, "leave")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        cells = found.cells(["stall"])
        naive = {one.level for one in found.naive(["stall"])}
    assert told.spent(cells) == {("none",): 12, ("recent",): 30, ("earlier",): 48}
    assert told.exits(cells) == [("left", 1, [("earlier", 60, 0.0)])]
    assert naive == set()


def test_sessions_are_told_apart_by_the_height_they_began_at(tmp_path: Path) -> None:
    rows = [event("a", 0, "join"), event("a", 5, height=360), event("a", 30, height=1080), event("a", 60, "leave"),
            event("b", 0, height=1080), event("b", 60, "leave"), event("c", 0, "join"),
            event("c", 3, "leave")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        name = found.first("height")
        assert found.first("stream") == "stream"
        assert found.counts(name) == {"<480": 1, "≥1080": 1, "unknown": 1}
        assert told.spent(found.cells([name])) == {("<480",): 60, ("≥1080",): 60, ("unknown",): 3}


def test_after_each_stall_is_told_who_left_when_and_who_is_known_no_further(tmp_path: Path) -> None:
    rows = [event("a", 0, "join"), event("a", 20, "stall"), event("a", 40, "stall"), event("a", 45, "leave"),
            event("b", 0, "join"), event("b", 10, "stall"), event("b", 14, "leave", cause="ended"),
            event("c", 0, "join", interval_seconds=10), event("c", 30, "stall")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        after = found.after_stall(30)
        row = found._engine.rows(found._table.filter(found._table.cause >= 0).select("lo_ms", "hi_ms")).to_pylist()
    assert after is not None
    assert after.gone.shape == after.lost.shape == (1000, 300)
    assert after.stalls.sum() == 4
    assert np.flatnonzero(after.lost.sum(axis=0)).tolist() == [40]
    gone = after.gone.sum(axis=0)
    width = max(each["hi_ms"] - each["lo_ms"] for each in row) / 1000
    assert gone[49] == pytest.approx(1 + 0.1 / width)
    assert gone[249] == pytest.approx(1 + 0.1 / width * (width > 25))
    assert gone[:10] == pytest.approx(0.1 / width)


def test_a_stall_that_is_told_later_is_a_stall_when_it_began(tmp_path: Path) -> None:
    rows = [event("a", 0, "join"), event("a", 20, "stall", stall_seconds=2), event("a", 50, "stall", stall_seconds=1),
            event("a", 55, "leave")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        assert told.spent(found.cells(["stall"])) == {("none",): 20, ("recent",): 35}
        row = found._engine.rows(found._table.select("stalls", "stall_ms")).to_pylist()[0]
    assert row == {"stalls": 2, "stall_ms": 3000}


def test_repeated_reports_of_one_stall_are_one_stall(tmp_path: Path) -> None:
    rows = [event("a", 0, state="playing"), *[event("a", 10 + after, state="stalled") for after in range(5)],
            event("a", 15, state="playing"), event("a", 16, "leave")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        row = found._engine.rows(found._table.select("stalls")).to_pylist()[0]
    assert row == {"stalls": 1}


def test_an_exits_interval_passes_from_recent_to_earlier(tmp_path: Path) -> None:
    rows = [event("a", 0, state="playing", interval_seconds=30), event("a", 100, "stall", stall_seconds=1),
            event("a", 115)]  # fmt: skip
    with audience(tmp_path, rows + LONG) as found:
        assert told.exits(found.cells(["stall"])) == [("left", 1, [("recent", 60, 5.0), ("recent", 120, 10.0),
                                                                   ("earlier", 120, 15.0)])]  # fmt: skip


def test_reports_between_do_not_put_off_the_next_that_is_due(tmp_path: Path) -> None:
    rows = [event("a", 0, interval_seconds=10), event("a", 10), event("a", 13, "order", value=1)]
    assert exits(tmp_path, rows + LONG) == [("left", 1, [(10, 7.0)])]
    rows = [event("b", 0, interval_seconds=10), event("b", 19.9)]  # a little early
    assert exits(tmp_path, rows + LONG) == [("left", 1, [(10, 0.1), (20, 9.9)])]


def test_time_in_the_background_is_added_up(tmp_path: Path) -> None:
    rows = [event("a", 0, background=False), event("a", 5, background=True), event("a", 9, background=False),
            event("a", 20, background=True), event("a", 30, "leave")]  # fmt: skip
    rows += [event("b", 0), event("b", 30, "leave")]
    with audience(tmp_path, rows) as found:
        table = found._engine.rows(found._table.select("sid", "background_ms")).to_pylist()
    assert sorted((row["sid"], row["background_ms"]) for row in table) == [("a", 14_000), ("b", 0)]


def test_heights_hold_until_the_next(tmp_path: Path) -> None:
    rows = [event("a", 0, "join"), event("a", 2, height=720), event("a", 10), event("a", 20, height=1080),
            event("a", 30, "leave")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        assert told.spent(found.cells(["height"])) == {("unknown",): 2, ("720–1079",): 18, ("≥1080",): 10}


def test_those_whom_the_streams_end_cut_off_did_not_leave(tmp_path: Path) -> None:
    crowd = [event(f"v{number}", after, stream="show", interval_seconds=10) for number in range(20)
             for after in range(number % 7, 600, 10)]  # fmt: skip
    quitter = [event("q", 0, stream="show", interval_seconds=10), event("q", 300, "leave", stream="show")]
    other = [row | {"stream": "other"} for row in LONG]
    with audience(tmp_path, crowd + quitter + other) as found:
        assert [(cause, count) for cause, count, _ in told.exits(found.cells([]))] == [("left", 1)]


def test_many_who_leave_together_while_others_come_did_leave(tmp_path: Path) -> None:
    crowd = [event(f"v{number}", after, stream="show", interval_seconds=10) for number in range(20)
             for after in range(number % 7, 600, 10)]  # fmt: skip
    comers = [event("c", after, stream="show", interval_seconds=10) for after in range(630, 900, 10)]
    other = [row | {"stream": "other"} for row in LONG]
    assert sum(count for _, count, _ in exits(tmp_path, crowd + comers + other)) == 21


def test_words_may_be_capitalised(tmp_path: Path) -> None:
    rows = [event("a", 0, "Join", state="Playing"), event("a", 5, state="STALLED"),
            event("a", 7, "Leave", cause="Failed")]  # fmt: skip
    with audience(tmp_path, rows) as found:
        cells = found.cells(["stall"])
    assert told.spent(cells) == {("none",): 5, ("recent",): 2}
    assert told.exits(cells) == [("failed", 1, [("recent", 5, 0.0)])]


def test_attributes_are_columns_or_an_object(tmp_path: Path) -> None:
    rows = [event("a", 0, region="x", tier="gold", attributes={"stage": "new"}), event("a", 5, "leave")]
    with audience(tmp_path, rows) as found:
        assert set(found.attributes()) == {"region", "tier", "stage"}
        assert found.cells(["stage", "region"]).levels == (("new",), ("x",))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("VARCHAR", "e.csv"), ("JSON", "e.parquet"), ("MAP(VARCHAR, VARCHAR)", "e.parquet"),
     ("STRUCT(stage VARCHAR)", "e.parquet")],
)  # fmt: skip
def test_attributes_are_opened_in_every_format(tmp_path: Path, kind: str, name: str) -> None:
    rows = [event("a", 0, attributes={"stage": "new"}), event("a", 5, "leave", attributes=None)]
    columns = {"at": "DOUBLE", "kind": "VARCHAR", "session": "VARCHAR", "attributes": kind}
    source = f"read_json('{lines(tmp_path / 'e.jsonl', rows)}', columns = {columns})"
    duckdb.execute(f"copy (select * from {source}) to '{tmp_path / name}'")
    with open_files([tmp_path / name]) as found:
        assert found.cells(["stage"]).levels == (("new",),)


def test_what_is_wrong_with_events_is_named(tmp_path: Path) -> None:
    for rows, line, column in (
        ([event("a", 0), event("a", 1, "jump")], 2, "kind"),
        ([event("a", 0), event("a", 1) | {"at": 5}], 2, "at"),
        ([event("a", 0, state="playing"), event("a", 1, state="jumping")], 2, "state"),
        ([event("a", 0), event("a", 0) | {"session": None}], 2, "session"),
    ):
        with pytest.raises(BadTable) as caught:
            audience(tmp_path, rows)
        assert (caught.value.line, caught.value.column) == (line, column)
