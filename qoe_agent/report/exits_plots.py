"""The pictures of a report on exits, as SVG within the page: places are per cent, lines stretch. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import words
from qoe_agent.report.drawing import Axis, band, end, frame, path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.shapes import Cost, Hazard, Mark, Timeline

TALL = 240
"""Pixels of the curve."""
ROW = 26
"""Pixels of a row of the forest plot."""
TIMES = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 7200, 14400)
"""Seconds that the axis of the curve names."""
RATIOS = (0.01, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100)
BARS = 110
"""Pixels of an incident's timeline."""


def curve(marks: Sequence[Mark], named: Sequence[Mark]) -> Safe:
    """Share still watching by time, with its band; `named` are marked and labelled."""
    drawn = [one for one in marks if one.seconds >= 1]
    if len(drawn) < 2:
        return NOTHING
    axis = Axis(1, max(60.0, drawn[-1].seconds))
    points = joined(
        html('<circle class="mark" cx="{}%" cy="{}" r="4"><title>{}</title></circle>'
             '<text class="named" x="{}%" y="{}" dx="7">{}</text>',
             f"{axis.at(one.seconds):.2f}", f"{TALL - TALL * one.share:.1f}", _mark(one),
             f"{axis.at(one.seconds):.2f}", f"{TALL - TALL * one.share - 7:.1f}", words.share(one.share))
        for one in named if axis.low <= one.seconds <= axis.high
    )  # fmt: skip
    label = "Share still watching by time: " + "; ".join(_mark(one) for one in named)
    across = [(axis.at(at), words.length(at), " minor" if number % 2 else "") for number, at in enumerate(TIMES)
              if axis.low <= at <= axis.high]  # fmt: skip
    up = [(part / 100, f"{part} %", "grid") for part in (0, 25, 50, 75, 100)]
    places = [(axis.at(one.seconds), one) for one in drawn]
    spread = band([(x, 100 - 100 * one.high) for x, one in places], [(x, 100 - 100 * one.low) for x, one in places])
    line = path([(x, 100 - 100 * one.share) for x, one in places], "line")
    return frame(label, TALL, across, up, joined((spread, line)), points)


def _mark(one: Mark) -> str:
    interval = words.between(one.low, one.high, words.share)
    return f"{words.share(one.share)} {interval} after {words.length(one.seconds)}"


def ratios(hazards: Sequence[Hazard]) -> Axis:
    """One axis for all hazard ratios and their naive figures."""
    known = [value for one in hazards for value in (one.hazard_ratio, one.low, one.high, one.naive) if value]
    low, high = min([0.5, *known]), max([2.0, *known])
    return Axis(max(0.01, low / 1.15), min(100.0, high * 1.15))


def forest(one: Hazard, axis: Axis) -> Safe:
    """A row of the forest plot: interval, estimate, the naive figure as a hollow diamond, and where 1 is."""
    middle = ROW // 2
    parts = [_rule(axis, ROW)]
    if one.low and one.high:
        parts.append(
            html('<line class="interval" x1="{}%" x2="{}%" y1="{}" y2="{}"/>',
                 f"{axis.at(one.low):.2f}", f"{axis.at(one.high):.2f}", middle, middle)
        )  # fmt: skip
    if one.naive:
        parts.append(
            html('<svg class="over" x="{}%" y="{}"><path class="naive" d="M0,-6L6,0L0,6L-6,0Z"/></svg>',
                 f"{axis.at(one.naive):.2f}", middle)
        )  # fmt: skip
    if one.hazard_ratio:
        parts.append(
            html('<svg class="over" x="{}%" y="{}">'
                 '<rect class="estimate" x="-4.5" y="-4.5" width="9" height="9"/></svg>',
                 f"{axis.at(one.hazard_ratio):.2f}", middle)
        )  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="{}">{}</svg>', ROW, joined(parts))


def scale(axis: Axis) -> Safe:
    """The axis below a forest plot."""
    named = joined(
        html('<text class="tick{}" x="{}%" y="12">{}</text>', end(axis.at(at)), f"{axis.at(at):.2f}", f"{at:g}")
        for at in RATIOS if axis.low <= at <= axis.high
    )  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="16">{}</svg>', named)


def _rule(axis: Axis, tall: int) -> Safe:
    return joined(
        html('<line class="{}" x1="{}%" x2="{}%" y1="0" y2="{}"/>', "one" if at == 1 else "grid",
             f"{axis.at(at):.2f}", f"{axis.at(at):.2f}", tall)
        for at in RATIOS if axis.low <= at <= axis.high
    )  # fmt: skip


