"""What may be said of an experiment: one code (in the order of `Code`), and one sentence for who decides.

blocked: a check failed, and no figure means what it seems to. underpowered: effects that matter would hardly show; a
lift that is significant all the same is likely exaggerated. better, worse: significant. equivalent: the whole interval
is smaller than the smallest effect that matters. inconclusive: none of these.
"""

from __future__ import annotations

from math import expm1, inf, log1p
from typing import TYPE_CHECKING, Literal, NamedTuple

from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers.effects.overstating import exaggeration
from qoe_agent.viewers.lift.metrics import called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Check, Estimate

Code = Literal["blocked", "underpowered", "better", "worse", "equivalent", "inconclusive"]
_FAILED = {
    "sample_ratio": "arms are not of the sizes that they were to have",
    "one_arm_a_user": "too many users were in several arms",
}
"""Checks whose text does not say by itself what is wrong."""
NEGLIGIBLE = 0.005
"""A share of sessions beyond the cap that is not worth a word."""
_HOUR, _HALF = 3600.0, 1800.0


class Grounds(NamedTuple):
    """What a verdict rests on."""

    primary: Estimate
    """Of the treatment that is spoken of, at the first cap."""
    others: tuple[Estimate, ...] = ()
    """The same of other treatments."""
    checks: tuple[Check, ...] = ()
    smallest: float = 0.01
    alpha: float = 0.05
    running: tuple[int, int] | None = None
    """Units that are in, of those planned; None: no more are to come, or nobody said."""
    decides: tuple[float, float] | None = None
    """While it runs, and beyond its plan: the interval that decides, always valid, wider where treatments are many. The
    always-valid ones of others are as wide."""
    uncapped: Estimate | None = None
    tail: Mapping[str, tuple[float, float]] = {}
    """By arm: share of sessions beyond the longest cap, and of the time that is theirs."""
    beyond: float | None = None
    """That cap, in seconds."""
    guardrails: tuple[Estimate, ...] = ()
    """Of the same treatment: those with a margin."""
    departures: tuple[str, ...] = ()
    """What is other than was registered, in words."""
    caps: tuple[Estimate, ...] = ()
    """Of the same treatment, at other caps."""


def verdict(grounds: Grounds) -> tuple[Code, str]:
    """The code and the sentence."""
    failed = [each for each in grounds.checks if each.blocks and not each.passed]
    if failed:
        why = (f"{_FAILED[each.name]}: {each.text}" if each.name in _FAILED else each.text for each in failed)
        return "blocked", f"No verdict: {'; '.join(why)}{_departed(grounds)}."
    code = _code(grounds)
    text = f"{_SENTENCES[code](grounds)}{_contrary(grounds)}{_guarded(grounds, code)}{_so_far(grounds)}"
    return code, f"{text}{_departed(grounds)}."


def _code(grounds: Grounds) -> Code:
    one = grounds.primary
    if one.lift is None or one.minimum_detectable_effect is None or one.minimum_detectable_effect > grounds.smallest:
        return "underpowered"
    if _significant(grounds):
        return "better" if one.lift > 0.0 else "worse"
    low, high = _interval(grounds)
    return "equivalent" if -grounds.smallest < low and high < grounds.smallest else "inconclusive"


def _significant(grounds: Grounds) -> bool:
    if grounds.decides is not None:
        return _without_none(grounds.decides)
    return _stands(grounds.primary, grounds)


def _stands(one: Estimate, grounds: Grounds) -> bool:
    """Of another than the primary: its own always-valid interval, where such decide."""
    if grounds.decides is not None:
        return one.always_valid is not None and _without_none(one.always_valid)
    p = one.p if one.p_adjusted is None else one.p_adjusted
    return p is not None and p < grounds.alpha


def _without_none(ends: tuple[float, float]) -> bool:
    return ends[0] > 0.0 or ends[1] < 0.0


def _ends(one: Estimate, grounds: Grounds) -> str:
    """In brackets, of another than the primary; with the lift once more, where it is below none."""
    if always := grounds.decides is not None:
        low, high = one.always_valid or (None, None)
    else:
        low, high = one.low, one.high
    found = [f"lift {percent(one.lift)} %"] if one.lift is not None and one.lift < 0.0 else []
    if low is not None and high is not None:
        found.append(f"{'always valid ' * always}{percent(low)} to {percent(high)}")
    return f" ({', '.join(found)})" if found else ""


