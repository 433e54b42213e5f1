"""The alert policy: what is told, when, and what never happens whatever is reported."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qoe_agent.alerts import policy, saved
from qoe_agent.alerts.cases import Notice, Report, Rule, Silenced
from qoe_agent.config.streams import StreamOptions
from qoe_agent.evidence.mark import mark
from qoe_agent.model import Incident

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.alerts.cases import State
    from qoe_agent.model import Severity

RULE = Rule(lasting=2.0, resolve_after=10.0, merge=60.0)
TICK = 0.25
BACK = 4.0
"""Seconds until the streams of a dead worker are watched again."""
LOST_AFTER = StreamOptions().lost_after
"""Seconds, from then on, until a server that says nothing shows."""


@dataclass
class Wanted:
    """Wishes that a test writes down."""

    rules: dict[str, Rule] = field(default_factory=dict)
    hush: list[tuple[float, float]] = field(default_factory=list)

    def rule(self, stream: str, kind: str) -> Rule:
        return self.rules.get(kind, RULE)

    def quiet(self, stream: str, now: float) -> str:
        return "maintenance" if any(start <= now < end for start, end in self.hush) else ""

    def labels(self, stream: str) -> dict[str, str]:
        return {"of": stream}


class Watch:
    """A policy under the test's clock: a tick every quarter of a second, as the agent has it."""

    def __init__(self, wanted: Wanted | None = None, *, restarts: bool = False) -> None:
        """`restarts`: after every step the state is what a file gave back."""
        self.wanted, self.now, self.restarts = wanted or Wanted(), 0.0, restarts
        self.state: State = {}
        self.told: list[Notice | Silenced] = []

    def report(self, incident: Incident, stream: str = "show", rendition: str = "") -> None:
        self._step(Report(stream, rendition, incident))

    def until(self, at: float) -> list[Notice | Silenced]:
        """Let time pass; returns what was told meanwhile."""
        before = len(self.told)
        while self.now < at:
            self.now = min(at, self.now + TICK) if self.state else at
            self._step(None)
        return self.told[before:]

    def _step(self, report: Report | None) -> None:
        self.state, told = policy.step(self.wanted, self.state, report, self.now)
        if self.restarts:
            self.state = saved.cases_of(json.loads(json.dumps(saved.written(self.state, 0.0))), 0.0)
        self.told += told

    def fault(self, kind: str, start: float, end: float, **more: Any) -> list[Notice | Silenced]:
        """A fault that begins and ends when it does."""
        before = len(self.told)
        self.until(start)
        self.report(incident(kind, start, **more))
        self.until(end)
        self.report(incident(kind, start, end, **more))
        return self.told[before:]


def incident(
    kind: str, start: float, end: float | None = None, severity: Severity = "warning", key: str = "", **detail: Any
) -> Incident:
    return Incident(kind, start, end, severity, key, detail=detail)


def said(told: Iterable[Notice | Silenced]) -> list[tuple[str, str]]:
    return [(one.status if isinstance(one, Notice) else f"silenced: {one.reason}", one.name.kind) for one in told]


def test_a_fault_is_told_after_for_and_its_end_after_resolve_after() -> None:
    watch = Watch()
    assert said(watch.fault("stall", 5.0, 30.0)) == [("firing", "stall")]
    (begun,) = watch.told
    assert isinstance(begun, Notice)
    assert 7.0 <= begun.at < 7.0 + 2 * TICK
    assert (begun.start, begun.count, begun.number, begun.end) == (5.0, 1, 1, None)
    watch.until(100.0)
    over = watch.told[1]
    assert isinstance(over, Notice)
    assert (over.status, over.id, over.number, over.end, over.seconds) == ("resolved", begun.id, 2, 30.0, 25.0)
    assert 40.0 <= over.at < 40.0 + 2 * TICK
    assert over.observed
    assert watch.state == {}


def test_a_fault_shorter_than_for_is_not_told() -> None:
    watch = Watch()
    assert watch.fault("stall", 5.0, 6.9) + watch.until(200.0) == []
    assert watch.state == {}


def test_a_fault_that_is_reported_late_is_told_at_once_though_it_is_over() -> None:
    watch = Watch()
    watch.until(20.0)
    watch.report(incident("stall", 12.0, 17.0))
    assert said(watch.told) == [("firing", "stall")]
    assert said(watch.until(27.5)) == [("resolved", "stall")]


