"""Pictures of the last hour, as SVG: a line in a tile, and rows of measures on one axis of time. Pure.

Places across are per cent of the width, lines are drawn in boxes of their own that stretch: nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from qoe_agent.history import STEP
from qoe_agent.web.html import Safe, html, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Points: TypeAlias = "Sequence[tuple[float, float]]"
"""When and what, in order of time."""
GAP = 1.5 * STEP
"""Seconds without a value after which a line is broken: one is missing."""
HOUR = 3600.0
TALL = 100
"""Height of a box in which a line is drawn."""
ROW, LANE, AXIS, AIR = 62, 12, 20, 22
"""Heights in pixels: of a row with its name, of incidents beside each other, of the axis, of a row's name."""
LANES = 6
"""Incidents beside each other; more lie on the last ones."""
COARSE = 90
"""Points of a line in a tile."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of one or two streams."""

    name: str
    unit: str
    lines: Sequence[Points]
    low: float | None = None
    high: float | None = None
    """The axis reaches at least from and to here."""
    bars: bool = False
    """Amounts of an interval rather than states."""
    text: str = ""
    """The same for those who do not see it."""


class Span(NamedTuple):
    """What an axis of time holds."""

    start: float
    seconds: float

    def across(self, at: float) -> str:
        """Where a time is, in per cent of the width."""
        return f"{min(100.0, max(0.0, (at - self.start) * 100 / self.seconds)):.2f}%"

    def extent(self, band: Band) -> tuple[str, str]:
        """Where a band begins, and how wide it is."""
        begin, end = max(band.start, self.start), max(band.end, self.start)
        return self.across(begin), f"{max(0.25, (end - begin) * 100 / self.seconds):.2f}%"


@dataclass(frozen=True, slots=True)
class Band:
    """One incident."""

    start: float
    end: float
    severity: str
    label: str
    link: str
    line: int = 0
    """Of which stream."""


def runs(points: Points, gap: float = GAP) -> Iterator[Points]:
    """The stretches in which something is known."""
    begin = 0
    for n in range(1, len(points)):
        if points[n][0] - points[n - 1][0] > gap:
            yield points[begin:n]
            begin = n
    if points:
        yield points[begin:]


def coarse(points: Points, start: float, most: int = COARSE) -> list[tuple[float, float]]:
    """The means of `most` stretches of the hour that begins at `start`, of times and values."""
    step, found = HOUR / most, list[tuple[float, float]]()
    when, total, count, slot = 0.0, 0.0, 0, -1
    for at, value in points:
        here = int((at - start) / step)
        if here != slot and count:
            found.append((when / count, total / count))
            when, total, count = 0.0, 0.0, 0
        slot, when, total, count = here, when + at, total + value, count + 1
    if count:
        found.append((when / count, total / count))
    return found


def spark(points: Points, stalls: Points, start: float, label: str) -> Safe:
    """A tile's line, with a mark wherever playback stalled."""
    lines = [coarse(run, start) for run in runs(points)]
    high = max((value for line in lines for _, value in line), default=0.0) or 1.0
    drawn = "".join(_path(line, start, 0.0, high * 1.1, HOUR) for line in lines)
    marks = "".join(f"M{at - start:.0f},{TALL}v-22" for at, value in coarse(stalls, start) if value > 0)
    return html(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 3600 100" preserveAspectRatio="none">'
        '<path class="line" d="{}"/>{}</svg>',
        label, drawn, html('<path class="mark" d="{}"/>', marks) if marks else Safe(),
    )  # fmt: skip


def _path(points: Points, start: float, low: float, high: float, gap: float = GAP) -> str:
    """The line through `points`, in a box of a unit a second, TALL high."""
    scale = TALL / (high - low)
    parts = []
    for run in runs(points, gap):
        places = [f"{at - start:.0f},{TALL - (value - low) * scale:.1f}" for at, value in run]
        parts.append("M" + "L".join(places) + ("h1" if len(places) == 1 else ""))
    return "".join(parts)


