"""Live outputs against each other by second: what differs, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.figures.autocorrelation import ENOUGH, tossed, weighed
from qoe_agent.compare.figures.blocks import Blocks, Events
from qoe_agent.compare.live.shapes import Difference
from qoe_agent.maths.families import holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.compare.figures.autocorrelation import Mean
    from qoe_agent.compare.live.shapes import Second, Word

COUNTED = ("stalls", "stalled", "stalled_seconds", "lost", "freezes", "incidents")
"""Measures that are nothing in most seconds: told by their events."""
SIGNIFICANT = 0.05


@dataclass(slots=True)
class Apart:
    """One measure of two outputs, over the seconds that both have: in little room, however many those are."""

    one: float = 0.0
    """Sum of the first's …"""
    other: float = 0.0
    """… and of the other's."""
    between: Blocks = field(default_factory=Blocks)
    """The other less the first."""
    ones: Events = field(default_factory=Events)
    others: Events = field(default_factory=Events)

    def add(self, number: int, one: float, other: float) -> None:
        """A second later than all before."""
        self.one += one
        self.other += other
        self.between.add(number, other - one)
        self.ones.add(number, one)
        self.others.add(number, other)

    def copy(self) -> Apart:
        """One that goes its own way."""
        return Apart(self.one, self.other, self.between.copy(), self.ones.copy(), self.others.copy())


class Sums:
    """Every measure of every couple of outputs, second by second."""

    def __init__(self, couples: Sequence[tuple[str, str]], measures: Sequence[str]) -> None:
        """Couples by name; the second less the first is told."""
        self.couples, self.measures = tuple(couples), tuple(measures)
        self.known: dict[tuple[str, str], dict[str, Apart]] = {couple: {} for couple in self.couples}

    def add(self, number: int, values: Mapping[str, Mapping[str, float | None]]) -> None:
        """One second, later than all before: by output, then by measure."""
        for couple, apart in self.known.items():
            ones, others = (values.get(name, {}) for name in couple)
            for measure in self.measures:
                one, other = ones.get(measure), others.get(measure)
                if one is not None and other is not None:
                    apart.setdefault(measure, Apart()).add(number, one, other)

    def copy(self, couples: Sequence[tuple[str, str]] | None = None) -> Sums:
        """One that goes its own way, of all couples or of some."""
        found = Sums(self.couples if couples is None else couples, self.measures)
        found.known = {
            couple: {measure: each.copy() for measure, each in self.known[couple].items()} for couple in found.couples
        }
        return found


class _Judged(NamedTuple):
    found: Difference
    p: float | None
    """Alone; None: not tested."""


def differences(
    seconds: Sequence[Second],
    names: Sequence[str],
    measures: Sequence[str],
    *,
    final: bool = True,
    couples: Sequence[tuple[str, str]] | None = None,
) -> tuple[Difference, ...]:
    """Of every two outputs in every measure that both have: the later named less the earlier; `couples`: of
    these, the second less the first. Seconds in order; see `judged`."""
    sums = Sums(list(combinations(names, 2)) if couples is None else couples, measures)
    for each in seconds:
        sums.add(round(each.at), each.values)
    return judged(sums, final=final)


def judged(sums: Sums, *, final: bool = True) -> tuple[Difference, ...]:
    """What the seconds come to.

    `final` False: looked at while it goes on, so intervals and p are those that hold however often one looks.
    p are adjusted over all that is returned (Holm); the interval is each measure's own.
    """
    found = [
        _judged(measure, couple, known[measure], final)
        for couple, known in sums.known.items()
        for measure in sums.measures
        if measure in known
    ]
    open_ = [each for each in found if each.found.word != "identical"]
    adjusted = iter(holm([1.0 if each.p is None else each.p for each in open_]))
    return tuple(each.found if each.found.word == "identical" else _worded(each, next(adjusted)) for each in found)


def _worded(judged: _Judged, p: float) -> Difference:
    if judged.p is None:
        return judged.found
    word: Word = "differs" if p <= SIGNIFICANT else judged.found.word
    return replace(judged.found, p=p, word=word)


def _judged(measure: str, couple: tuple[str, str], apart: Apart, final: bool) -> _Judged:
    between = apart.between
    n = between.n
    found = Difference(
        measure, *couple, apart.one / n, apart.other / n, between.total / n, None, None, None, n, None, None,
        "more time needed",
    )  # fmt: skip
    if between.least == between.most == 0.0:
        many = n >= ENOUGH
        nothing = measure in COUNTED and not apart.ones.count
        return _Judged(
            replace(found, low=0.0 if many else None, high=0.0 if many else None, word="identical",
                    note="neither had any" if nothing else ""),
            None,
        )  # fmt: skip
    if measure in COUNTED:
        return _counted(found, apart)
    return _measured(found, weighed(between), final)


def _measured(found: Difference, of: Mean, final: bool) -> _Judged:
    found = replace(found, effective=of.effective, rho=of.rho)
    if not of.enough:
        return _Judged(
            replace(found, note=f"{of.n} s are worth {of.effective:.0f} independent ones, of {ENOUGH:.0f}"), None
        )
    low, high = of.interval(always=not final)
    note = "the same in every second" if of.constant else "" if final else "provisional"
    return _Judged(replace(found, low=low, high=high, word="no difference shown", note=note), of.p(always=not final))


def _counted(found: Difference, apart: Apart) -> _Judged:
    """By events: their seconds are not independent of each other; below six in all, chance could make any split."""
    a, b = apart.ones.count, apart.others.count
    note = f"{a} against {b} events"
    if a + b < 6:
        return _Judged(replace(found, note=note), None)
    return _Judged(replace(found, word="no difference shown", note=f"{note}, exact test"), tossed(a, b))
