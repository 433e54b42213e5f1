"""Events for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.events import ViewerEvent, encoded, event
from qoe_agent.viewers.facts import reading, rows
from qoe_agent.viewers.pseudonyms import Key, Ring

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RING = Ring([Key(1, b"1" * 32)])
NOON_MS = 1_800_014_400_000
"""2027-01-15 12:00 UTC."""


def heartbeat(session: str, sn: int, **more: Any) -> ViewerEvent:
    """One that is its own: nobody else has its `sn` in `session`. `more`: fields of ViewerEvent, `user`, `ring`."""
    received_ms, ring, source = more.pop("received_ms", NOON_MS), more.pop("ring", RING), more.pop("source", "web")
    said = {"kind": "heartbeat", "session": session, "sn": sn, "at_ms": NOON_MS, **more}
    return event(said, source, "plain", received_ms, ring)


def record(*events: ViewerEvent) -> bytes:
    """One record of the log."""
    return encoded(events)


def stored(folder: Path) -> list[tuple[str, int]]:
    """Session and sequence number of each event in the facts, sorted: nothing is taken out that is there twice."""
    with reading.snapshot(folder) as facts:
        return sorted(pair for piece in _pieces(facts) for pair in _pairs(piece))


def column(folder: Path, name: str) -> list[Any]:
    """One field of each event in the facts."""
    with reading.snapshot(folder) as facts:
        return [value for piece in _pieces(facts) for value in piece[name].to_pylist()]


def _pieces(facts: reading.Snapshot) -> Iterable[Any]:
    yield facts.logged
    for path in facts.files:
        yield from rows.pieces(path)


def _pairs(piece: Any) -> Iterable[tuple[str, int]]:
    return zip(piece["session"].to_pylist(), piece["sn"].to_pylist(), strict=True)
