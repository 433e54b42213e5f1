"""Which incidents people are told of, and when. Pure: the same wishes, state, report and time give the same notices.

`step(wishes, state, report, now)` takes one report, or none when time has passed, and returns the next state and what
is to be told: of the reported case, or of all. The rules, for each fingerprint (stream, rendition, kind, key):

- It is told once it has been wrong for `lasting` seconds in total, within the last `lasting + merge` seconds: a fault
  that lasts is told after `lasting`, many short ones as soon as they add up.
- It is over, and that is told, `resolve_after` seconds after its last incident ended. Whatever comes before then, and
  whatever comes within `merge` of an end, belongs to the same case and raises its count. From FLAPS incidents on it
  flaps, and is over only after `merge`.
- Below the minimum severity, while a kind in `silenced_by` is open on the same stream, in a maintenance window, and
  while the stream is not expected, nothing begins to be told. What still is wrong afterwards is told then. An end is
  always told to those who heard of the beginning.
- What ended between two pictures far apart counts as long as it was seen.
- An end that nobody saw (`unobserved`: a worker died, the agent was restarted) is none until `grace` has passed.

Between two notices that something is firing with the same severity there is always one that it is resolved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from qoe_agent.alerts.cases import ORDER, Case, Name, Notice, Silenced
from qoe_agent.evidence.mark import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.alerts.cases import Report, Rule, State, Wishes
    from qoe_agent.model import Incident, Severity

FLAPS = 3
"""Incidents of one case that are flapping."""
UNOBSERVED = 20.0
"""Seconds that a worker may take to see again what its predecessor saw: a server that says nothing is one only after
`lost_after`, ten seconds, and with ten in all each worker that dies would page again for all streams that are down."""
RESTARTED = 60.0
"""Seconds that the agent may take for it after a restart."""
OVERLOADED = "agent_overloaded"
"""The kind, and the mark in the detail of incidents that an overloaded worker tells."""

Told: TypeAlias = "Notice | Silenced"


def step(wishes: Wishes, state: State, report: Report | None, now: float) -> tuple[State, list[Told]]:
    """What follows from `report` (None: time has passed) at `now`."""
    judge = _Judge(wishes, now)
    if report is None:
        judge.know(state.items())
        judged = [(name, judge.case(name, case)) for name, case in state.items()]
        return {name: case for name, case in judged if case is not None}, judge.told
    name = Name(report.stream, report.rendition, report.incident.kind, report.incident.key)
    judge.know((other, case) for other, case in state.items() if other.stream == name.stream)
    cases, known = dict(state), state.get(name)
    if known is not None and known.ended is not None and report.incident.start >= known.ended:
        rule = wishes.rule(name.stream, name.kind)
        if report.incident.start - known.ended >= rule.resolve_after:  # time has passed, though nobody said so
            known = judge.case(name, known)
    taken = judge.case(name, _taken(known, name, report.incident))
    if taken is None:
        cases.pop(name, None)
    else:
        cases[name] = taken
    return cases, judge.told


def standing(state: State, now: float) -> list[Notice]:
    """What is firing: for receivers that are reminded of it."""
    return [_notice(case, name, case.told, now) for name, case in state.items() if case.told is not None]


def resumed(state: State, now: float, since: float) -> State:
    """The state of an agent that has just started, and sees nothing yet. `since`: when that state was saved."""
    cases = {}
    for name, case in state.items():
        if case.ended is not None:  # the clock may have been ahead
            case = replace(case, ended=min(case.ended, now))
        if case.open or case.grace:
            spells = {start: max(start, since) if end is None else end for start, end in case.spells.items()}
            case = replace(case, spells=spells, ended=now, grace=RESTARTED)
        cases[name] = case
    return cases


def _taken(case: Case | None, name: Name, incident: Incident) -> Case:
    """The case with what is reported of it."""
    start, end = incident.start, incident.end
    marked = mark(*name, start)
    if case is None:
        case = Case(marked, start)
    new = start not in case.spells
    if new and _stale(case, start, end):
        return case
    left = {each: start if to is None and each < start else to for each, to in case.spells.items()}  # one at a time
    spells = {**left, start: _surely(incident)}
    ends = [each for each in spells.values() if each is not None]
    over = len(ends) == len(spells)
    unseen = over and end is not None and bool(incident.detail.get("unobserved"))
    return replace(
        case,
        start=case.start if case.spells else start,
        mark=case.mark if case.spells else marked,
        spells=spells,
        count=case.count + 1 if new and (not case.grace or not case.count) else case.count,
        severity=max(case.severity, incident.severity, key=lambda each: ORDER[each]),
        detail=dict(incident.detail),
        ended=max([*ends, *(each for each in (end, case.ended) if each is not None)]) if over else None,
        grace=UNOBSERVED if unseen else 0.0,
    )


def _surely(incident: Incident) -> float | None:
    """Until when it is known to have lasted: between two pictures that were looked at, nobody knows."""
    if incident.end is None:
        return None
    return max(incident.start, incident.end - float(incident.detail.get("end_within", 0.0)))


def _stale(case: Case, start: float, end: float | None) -> bool:
    """Whether an incident that is not listed is an old one that has changed, of which all has been said."""
    if case.spells:
        return case.folded > 0.0 and start < min(case.spells)
    return end is not None and case.ended is not None and end <= case.ended


class _Judge:
    """Looks at cases at one moment."""

    def __init__(self, wishes: Wishes, now: float) -> None:
        self._wishes, self._now = wishes, now
        self._active: dict[str, list[Name]] = {}
        self.told: list[Told] = []

    def know(self, cases: Iterable[tuple[Name, Case]]) -> None:
        """What is wrong by now, or was so lately that it is not over, may silence other things."""
        for name, case in cases:
            after = self._wishes.rule(name.stream, name.kind).resolve_after
            if case.ended is None or self._now - case.ended < after:
                self._active.setdefault(name.stream, []).append(name)

    def case(self, name: Name, case: Case) -> Case | None:
        """The case as it stands now, None if it is forgotten."""
        rule, now = self._wishes.rule(name.stream, name.kind), self._now
        case = _folded(case, rule, now)
        severity = rule.severity or case.severity
        if case.told is None:
            if case.spells:
                case = self._due(case, name, rule, severity)
        elif case.ended is not None and now - case.ended >= _hold(case, rule):
            case = replace(case, number=case.number + 1)
            over = _notice(case, name, case.told, now, over=True)
            self.told.append(replace(over, because=self._silencer(case, name, rule, certain=True)))
            case = replace(case, told=None, spells={}, folded=0.0, labels={}, hushed="", severity="info", grace=0.0)
        elif ORDER[severity] > ORDER[case.told or severity]:
            former, case = case.told, replace(case, told=severity, number=case.number + 1)
            self.told.append(replace(_notice(case, name, severity, now), former=former))
        forgotten = case.told is None and case.ended is not None and now - case.ended >= _kept(case, rule)
        return None if forgotten else case

    def _due(self, case: Case, name: Name, rule: Rule, severity: Severity) -> Case:
        """A case that was not told: tell it if it is time."""
        now = self._now
        if ORDER[severity] < ORDER[rule.minimum] or _wrong(case.spells, now - rule.lasting - rule.merge, now) < (
            rule.lasting
        ):
            return case
        if case.ended is not None and (case.hushed or case.grace or now - case.ended >= _kept(case, rule)):
            return case  # it is over, or nobody can say: too late to begin
        reason = self._wishes.quiet(name.stream, now) or self._silencer(case, name, rule)
        if reason:
            if reason != case.hushed:
                self.told.append(Silenced(name, reason))
            return replace(case, hushed=reason)
        labels = dict(self._wishes.labels(name.stream))
        case = replace(case, told=severity, labels=labels, hushed="", number=case.number + 1)
        self.told.append(_notice(case, name, severity, now))
        return case

    def _silencer(self, case: Case, name: Name, rule: Rule, *, certain: bool = False) -> str:
        """The kind that silences it, if one does; `certain`: not one that only raises doubts."""
        if not certain and OVERLOADED in rule.silenced_by and case.detail.get(OVERLOADED) is True:
            return OVERLOADED
        for other in self._active.get(name.stream, ()):
            if other.kind in rule.silenced_by and other.rendition in ("", name.rendition):
                return other.kind
        return ""


def _hold(case: Case, rule: Rule) -> float:
    """Seconds after the last end until it is over."""
    flapping = rule.merge if case.count >= FLAPS else 0.0
    return max(rule.resolve_after, flapping, case.grace)


def _kept(case: Case, rule: Rule) -> float:
    """Seconds after the last end for which a case that nobody hears of is remembered."""
    return max(rule.resolve_after, rule.merge, case.grace)


def _wrong(spells: Mapping[float, float | None], since: float, now: float) -> float:
    """Seconds within [since, now] in which a spell lasted."""
    total, covered = 0.0, since
    for start in sorted(spells):
        end = spells[start]
        until = now if end is None else min(now, end)
        total += max(0.0, until - max(start, covered))
        covered = max(covered, until)
    return total


def _folded(case: Case, rule: Rule, now: float) -> Case:
    """The case with spells that no longer count towards `lasting` summed up."""
    since = now - rule.lasting - rule.merge
    spells = {start: end for start, end in case.spells.items() if end is None or end >= since}
    if not spells or len(spells) == len(case.spells):
        return case
    old = sum((end or start) - start for start, end in case.spells.items() if start not in spells)
    return replace(case, spells=spells, folded=case.folded + old)


def _notice(case: Case, name: Name, severity: Severity | None, now: float, *, over: bool = False) -> Notice:
    shared: dict[str, Any] = {
        "id": case.id, "number": case.number, "name": name, "severity": severity, "start": case.start,
        "seconds": case.folded + _wrong(case.spells, case.start, now), "count": case.count, "at": now,
        "detail": case.detail, "labels": case.labels, "mark": case.mark,
    }  # fmt: skip
    if not over:
        return Notice(status="firing", end=None, **shared)
    return Notice(status="resolved", end=case.ended, observed=not case.grace, **shared)