def test_a_fault_seen_on_one_picture_only_is_not_told() -> None:
    """A key frame in a fade was black, the next one, six seconds later, is not: nobody knows how long it was."""
    watch = Watch()
    watch.until(6.0)
    watch.report(incident("black", 0.0, 6.0, end_within=6.0))
    assert watch.until(30.0) == []
    watch.report(incident("black", 40.0, 50.0, end_within=5.0))
    assert said(watch.until(60.0))[0] == ("firing", "black"), "two pictures, five seconds apart, were"


def test_what_comes_again_before_it_is_over_is_one_alert_though_its_ends_are_not_known_well() -> None:
    """Of key frames five seconds apart two are black, then one is not, again and again."""
    watch = Watch(Wanted({"black": Rule(lasting=2.0, resolve_after=12.0, merge=10.0)}))
    for cycle in range(4):
        start = 15.0 * cycle
        watch.until(start + 5.0)
        watch.report(incident("black", start))
        watch.until(start + 10.0)
        watch.report(incident("black", start, start + 10.0, end_within=5.0))
    assert said(watch.told) == [("firing", "black")]


def test_many_short_faults_add_up_and_are_one_alert_with_a_count() -> None:
    watch = Watch()
    for n in range(10):
        watch.fault("stall", 10.0 + 5 * n, 11.0 + 5 * n)
    assert said(watch.told) == [("firing", "stall")]
    watch.until(200.0)
    over = watch.told[-1]
    assert isinstance(over, Notice)
    assert (len(watch.told), over.status, over.count, over.seconds, over.start) == (2, "resolved", 10, 10.0, 10.0)


def test_short_faults_far_apart_never_add_up() -> None:
    watch = Watch()
    for n in range(50):
        watch.fault("stall", 10.0 + 59 * n, 10.5 + 59 * n)
    assert watch.told == []


def test_what_flaps_more_slowly_than_it_resolves_pages_three_times_and_then_stays() -> None:
    watch = Watch()
    for n in range(20):
        watch.fault("stall", 10.0 + 30 * n, 15.0 + 30 * n)
    assert said(watch.told) == [("firing", "stall"), ("resolved", "stall")] * 2 + [("firing", "stall")]
    watch.until(10.0 + 30 * 20 + 100)
    over = watch.told[-1]
    assert isinstance(over, Notice)
    assert (len(watch.told), over.status, over.count) == (6, "resolved", 20)
    notices = [one for one in watch.told if isinstance(one, Notice)]
    assert len({one.id for one in notices}) == 1
    begun = [10.0, 40.0, 70.0]
    assert [one.mark for one in notices[::2]] == [
        mark(*one.name, at) for one, at in zip(notices[::2], begun, strict=True)
    ]


def test_a_new_fault_long_after_the_last_is_another_case() -> None:
    watch = Watch()
    watch.fault("stall", 10.0, 20.0)
    watch.fault("stall", 100.0, 110.0)
    first, _, second = watch.told
    assert isinstance(first, Notice)
    assert isinstance(second, Notice)
    assert (second.count, second.id != first.id) == (1, True)


def test_a_moment_is_told_at_once_where_for_is_nothing() -> None:
    watch = Watch(Wanted({"resolution_change": replace(RULE, lasting=0.0)}))
    watch.until(5.0)
    watch.report(incident("resolution_change", 4.8, 4.8))
    assert said(watch.told) == [("firing", "resolution_change")]
    assert said(watch.until(20.0)) == [("resolved", "resolution_change")]


def test_an_update_of_an_incident_that_is_over_is_no_other_incident() -> None:
    watch = Watch()
    watch.fault("stall", 5.0, 10.0)
    watch.report(incident("stall", 5.0, 10.0, measured=1))
    watch.until(30.0)
    watch.report(incident("stall", 5.0, 10.0, measured=2))
    watch.until(300.0)
    assert said(watch.told) == [("firing", "stall"), ("resolved", "stall")]
    assert [one.count for one in watch.told if isinstance(one, Notice)] == [1, 1]


def test_what_is_not_severe_enough_is_not_told_until_it_is() -> None:
    watch = Watch(Wanted({"upscaled": replace(RULE, minimum="critical")}))
    watch.report(incident("upscaled", 0.0))
    assert watch.until(20.0) == []
    watch.report(incident("upscaled", 0.0, severity="critical"))
    assert said(watch.told) == [("firing", "upscaled")]


