"""The pictures of a report on a sweep, as SVG within the page: places are per cent, lines stretch. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import compare_words, lift_plots, sweep_words, words
from qoe_agent.report.drawing import Axis, end, frame, path, rounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qoe_agent.compare.sweep.shapes import BdRate, Curve, Hull, Point, Speed

TALL = 320
"""Pixels of curves of rate and quality."""
LOW = 220
"""Of the others."""
ARMS = lift_plots.ARMS
RATES = tuple(digit * 10.0**power for power in range(3, 10) for digit in (1, 2, 5))
SPEEDS = tuple(digit * 10.0**power for power in range(-2, 5) for digit in (1, 2, 5))
AIR = 0.06
"""Share of an axis left free at either end."""
LETTER = 0.95
"""Per cent of the width that a letter of a name takes on a page of 700 pixels."""
DOT, TEXT = 4.0, 6.0
"""Half the height of a dot and of a name in pixels."""
ASIDE = (-8.0, 17.0, -21.0, 30.0, -34.0, 43.0, -47.0)
"""Pixels below its dot at which a name may stand, the best first."""


def curves(drawn: Sequence[Curve], hulls: Sequence[Hull], labels: Sequence[str], metric: str) -> Safe:
    """Quality over rate (logarithmic) of one clip: thin lines are resolutions, heavy ones the hull over them; shaded is
    the quality that all labels reach."""
    known = [(one, _places(one, metric)) for one in drawn]
    known = [(one, places) for one, places in known if places]
    rates = [rate for _, places in known for rate, _ in places]
    scores = [score for _, places in known for _, score in places]
    if not rates or min(rates) == max(rates):
        return NOTHING
    x, y = _wide(rates), _reach(scores)
    several = {one.label for one in drawn if sum(each.label == one.label for each in drawn) > 1}
    lines = [_overlap(known, x, y)]
    for one, places in known:
        style = f"line arm{labels.index(one.label) % ARMS}"
        lines.append(path([(x.at(rate), 100 - y.at(score)) for rate, score in places],
                          f"{style} thin" if one.label in several else style))  # fmt: skip
    for hull in hulls:
        if hull.label in several and len(hull.points) > 1:
            marks = [(x.at(one.encoded.bits_per_second), 100 - y.at(one.scores[metric])) for one in hull.points]
            lines.append(path(marks, f"line arm{labels.index(hull.label) % ARMS} heavy"))
    dots = joined(_dot(x.at(point.encoded.bits_per_second), y.at(point.scores[metric]), TALL, labels.index(one.label),
                       _said(point, metric))
                  for one, _ in known for point in one.points if _finite(point.scores.get(metric)))  # fmt: skip
    said = f"{compare_words.metric(metric)} over rate. " + "; ".join(
        f"{one.label} {one.width}x{one.height}: {compare_words.value(metric, places[0][1])} at "
        f"{compare_words.bits(places[0][0])} to {compare_words.value(metric, places[-1][1])} at "
        f"{compare_words.bits(places[-1][0])}" for one, places in known
    )  # fmt: skip
    return frame(said, TALL, _across(x, RATES, compare_words.bits), _up(y, compare_words.digits(metric)), joined(lines),
                 dots)  # fmt: skip


def _places(one: Curve, metric: str) -> list[tuple[float, float]]:
    return [(point.encoded.bits_per_second, point.scores[metric]) for point in one.points
            if _finite(point.scores.get(metric))]  # fmt: skip


def _said(point: Point, metric: str) -> str:
    quality = compare_words.value(metric, point.scores[metric])
    rate = compare_words.bits(point.encoded.bits_per_second)
    return f"{sweep_words.point(point)}: {rate}, {compare_words.metric(metric)} {quality}"


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _overlap(known: Sequence[tuple[Curve, Sequence[tuple[float, float]]]], x: Axis, y: Axis) -> Safe:
    """The band of quality that every label covers."""
    spans: dict[str, tuple[float, float]] = {}
    for one, places in known:
        low, high = min(score for _, score in places), max(score for _, score in places)
        before = spans.get(one.label, (low, high))
        spans[one.label] = (min(low, before[0]), max(high, before[1]))
    low, high = max(low for low, _ in spans.values()), min(high for _, high in spans.values())
    if len(spans) < 2 or high <= low:
        return NOTHING
    return html('<rect class="both" x="0" width="100" y="{}" height="{}"/>', f"{100 - y.at(high):.2f}",
                f"{y.at(high) - y.at(low):.2f}")  # fmt: skip


def _dot(across: float, up: float, tall: int, number: int, title: str) -> Safe:
    return html('<g><title>{}</title><circle class="dot{}" cx="{}%" cy="{}" r="3.5"/></g>', title, number % ARMS,
                f"{across:.2f}", f"{tall - tall * up / 100:.1f}")  # fmt: skip


def _wide(values: Iterable[float]) -> Axis:
    """A logarithmic axis around these."""
    held = list(values)
    air = (max(held) / min(held)) ** AIR if max(held) > min(held) else 2.0
    return Axis(min(held) / air, max(held) * air)


def _reach(values: Iterable[float]) -> Axis:
    """A linear axis around these."""
    held = list(values)
    air = AIR * (max(held) - min(held)) or 1.0
    return Axis(min(held) - air, max(held) + air, log=False)


def _across(axis: Axis, values: Iterable[float], told: object) -> list[tuple[float, str, str]]:
    write = told if callable(told) else str
    inside = [value for value in values if axis.low <= value <= axis.high]
    return [(axis.at(value), write(value), " minor" if number % 2 else "") for number, value in enumerate(inside)]


def _up(axis: Axis, digits: int = 2) -> list[tuple[float, str, str]]:
    return [(axis.at(value) / 100, f"{value:.{digits}f}".rstrip("0").rstrip("."), "grid")
            for value in rounds(axis.low, axis.high)]  # fmt: skip


def differences(found: Sequence[BdRate], labels: Sequence[str], metric: str) -> Safe:
    """Rate of each test over the anchor's less one, by quality (the curves whose average a BD-rate is)."""
    known = [one for one in found if len(one.difference) > 1]
    if not known:
        return NOTHING
    x = _reach(at for one in known for at, _ in one.difference)
    y = lift_plots.reach(ratio for one in known for _, ratio in one.difference)
    lines = joined(path([(x.at(at), 100 - y.at(ratio)) for at, ratio in one.difference],
                        f"line arm{labels.index(one.test) % ARMS}") for one in known)  # fmt: skip
    across = [(x.at(value), f"{value:.4g}", " minor" if number % 2 else "")
              for number, value in enumerate(rounds(x.low, x.high, 6))]  # fmt: skip
    said = f"Difference of rate by {compare_words.metric(metric)}. " + "; ".join(
        f"{one.test}: {sweep_words.percent(one.difference[0][1])} at {one.difference[0][0]:.4g}, "
        f"{sweep_words.percent(one.difference[-1][1])} at {one.difference[-1][0]:.4g}" for one in known
    )  # fmt: skip
    return frame(said, LOW, across, lift_plots.levels(y), lines)


