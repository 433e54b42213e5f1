"""What an hour of video costs at the user's prices: of an encode, of a label at one quality, of a ladder. Pure."""

from __future__ import annotations

from dataclasses import replace
from math import log
from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.compare.figures import hull as hulls
from qoe_agent.compare.figures import ladders
from qoe_agent.compare.sweep.shapes import Cost, Priced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.shapes import Design, Encoded, Hull, Point, Prices, Rung

HOUR = 3600.0
GB = 1e9


def cost(one: Encoded, prices: Prices | None) -> Cost | None:
    """Of an hour: core hours of its encode, GB delivered in the hours watched of it, GB kept for the months said.

    The encode is the median of repeats, and includes what reading and scaling the reference takes.
    """
    if prices is None or not one.seconds:
        return None
    hours = median(one.cpu) / one.seconds
    gigabytes = one.bits_per_second * HOUR / 8 / GB
    return Cost(
        hours * prices.cpu_hour,
        gigabytes * prices.storage_gb_month * prices.months,
        gigabytes * prices.egress_gb * prices.viewer_hours,
    )


def all_of(design: Design, points: Sequence[Point], best: Sequence[Hull], anchor: str | None) -> tuple[Priced, ...]:
    """Each label on each clip at one quality: the target, or the most that all labels reach."""
    if design.prices is None or anchor is None:
        return ()
    found: list[Priced] = []
    for clip in dict.fromkeys(hull.clip for hull in best):
        mine = {
            label: [one for one in points if (one.encoded.setting.label, one.encoded.clip) == (label, clip)]
            for label in dict.fromkeys(hull.label for hull in best if hull.clip == clip)
        }
        quality = _quality(design, mine)
        priced = {label: _priced(design, each, quality) for label, each in mine.items()}
        with_anchor = priced.get(anchor)
        for label, one in priced.items():
            if one is not None:
                even = None if label == anchor or with_anchor is None else even_at(one, with_anchor, design.prices)
                found.append(replace(one, break_even=even))
    return tuple(found)


def _quality(design: Design, mine: dict[str, list[Point]]) -> float:
    """The target, unless not all reach it: then the most that all do."""
    target = design.target if design.target is not None else ladders.target_of(design.quality)
    tops = [max(dot.quality for dot in hulls.dots(each, design.quality)) for each in mine.values()]
    return min(min(tops), target) if target is not None else min(tops)


def _priced(design: Design, points: Sequence[Point], quality: float) -> Priced | None:
    """By the resolution that reaches the quality with the least rate; None: not within what was measured."""
    reached = [
        (rate, course.size)
        for course in hulls.courses(hulls.dots(points, design.quality))
        if (rate := course.rate(quality)) is not None
    ]
    if not reached:
        return None
    rate, size = min(reached)
    hour = at(points, size, rate, design.prices)
    if hour is None:
        return None
    made = points[0].encoded
    return Priced(made.setting.label, made.clip, hulls.named(size), design.quality, quality, rate, hour)


def at(points: Sequence[Point], size: tuple[int, int], rate: float, prices: Prices | None) -> Cost | None:
    """Of an hour at a rate: encoded as the nearest measured encode of this size, kept and delivered at the rate."""
    same = [one for one in points if (one.encoded.setting.width, one.encoded.setting.height) == size]
    if not same or prices is None:
        return None
    near = min(same, key=lambda one: abs(log(one.encoded.bits_per_second / rate)))
    return cost(replace(near.encoded, bits_per_second=rate), prices)


def even_at(one: Priced, anchor: Priced, prices: Prices) -> float | None:
    """Hours watched of each hour from which it is cheaper than the anchor; 0: from the first; None: never."""
    before = one.cost.encode + one.cost.store - anchor.cost.encode - anchor.cost.store
    saved = (anchor.bits_per_second - one.bits_per_second) * HOUR / 8 / GB * prices.egress_gb
    if before <= 0 and saved >= 0:
        return 0.0 if before < 0 or saved > 0 else None
    return before / saved if saved > 0 else None


def ladder(design: Design, rungs: Sequence[Rung], points: Sequence[Point]) -> Cost | None:
    """Of all rungs encoded and kept, and delivered as if all viewers had the top one."""
    found = [at(points, (rung.width, rung.height), rung.bits_per_second, design.prices) for rung in rungs]
    known = [one for one in found if one is not None]
    if len(known) < len(rungs) or not known:
        return None
    return Cost(sum(one.encode for one in known), sum(one.store for one in known), known[-1].deliver)
