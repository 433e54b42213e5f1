"""Incidents of an audience with what each cost: timelines, false-discovery control, what is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.viewers import costing, estimates
from qoe_agent.viewers.shapes import Exits, Incident, Timeline
from tests.viewers.crowd import PUFFER, cells, crowd

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGAN = 1_795_291_000.0
FROZE = Incident("froze", "content_freeze", "room", BEGAN + 7200, BEGAN + 7208)
QUIET = Incident("quiet", "content_freeze", "room", BEGAN + 9000, BEGAN + 9008)
ELSEWHERE = Incident("else", "black", "nobody", BEGAN, BEGAN + 5)
ADDED = 5.0
"""Exits too many in each of the 30 s after FROZE began."""


class Known:
    """Stands for an audience: 10,000 viewers of a room, of whom half are in the incidents' scope."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def incidents(self) -> list[Incident]:
        return [FROZE, QUIET, ELSEWHERE]

    def timelines(
        self, incidents: Sequence[Incident], before: float, after: float, step: float, hazards: Any
    ) -> dict[str, Timeline]:
        self.hazards = hazards
        steps = int((before + after) / step)
        return {each.id: self._timeline(each, before, step, steps) for each in incidents if each.stream == "room"}

    def _timeline(self, incident: Incident, before: float, step: float, steps: int) -> Timeline:
        random = np.random.default_rng(7)
        exits = random.poisson(2.0 * step, (2, steps)).astype(float)
        begin = int((FROZE.start - (incident.start - before)) / step)
        if 0 <= begin < steps:
            exits[0, begin : begin + int(30 / step)] += ADDED * step
        start = incident.start - before
        return Timeline("room", start, step, np.full((2, steps), 5000.0 * step), exits, np.zeros((2, steps)))


@pytest.fixture(scope="module")
def found() -> Exits:
    audience: Any = Known()
    people = crowd(np.random.default_rng(5), 20_000, stalls=0.0)
    return costing.added(Exits(10_000, notes=("one",)), audience, estimates.study(cells(people, by_state=False)))


def test_an_incident_that_cost_viewers_stands_and_one_that_did_not_does_not(found: Exits) -> None:
    froze, quiet, elsewhere = found.incidents
    assert froze.low is not None
    assert froze.high is not None
    assert froze.low < 30 * ADDED < froze.high
    assert froze.discovery
    assert froze.viewer_minutes is not None
    assert 1 < froze.viewer_minutes / (froze.excess_exits or 1) < 60
    assert quiet.discovery is False
    assert (froze.end, quiet.end) == (FROZE.end, QUIET.end)
    assert elsewhere.excess_exits is None
    assert "nobody is known to have watched nobody" in elsewhere.note


def test_viewers_are_expected_to_leave_by_how_long_they_have_watched() -> None:
    people = crowd(np.random.default_rng(6), 40_000, stalls=0.0)
    study = estimates.study(cells(people, by_state=False))
    assert study is not None
    audience: Any = Known()
    costing.added(Exits(40_000), audience, study)
    found = dict(audience.hazards)
    assert list(found) == list(costing.PACES)
    assert found[0] == pytest.approx(PUFFER[0], rel=0.1)
    assert found[30] == pytest.approx(0.0061, rel=0.1)
    assert found[3600] < found[600] < found[60]


def test_what_is_drawn_lies_around_the_incident_and_holds_its_exits(found: Exits) -> None:
    assert set(found.timelines) == {"froze", "quiet"}
    near = found.timelines["froze"]
    assert near.watching.shape[1] <= costing.DRAWN
    assert near.start == FROZE.start - costing.NEAR_BEFORE
    begin = int((FROZE.start - near.start) / near.step)
    assert near.exits[0, begin : begin + int(30 / near.step)].sum() > 30 * ADDED
    assert near.watching[0, 0] == 5000 * near.step


def test_media_time_is_drawn_by_the_wall_clock() -> None:
    steps = 2000
    timeline = Timeline("room", BEGAN - 1000, 1.0, np.ones((2, steps)), np.zeros((2, steps)), np.zeros((2, steps)),
                        "content")  # fmt: skip
    incident = Incident("i", "black", "room", BEGAN + 4, BEGAN + 9, content=(BEGAN, BEGAN + 5))
    near = costing.around(timeline, incident)
    assert near.start == incident.start - costing.NEAR_BEFORE


def test_three_incidents_of_a_kind_are_told_together(found: Exits) -> None:
    assert found.notes == ("one",)
    froze, quiet, _ = found.incidents
    three = [froze, quiet, quiet._replace(id="third")]
    told = costing.common(three)
    assert len(told) == 1
    assert told[0].startswith("content freeze: over 3 incidents together viewers leave ")
    assert costing.common(three, [frozenset(("third", "else"))]) == []


def test_incidents_meet_where_their_windows_do() -> None:
    def at(name: str, start: float, end: float | None, stream: str = "room", **scope: str) -> Incident:
        return Incident(name, "freeze", stream, start, end, scope=scope)

    def groups(*incidents: Incident) -> list[str]:
        return sorted("".join(sorted(each)) for each in costing.together(incidents))

    assert groups(at("a", 0, 10), at("b", 39, 50), at("c", 79, 80), at("d", 120, 130)) == ["abc"]
    assert groups(at("a", 0, 10), at("b", 5, 8, "hall")) == []
    assert groups(at("a", 0, 10, cdn="x"), at("b", 5, 8, cdn="y")) == ["ab"]
    assert len(costing.together([at("a", 0, 10), at("b", 55, 60)], 10.0)) == 1
    assert costing.together([at("a", 0, 10), at("b", 55, 60)], 5.0) == ()
    assert groups(at("a", 0, None), at("b", 5000, 5008)) == ["ab"]


def test_without_incidents_nothing_is_added() -> None:
    class Nothing(Known):
        def incidents(self) -> list[Incident]:
            return []

    audience: Any = Nothing()
    bare = Exits(1)
    assert costing.added(bare, audience, None) is bare