@pytest.mark.parametrize("severity", ["info", "warning", "critical"])
def test_nothing_is_told_of_a_stream_that_is_off(severity: Severity) -> None:
    watch = Watch(Wanted({"stall": replace(RULE, minimum="off")}))
    watch.fault("stall", 5.0, 50.0, severity=severity)
    assert watch.told == []


def test_what_becomes_worse_is_told_again_and_resolved_once() -> None:
    watch = Watch()
    watch.report(incident("stall", 0.0))
    watch.until(5.0)
    watch.report(incident("stall", 0.0, severity="critical"))
    watch.report(incident("stall", 0.0, severity="warning"))
    watch.until(6.0)
    watch.report(incident("stall", 0.0, 6.0))
    watch.until(20.0)
    told = [(one.status, one.severity, one.former) for one in watch.told if isinstance(one, Notice)]
    assert told == [("firing", "warning", None), ("firing", "critical", "warning"), ("resolved", "critical", None)]


def test_a_stream_that_is_down_silences_what_follows_from_it_and_no_other_stream() -> None:
    watch = Watch(Wanted({"black": replace(RULE, silenced_by=frozenset({"lost"})), "lost": replace(RULE, lasting=0)}))
    watch.report(incident("lost", 0.0, severity="critical"))
    watch.report(incident("black", 0.0))
    watch.report(incident("black", 0.0), stream="other")
    watch.until(5.0)
    assert said(watch.told) == [("firing", "lost"), ("silenced: lost", "black"), ("firing", "black")]
    watch.report(incident("lost", 0.0, 5.0, severity="critical"))
    assert said(watch.until(14.5)) == [], "while the loss is not over yet, nor is its silence"
    assert said(watch.until(16.0)) == [("resolved", "lost"), ("firing", "black")]


def test_one_rendition_that_is_down_silences_itself_and_all_of_the_stream_each() -> None:
    rules = {"black": replace(RULE, silenced_by=frozenset({"lost"})), "lost": replace(RULE, lasting=0)}
    watch = Watch(Wanted(rules))
    watch.report(incident("lost", 0.0), rendition="720p")
    watch.report(incident("black", 0.0), rendition="720p")
    watch.report(incident("black", 0.0), rendition="360p")
    watch.until(5.0)
    assert [(one.name.kind, one.name.rendition) for one in watch.told if isinstance(one, Notice)] == [
        ("lost", "720p"), ("black", "360p"),
    ]  # fmt: skip


def test_what_was_silenced_and_is_over_is_never_told() -> None:
    watch = Watch(Wanted({"black": replace(RULE, silenced_by=frozenset({"lost"}))}))
    watch.report(incident("lost", 0.0, severity="critical"))
    watch.fault("black", 1.0, 10.0)
    watch.report(incident("lost", 0.0, 11.0, severity="critical"))
    watch.until(100.0)
    assert said(watch.told) == [("firing", "lost"), ("silenced: lost", "black"), ("resolved", "lost")]


def test_an_end_says_what_took_its_place() -> None:
    watch = Watch(Wanted({"stall": replace(RULE, silenced_by=frozenset({"lost"})), "lost": replace(RULE, lasting=0)}))
    watch.fault("stall", 0.0, 30.0)
    watch.report(incident("lost", 30.0, severity="critical"))
    watch.until(50.0)
    assert said(watch.told) == [("firing", "stall"), ("firing", "lost"), ("resolved", "stall")]
    over = watch.told[-1]
    assert isinstance(over, Notice)
    assert over.because == "lost"


def test_an_overloaded_agent_wakes_nobody_until_it_is_sure() -> None:
    watch = Watch(Wanted({"black": replace(RULE, silenced_by=frozenset({"agent_overloaded"}))}))
    watch.report(incident("black", 0.0, agent_overloaded=True))
    assert said(watch.until(10.0)) == [("silenced: agent_overloaded", "black")]
    watch.report(incident("black", 0.0))
    assert said(watch.told[1:]) == [("firing", "black")]