def _interval(grounds: Grounds) -> tuple[float, float]:
    one = grounds.primary
    if grounds.decides is not None:
        return grounds.decides
    return (one.low, one.high) if one.low is not None and one.high is not None else (-1.0, inf)


def percent(value: float) -> str:
    """Of a lift, without its unit: one decimal, two below one per cent."""
    text = f"{100.0 * value:.1f}" if abs(value) >= 0.00995 else f"{100.0 * value:.2f}".rstrip("0").rstrip(".")
    return text.replace("-0", "0") if float(text) == 0.0 else text.replace("-", "−")


def _share(value: float) -> str:
    return f"{100.0 * value:.0f} %" if value >= 0.0095 else f"{100.0 * value:.1f} %"


def capped(cap: float | None) -> str:
    """At what sessions are capped."""
    if cap is None:
        return "uncapped"
    if cap >= _HOUR and cap % _HALF == 0.0:
        return f"capped at {cap / _HOUR:g} h"
    return f"capped at {cap / 60.0:g} min" if cap >= 60.0 and cap % 60.0 == 0.0 else f"capped at {cap:g} s"


def _watched(one: Estimate) -> str:
    """Who watched how much longer."""
    lift = one.lift or 0.0
    return f"{one.treatment} arm watched {percent(abs(lift))} % {'longer' if lift >= 0.0 else 'shorter'}"


def _signed(one: Estimate) -> str:
    """The lift once more, where it is below none, as the interval beside it tells it."""
    return f" (lift {percent(one.lift)} %)" if one.lift is not None and one.lift < 0.0 else ""


def _corrected(grounds: Grounds) -> str:
    """Why an interval of one treatment alone, without none in it, does not stand among several."""
    if grounds.decides is not None or not _without_none(_interval(grounds)) or _significant(grounds):
        return ""
    return f" by itself, which chance alone may do among {1 + len(grounds.others)} treatments (corrected p = " \
           f"{grounds.primary.p_adjusted or grounds.primary.p or 1.0:.2g})"  # fmt: skip


def _found(grounds: Grounds, joint: str = ", ") -> str:
    """With interval and cap, and on how few sessions the figure without a cap rests."""
    one = grounds.primary
    low, high = _interval(grounds)
    always = " always-valid" if grounds.decides is not None else ""
    level = (
        f"{100.0 * (1.0 - grounds.alpha):g} %{always} interval{' (over all arms)' if always and grounds.others else ''}"
    )
    ends = f"{percent(low)} to {percent(high)}{_corrected(grounds)}"
    interval = f"{joint}{level} {ends}" if one.low is not None else ""
    told = f"{_watched(one)} than {one.control}{_signed(one)}{interval}, {capped(one.cap)}"
    return f"{told}{_little(grounds)}{_tail(grounds)}{_others(grounds)}"


def _little(grounds: Grounds) -> str:
    """Of what is better or worse, if it is not by much."""
    if not _significant(grounds) or abs(grounds.primary.lift or 0.0) >= grounds.smallest:
        return ""
    return f"; that is less than the {_smallest(grounds)} that was to matter"


def _tail(grounds: Grounds) -> str:
    one = grounds.primary
    found = [grounds.tail[arm] for arm in (one.control, one.treatment) if arm in grounds.tail]
    if not found or max(share for share, _ in found) < NEGLIGIBLE or grounds.beyond is None:
        return ""
    sessions, time = (sum(each[place] for each in found) / len(found) for place in (0, 1))
    if one.cap is None:
        length = capped(grounds.beyond).removeprefix("capped at ")
        return f"; {_share(sessions)} of sessions, of more than {length}, hold {_share(time)} of the time"
    if one.cap != grounds.beyond:
        return ""
    other = grounds.uncapped
    if other is None:
        return f"; {_share(sessions)} of sessions are longer, and hold {_share(time)} of the time"
    figure = f" ({'+' if other.lift >= 0.0 else ''}{percent(other.lift)} %)" if other.lift is not None else ""
    return f"; the uncapped figure{figure} rests on {_share(sessions)} of sessions"


def _others(grounds: Grounds) -> str:
    """Other treatments, in short."""
    told = []
    for one in grounds.others:
        if one.lift is None:
            told.append(f"of {one.treatment} it cannot be known")
            continue
        stands = "" if _stands(one, grounds) else ", which chance alone may do"
        told.append(f"{_watched(one)}{_ends(one, grounds)}{stands}")
    return "".join(f"; {each}" for each in told)


