"""Incidents that agents wrote beside the viewers' events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.viewers.shapes import Incident
from qoe_agent.viewers.tables.faults import BadTable
from qoe_agent.viewers.tables.incidents import of_facts

if TYPE_CHECKING:
    from pathlib import Path

START = 1_795_372_803.0


def line(**said: Any) -> str:
    """A line of the chronicle."""
    return json.dumps({"id": "a", "stream": "show", "scope": {}, "kind": "black", "severity": "warning",
                       "start": START, "end": None, "seen": START + 1, "detail": {}, **said}) + "\n"  # fmt: skip


def test_the_last_line_of_an_incident_holds_and_open_ones_lasted_until_they_were_seen(tmp_path: Path) -> None:
    folder = tmp_path / "incidents"
    folder.mkdir()
    (folder / "2026-11-22.one.jsonl").write_text(line() + line(id="b", start=START + 5, seen=START + 65))
    closed = line(end=START + 4, seen=START + 5, content_start=START - 1, content_end=START + 3)
    (folder / "2026-11-23.one.jsonl").write_text(closed + closed[:20])
    assert of_facts(tmp_path) == [
        Incident("a", "black", "show", START, START + 4, content=(START - 1, START + 3)),
        Incident("b", "black", "show", START + 5, START + 65),
    ]


def test_facts_without_incidents_have_none(tmp_path: Path) -> None:
    assert of_facts(tmp_path) == []


def test_a_line_that_means_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "incidents").mkdir()
    (tmp_path / "incidents" / "2026-11-22.one.jsonl").write_text(line(start="long ago"))
    with pytest.raises(BadTable, match=r"2026-11-22\.one\.jsonl:1: start: must be a number"):
        of_facts(tmp_path)