def costs(incidents: Sequence[Cost]) -> Safe:
    """When incidents were and what each cost, with intervals, on one axis of time."""
    known = [one for one in incidents if one.excess_exits is not None and one.low is not None and one.high is not None]
    if not known:
        return NOTHING
    first, last = min(one.start for one in incidents), max(one.start for one in incidents)
    air = max(30.0, (last - first) * 0.04)
    axis = Axis(first - air, last + air, log=False)
    low, high = min(0.0, *(one.low or 0.0 for one in known)), max(1.0, *(one.high or 0.0 for one in known))
    tall = 180

    def up(value: float) -> str:
        return f"{tall - (value - low) / (high - low) * (tall - 16):.1f}"

    drawn = joined(
        html('<g class="cost{}"><title>{}</title><line class="interval" x1="{x}%" x2="{x}%" y1="{}" y2="{}"/>'
             '<circle class="mark" cx="{x}%" cy="{}" r="4"/></g>'.replace("{x}", f"{axis.at(one.start):.2f}"),
             " sure" if one.discovery else "", _cost(one), up(one.low or 0.0), up(one.high or 0.0),
             up(one.excess_exits or 0.0))
        for one in known
    )  # fmt: skip
    unknown = joined(
        html('<text class="none" x="{}%" y="{}">?<title>{}</title></text>', f"{axis.at(one.start):.2f}", up(0.0),
             f"{words.kind(one.kind)} {one.id}: cannot be known")
        for one in incidents if one.excess_exits is None
    )  # fmt: skip
    grid = joined(
        html('<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/><text class="value" x="0" y="{}">{}</text>',
             "one" if value == 0 else "grid", up(value), up(value), float(up(value)) - 3, words.count(value))
        for value in dict.fromkeys((math.ceil(low), 0, math.floor(high)))
    )  # fmt: skip
    ends = joined(
        html('<text class="tick {}" x="{}%" y="{}">{}</text>', side, place, tall + 16, words.moment(at))
        for side, place, at in (("begin", 0, axis.low), ("end", 100, axis.high))
    )
    return html(
        '<svg class="plot" role="img" aria-label="Exits too many at each incident, by time" width="100%" height="{}">'
        "{}{}{}{}</svg>", tall + 22, grid, ends, unknown, drawn,
    )  # fmt: skip


def _cost(one: Cost) -> str:
    interval = words.between(one.low, one.high, words.count)
    return f"{words.kind(one.kind)} {one.id}: {words.count(one.excess_exits)} {interval} exits too many"


def timeline(found: Timeline, start: float, end: float | None) -> Safe:
    """Exits of a minute per thousand who watched, around an incident: those it struck, and beside them the others."""
    steps = found.watching.shape[1]
    if steps < 2:
        return NOTHING
    rates = [
        [60_000 * gone / there if there > 0 else None for gone, there in zip(found.exits[row], found.watching[row],
                                                                              strict=True)]
        for row in (0, 1)
    ]  # fmt: skip
    high = max((rate for row in rates for rate in row if rate is not None), default=0.0) or 1.0
    axis = Axis(found.start, found.start + steps * found.step, log=False)
    begin, stop = axis.at(start), axis.at(end if end is not None else start + found.step)
    band = html('<rect class="across" x="{}%" width="{}%" y="0" height="{}"/>', f"{begin:.2f}",
                f"{max(0.4, stop - begin):.2f}", BARS)  # fmt: skip
    lines = joined(html('<path class="line line{}" d="{}"/>', row, _steps(rates[row], high, steps)) for row in (1, 0))
    return html(
        '<svg class="plot aired" role="img" aria-label="{}" width="100%" height="{}">{}'
        '<line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/>'
        '<text class="value" x="0" y="-3">{} a minute of 1,000</text>'
        '<svg width="100%" height="{}" viewBox="0 0 {} 100" preserveAspectRatio="none">{}</svg>'
        '<text class="tick begin" x="0" y="{}">{}</text><text class="tick" x="{}%" y="{}">0 s</text>'
        '<text class="tick end" x="100%" y="{}">{}</text></svg>',
        "Exits around the incident", BARS + 20, band, BARS, BARS, words.ratio(high), BARS, steps, lines,
        BARS + 15, _offset(found.start - start), f"{begin:.2f}", BARS + 15, BARS + 15, _offset(axis.high - start),
    )  # fmt: skip


def _offset(seconds: float) -> str:
    return f"{'+' if seconds > 0 else '−'}{abs(seconds):.0f} s"


def _steps(rates: Sequence[float | None], high: float, steps: int) -> str:
    """A line of steps; broken where nobody watched."""
    parts, drawing = [], False
    for place, rate in zip(range(steps), rates, strict=True):
        if rate is None:
            drawing = False
            continue
        y = f"{100 - 96 * rate / high:.2f}"
        parts.append(f"{'L' if drawing else 'M'}{place},{y}H{place + 1}")
        drawing = True
    return "".join(parts)
