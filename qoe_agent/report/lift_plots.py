"""The pictures of a report on lift, as SVG within the page: places are per cent, lines stretch. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import lift_words, words
from qoe_agent.report.drawing import Axis, band, end, frame, path, rounds
from qoe_agent.report.exits_plots import ROW, TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qoe_agent.viewers.lift.observed import Balance
    from qoe_agent.viewers.lift.shapes import Estimate

TALL = 240
"""Pixels of a curve."""
ARMS = 6
"""That are told apart by colour and dashes; more of them begin anew."""
LEAST = 0.001
"""Share still watching at which a curve ends."""
WIDEST = 6.0
"""Times the reach of the first interval to which an axis goes for others."""
WIDER = 3.0
"""Times the median width of intervals, from which on a day holds too few users to be drawn."""
BALANCED = 0.1
"""Standardised difference up to which covariates are called balanced (Austin 2009)."""


def retention(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Safe:
    """Share still watching by time, a line for each arm."""
    drawn = {arm: [each for each in marks if each[0] >= 1 and each[1] >= LEAST] for arm, marks in curves.items()}
    if not drawn or any(len(marks) < 2 for marks in drawn.values()):
        return NOTHING
    axis = Axis(1, max(60.0, *(marks[-1][0] for marks in drawn.values())))
    lines = joined(
        path([(axis.at(at), 100 - 100 * share) for at, share in marks], f"line arm{number % ARMS}")
        for number, marks in enumerate(drawn.values())
    )
    across = [(axis.at(at), words.length(at), " minor" if number % 2 else "") for number, at in enumerate(TIMES)
              if at <= axis.high]  # fmt: skip
    up = [(part / 100, f"{part} %", "grid") for part in (0, 25, 50, 75, 100)]
    said = "; ".join(
        f"{arm}: " + ", ".join(f"{words.share(_at(marks, at))} after {words.length(at)}" for at in (30, 180, 3600))
        for arm, marks in drawn.items()
    )
    return frame(f"Share still watching by time. {said}", TALL, across, up, lines)


def _at(marks: Sequence[tuple[float, float]], at: float) -> float | None:
    return next((share for seconds, share in marks if seconds >= at), None)


def arms(names: Iterable[str]) -> Safe:
    """Which line is whose."""
    keys = (html('<span class="key arm arm{}">{}</span> ', number % ARMS, arm) for number, arm in enumerate(names))
    return html("<p>{}</p>", joined(keys))


def over_time(steps: Sequence[tuple[float, float, float, float, float, float]]) -> Safe:
    """Lift as units entered, with its interval and the wider one that holds whenever one looks."""
    known = [one for one in steps if all(map(math.isfinite, one[:4]))]
    if len(known) < 2:
        return NOTHING
    broad = [one for one in known if all(map(math.isfinite, one[4:]))]
    x = Axis(known[0][0], known[-1][0], log=False)
    settled = known[len(known) // 4 :]
    y = reach(each for one in settled for each in one[2:] if math.isfinite(each))

    def places(rows: Sequence[Sequence[float]], column: int) -> list[tuple[float, float]]:
        return [(x.at(one[0]), 100 - y.at(one[column])) for one in rows]

    parts = (
        band(places(broad, 5), places(broad, 4), "band always") if len(broad) > 1 else NOTHING,
        band(places(known, 3), places(known, 2)), path(places(known, 1), "line"),
    )  # fmt: skip
    across = [(x.at(at), words.moment(at)[:10], "") for at in (x.low, (x.low + x.high) / 2, x.high)]
    last = known[-1]
    said = (f"Lift over time: {lift_words.percent(last[1])} % {lift_words.interval(last[2], last[3])} at the end, "
            f"{lift_words.percent(known[0][1])} % at the beginning")  # fmt: skip
    return frame(said, TALL, across, levels(y), joined(parts))


def sure(
    days: Sequence[tuple[int, float, float, float]], window: float | None
) -> tuple[list[tuple[int, float, float, float]], int]:
    """Days within the window of which so much is known that others beside them can be seen; how many are left out."""
    known = [one for one in days if all(map(math.isfinite, one)) and (window is None or one[0] * 86400 < window)]
    widths = sorted(high - low for _, _, low, high in known)
    most = WIDER * widths[len(widths) // 2] if widths else 0.0
    told = [one for one in known if one[3] - one[2] <= most]
    return told, len(known) - len(told)


def novelty(days: Sequence[tuple[int, float, float, float]]) -> Safe:
    """Lift by day since the first session, each with its interval."""
    known = [one for one in days if all(map(math.isfinite, one))]
    if len(known) < 2:
        return NOTHING
    x = Axis(known[0][0] - 1.0, known[-1][0] + 0.5, log=False)
    y = reach(each for one in known for each in one[2:])
    drawn = joined(
        html('<g><title>day {}: {} % {}</title><line class="interval" x1="{x}%" x2="{x}%" y1="{}" y2="{}"/>'
             '<circle class="mark" cx="{x}%" cy="{}" r="4"/></g>'.replace("{x}", f"{x.at(day):.2f}"),
             day, lift_words.percent(lift), lift_words.interval(low, high), *(f"{TALL - TALL * y.at(each) / 100:.1f}"
                                                                             for each in (low, high, lift)))
        for day, lift, low, high in known
    )  # fmt: skip
    across = [(x.at(day), f"{day:g}" if number else f"day {day:g}", " minor" if number % 2 else "")
              for number, day in enumerate(rounds(known[0][0], known[-1][0], 8)) if day == round(day)]  # fmt: skip
    said = "; ".join(f"day {day}: {lift_words.percent(lift)} % {lift_words.interval(low, high)}"
                     for day, lift, low, high in known)  # fmt: skip
    return frame(f"Lift by day since the first session. {said}", TALL, across, levels(y), NOTHING, drawn)


def reach(values: Iterable[float]) -> Axis:
    """An axis that holds all of these, and zero."""
    held = [0.0, *values]
    least, most = min(held), max(held)
    air = max(1e-4, 0.06 * (most - least))
    return Axis(least - air, most + air, log=False)


def levels(axis: Axis) -> list[tuple[float, str, str]]:
    """Lines across, in per cent, the one at zero marked."""
    return [
        (axis.at(value) / 100, f"{100 * value:+g} %".replace("-", "−") if value else "0", "grid" if value else "one")
        for value in (round(each, 9) for each in rounds(axis.low, axis.high))
    ]


def effects(estimates: Sequence[Estimate]) -> Axis:
    """One axis for all of these."""
    known = [one for one in estimates if one.low is not None and one.high is not None]
    ends = [end for one in known for end in (one.low, one.high, *(one.always_valid or ())) if end is not None]
    ends = [each for each in ends if math.isfinite(each)]
    first = max([abs(each) for each in ends[:4]], default=0.01) * WIDEST
    return reach(min(first, max(-first, each)) for each in ends)


def row(axis: Axis, at: float | None, low: float | None, high: float | None, wide: tuple[float, float] | None) -> Safe:
    """A row of a forest plot: interval, the wider one that always holds, estimate, and where nothing is."""
    parts = [_rules(axis, ROW)]
    for ends, style in ((wide, "interval always"), (None if low is None or high is None else (low, high), "interval")):
        if ends and all(map(math.isfinite, ends)):
            parts.append(html('<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', style,
                              f"{axis.at(ends[0]):.2f}", f"{axis.at(ends[1]):.2f}", ROW // 2, ROW // 2))  # fmt: skip
    if at is not None:
        parts.append(html('<svg class="over" x="{}%" y="{}"><rect class="estimate" x="-4.5" y="-4.5" width="9" '
                          'height="9"/></svg>', f"{axis.at(at):.2f}", ROW // 2))  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="{}">{}</svg>', ROW, joined(parts))


def forest(one: Estimate, axis: Axis) -> Safe:
    """That of an estimate: points on the axis of per cents."""
    return row(axis, one.lift, one.low, one.high, one.always_valid)


def _rules(axis: Axis, tall: int) -> Safe:
    return joined(
        html('<line class="{}" x1="{}%" x2="{}%" y1="0" y2="{}"/>', style, f"{100 * place:.2f}", f"{100 * place:.2f}",
             tall)
        for place, _, style in levels(axis)
    )  # fmt: skip


def scale(axis: Axis) -> Safe:
    """The axis below a forest plot."""
    named = joined(
        html('<text class="tick{}" x="{}%" y="12">{}</text>', end(100 * place) + (" minor" if number % 2 else ""),
             f"{100 * place:.2f}", text)
        for number, (place, text, _) in enumerate(levels(axis))
    )  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="16">{}</svg>', named)


def bar(share: float, style: str) -> Safe:
    """A share as the part of a line that is filled."""
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="16"><rect class="rest" width="100%" '
                'height="12" y="2"/><rect class="bar {}" width="{}%" height="12" y="2"/></svg>',
                style, f"{100 * min(1.0, max(0.0, share)):.2f}")  # fmt: skip


def balances(found: Iterable[Balance]) -> Axis:
    """One axis for all standardised differences, as sizes."""
    return Axis(0.0, max([2 * BALANCED, *(abs(each) for one in found for each in (one.before, one.after))]) * 1.06,
                log=False)  # fmt: skip


def love(one: Balance, axis: Axis) -> Safe:
    """A row of a Love plot: how unlike the arms were (hollow) and are (filled)."""
    parts = [html('<rect class="within" width="{}%" height="{}"/>', f"{axis.at(BALANCED):.2f}", ROW)]
    for value, shape in (
        (one.before, Safe('<path class="naive" d="M0,-6L6,0L0,6L-6,0Z"/>')),
        (one.after, Safe('<rect class="estimate" x="-4.5" y="-4.5" width="9" height="9"/>')),
    ):
        if math.isfinite(value):
            parts.append(html('<svg class="over" x="{}%" y="{}">{}</svg>', f"{axis.at(abs(value)):.2f}", ROW // 2,
                              shape))  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="{}">{}</svg>', ROW, joined(parts))
