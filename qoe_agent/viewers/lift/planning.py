"""What an experiment takes: units, days, and the smallest effect that so many can see; from the past, or as published.

Days come from when the past's users were first seen: at first many a day are new, later few. Needs are checked by
drawing experiments: watch times from the past's histogram, those of the treatment longer by the effect.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import ceil, inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent import clock
from qoe_agent.maths.student import t_quantile
from qoe_agent.viewers import analysing, effects
from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.lift import refusals, registration
from qoe_agent.viewers.lift.analysis import described, of_facts
from qoe_agent.viewers.lift.asking import Asked
from qoe_agent.viewers.lift.needs import Need, Plan, Reach, Tried
from qoe_agent.viewers.lift.past import DAY, Past, of_asked, published
from qoe_agent.viewers.lift.verdicts import capped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.apart import Step
    from qoe_agent.viewers.lift.shapes import Columns, Design, Floats

DRAWS = 1000
SIZES = (1000, 10_000, 100_000, 1_000_000)
"""Units an arm of which it is told what they can see, where nobody says how many there will be."""


class Layout(NamedTuple):
    """How arms share units."""

    arms: int
    balance: float
    """Units of the smallest treatment for each of control."""
    whole: float
    """Units of all arms for each of control."""
    alpha: float


def plan(asked: Asked, tell: Callable[[Step], None]) -> Plan:
    """As `lift.planned` says."""
    asked = refusals.sound(asked)
    refusals.plannable(asked)
    asked = of_facts(asked)
    steps = analysing.Steps(tell, 3)
    steps("reading")
    layout = laid_out(asked.design)
    with analysing.plainly(asked.facts):
        past = of_asked(asked) if asked.files or asked.facts else published(asked.design.caps)
    steps("planning")
    wanted = tuple(sorted({*asked.effects, asked.design.smallest_effect}, reverse=True))
    needs = tuple(_need(past, cap, effect, layout, asked) for cap in past.variations for effect in wanted)
    steps("checking by simulation")
    found = Plan(
        text=_sentence(needs, past, layout, asked), source=past.source, design={}, needs=needs,
        reaches=_reaches(past, layout, asked.design), unit=past.unit, units=past.units,
        per_day=_rate(past, asked), notes=past.notes, arms=layout.arms,
        tried=tuple(tried(past, each, layout) for each in needs if _checkable(each, past, asked)),
    )  # fmt: skip
    found = replace(found, notes=(*found.notes, *_checked(found.tried)))
    return _registered(found, asked, layout) if asked.register else found


def _checkable(need: Need, past: Past, asked: Asked) -> bool:
    """Whether drawing from the past's histogram says something: of the largest effect, which needs the fewest, and so
    is where tails matter; not of what covariates explain."""
    largest = need.effect == max((*asked.effects, asked.design.smallest_effect))
    return largest and (past.capped or need.cap is None) and not (asked.design.pre or asked.design.strata)


def _checked(tried: Sequence[Tried]) -> list[str]:
    if not tried:
        return []
    power, error = sorted(100.0 * each.power for each in tried), 196.0 * tried[0].error
    return [
        f"checked by drawing {DRAWS:,} experiments for {100.0 * tried[0].effect:g} % at each cap, decided at the end: "
        f"it was seen in {power[0]:.1f} to {power[-1]:.1f} % of them (each ±{error:.1f})"
    ]


def laid_out(design: Design) -> Layout:
    """The arms of a design; two alike, where it names none."""
    named = (design.control, *design.treatments) if design.treatments else tuple(design.allocation or (design.control,))
    arms = max(2, len(dict.fromkeys(named)))
    alpha = design.alpha / (arms - 1)
    if not design.allocation:
        return Layout(arms, 1.0, float(arms), alpha)
    shares = dict(design.allocation)
    lack = [each for each in (design.control, *design.treatments) if each not in shares]
    if lack:
        raise Unusable(f"--allocation names no share of {', '.join(map(repr, lack))}")
    own = shares.pop(design.control)
    if not shares:
        raise Unusable("--allocation names one arm only")
    return Layout(arms, min(shares.values()) / own, (own + sum(shares.values())) / own, alpha)


def _need(past: Past, cap: float | None, effect: float, layout: Layout, asked: Asked) -> Need:
    variation = past.variations[cap]
    fixed, always = (effects.needed(variation, effect, alpha=layout.alpha, always_valid=each, balance=layout.balance)
                     for each in (False, True))  # fmt: skip
    takes = [_days(each * layout.whole, past, asked) for each in (fixed, always)]
    return Need(cap, variation, effect, fixed, always, *takes)


def _days(units: float, past: Past, asked: Asked) -> float | None:
    """Until so many units are in, and the windows of the last are over."""
    rate = _rate(past, asked)
    if not rate:
        return None
    wait = (asked.design.window or 0.0) / DAY
    if asked.users_per_day or not past.came:
        return units / rate + wait
    days, count = np.array([(0.0, 0.0), *past.came]).T
    if units <= count[-1]:
        return float(np.interp(units, count, days)) + wait
    return float(days[-1] + (units - count[-1]) / rate) + wait


def _rate(past: Past, asked: Asked) -> float | None:
    """New units a day: as said, or in the later half of the past."""
    if asked.users_per_day:
        return asked.users_per_day
    if not past.came:
        return None
    days, count = np.array([(0.0, 0.0), *past.came]).T
    late = count[-1] - np.interp(days[-1] / 2.0, days, count)
    return float(late / (days[-1] / 2.0)) or None


def _reaches(past: Past, layout: Layout, design: Design) -> tuple[Reach, ...]:
    sizes = [round(design.planned_users / layout.whole)] if design.planned_users else list(SIZES)
    return tuple(
        Reach(cap, units, *(effects.detectable(variation, units, alpha=layout.alpha, always_valid=each,
                                               balance=layout.balance) for each in (False, True)))
        for cap, variation in past.variations.items() for units in sizes if units > 1
    )  # fmt: skip


def tried(past: Past, need: Need, layout: Layout, draws: int = DRAWS) -> Tried:
    """The power with which experiments of the size needed see the effect, decided at the end."""
    source = np.random.default_rng(1)
    values = past.values if need.cap is None else np.minimum(past.values, need.cap)
    spread = float(np.sqrt(past.shares @ values**2 - (past.shares @ values) ** 2) / (past.shares @ values))
    fixed = effects.needed(spread, need.effect, alpha=layout.alpha, balance=layout.balance)
    units = ceil(fixed), ceil(fixed * layout.balance)
    drawn = [source.multinomial(each, past.shares, draws).astype(float) for each in units]
    scales = 1.0, 1.0 + need.effect
    means, errors = zip(*(_means(each, values * scale) for each, scale in zip(drawn, scales, strict=True)), strict=True)
    theta = np.log(means[1] / means[0])
    z = np.abs(theta) / np.sqrt(errors[0] + errors[1])
    seen = float(np.mean((z > t_quantile(1.0 - layout.alpha, inf)) & (theta > 0)))
    return Tried(need.cap, need.effect, units[0], seen, (seen * (1.0 - seen) / draws) ** 0.5, draws)


def _means(drawn: NDArray[np.float64], values: Floats) -> tuple[Floats, Floats]:
    """Of each draw: mean, and the variance of its logarithm."""
    units = drawn.sum(axis=1)
    mean = drawn @ values / units
    spread = drawn @ values**2 / units - mean**2
    return mean, spread / (units - 1.0) / mean**2


def _sentence(needs: Sequence[Need], past: Past, layout: Layout, asked: Asked) -> str:
    smallest, cap = asked.design.smallest_effect, asked.design.caps[0]
    one = next((each for each in needs if each.effect == smallest and each.cap == cap), needs[0])
    days = [f" ({_long(each)})" if each is not None else "" for each in (one.days_fixed, one.days_always_valid)]
    size = f"{_rounded(one.fixed)} {past.unit}s in control, {_rounded(one.fixed * layout.whole)} in all"
    whenever = f"{_rounded(one.always_valid)} in control{days[1]}, looked at as often as one likes"
    return (
        f"To see a lift of {100.0 * one.effect:g} % in watch time, {capped(one.cap)}, with 80 % power takes {size} "
        f"{layout.arms} arms{days[0]}, looked at once, at the end; {whenever}."
    )


def _long(days: float) -> str:
    return f"{days:,.0f} days" if days >= 2 else f"{max(1, ceil(24 * days))} hours"


def _rounded(units: float) -> str:
    """To three digits."""
    whole = ceil(units)
    size = 10 ** max(0, len(str(whole)) - 3)
    return f"{ceil(whole / size) * size:,}"


def _named(asked: Asked) -> Columns:
    """The columns that were named or read: nobody decided on others."""
    columns, usual = asked.columns, Asked().columns
    read = bool(asked.files or asked.facts)
    return replace(columns, arm="" if columns.arm == usual.arm else columns.arm,
                   watch="" if columns.watch == usual.watch and not read else columns.watch,
                   user=None if columns.user == usual.user and not read else columns.user)  # fmt: skip


def _registered(found: Plan, asked: Asked, layout: Layout) -> Plan:
    """With the design written down."""
    design, path = asked.design, asked.register
    if path is None:
        return found
    if design.planned_users is None:
        one = next(each for each in found.needs if each.effect == design.smallest_effect)
        design = replace(design, planned_users=ceil(one.fixed * layout.whole))
    unit: registration.Unit = "session" if asked.files and not asked.columns.user else "user"
    date = datetime.fromtimestamp(clock.wall(clock.now()), UTC).date().isoformat()
    registration.register(path, design, asked.experiment, unit, date, _named(asked))
    told: dict[str, Any] = described(design, asked, "registered", unit)
    note = f"registered in {path}: commit it, or send it to somebody, before the experiment begins"
    return replace(found, registered=str(path), design=told, notes=(note, *found.notes))
