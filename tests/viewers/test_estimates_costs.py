"""What an incident cost: the truth lies in the interval, nothing is found where nothing was, or it cannot be known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.estimates import cost, discoveries, pooled, remaining, study
from qoe_agent.viewers.estimates.many import adjusted
from qoe_agent.viewers.shapes import Cost, Incident, Timeline
from tests.viewers.crowd import cells, crowd
from tests.viewers.streams import BEFORE, struck

if TYPE_CHECKING:
    from tests.viewers.streams import Struck

DRAWS = 200
UNEXPOSED, PLACEBO = "unexposed viewers of the same stream", "placebo windows"


@cache
def drawn(exposed: float, ratio: float, draws: int = DRAWS) -> list[tuple[Struck, Cost]]:
    source = np.random.default_rng(11)
    made = [struck(source, exposed=exposed, ratio=ratio) for _ in range(draws)]
    return [(each, cost(each.timeline, each.incident)) for each in made]


def one(**options: Any) -> Struck:
    return struck(np.random.default_rng(2), **options)


def briefly(timeline: Timeline) -> Timeline:
    """Eight minutes before the incident and one after."""
    part = slice(BEFORE - 480, BEFORE + 100)
    watching, exits, orders = (each[:, part] for each in (timeline.watching, timeline.exits, timeline.orders))
    return replace(timeline, start=BEFORE - 480.0, watching=watching, exits=exits, orders=orders)


@pytest.mark.parametrize(("exposed", "method"), [(0.4, UNEXPOSED), (1.0, PLACEBO)])
def test_bursts_of_content_are_not_called_costs(exposed: float, method: str) -> None:
    found = drawn(exposed, 1.0)
    assert {each.method for _, each in found} == {method}
    assert np.mean([each.p < 0.05 for _, each in found]) <= 0.07
    assert np.mean([each.low <= 0 <= each.high for _, each in found]) >= 0.92
    assert np.mean([each.pretrend_p < 0.05 for _, each in found]) <= 0.08
    assert np.mean([made.naive_p < 0.05 for made, _ in found]) > 0.25, "a plain Poisson comparison is fooled"


@pytest.mark.parametrize("exposed", [0.4, 1.0])
def test_intervals_hold_what_came_on_top(exposed: float) -> None:
    found = drawn(exposed, 2.5, 60)
    assert np.mean([each.low <= made.truth <= each.high for made, each in found]) >= 0.92
    errors = [each.excess_exits - made.truth for made, each in found]
    assert abs(np.mean(errors)) < 0.15 * np.mean([made.truth for made, _ in found])


def test_the_interval_holds_zero_exactly_when_p_says_so() -> None:
    for _, each in drawn(0.4, 1.0) + drawn(1.0, 1.0) + drawn(1.0, 2.5, 60):
        assert (each.low <= 0.0 <= each.high) == (each.p >= 0.05)
        assert each.low <= each.excess_exits <= each.high


@pytest.mark.parametrize("exposed", [0.4, 1.0])
def test_rare_reports_widen_the_window_and_keep_the_truth(exposed: float) -> None:
    made = one(exposed=exposed, ratio=4.0, heartbeat=30.0)
    told = cost(made.timeline, made.incident)
    assert told.low <= made.truth <= told.high
    assert told.exits > made.truth


def test_few_unexposed_viewers_fall_back_on_placebos() -> None:
    made = one(exposed=0.999, ratio=3.0)
    assert cost(made.timeline, made.incident).method == PLACEBO


def test_without_unexposed_and_without_quiet_windows_it_cannot_be_known() -> None:
    made = one(ratio=3.0)
    timeline = briefly(made.timeline)
    told = cost(timeline, made.incident)
    assert told.excess_exits is told.p is told.low is None
    assert told.note.startswith("cannot be known: everybody was exposed, and there are ")


def test_unexposed_viewers_need_no_quiet_windows_but_it_is_said() -> None:
    made = one(exposed=0.4, ratio=3.0)
    timeline = briefly(made.timeline)
    told = cost(timeline, made.incident)
    assert told.method == UNEXPOSED
    assert "no quiet windows to check with" in told.note


def test_an_incident_outside_of_what_is_known_cannot_be_known() -> None:
    made = one()
    late = made.incident._replace(start=4500.0, end=4510.0)
    assert cost(made.timeline, late).note == "cannot be known: viewers are not known around it"
    early = made.incident._replace(start=100.0, end=110.0)
    assert cost(made.timeline, early).note == "cannot be known: too little is known of the minutes before it"


def test_nobody_watched() -> None:
    timeline = Timeline("s", 0.0, 1.0, np.zeros((2, 2000)), np.zeros((2, 2000)), np.zeros((2, 2000)))
    told = cost(timeline, Incident("i", "freeze", "s", 1500.0, 1510.0))
    assert told.note == "cannot be known: too little is known of the minutes before it"


def test_exits_that_rose_before_the_incident_are_not_put_down_to_it() -> None:
    made = one(exposed=0.4)
    made.timeline.exits[0, BEFORE - 50 : BEFORE] += 8.0
    told = cost(made.timeline, made.incident)
    assert told.pretrend_p < 0.001
    assert "already unusual just before it" in told.note


def test_another_incident_in_the_window_is_named_and_one_elsewhere_is_not() -> None:
    made = one(ratio=3.0)
    same, far, other = (
        Incident(name, "black", stream, at, at + 5.0)
        for name, stream, at in (("a", "s", 3610.0), ("b", "s", 2000.0), ("c", "t", 3610.0))
    )
    assert "another incident" in cost(made.timeline, made.incident, [same]).note
    assert cost(made.timeline, made.incident, [far, other, made.incident]).note == ""


def test_incidents_every_six_minutes_can_still_be_told_apart() -> None:
    made = one(ratio=4.0)
    others = [Incident(str(at), "black", "s", at, at + 8.0) for at in np.arange(360.0, 3600.0, 360.0)]
    told = cost(made.timeline, made.incident, others)
    assert told.low <= made.truth <= told.high


def test_known_incidents_are_no_placebos() -> None:
    made = one(ratio=1.0)
    made.timeline.exits[0, 2000:2040] += 60.0
    spoilt, told = (
        cost(made.timeline, made.incident, others) for others in ([], [Incident("b", "black", "s", 2000.0, 2010.0)])
    )
    assert told.high - told.low < 0.9 * (spoilt.high - spoilt.low)


def test_minutes_and_orders_go_with_those_who_left() -> None:
    made = one(exposed=0.4, ratio=3.0)
    told = cost(made.timeline, made.incident, remaining=600.0)
    assert told.viewer_minutes == pytest.approx(told.excess_exits * 10.0)
    assert told.orders is None, "no orders are known"
    made.timeline.orders[:] = 0.01
    rate = made.timeline.orders.sum() / made.timeline.watching.sum()
    told = cost(made.timeline, made.incident, remaining=600.0)
    assert told.orders == pytest.approx(told.excess_exits * 600.0 * rate)


def test_nobody_would_have_watched_beyond_the_end_of_the_stream() -> None:
    study_of = study(cells(crowd(np.random.default_rng(1), 5000, stalls=0)))
    made = one(exposed=0.4, ratio=3.0)
    told = cost(made.timeline, made.incident, remaining=study_of)
    assert told.viewer_minutes == pytest.approx(told.excess_exits * remaining(study_of) / 60)
    made.timeline.watching[:, BEFORE + 338 :] = 0.0
    short = cost(made.timeline, made.incident, remaining=study_of)
    assert short.viewer_minutes == pytest.approx(told.excess_exits * remaining(study_of, 300.0) / 60)
    assert short.viewer_minutes < told.excess_exits * 5


def test_an_incident_without_an_end_lasts_as_long_as_anybody_watches() -> None:
    made = one(exposed=0.4, ratio=4.0)
    made.timeline.watching[:, BEFORE + 60 :] = 0.0
    made.timeline.exits[:, BEFORE + 60 :] = 0.0
    told, closed = (
        cost(made.timeline, made.incident._replace(end=end), remaining=600.0)
        for end in (None, made.incident.start + 30.0)
    )
    assert told[3:7] == closed[3:7]
    assert told.excess_exits > 20
    assert (told.note, closed.note) == ("it has no end: counted for 1 min", "")


def test_without_an_end_and_without_unexposed_it_cannot_be_known() -> None:
    made = one(ratio=4.0)
    told = cost(made.timeline, made.incident._replace(end=None))
    assert told.excess_exits is told.low is None
    assert told.note.startswith("cannot be known: it has no end, and everybody was exposed")


def test_those_who_leave_until_the_end_of_the_stream_would_have_watched_half_of_it() -> None:
    study_of = study(cells(crowd(np.random.default_rng(1), 5000, stalls=0)))
    made = one(exposed=0.4, ratio=3.0)
    made.timeline.watching[:, BEFORE + 100 :] = 0.0
    told = cost(made.timeline, made.incident._replace(end=None), remaining=study_of)
    assert told.viewer_minutes == pytest.approx(told.excess_exits * remaining(study_of, 50.0) / 60)


def test_what_lies_in_the_media_without_an_end_there_lasts_as_long_as_it_did_for_the_probe() -> None:
    made = one(ratio=4.0)
    start, length = made.incident.start, made.incident.end - made.incident.start
    moved = made.incident._replace(start=1e6, end=1e6 + length, content=(start, start))
    told = cost(replace(made.timeline, clock="content"), moved)
    assert told.excess_exits == cost(made.timeline, made.incident).excess_exits


def test_content_time_is_used_where_the_timeline_has_it() -> None:
    made = one(ratio=4.0)
    moved = made.incident._replace(start=1e6, end=1e6 + 8, content=(made.incident.start, made.incident.end))
    told = cost(replace(made.timeline, clock="content"), moved)
    assert told.excess_exits == cost(made.timeline, made.incident).excess_exits
    assert told.start == 1e6


def test_of_many_incidents_chance_ones_do_not_stand() -> None:
    ps = [0.001, 0.04, 0.3, None, 0.045, 0.9, 0.02]
    found = discoveries([Cost(str(place), "freeze", 0.0, p=p) for place, p in enumerate(ps)])
    assert [each.discovery for each in found] == [True, False, False, None, False, False, False]


def test_adjusted_p_values() -> None:
    """R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.5), "BH")."""
    assert adjusted([0.5, 0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.5, 0.05, 0.05, 0.05, 0.05])
    assert adjusted([]) == []


def test_incidents_of_a_kind_are_pooled() -> None:
    """Two of equal error: the mean in the middle, the difference beyond chance is between them."""
    near = [Cost(name, "freeze", 0.0, log_ratio=value, error=0.1) for name, value in (("a", 0.5), ("b", 0.7))]
    alone = Cost("c", "black", 0.0, log_ratio=1.0, error=0.1)
    (told,) = pooled([*near, alone, Cost("d", "freeze", 0.0)])
    assert (told.kind, told.incidents) == ("freeze", 2)
    assert log(told.ratio) == pytest.approx(0.6)
    assert told.between == pytest.approx(0.1)
    assert told.low < 1.0 < told.high, "two incidents say little of others"


def test_quantiles_of_t() -> None:
    """Abramowitz and Stegun, table 26.10."""
    assert [t_quantile(0.95, freedom) for freedom in (1, 5, 30, float("inf"))] == pytest.approx(
        [12.7062, 2.57058, 2.04227, 1.95996], rel=1e-5
    )
    assert t_tail(t_quantile(0.99, 7), 7) == pytest.approx(0.01, rel=1e-9)
    with pytest.raises(ValueError, match="no t quantile"):
        t_quantile(1.0, 5)
