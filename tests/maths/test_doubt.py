"""Is it me: what is told of content while the agent is overloaded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.doubt import LASTS, MARK, PACKETS_TELL, Doubt
from qoe_agent.model import Incident
from qoe_agent.probes import declarations

BLACK = Incident("black", 100.0, None, "warning", detail={"share": 1.0})


def ended(incident: Incident, after: float) -> Incident:
    return replace(incident, end=incident.start + after)


def marked(told: list[Incident]) -> list[bool]:
    return [MARK in incident.detail for incident in told]


def test_at_level_nothing_all_is_told_as_it_is() -> None:
    doubt = Doubt(pictures=True)
    for incident in (BLACK, replace(BLACK, severity="critical"), ended(BLACK, 3.0)):
        assert list(doubt.take(incident, 0)) == [incident]
    assert not list(doubt.passed(0, 200.0))


@pytest.mark.parametrize("level", [1, 2])
def test_it_is_marked_and_told_again_without_once_the_level_is_back(level: int) -> None:
    doubt = Doubt(pictures=True)
    (told,) = doubt.take(BLACK, level)
    assert told == replace(BLACK, detail={"share": 1.0, MARK: True})
    assert not list(doubt.passed(level, 150.0))
    assert list(doubt.passed(0, 151.0)) == [BLACK]
    assert not list(doubt.passed(0, 152.0))
    (over,) = doubt.take(ended(BLACK, 60.0), level)
    assert over.detail[MARK]
    assert not list(doubt.passed(0, 200.0))


@pytest.mark.parametrize(("pictures", "level", "told"), [(True, 3, 0), (True, 4, 0), (False, 3, 1), (False, 4, 0)])
def test_where_too_little_is_seen_none_begins(pictures: bool, level: int, told: int) -> None:
    doubt = Doubt(pictures=pictures)
    assert len(list(doubt.take(BLACK, level))) == told
    assert len(list(doubt.take(ended(BLACK, 5.0), level))) == told
    assert not list(doubt.passed(0, 110.0))


def test_what_was_open_before_goes_on_and_ends() -> None:
    doubt = Doubt(pictures=True)
    list(doubt.take(BLACK, 0))
    worse, over = replace(BLACK, severity="critical"), ended(BLACK, 5.0)
    assert marked(list(doubt.take(worse, 4))) == [True]
    assert marked(list(doubt.take(over, 4))) == [True]


def test_what_is_held_back_is_told_after_a_minute_or_when_the_level_falls() -> None:
    doubt = Doubt(pictures=True)
    assert not list(doubt.take(BLACK, 3))
    assert not list(doubt.passed(3, BLACK.start + LASTS - 1))
    assert marked(list(doubt.passed(3, BLACK.start + LASTS))) == [True]
    assert not list(doubt.passed(3, BLACK.start + LASTS + 1))
    assert list(doubt.passed(0, BLACK.start + LASTS + 2)) == [BLACK]
    later = replace(BLACK, start=500.0)
    assert not list(doubt.take(later, 3))
    assert marked(list(doubt.passed(2, 501.0))) == [True]
    assert marked(list(doubt.take(ended(later, 9.0), 0))) == [False]
    long = ended(replace(BLACK, start=600.0), LASTS)
    assert marked(list(doubt.take(long, 3))) == [True]  # told once it is over, as some are


def test_what_packets_tell_is_never_held_back() -> None:
    known = {kind for one in declarations().values() if one.picture or one.sound for kind in one.incidents}
    assert known >= PACKETS_TELL
    for kind in PACKETS_TELL:
        assert marked(list(Doubt(pictures=True).take(replace(BLACK, kind=kind), 4))) == [True]


def test_a_probe_that_is_out_leaves_nothing_behind() -> None:
    doubt = Doubt(pictures=True)
    list(doubt.take(BLACK, 1))
    list(doubt.take(replace(BLACK, key="other"), 3))
    doubt.forget()
    assert not list(doubt.passed(0, 1000.0))


STEPS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["open", "update", "close", "tick"]), st.floats(0.1, 40.0)),
    max_size=60,
)


@given(STEPS, st.booleans())
def test_nothing_ends_that_was_not_told_or_is_told_twice_and_at_rest_all_is_told(
    steps: list[tuple[int, str, float]], pictures: bool
) -> None:
    doubt, now = Doubt(pictures=pictures), 0.0
    mine: Incident | None = None
    told: dict[float, Incident] = {}
    for level, what, passed in [*steps, (0, "tick", 1.0)]:
        now += passed
        said: list[Incident] = []
        if what == "open" and mine is None:
            mine = Incident("black", now, None, "info")
            said = list(doubt.take(mine, level))
        elif what == "update" and mine:
            mine = replace(mine, detail={"n": now})
            said = list(doubt.take(mine, level))
        elif what == "close" and mine:
            said = list(doubt.take(replace(mine, end=now), level))
            mine = None
        said += doubt.passed(level, now)
        for one in said:
            before = told.get(one.start)
            assert before is None or before.end is None
            assert one.end is None or before or one.end - one.start >= LASTS or level < 4
            told[one.start] = one
    open_now = {start: one for start, one in told.items() if one.end is None}
    assert open_now == ({mine.start: mine} if mine else {})