def trade(speeds: Sequence[Speed], rates: dict[str, float], anchor: str, labels: Sequence[str]) -> Safe:
    """BD-rate by speed (logarithmic): higher is less rate, further right is faster. The line joins those that nothing
    beats in both."""
    known = [(one, rates[one.label]) for one in speeds if one.label in rates]
    if len(known) < 2:
        return NOTHING
    x = _wide(one.frames_per_second for one, _ in known)
    y = lift_plots.reach(-ratio for _, ratio in known)
    best = [(one, ratio) for one, ratio in known
            if not any(other.frames_per_second >= one.frames_per_second and less <= ratio and other is not one
                       and (other.frames_per_second, less) != (one.frames_per_second, ratio)
                       for other, less in known)]  # fmt: skip
    ordered = sorted(best, key=lambda each: each[0].frames_per_second)
    line = path([(x.at(one.frames_per_second), 100 - y.at(-ratio)) for one, ratio in ordered], "line pareto")
    places = [(x.at(one.frames_per_second), y.at(-ratio)) for one, ratio in known]
    heights = _apart([(across, LOW - LOW * up / 100, one.label)
                      for (across, up), (one, _) in zip(places, known, strict=True)])  # fmt: skip
    marks = []
    for (one, ratio), (across, up), height in zip(known, places, heights, strict=True):
        told = "anchor" if one.label == anchor else sweep_words.percent(ratio)
        marks.append(
            _dot(across, up, LOW, labels.index(one.label), f"{one.label}: {told}, {one.frames_per_second:.0f} fps")
        )
        marks.append(html('<text class="tick name{}" x="{}%" y="{}">{}</text>', end_of(across), f"{across:.2f}",
                          f"{height:.1f}", one.label))  # fmt: skip
    up_at = [(y.at(value) / 100, sweep_words.percent(-value) if value else "0", "grid" if value else "one")
             for value in (round(each, 9) for each in rounds(y.low, y.high))]  # fmt: skip
    said = "BD-rate by speed. " + "; ".join(
        f"{one.label}: {sweep_words.percent(ratio)} at {one.frames_per_second:.0f} frames a second"
        for one, ratio in known
    )
    across_at = _across(x, SPEEDS, lambda value: f"{value:g} fps")
    return frame(said, LOW, across_at, up_at, line if len(ordered) > 1 else NOTHING, joined(marks))


def _apart(dots: Sequence[tuple[float, float, str]]) -> list[float]:
    """At which heights the names of dots (per cent across, pixels from above, name) stand clear of each other and of
    the dots; on narrow pages some may still meet."""
    taken = [(across, across, at, DOT) for across, at, _ in dots]
    found = []
    for across, at, name in dots:
        wide = LETTER * len(name)
        left = {" begin": across, " end": across - wide}.get(end_of(across), across - wide / 2)

        def meets(height: float, left: float = left, right: float = left + wide) -> bool:
            beside = (abs(height - DOT - middle) < TEXT + half for low, high, middle, half in taken
                      if low < right + LETTER and high > left - LETTER)  # fmt: skip
            return height > LOW or any(beside)

        height = next((at + by for by in ASIDE if not meets(at + by)), at + ASIDE[0])
        taken.append((left, left + wide, height - DOT, TEXT))
        found.append(height)
    return found


def end_of(across: float) -> str:
    """Names near an end must not reach beyond."""
    return " begin" if across < 15 else " end" if across > 85 else end(across)


def bd_axis(found: Sequence[BdRate]) -> Axis:
    """One axis for all rows of a table of BD-rates."""
    return lift_plots.reach(
        each for one in found for each in (one.rate, one.low, one.high) if each is not None and math.isfinite(each)
    )


def rungs(rates: Sequence[float], sizes: Sequence[str]) -> Safe:
    """A ladder along the rate (logarithmic)."""
    if len(rates) < 2:
        return NOTHING
    x = _wide(rates)
    names = list(dict.fromkeys(sizes))
    marks = joined(_dot(x.at(rate), 50, 30, names.index(size), f"{size} at {compare_words.bits(rate)}")
                   for rate, size in zip(rates, sizes, strict=True))  # fmt: skip
    said = "Rungs: " + ", ".join(
        f"{size} at {compare_words.bits(rate)}" for rate, size in zip(rates, sizes, strict=True)
    )
    return frame(words.unbroken(said), 30, _across(x, RATES, compare_words.bits), (), NOTHING, marks)