def _contrary(grounds: Grounds) -> str:
    """Caps at which it is significant the other way round."""
    mine = grounds.primary.lift or 0.0
    found = [each for each in grounds.caps if (each.lift or 0.0) * mine < 0.0 and _stands(each, grounds)]
    return "".join(f"; but {capped(each.cap)} the {_watched(each)}{_ends(each, grounds)}"
                   for each in found)  # fmt: skip


def _guarded(grounds: Grounds, code: Code) -> str:
    """Whether guardrails hold, and so it may be shipped if nothing else speaks against it."""
    if not grounds.guardrails:
        return ""
    good = code in ("better", "equivalent") and not _contrary(grounds)
    broken = [each for each in grounds.guardrails if not each.ship]
    if not broken:
        return f"; {'ship: ' * good}{'all guardrails hold' if len(grounds.guardrails) > 1 else 'its guardrail holds'}"
    named = ", ".join(f"{called(each.metric)} ({percent(each.margin or 0.0)} %)" for each in broken)
    return f"; {'hold: ' * good}not shown to keep within its margin: {named}"


def _so_far(grounds: Grounds) -> str:
    if grounds.running is None:
        return ""
    there, planned = grounds.running
    return f"; so far: {there:,} of {planned:,} {grounds.primary.unit}s are in"


def _departed(grounds: Grounds) -> str:
    """In what it is not what was registered."""
    return f"; not as registered: {', '.join(grounds.departures)}" if grounds.departures else ""


def _underpowered(grounds: Grounds) -> str:
    one, unit = grounds.primary, grounds.primary.unit
    if one.lift is None or one.minimum_detectable_effect is None:
        return f"Too little is known to compare {one.treatment} with {one.control}: {one.note or 'no interval'}"
    least, wanted = f"{percent(one.minimum_detectable_effect)} %", _smallest(grounds)
    unseen = f"effects below {least} would hardly show, and {wanted} was to be seen"
    if _significant(grounds) and _beyond_doubt(grounds):
        return f"{_found(grounds)}; with so few {unit}s {unseen}"
    if _significant(grounds):
        passing = f"if {wanted} were true, what passes for significant would read {_exaggerated(grounds)} % on average"
        return f"{_found(grounds)}; likely exaggerated: with so few {unit}s, {passing}"
    return f"Too few {unit}s to tell: {_found(grounds, ', but with a ')}; {unseen}"


def _beyond_doubt(grounds: Grounds) -> bool:
    """Whether even the limit that is nearer to none would be detected."""
    low, high = _interval(grounds)
    nearer = low if low > 0.0 else 1.0 / max(1.0 + high, 1e-9) - 1.0
    return nearer >= (grounds.primary.minimum_detectable_effect or 0.0)


def _smallest(grounds: Grounds) -> str:
    return f"{100.0 * grounds.smallest:g} %"


def _exaggerated(grounds: Grounds) -> str:
    """What lifts that pass for significant show on average where the smallest effect is the truth."""
    one, theta = grounds.primary, log1p(grounds.smallest)
    plain, decides = (log1p(max(high, -0.999)) - log1p(max(low, -0.999))
                      for low, high in ((one.low or 0.0, one.high or 0.0), _interval(grounds)))  # fmt: skip
    error = plain / 2.0 / t_quantile(1.0 - grounds.alpha, inf)
    if not error > 0.0:
        return percent(grounds.smallest)
    alone = t_quantile(1.0 - grounds.alpha / (1 + len(grounds.others)), inf)
    reach = alone if grounds.decides is None else decides / 2.0 / error
    return percent(expm1(theta * exaggeration(theta / error, reach)))


def _equivalent(grounds: Grounds) -> str:
    one = grounds.primary
    return f"{one.treatment} and {one.control} are watched alike to within {_smallest(grounds)}: {_found(grounds)}"


def _inconclusive(grounds: Grounds) -> str:
    told = _found(grounds, ", but with a ")
    return f"Undecided: {told}; neither none nor an effect of {_smallest(grounds)} can be ruled out"


_SENTENCES = {
    "underpowered": _underpowered, "better": _found, "worse": _found, "equivalent": _equivalent,
    "inconclusive": _inconclusive,
}  # fmt: skip


def arms(estimates: Sequence[Estimate], named: Sequence[str]) -> tuple[Estimate, ...]:
    """One a treatment, the one that is spoken of first: the first that was named, or the least likely by chance."""
    if named:
        order = {name: place for place, name in enumerate(named)}
        return tuple(sorted(estimates, key=lambda one: order.get(one.treatment, len(order))))
    return tuple(sorted(estimates, key=lambda one: 1.0 if one.p is None else one.p))