def test_maintenance_keeps_quiet_but_tells_ends_and_what_outlasts_it() -> None:
    watch = Watch(Wanted(hush=[(10.0, 100.0)]))
    watch.fault("stall", 5.0, 20.0)
    watch.fault("freeze", 30.0, 40.0)
    watch.until(90.0)
    watch.report(incident("black", 90.0))
    watch.until(120.0)
    assert said(watch.told) == [
        ("firing", "stall"), ("resolved", "stall"), ("silenced: maintenance", "freeze"),
        ("silenced: maintenance", "black"), ("firing", "black"),
    ]  # fmt: skip


def test_a_worker_that_dies_ends_nothing_if_its_successor_sees_it_again() -> None:
    watch = Watch()
    watch.fault("stall", 0.0, 20.0, unobserved=True)
    seen_again = 20.0 + BACK + LOST_AFTER
    watch.until(seen_again + 1.0)
    watch.report(incident("stall", seen_again))
    watch.until(60.0)
    watch.report(incident("stall", seen_again, 60.0))
    watch.until(100.0)
    told = [(one.status, one.count, one.start, one.end) for one in watch.told if isinstance(one, Notice)]
    assert told == [("firing", 1, 0.0, None), ("resolved", 1, 0.0, 60.0)]


def test_an_end_that_nobody_saw_says_so() -> None:
    watch = Watch(Wanted({"stall": replace(RULE, resolve_after=1.0)}))
    watch.fault("stall", 0.0, 20.0, unobserved=True)
    watch.until(60.0)
    over = watch.told[-1]
    assert isinstance(over, Notice)
    assert (over.status, over.observed) == ("resolved", False)
    assert 40.0 <= over.at < 40.5, "a dead worker's successor has twenty seconds"


def test_a_new_incident_ends_one_of_the_same_name_that_was_left_open() -> None:
    watch = Watch()
    watch.report(incident("stall", 0.0))
    watch.until(20.0)
    watch.report(incident("stall", 20.0))
    watch.until(30.0)
    watch.report(incident("stall", 20.0, 30.0))
    watch.until(60.0)
    over = watch.told[-1]
    assert isinstance(over, Notice)
    assert (over.status, over.count, over.seconds) == ("resolved", 2, 30.0)


def test_seconds_in_which_two_of_the_same_name_lasted_count_once() -> None:
    watch = Watch()
    watch.report(incident("stall", 0.0))
    watch.until(10.0)
    watch.report(incident("stall", 10.0))
    watch.report(incident("stall", 0.0, 15.0))
    watch.until(20.0)
    watch.report(incident("stall", 10.0, 20.0))
    watch.until(60.0)
    over = watch.told[-1]
    assert isinstance(over, Notice)
    assert over.seconds == 20.0


def test_what_is_reported_after_a_long_sleep_is_another_alert() -> None:
    """The machine was suspended: nobody said that time had passed."""
    watch = Watch()
    watch.fault("stall", 0.0, 5.0)
    watch.now = 1000.0
    watch.report(incident("stall", 997.0))
    assert said(watch.told) == [("firing", "stall"), ("resolved", "stall"), ("firing", "stall")]
    assert len({one.id for one in watch.told if isinstance(one, Notice)}) == 2


def test_keys_and_renditions_are_cases_of_their_own() -> None:
    watch = Watch()
    watch.report(incident("playlist_stale", 0.0, key="v"))
    watch.report(incident("playlist_stale", 0.0, key="a"))
    watch.report(incident("playlist_stale", 0.0, key="v"), rendition="720p")
    assert said(watch.until(5.0)) == [("firing", "playlist_stale")] * 3


# Whatever is reported.

KINDS = ("stall", "black", "lost", "format_change")
MANY = Wanted(
    {
        "stall": replace(RULE, lasting=1.0, resolve_after=3.0, merge=8.0),
        "black": replace(RULE, silenced_by=frozenset({"lost", "agent_overloaded"}), resolve_after=2.0, merge=2.0),
        "lost": replace(RULE, lasting=0.0, resolve_after=5.0, merge=20.0),
        "format_change": replace(RULE, lasting=0.0, resolve_after=4.0, merge=0.0, minimum="info"),
    },
    [(40.0, 55.0)],
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, Report]]:
    """What some streams go through: of each fingerprint one spell after the other, told as it happens or late."""
    found: list[tuple[float, Report]] = []
    for stream in ("a", "b"):
        for kind in KINDS:
            at = draw(st.floats(0, 20))
            for left in reversed(range(draw(st.integers(0, 6)))):
                start, seconds = at + draw(st.floats(0.01, 12)), draw(st.sampled_from([0.0, 0.1, 0.7, 1.5, 4.0, 15.0]))
                severity = draw(st.sampled_from(["info", "warning", "critical"]))
                detail = draw(st.sampled_from([{}, {"unobserved": True}, {"agent_overloaded": True}]))
                at = start + seconds
                ends = left > 0 or draw(st.booleans())
                if not ends or draw(st.booleans()):
                    found.append((start, Report(stream, "", Incident(kind, start, None, severity))))
                if ends:
                    late = draw(st.sampled_from([0.0, 0.0, 0.6]))
                    found.append((at + late, Report(stream, "", Incident(kind, start, at, severity, detail=detail))))
                at += 0.7
    return sorted(found, key=lambda each: each[0])


