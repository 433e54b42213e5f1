"""Experiments out of the daemon's facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qoe_agent.viewers.facts import segments
from qoe_agent.viewers.facts.writer import Writer
from qoe_agent.viewers.lift import checking
from qoe_agent.viewers.lift.shapes import Amount, Design, Metric
from qoe_agent.viewers.tables.trials import open_facts
from tests.viewers.made import NOON_MS, heartbeat, record

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.events import ViewerEvent

METRICS = (
    Metric("watch", Amount("watch")),
    Metric("orders", Amount("orders")),
    Metric("stalls", Amount("stall_seconds")),
)


def said(session: str, number: int, after: float, user: str | None, **more: object) -> ViewerEvent:
    at = NOON_MS + round(1000 * after)
    whose = {} if user is None else {"user": user}
    return heartbeat(session, number, at_ms=at, received_ms=at, interval_ms=10_000, stream="s", **whose, **more)


def stored(folder: Path) -> None:
    events = [
        said("a1", 0, 0, "ann", state="playing", kind="arm", experiment="ladder", arm="hd", height=1080),
        said("a1", 1, 10, "ann", kind="order", value=3.5), said("a1", 2, 30, "ann", kind="leave"),
        said("a2", 0, 100, "ann", state="playing", region="x"), said("a2", 1, 110, "ann"),
        said("b1", 0, 0, "bob", state="playing", kind="arm", experiment="ladder", arm="sd"),
        said("b1", 1, 5, "bob", state="stalled"), said("b1", 2, 7, "bob", state="playing"),
        said("b1", 3, 20, "bob", kind="leave"),
        said("c1", 0, 0, "cat", state="playing", kind="arm", experiment="ladder", arm="sd"),
        said("c1", 1, 5, "cat", kind="arm", experiment="ladder", arm="hd"), said("c1", 2, 20, "cat", kind="leave"),
        said("d1", 0, 0, "dan", state="playing"), said("d1", 1, 20, "dan", kind="leave"),
        said("e1", 0, 0, None, state="playing", kind="arm", experiment="ladder", arm="sd"),
        said("e1", 1, 40, None, kind="leave"),
        said("f1", 0, 1000, "fay", state="playing", kind="arm", experiment="other", arm="x"),
        said("b0", 0, -500, "bob", state="playing"), said("b0", 1, -100, "bob", kind="leave"),
        said("c0", 0, -500, "cat", state="playing"), said("c0", 1, -100, "cat", kind="leave"),
        said("b2", 0, -5, "bob", state="playing"),
        said("b2", 1, 1, "bob", kind="arm", experiment="ladder", arm="sd"), said("b2", 2, 5, "bob", kind="leave"),
    ]  # fmt: skip
    writer = Writer(folder, 1 << 20, 3600)
    writer.commit([segments.framed(record(*events))])
    writer.rotate()
    writer.close()


def test_sessions_have_users_and_their_arms(tmp_path: Path) -> None:
    stored(tmp_path)
    numbers = ["stall_seconds", "orders", "height", "order_value"]
    with open_facts(tmp_path, "ladder", None, numbers, ["region"]) as rows:
        trial = rows.trial(Design("sd", metrics=METRICS, segments=("region",)))
    assert trial.assigned == {"hd": 1, "sd": 2}
    assert trial.several == 1, "cat"
    assert trial.unassigned == 2, "dan and fay"
    watch, orders = Amount("watch"), Amount("orders")
    assert trial.arms["hd"].mean(watch) == 30 + 15, "ann's second session fell silent between 10 and 20 s"
    assert trial.arms["hd"].mean(orders) == 1
    assert trial.arms["sd"].mean(watch) == (20 + 10 + 40) / 2, "where bob was told whole, not before"
    assert trial.arms["sd"].mean(Amount("stall_seconds")) == 1
    assert trial.sessions == {"hd": 2, "sd": 3}
    assert "2 sessions began before their user was given an arm, and do not count" in trial.notes
    assert trial.alone == 1
    assert any(note.startswith("1 sessions are nobody's that is known") for note in trial.notes)
    assert "(of which 1 are sessions" in checking.one_arm_a_user(trial).text
    assert any("middle" in note for note in trial.notes)


def test_which_experiment_must_be_said_and_be_there(tmp_path: Path) -> None:
    stored(tmp_path)
    with pytest.raises(ValueError, match="one must be named: ladder, other"):
        open_facts(tmp_path)
    with pytest.raises(ValueError, match="no experiment 'x'; the facts have ladder, other"):
        open_facts(tmp_path, "x")
    with pytest.raises(ValueError, match="no column 'shoe'"):
        open_facts(tmp_path, "ladder", None, ["shoe"])
