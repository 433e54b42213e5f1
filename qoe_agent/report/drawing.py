"""What pictures of reports share: SVG within the page, whose places are per cent and whose lines stretch. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.markup import NOTHING, Safe, html, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Axis(NamedTuple):
    """From values to per cent of the width."""

    low: float
    high: float
    log: bool = True

    def at(self, value: float) -> float:
        """Where a value is, in per cent; beyond the ends: at the end."""
        if self.log:
            value = math.log(max(value, 1e-9) / self.low) / math.log(self.high / self.low)
        else:
            value = (value - self.low) / (self.high - self.low)
        return min(100.0, max(0.0, value * 100))


def end(place: float) -> str:
    """Class of a label at an end of the axis, which must not reach beyond."""
    return " begin" if place < 3 else " end" if place > 97 else ""


def frame(label: str, tall: int, across: Iterable[tuple[float, str, str]], up: Iterable[tuple[float, str, str]],
          drawn: Safe, over: Safe = NOTHING) -> Safe:  # fmt: skip
    """A picture with its grid: places across in per cent, up as shares of `tall` from below, texts, and classes.

    `drawn` stretches over 100 by 100, from above; `over` keeps its form.
    """
    levels = joined(
        html('<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/><text class="value" x="0" y="{}">{}</text>',
             style, y, y, y - 3, text)
        for place, text, style in up for y in [round(tall * (1 - place), 1)]
    )  # fmt: skip
    ticks = joined(
        html('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>'
             '<text class="tick{2}" x="{0}%" y="{3}">{4}</text>',
             f"{place:.2f}", tall, end(place) + style, tall + 16, text)
        for place, text, style in across
    )  # fmt: skip
    return html(
        '<svg class="plot aired" role="img" aria-label="{}" width="100%" height="{}">{}{}'
        '<svg width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none">{}</svg>{}</svg>',
        label, tall + 22, levels, ticks, tall, drawn, over,
    )  # fmt: skip


def path(points: Iterable[tuple[float, float]], style: str) -> Safe:
    """A line through places that are per cent from the left and from above."""
    return html('<path class="{}" d="M{}"/>', style, "L".join(f"{x:.2f},{y:.2f}" for x, y in points))


def band(upper: Iterable[tuple[float, float]], lower: Sequence[tuple[float, float]], style: str = "band") -> Safe:
    """What is between two lines."""
    points = "L".join(f"{x:.2f},{y:.2f}" for x, y in (*upper, *reversed(lower)))
    return html('<path class="{}" d="M{}Z"/>', style, points)


def rounds(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers between two, so many or a few more."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / about))
    step = next(each * step for each in (1, 2, 5, 10) if each * step * about >= (high - low))
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]