def play(history: list[tuple[float, Report]], *, restarts: bool = False) -> list[Notice]:
    """All notices of a history, and what follows when all is over."""
    watch = Watch(MANY, restarts=restarts)
    for at, report in history:
        watch.until(at)
        watch.report(report.incident, report.stream)
    end = max([at for at, _ in history], default=0.0)
    for report in unended(history):
        watch.until(end)
        watch.report(replace(report.incident, end=max(end, report.incident.start)), report.stream)
    watch.until(end + 100.0)
    assert watch.state == {}, "nothing is remembered for ever"
    return [one for one in watch.told if isinstance(one, Notice)]


def unended(history: list[tuple[float, Report]]) -> list[Report]:
    last = {(each.stream, each.incident.kind, each.incident.start): each for _, each in history}
    return [report for report in last.values() if report.incident.end is None]


@settings(max_examples=150)
@given(histories())
def test_every_beginning_has_one_end(history: list[tuple[float, Report]]) -> None:
    firing: dict[Any, Notice] = {}
    for notice in play(history):
        before = firing.get(notice.name)
        if notice.status == "resolved":
            assert before, "an end without a beginning"
            assert notice.id == before.id
            assert notice.end is not None
            assert notice.start <= notice.end <= notice.at
            del firing[notice.name]
        elif before:
            assert notice.former == before.severity != notice.severity, "told twice"
            firing[notice.name] = notice
        else:
            assert notice.former is None
            firing[notice.name] = notice
        assert notice.severity in ("warning", "critical") or notice.name.kind == "format_change"
        assert 0.0 <= notice.seconds <= notice.at - notice.start + 1e-6
    assert firing == {}, "no end is lost"


@settings(max_examples=100)
@given(histories())
def test_no_notice_number_is_used_twice(history: list[tuple[float, Report]]) -> None:
    numbers = [(notice.id, notice.number) for notice in play(history)]
    assert len(set(numbers)) == len(numbers)


@settings(max_examples=50)
@given(histories())
def test_state_that_is_written_and_read_at_every_step_gives_the_same_notices(
    history: list[tuple[float, Report]],
) -> None:
    assert play(history, restarts=True) == play(history)


@settings(max_examples=100)
@given(st.floats(0.1, 60), st.floats(0.1, 50), st.booleans(), st.booleans())
def test_a_restart_neither_repeats_nor_forgets(restart: float, away: float, lasts: bool, killed: bool) -> None:
    """The agent is gone for a while; the fault lasts, and is found again by what starts anew, or is over meanwhile."""
    watch = Watch()
    watch.until(1.0)
    watch.report(incident("stall", 1.0))
    watch.until(1.0 + restart)
    if not killed:  # sessions close what is open
        watch.report(incident("stall", 1.0, 1.0 + restart, unobserved=True))
    told_before = len(watch.told)
    kept = json.loads(json.dumps(saved.written(watch.state, 0.0)))
    watch.now += away
    watch.state = policy.resumed(saved.cases_of(kept, 0.0), watch.now, watch.now - away)
    back = watch.now
    if lasts:
        watch.until(back + 8.0)
        watch.report(incident("stall", back + 6.0))
        watch.until(back + 80.0)
        watch.report(incident("stall", back + 6.0, back + 80.0))
    watch.until(back + 200.0)
    expected = [("firing", "stall"), ("resolved", "stall")] if lasts or told_before else []
    assert said(watch.told) == expected
    assert [one.observed for one in watch.told if isinstance(one, Notice)][1:] == ([lasts] if expected else [])
