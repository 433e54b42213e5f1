"""What is told of incidents as metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qoe_agent.board import Board
from qoe_agent.model import Incident
from qoe_agent.rollcall import Rollcall
from qoe_agent.sink import Key

SHOW = Key("show")
STALL = Incident("stall", 100.0, None, "warning")


@pytest.fixture
def board() -> Board:
    board = Board([])
    Rollcall(board)
    board.add(SHOW, {})
    return board


def told(board: Board) -> list[str]:
    lines = board.render().decode().splitlines()
    return [line for line in lines if line.startswith("qoe_incidents")]


def test_an_open_incident_shows_and_a_closed_one_is_absent_but_counted(board: Board) -> None:
    board.put(SHOW, STALL, 100.0)
    assert told(board) == [
        'qoe_incidents_open{stream="show",kind="stall",severity="warning"} 1.0',
        'qoe_incidents_total{stream="show",kind="stall"} 1.0',
    ]
    board.put(SHOW, replace(STALL, detail={"player": "flv"}), 101.0)
    board.put(SHOW, replace(STALL, end=103.0), 103.0)
    assert told(board) == ['qoe_incidents_total{stream="show",kind="stall"} 1.0']


def test_a_change_of_severity_moves_it(board: Board) -> None:
    board.put(SHOW, STALL, 100.0)
    board.put(SHOW, replace(STALL, severity="critical"), 101.0)
    assert told(board)[:-1] == ['qoe_incidents_open{stream="show",kind="stall",severity="critical"} 1.0']


def test_it_has_the_severity_that_the_configuration_gives_it() -> None:
    board = Board([])
    Rollcall(board, lambda stream, one: "info" if (stream, one.kind) == ("show", "stall") else one.severity)
    board.add(SHOW, {})
    board.put(SHOW, STALL, 100.0)
    assert told(board)[:-1] == ['qoe_incidents_open{stream="show",kind="stall",severity="info"} 1.0']
    board.put(SHOW, replace(STALL, end=103.0), 103.0)
    assert len(told(board)) == 1


def test_incidents_of_one_kind_are_told_apart_by_their_keys(board: Board) -> None:
    for key in ("left", "right"):
        board.put(SHOW, Incident("dead_channel", 100.0, None, "warning", key), 100.0)
    board.put(SHOW, Incident("dead_channel", 100.0, 101.0, "warning", "left"), 101.0)
    assert told(board) == [
        'qoe_incidents_open{stream="show",kind="dead_channel",severity="warning"} 1.0',
        'qoe_incidents_total{stream="show",kind="dead_channel"} 2.0',
    ]


def test_a_momentary_incident_is_only_counted(board: Board) -> None:
    board.put(SHOW, Incident("resolution_change", 100.0, 100.0, "warning"), 100.0)
    assert told(board) == ['qoe_incidents_total{stream="show",kind="resolution_change"} 1.0']


def test_it_stays_while_the_stream_is_dead(board: Board) -> None:
    board.put(SHOW, Incident("lost", 100.0, None, "critical"), 100.0)
    board.down(SHOW)
    board.sweep(1e6)
    assert told(board)[0] == 'qoe_incidents_open{stream="show",kind="lost",severity="critical"} 1.0'


def test_nothing_stays_open_when_the_stream_is_no_longer_observed(board: Board) -> None:
    board.put(SHOW, STALL, 100.0)
    board.lose(SHOW, 105.0)
    assert told(board) == ['qoe_incidents_total{stream="show",kind="stall"} 1.0']


def test_the_agents_own_have_no_stream(board: Board) -> None:
    board.put(None, Incident("agent_overloaded", 100.0, None, "warning", "0"), 100.0)
    assert told(board)[0] == 'qoe_incidents_open{kind="agent_overloaded",severity="warning"} 1.0'
