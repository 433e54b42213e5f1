"""What an incident cost: exits beyond those that would have been, by one of two designs, or a reason why not.

A: viewers of the same stream whom it did not strike show what would have been (ratio of ratios).
B: everybody was struck: the minutes before show it, and placebo windows of the same stream how well they do.
In both, exits come in bursts (content), so that independent counts would call a third of nothing significant: the
variance is scaled by what placebo windows show (phi, at least 1), and t has half as many degrees of freedom as there
are placebos, since neighbours share the minutes before them. The rank among placebos is a check that rests on no
distribution.
"""

from __future__ import annotations

from math import ceil, exp, inf, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.estimates import minutes
from qoe_agent.viewers.estimates.windows import (
    BEFORE,
    GUARDS,
    LAG,
    Contrast,
    Window,
    contrast,
    course,
    placebos,
    span,
    watched,
    window,
)
from qoe_agent.viewers.shapes import Cost, Incident, Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.estimates.jackknife import Study
    from qoe_agent.viewers.estimates.windows import Course

UNEXPOSED, PLACEBO = "unexposed viewers of the same stream", "placebo windows"
FEWEST_UNEXPOSED = 5
FEWEST_PLACEBOS = 8
"""For B, which has nothing else to go by."""
FEWEST_ORDERS = 5
PRETREND = 0.01


class Scale(NamedTuple):
    """How much more windows vary than independent exits would."""

    phi: float
    freedom: float
    z: tuple[float, ...]


def cost(
    timeline: Timeline, incident: Incident, others: Sequence[Incident] = (), *,
    remaining: Study | float | None = None, lag: float = LAG,
) -> Cost:  # fmt: skip
    """Of one incident. `others`: what else happened (those of other streams are passed over), `remaining`: seconds that
    a viewer would still have watched, or what says so; as long as the stream still had viewers."""
    where = window(incident, timeline, lag)
    near = [window(each, timeline, lag) for each in others if each.stream == incident.stream and each.id != incident.id]
    found = Cost(incident.id, incident.kind, incident.start)
    if where.first < 0 or where.last > timeline.watching.shape[1]:
        return found._replace(note="cannot be known: viewers are not known around it")
    notes = ["another incident at the same time is in it"] if any(_meet(where, each) for each in near) else []
    endless = span(incident, timeline.clock)[1] == inf
    before = ceil(BEFORE / timeline.step)
    for guard in GUARDS:
        made, reason = _designed(course(timeline, [where, *near], guard), where, before)
        if made is not None:
            break
    else:
        reason = f"cannot be known: {'it has no end, and ' * endless}{reason}"
        return found._replace(note="; ".join([reason, *notes]))
    if endless:
        notes.append(f"it has no end: counted for {where.steps * timeline.step / 60.0:.0f} min")
    seen, scale, method = made
    found = _told(found, seen, scale)._replace(method=method)
    trend = _pretrend(course(timeline, near, guard), where, before, scale, both=method == UNEXPOSED)
    if trend is not None and trend < PRETREND:
        notes.append("exits were already unusual just before it: not to be put down to it alone")
    found = found._replace(pretrend_p=trend, note="; ".join([*_reserve(scale, method), *notes]))
    return _lost(found, timeline, _seconds(timeline, where, remaining))


def _meet(one: Window, other: Window) -> bool:
    return one.first < other.last and other.first < one.last


def _designed(sums: Course, where: Window, before: int) -> tuple[tuple[Contrast, Scale, str] | None, str]:
    """The first design that the data carry, or why none."""
    seen = contrast(sums, where, before, both=True)
    if seen is not None and seen.fewest >= FEWEST_UNEXPOSED:
        return (seen, _scale(placebos(sums, where.steps, before, both=True)), UNEXPOSED), ""
    alone = contrast(sums, where, before, both=False)
    if alone is None:
        return None, "too little is known of the minutes before it"
    scale = _scale(placebos(sums, where.steps, before, both=False))
    if len(scale.z) < FEWEST_PLACEBOS:
        why = "too few viewers were not exposed" if seen is not None else "everybody was exposed"
        return None, f"{why}, and there are {len(scale.z)} quiet windows to compare with, {FEWEST_PLACEBOS} are needed"
    return (alone, scale, PLACEBO), ""


