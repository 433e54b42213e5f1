"""Facts as an audience: what is in the log and in files, each event once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.facts import compaction, segments
from qoe_agent.viewers.facts.writer import Writer
from qoe_agent.viewers.tables import open_facts
from tests.viewers.made import NOON_MS, heartbeat, record
from tests.viewers.tables import told

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.events import ViewerEvent


def seen(session: str, number: int, after: float, **more: object) -> ViewerEvent:
    at = NOON_MS + round(1000 * after)
    return heartbeat(
        session, number, at_ms=at, received_ms=at + 200, interval_ms=10_000, user=f"user {session}", **more
    )


def stored(folder: Path) -> None:
    """Half of the events in a file, half in the log, some in both."""
    early = [seen("a", 0, 0, state="playing", region="x", stream="s", attributes={"tier": "gold"}), seen("a", 1, 10),
             seen("b", 0, 3, state="playing", region="y", stream="s"), seen("b", 1, 8, kind="leave")]  # fmt: skip
    late = [seen("a", 2, 20, state="stalled"), seen("a", 3, 22, state="playing"), seen("a", 1, 10)]
    late += [seen("c", number, 10.0 * number) for number in range(20)]
    writer = Writer(folder, 1 << 20, 3600)
    writer.commit([segments.framed(record(*early))])
    writer.rotate()
    compaction.compact(folder)
    writer.commit([segments.framed(record(*late, *early[:1]))])
    writer.rotate()
    writer.close()


def test_facts_are_an_audience(tmp_path: Path) -> None:
    stored(tmp_path)
    with open_facts(tmp_path) as audience:
        cells = audience.cells(["stall"])
        assert audience.sessions() == 3
        assert {"stall_times", "stream", "start"} <= audience.has
        assert set(audience.attributes()) == {"region", "tier"}
        assert told.spent(audience.cells(["tier", "region"]))["gold", "x"] == 22
    assert told.spent(cells) == {("none",): 20 + 5, ("unknown",): 190, ("recent",): 2}
    assert told.exits(cells) == [
        ("left", 1, [("none", 3, 0.0)]),
        ("left", 1, [("recent", 20, 8.0)]),
    ]


def test_no_facts_are_an_empty_audience(tmp_path: Path) -> None:
    with open_facts(tmp_path) as audience:
        assert audience.sessions() == 0
        assert len(audience.cells([]).time_cell) == 0
