"""Live outputs against each other by second: what differs, and by how much."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.figures.autocorrelation import ENOUGH, events, mean, tossed
from qoe_agent.compare.live.shapes import Difference, Second
from qoe_agent.maths.families import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.figures.autocorrelation import Mean
    from qoe_agent.compare.live.shapes import Word
    from qoe_agent.compare.shapes import Floats

COUNTED = ("stalls", "stalled", "stalled_seconds", "lost", "freezes", "incidents")
"""Measures that are nothing in most seconds: told by their events."""
SIGNIFICANT = 0.05


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
    these, the second less the first.

    `final` False: looked at while it goes on, so intervals and p are those that hold however often one looks.
    p are adjusted over all that is returned (Holm); the interval is each measure's own.
    """
    judged = [
        each
        for a, b in (combinations(names, 2) if couples is None else couples)
        for measure in measures
        if (each := _judged(measure, a, b, seconds, final)) is not None
    ]
    open_ = [each for each in judged if each.found.word != "identical"]
    adjusted = iter(holm([1.0 if each.p is None else each.p for each in open_]))
    return tuple(each.found if each.found.word == "identical" else _worded(each, next(adjusted)) for each in judged)


def _worded(judged: _Judged, p: float) -> Difference:
    if judged.p is None:
        return judged.found
    word: Word = "differs" if p <= SIGNIFICANT else judged.found.word
    return replace(judged.found, p=p, word=word)


def series(seconds: Sequence[Second], name: str, measure: str) -> Floats:
    """One value for every second from the first to the last, NaN where there is none."""
    found = np.full(round(seconds[-1].at - seconds[0].at) + 1 if seconds else 0, np.nan)
    for each in seconds:
        value = each.values.get(name, {}).get(measure)
        if value is not None:
            found[round(each.at - seconds[0].at)] = value
    return found


def _judged(measure: str, a: str, b: str, seconds: Sequence[Second], final: bool) -> _Judged | None:
    one, other = series(seconds, a, measure), series(seconds, b, measure)
    both = np.isfinite(one) & np.isfinite(other)
    if not both.any():
        return None
    apart = np.where(both, other - one, np.nan)
    of = mean(apart)
    found = Difference(
        measure, a, b, float(one[both].mean()), float(other[both].mean()), of.value, None, None, None, of.n, None, None,
        "more time needed",
    )  # fmt: skip
    if not np.nan_to_num(apart).any():
        many = of.n >= ENOUGH
        return _Judged(
            replace(found, low=0.0 if many else None, high=0.0 if many else None, word="identical",
                    note="neither had any" if not one[both].any() and measure in COUNTED else ""),
            None,
        )  # fmt: skip
    if measure in COUNTED:
        return _counted(found, one[both], other[both])
    return _measured(found, of, final)


def _measured(found: Difference, of: Mean, final: bool) -> _Judged:
    found = replace(found, effective=of.effective, rho=of.rho)
    if not of.enough:
        return _Judged(
            replace(found, note=f"{of.n} s are worth {of.effective:.0f} independent ones, of {ENOUGH:.0f}"), None
        )
    low, high = of.interval(always=not final)
    note = "the same in every second" if of.constant else "" if final else "provisional"
    return _Judged(replace(found, low=low, high=high, word="no difference shown", note=note), of.p(always=not final))


def _counted(found: Difference, one: Floats, other: Floats) -> _Judged:
    """By events: their seconds are not independent of each other; below six in all, chance could make any split."""
    a, b = events(one), events(other)
    note = f"{a} against {b} events"
    if a + b < 6:
        return _Judged(replace(found, note=note), None)
    return _Judged(replace(found, word="no difference shown", note=f"{note}, exact test"), tossed(a, b))