def _bars(points: Points, start: float, low: float, high: float) -> str:
    """A bar for each amount above nothing."""
    scale = TALL / (high - low)
    return "".join(f"M{at - start:.0f},{TALL}v-{value * scale:.1f}" for at, value in points if value > 0)


def timeline(rows: Sequence[Row], bands: Sequence[Band], span: Span, label: str, ticks: Sequence[Band]) -> Safe:
    """All rows and the incidents across them; `ticks` name the times (label)."""
    lanes = _lanes(bands)
    top = LANE * max((lane + 1 for lane in lanes), default=0) + (8 if bands else 0)
    tall = top + ROW * len(rows)
    grid = joined(
        html('<line class="grid" x1="{}" x2="{}" y1="0" y2="{}"/><text class="time" x="{}" y="{}">{}</text>',
             at, at, tall, at, tall + 15, tick.label)
        for tick in ticks for at in [span.across(tick.start)]
    )  # fmt: skip
    across = joined(
        html('<rect class="across {}" x="{}" y="{}" width="{}" height="{}"/>',
             band.severity, at, top, wide, ROW * len(rows))
        for band in bands for at, wide in [span.extent(band)] if band.severity != "info"
    )  # fmt: skip
    links = joined(
        html('<a href="{}" aria-label="{}"><title>{}</title><rect class="band {} line{}" x="{}" y="{}" width="{}" '
             'height="{}" rx="1.5"/></a>',
             band.link, band.label, band.label, band.severity, band.line, at, lane * LANE + 1, wide, LANE - 3)
        for band, lane in zip(bands, lanes, strict=True) for at, wide in [span.extent(band)]
    )  # fmt: skip
    return html(
        '<svg class="timeline" role="group" aria-label="{}" width="100%" height="{}">{}{}{}{}</svg>',
        label, tall + AXIS, across, grid, joined(_row(row, span, top + n * ROW) for n, row in enumerate(rows)), links,
    )  # fmt: skip


def _row(row: Row, span: Span, top: int) -> Safe:
    values = [value for line in row.lines for _, value in line]
    known = [*values, *(each for each in (row.low, row.high) if each is not None)]
    low, high = min(known), max(known)
    if high - low < 1e-9 + abs(high) * 0.02:
        low, high = low - abs(low) * 0.1 - 0.5, high + abs(high) * 0.1 + 0.5
    draw = _bars if row.bars else _path
    drawn = joined(
        html('<path class="{} line{}" d="{}"/>', "bars" if row.bars else "line", n, draw(line, span.start, low, high))
        for n, line in enumerate(row.lines)
    )
    zero = f"M0,{TALL + low * TALL / (high - low):.1f}H{span.seconds:.0f}" if low < 0 < high else ""
    reach = f"{_short(low)} … {_short(high)} {row.unit}".strip()
    return html(
        '<g role="img" aria-label="{}"><line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/>'
        '<text class="name" x="0" y="{}">{}</text><text class="range" x="100%" y="{}">{}</text>'
        '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 -4 {} 108" preserveAspectRatio="none">{}{}</svg></g>',
        row.text, top + ROW, top + ROW, top + 14, row.name, top + 14, reach, top + AIR - 3, ROW - AIR - 6,
        round(span.seconds), html('<path class="zero" d="{}"/>', zero) if zero else Safe(), drawn,
    )  # fmt: skip


def _short(value: float) -> str:
    return (f"{value:.0f}" if abs(value) >= 100 else f"{round(value, 2) + 0.0:.3g}").replace("-", "−")


def _lanes(bands: Sequence[Band]) -> list[int]:
    """On which line each is drawn, so that none lies on another."""
    ends: list[float] = []
    found = []
    for band in bands:
        lane = next((n for n, end in enumerate(ends) if end < band.start - 20), len(ends))
        if lane == len(ends) and lane < LANES:
            ends.append(band.end)
        lane = min(lane, LANES - 1)
        ends[lane] = max(ends[lane], band.end)
        found.append(lane)
    return found