def _scale(quiet: Sequence[Contrast]) -> Scale:
    z = np.array([each.z for each in quiet if each.fewest >= FEWEST_UNEXPOSED])
    if len(z) < FEWEST_PLACEBOS:
        return Scale(1.0, inf, tuple(z.tolist()))
    return Scale(max(1.0, float((z**2).mean())), len(z) / 2.0, tuple(z.tolist()))


def _told(found: Cost, seen: Contrast, scale: Scale) -> Cost:
    """Excess exits: those seen less those expected, with an interval that holds 0 exactly when p is above 0.05.

    Bursts add to the ratio's variance what they add among as many exits as were expected (placebos hold no others).
    Along the ratio's interval both counts move, so that the excess moves by phi (E + E^2 rest) + excess: the scatter
    of what would have been, E expected, and of what came on top.
    """
    count, expected, excess = seen.exits, seen.expected, seen.exits - seen.expected
    usual = 1.0 / expected + seen.rest
    error = sqrt(seen.variance + (scale.phi - 1.0) * usual)
    reach = t_quantile(0.95, scale.freedom) * error
    wanted = sqrt(scale.phi * expected * expected * usual + max(excess, 0.0)) / error
    own = min(max((wanted - expected) / excess, 0.0), 1.0) if excess else 0.0
    low, high = (count * exp(own * shift) - expected * exp((own - 1.0) * shift) for shift in (-reach, reach))
    rank = (1 + sum(abs(each) >= abs(seen.z) for each in scale.z)) / (1 + len(scale.z)) if scale.z else None
    return found._replace(
        excess_exits=excess, low=low, high=high, p=t_tail(seen.ratio / error, scale.freedom), exits=count - 0.5,
        expected=expected - 0.5, placebo_rank=rank, log_ratio=seen.ratio, error=error,
    )  # fmt: skip


def _pretrend(sums: Course, where: Window, before: int, scale: Scale, *, both: bool) -> float | None:
    """p of the window just before it, which nothing has struck yet."""
    earlier = contrast(sums, Window(where.first - where.steps, where.first), before, both=both)
    if earlier is None:
        return None
    return t_tail(earlier.z / sqrt(scale.phi), scale.freedom)


def _reserve(scale: Scale, method: str) -> list[str]:
    if method == UNEXPOSED and len(scale.z) < FEWEST_PLACEBOS:
        return ["no quiet windows to check with: exits are taken as independent"]
    return []


def _seconds(timeline: Timeline, where: Window, remaining: Study | float | None) -> float | None:
    """What one viewer would still have watched: no longer than until everybody was gone, where that is seen.
    Who leaves in an incident that lasts until then leaves on average half-way."""
    if remaining is None or isinstance(remaining, float):
        return remaining
    last = watched(timeline)
    if last >= timeline.watching.shape[1]:
        return minutes.remaining(remaining)
    rest = max(last - where.last, (last - where.first) / 2.0, 0.0)
    return minutes.remaining(remaining, min(minutes.HORIZON, rest * timeline.step))


def _lost(found: Cost, timeline: Timeline, remaining: float | None) -> Cost:
    """Viewer-minutes and orders that went with the excess exits."""
    if remaining is None or found.excess_exits is None:
        return found
    seconds = found.excess_exits * remaining
    orders, watched = float(timeline.orders.sum()), float(timeline.watching.sum())
    rate = orders / watched if orders >= FEWEST_ORDERS and watched > 0.0 else None
    return found._replace(viewer_minutes=seconds / 60.0, orders=None if rate is None else seconds * rate)
