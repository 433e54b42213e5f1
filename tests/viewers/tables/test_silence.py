"""Sessions that never say whether they stall: nothing is known of their stalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.facts import segments
from qoe_agent.viewers.facts.writer import Writer
from qoe_agent.viewers.tables import open_facts, open_files
from tests.viewers.made import NOON_MS, heartbeat, record
from tests.viewers.tables import told
from tests.viewers.tables.told import event, lines

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.events import ViewerEvent


def test_who_cannot_tell_a_stall_is_not_taken_for_one_without(tmp_path: Path) -> None:
    rows = [event("tells", 0, "join", state="playing"), event("tells", 40, "leave"),
            event("mute", 0, "join"), event("mute", 50, "leave"),
            event("counts", 0, "join", stalls_total=0), event("counts", 7, "leave"),
            event("late", 0, "join"), event("late", 5), event("late", 10, state="playing"), event("late", 20, "stall"),
            event("late", 26, "leave")]  # fmt: skip
    with open_files([lines(tmp_path / "events.jsonl", rows)]) as found:
        cells = found.cells(["stall"])
        table = found._engine.rows(found._table.select("sid", "stalls", "stall_ms")).to_pylist()
    assert cells.levels == (("none", "recent", "unknown"),)
    assert told.spent(cells) == {("none",): 40 + 7 + 10, ("recent",): 6, ("unknown",): 50 + 10}
    assert {row["sid"]: row["stalls"] for row in table} == {"tells": 0, "mute": None, "counts": 0, "late": 1}
    assert {row["sid"]: row["stall_ms"] is None for row in table}["mute"]


def test_who_is_silent_did_not_stall_where_stalls_are_all_that_is_told(tmp_path: Path) -> None:
    rows = [event("a", 0, "join"), event("a", 20, "stall"), event("a", 30, "leave"),
            event("b", 0, "join"), event("b", 9, "leave")]  # fmt: skip
    with open_files([lines(tmp_path / "events.jsonl", rows)]) as found:
        assert told.spent(found.cells(["stall"])) == {("none",): 29, ("recent",): 10}


def kept(folder: Path, *events: ViewerEvent) -> Path:
    writer = Writer(folder, 1 << 20, 3600)
    writer.commit([segments.framed(record(*events))])
    writer.rotate()
    writer.close()
    return folder


def seen(session: str, number: int, after: float, **more: object) -> ViewerEvent:
    at = NOON_MS + round(1000 * after)
    return heartbeat(session, number, at_ms=at, received_ms=at, interval_ms=10_000, **more)


def test_servers_that_see_whom_they_send_to_see_no_stalls(tmp_path: Path) -> None:
    """A source of which nobody says more than that he plays: of its sessions stalls are unknown, and not none."""
    said = ("join", 0, "playing"), ("heartbeat", 20, "playing"), ("heartbeat", 30, "ended"), ("leave", 31, None)
    edge = [seen("r", number, after, source="edge", kind=kind, state=state)
            for number, (kind, after, state) in enumerate(said)]  # fmt: skip
    said = ("join", 0, "starting"), ("heartbeat", 1, "playing"), ("leave", 10, None)
    web = [seen("w", number, after, source="web", kind=kind, state=state)
           for number, (kind, after, state) in enumerate(said)]  # fmt: skip
    with open_facts(kept(tmp_path / "both", *edge, *web)) as found:
        assert told.spent(found.cells(["stall"])) == {("unknown",): 31, ("none",): 10}
    with open_facts(kept(tmp_path / "edge", *edge)) as found:
        assert not {"stall_times", "stalls"} & found.has
