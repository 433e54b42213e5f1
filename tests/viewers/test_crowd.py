"""The demo's audience: what its incidents are said to have cost agrees with what they did cost."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from qoe_agent.demo.compare import Row
from qoe_agent.demo.faults import DEFAULT, Fault
from qoe_agent.viewers.audience.crowd import SETTLES, crowd, table

STARTED = 5000.0
KINDS = {"stall": "stall", "resolution_drop": "resolution_change", "silence": "silence", "black": "black",
         "standing": "content_freeze"}  # fmt: skip


def seen(fault: Fault) -> Row:
    """What a probe makes of a fault, a little late."""
    return Row(fault.kind, STARTED + fault.start, fault.seconds, KINDS[fault.kind], STARTED + fault.start + 0.2,
               fault.seconds)  # fmt: skip


def test_a_lone_stall_s_cost_is_found_again() -> None:
    (fault,) = faults = DEFAULT[:1]
    audience = crowd(faults, STARTED)
    ((row, said, true),) = audience.costs([seen(fault)], STARTED + fault.start + fault.seconds + 0.2 + SETTLES)
    assert row.kind == "stall"
    assert said.low is not None
    assert said.high is not None
    assert 0 < said.low <= true <= said.high


def test_it_needs_nothing_of_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo is what a plain installation runs first."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    lacking = {Requirement(each).name for each in project["optional-dependencies"]["viewers"]}
    gone = {module for module, names in packages_distributions().items() if lacking & set(names)}
    assert {"duckdb", "ibis", "pyarrow"} <= gone
    for name in [each for each in sys.modules if each.partition(".")[0] in gone]:
        monkeypatch.delitem(sys.modules, name)
    for name in gone:
        monkeypatch.setitem(sys.modules, name, None)
    assert crowd(DEFAULT, STARTED).costs([seen(fault) for fault in DEFAULT], STARTED + 100)


def test_costs_are_told_once_a_fault_is_settled_and_only_of_what_was_seen() -> None:
    audience, rows = crowd(DEFAULT, STARTED), [seen(fault) for fault in DEFAULT]
    over = STARTED + DEFAULT[0].start + DEFAULT[0].seconds + 0.2 + SETTLES
    assert audience.settled(rows, over - 0.1) == []
    assert audience.settled(rows, over) == [0]
    assert len(audience.costs(rows, STARTED + 100)) == len(DEFAULT)
    missed = [replace(rows[0], seen_as="", seen_start=None, seen_seconds=None), *rows[1:]]
    assert [row.kind for row, _, _ in audience.costs(missed, STARTED + 100)] == [one.kind for one in DEFAULT[1:]]


def test_later_rounds_of_the_schedule_are_left_alone() -> None:
    audience = crowd(DEFAULT[:1], STARTED)
    again = seen(replace(DEFAULT[0], start=DEFAULT[0].start + 75))
    assert audience.settled([seen(DEFAULT[0]), again], STARTED + 200) == [0]


def test_the_table_shows_the_report_beside_the_truth() -> None:
    audience = crowd(DEFAULT, STARTED)
    screen = Console(width=80, record=True, file=None)
    with screen.capture() as told:
        screen.print(table(audience.costs([seen(fault) for fault in DEFAULT], STARTED + 100), 9600))
    text = told.get()
    assert "9600 simulated viewers" in text
    assert "found cost" in text
    assert text.count("…") == len(DEFAULT)


@pytest.mark.parametrize("now", [STARTED - 5.0, STARTED + 1.0])
def test_it_watched_before_the_demo_began(now: float) -> None:
    assert crowd(DEFAULT, STARTED).watching(now) > 5000
