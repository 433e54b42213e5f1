"""Live outputs against each other by second: what differs, by how much, where most, and what that comes to."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.figures.autocorrelation import ENOUGH, events, holm, mean, tossed
from qoe_agent.compare.live.shapes import Difference, Second, Worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.figures.autocorrelation import Mean
    from qoe_agent.compare.live.shapes import Word
    from qoe_agent.compare.shapes import Floats

COUNTED = ("stalls", "stalled", "stalled_seconds", "lost", "freezes", "incidents")
"""Measures that are nothing in most seconds: told by their events."""
LOWER = ("qp", "qp_inter", "bitrate", "latency", "blockiness", "blocks", "blur", "noise", "av_offset", *COUNTED)
"""Measures of which less is better; of the rest, more."""
PICTURE = ("vmaf", "xpsnr", "ssim", "psnr", "score", "qp", "qp_inter")
"""What tells the better picture, the surest first."""
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


def worst(
    seconds: Sequence[Second], names: Sequence[str], measures: Sequence[str], many: int = 6, apart: float = 5.0
) -> tuple[Worst, ...]:
    """Seconds in which two outputs differ most, off what they usually differ by, at least `apart` from each other."""
    found = [
        each
        for a, b in combinations(names, 2)
        for measure in measures
        for each in _worst(seconds, a, b, measure)
    ]  # fmt: skip
    kept: list[Worst] = []
    for each in sorted(found, key=lambda one: -one.size):
        if len(kept) < many and all(abs(each.at - other.at) >= apart for other in kept):
            kept.append(each)
    return tuple(kept)


def _worst(seconds: Sequence[Second], a: str, b: str, measure: str) -> list[Worst]:
    both = [
        (each.at, one, other)
        for each in seconds
        if (one := each.values.get(a, {}).get(measure)) is not None
        and (other := each.values.get(b, {}).get(measure)) is not None
    ]
    if len(both) < 4:
        return []
    apart = np.array([other - one for _, one, other in both])
    usual = float(np.median(np.abs(apart - np.median(apart)))) * 1.4826 or float(apart.std())
    if usual <= 1e-9 * (1.0 + float(np.abs(apart).max())):
        return []
    sizes = np.abs(apart) / max(usual, 0.02 * float(np.median([abs(one) for _, one, _ in both])))
    return [Worst(both[n][0], measure, a, b, both[n][1], both[n][2], float(sizes[n])) for n in np.argsort(-sizes)[:20]]


def verdict(found: Sequence[Difference], names: Sequence[str], *, final: bool = True) -> str:
    """What differences come to, for people: picture first, then the rest that differs."""
    if not found:
        return "Nothing could be compared: no second has a value of both."
    lines = [_pair(a, b, [each for each in found if (each.a, each.b) == (a, b)]) for a, b in combinations(names, 2)]
    return " ".join(line for line in lines if line) + ("" if final else " Provisional: it is still going on.")


def _pair(a: str, b: str, found: list[Difference]) -> str:
    if not found:
        return ""
    if all(each.word == "identical" for each in found):
        return f"{a} and {b} are identical in all that was measured."
    differing = {each.measure: each for each in found if each.word == "differs"}
    first = next((differing[name] for name in _ordered(differing)), None)
    if first is not None:
        better = b if ((first.difference or 0.0) < 0.0) == lower(first.measure) else a
        head = f"{better} has the better picture: {_told(first)}."
    elif differing:
        head = f"No difference of the picture is shown between {a} and {b}."
    elif any(each.word == "no difference shown" for each in found):
        head = f"No difference between {a} and {b} is shown."
    else:
        return f"More time is needed to tell {a} from {b}."
    rest = [_told(each) for each in differing.values() if each is not first]
    return head + (f" They also differ in {'; '.join(rest)}." if rest else "")


def _ordered(differing: dict[str, Difference]) -> list[str]:
    ranks = {
        name: PICTURE.index(family)
        for name in differing
        if (family := name.split("[")[0].removesuffix("_y")) in PICTURE
    }
    return sorted(ranks, key=ranks.__getitem__)


def lower(measure: str) -> bool:
    """Whether less of it is better."""
    return measure in LOWER


def _told(each: Difference) -> str:
    value = f"{each.measure} {each.difference:+.3g} ({each.b} less {each.a})"
    return value if each.low is None or each.high is None else f"{value} [{each.low:.3g}, {each.high:.3g}]"
