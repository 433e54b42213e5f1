"""Exits beside incidents, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent import catalogue
from qoe_agent.alerts import wishes, words
from qoe_agent.board import Board
from qoe_agent.maths.leaving import SLOT
from qoe_agent.model import Incident
from qoe_agent.sink import Key
from qoe_agent.viewers.exodus import INCIDENTS, UNEXPLAINED, UNNOTICED, Exodus
from qoe_agent.viewers.ingest.departures import LATE, Departed, Departures

if TYPE_CHECKING:
    from collections.abc import Callable

SHOW = Key("show")
VIEWERS, USUAL = 3000.0, 0.0007


@pytest.fixture
def board() -> Board:
    board = Board(catalogue.metrics())
    board.add(SHOW, {})
    return board


def lived(
    board: Board, exodus: Exodus, times: Callable[[float], float] = lambda at: 1.0, minutes: float = 30.0
) -> list[Incident]:
    """So many minutes in which exits are `times` as frequent as usual; what was told meanwhile, without the probe's."""
    told: list[Incident] = []
    board.listen(lambda key, incident, revision: told.append(incident) if incident.kind in INCIDENTS else None)
    random = np.random.default_rng(1)
    for n in range(round(minutes * 60 / SLOT)):
        exits = random.poisson(VIEWERS * SLOT * USUAL * times(n * SLOT))
        exodus.take([Departed("show", n * SLOT, VIEWERS * SLOT, float(exits))])
    return told


def counted(board: Board) -> dict[str, float]:
    return {
        one["name"]: one["value"] for one in board.metrics(SHOW) if one["name"].startswith("qoe_viewer_incident_exits")
    }


def crowd(at: float) -> float:
    return 12.0 if 1200.0 <= at < 1240.0 else 1.0


def test_exits_that_nothing_explains_are_an_incident_that_ends(board: Board) -> None:
    told = lived(board, Exodus(board, lambda name: True), crowd)
    assert {one.kind for one in told} == {UNEXPLAINED}
    assert len({one.start for one in told}) == 1
    assert told[0].end is None
    assert told[0].start == pytest.approx(1180.0, abs=20.0)
    assert told[-1].end == pytest.approx(1240.0, abs=40.0)
    assert told[0].detail["exits"] > 3 * told[0].detail["expected"]


@pytest.mark.parametrize(("start", "explains"), [(1150.0, True), (1195.0, True), (700.0, False)])
def test_an_incident_that_began_just_before_explains_them(board: Board, start: float, explains: bool) -> None:
    board.put(SHOW, Incident("stall", start, 1210.0, "critical"), 1210.0)
    told = lived(board, Exodus(board, lambda name: True), crowd)
    assert (UNEXPLAINED not in {one.kind for one in told}) == explains


def test_of_streams_that_others_watch_nothing_is_unexplained(board: Board) -> None:
    assert lived(board, Exodus(board, lambda name: False), crowd) == []


def test_what_an_incident_cost_is_counted_beside_what_is_usual(board: Board) -> None:
    board.put(SHOW, Incident("black", 1200.0, 1210.0, "critical"), 1210.0)
    exodus = Exodus(board, lambda name: True)
    lived(board, exodus, crowd)
    exits, usual = counted(board)["qoe_viewer_incident_exits_total"], VIEWERS * USUAL * 40.0
    assert counted(board)["qoe_viewer_incident_exits_expected_total"] == pytest.approx(usual, rel=0.1)
    assert exits == pytest.approx(12 * usual, rel=0.1)
    [cost] = exodus.costs("show")
    assert (cost.kind, cost.excess.exits) == ("black", exits)


def test_a_fault_that_nobody_minds_is_noted(board: Board) -> None:
    board.put(SHOW, Incident("stall", 1200.0, 1210.0, "critical"), 1210.0)
    [one] = lived(board, Exodus(board, lambda name: True))
    assert (one.kind, one.key, one.severity, one.start, one.end) == (UNNOTICED, "stall", "info", 1200.0, 1210.0)


def test_of_too_few_viewers_that_is_not_said(board: Board) -> None:
    board.put(SHOW, Incident("stall", 1200.0, 1202.0, "critical"), 1202.0)
    assert lived(board, Exodus(board, lambda name: True)) == []


def test_kinds_have_words_and_rules() -> None:
    assert INCIDENTS.keys() <= words.KINDS.keys() & wishes.RULES.keys() & catalogue.kinds().keys()


def test_slots_are_told_once_their_exits_are_known() -> None:
    departures = Departures(1000.0)
    for _ in range(5):
        departures.settle("show")
    told: list[Departed] = []
    for now in range(1001, 1200):
        if now == 1100:
            departures.left("show", 1035.0)  # silent since
        told += departures.tick(float(now))
        assert all(one.at + SLOT + LATE <= now for one in told)
    assert [one.at for one in told] == [1010.0 + SLOT * n for n in range(len(told))]
    assert {one.at: one.exits for one in told if one.exits} == {1030.0: 1.0}
    assert told[0].watched == pytest.approx(5 * SLOT)


def test_exits_of_slots_that_are_told_are_lost_and_nobody_is_counted_twice() -> None:
    departures = Departures(0.0)
    departures.settle("show")
    for now in range(1, 300):
        departures.tick(float(now))
    departures.left("show", 20.0)
    assert [one for now in range(300, 600) for one in departures.tick(float(now)) if one.exits or one.at > 300] == []
