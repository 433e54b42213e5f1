"""The pictures of a report on a comparison, as SVG within the page: places are per cent, lines stretch. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import compare_words
from qoe_agent.report.drawing import Axis, band, end, frame, rounds
from qoe_agent.report.lift_plots import ARMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qoe_agent.compare.shapes import Compared, Floats, Tested

TALL, LOW = 240, 150
"""Pixels of a plot, and of a small one."""
COLUMNS = 480
"""Places across, at most, for which a line is drawn; more frames than that share places, with a band of their range."""
BARS = 31
"""Of a histogram."""
ROW = 28
"""Pixels of a row in a table."""
GAP = 1.0
"""Seconds without a pair from which a line is broken."""
ENDS = (0.5, 99.5)
"""Percentiles of differences between which bars are drawn; what is beyond is in the outermost."""


class Line(NamedTuple):
    """A metric of a test over time."""

    name: str
    seconds: Floats
    values: Floats


def lines(tests: Iterable[Tested], metric: str, rate: float) -> list[Line]:
    """Of each test that was measured so. `rate`: frames of the reference a second."""
    return [Line(one.name, one.scores.reference / rate, one.scores.frames[metric]) for one in tests
            if one.scores and metric in one.scores.frames]  # fmt: skip


def over_time(drawn: Sequence[Line], metric: str, cuts: Iterable[float] = (), first: int = 0) -> Safe:
    """Quality over time, a line for each test, with bands where frames share a place; `cuts`: where scenes begin."""
    finite = np.concatenate([one.values[np.isfinite(one.values)] for one in drawn] or [np.zeros(0)])
    times = np.concatenate([one.seconds for one in drawn] or [np.zeros(0)])
    if len(times) < 2 or not len(finite):
        return NOTHING
    x = Axis(float(times.min()), max(float(times.max()), float(times.min()) + 0.04), log=False)
    y = reach(metric, finite)
    parts = [
        html('<path class="cut" d="M{0},0L{0},100"/>', f"{x.at(each):.2f}") for each in cuts if x.low < each < x.high
    ]
    for number, one in enumerate(drawn, first):
        parts += _line(one, x, y, number % ARMS)
    ticks = rounds(x.low, x.high, 6)
    across = [(x.at(each), _moment(each, x), " minor" if number % 2 else "") for number, each in enumerate(ticks)]
    said = "; ".join(
        f"{one.name}: from {compare_words.value(metric, float(known.min()))} to "
        f"{compare_words.value(metric, float(known.max()))}"
        for one in drawn for known in [one.values[np.isfinite(one.values)]] if len(known)
    )  # fmt: skip
    return frame(f"{compare_words.metric(metric)} over time. {said}", TALL, across, _levels(metric, y), joined(parts))


def _moment(seconds: float, x: Axis) -> str:
    return f"{seconds:g} s" if x.high < 60 else compare_words.at(seconds).split(".")[0]


def _line(one: Line, x: Axis, y: Axis, style: int) -> list[Safe]:
    """In pieces, where frames are missing for long."""
    shown = np.where(np.isposinf(one.values), y.high, one.values)
    known = np.isfinite(shown)
    seconds, values = one.seconds[known], shown[known]
    if not len(seconds):
        return []
    columns = np.floor((seconds - x.low) / (x.high - x.low) * (COLUMNS - 1e-9)).astype(np.int64)
    shared = len(np.unique(columns)) < 0.9 * len(columns)
    places = np.unique(columns, return_index=True)[1] if shared else np.arange(len(seconds))
    at, many = seconds[places], np.diff(np.append(places, len(seconds)))
    means = np.add.reduceat(values, places) / many
    broken = np.flatnonzero(np.diff(at) > GAP + 2 * (x.high - x.low) / COLUMNS) + 1
    drawn: list[Safe] = []
    if shared:
        lows, highs = np.minimum.reduceat(values, places), np.maximum.reduceat(values, places)
        for piece in np.split(np.arange(len(at)), broken):
            upper, lower = (_places(at[piece], ends[piece], x, y) for ends in (highs, lows))
            drawn.append(band(upper, lower, f"range range{style}"))
    pieces = "".join(
        "M" + "L".join(f"{a:.2f},{b:.2f}" for a, b in _places(at[piece], means[piece], x, y))
        for piece in np.split(np.arange(len(at)), broken)
    )
    return [*drawn, html('<path class="line arm{}" d="{}"/>', style, pieces)]


def _places(seconds: Floats, values: Floats, x: Axis, y: Axis) -> list[tuple[float, float]]:
    return [(x.at(a), 100 - y.at(b)) for a, b in zip(seconds.tolist(), values.tolist(), strict=True)]


def reach(metric: str, values: Floats) -> Axis:
    """From the least to the most, with some air; of what ends at 100 or 1, not beyond."""
    low, high = float(values.min()), float(values.max())
    least = {4: 0.002}.get(compare_words.digits(metric), 1.0)
    air = max(0.05 * (high - low), (least - (high - low)) / 2, least / 20)
    top = 1.0 if "ssim" in metric else 100.0 if metric.startswith("vmaf") and high <= 100 else float("inf")
    low, high = max(low - air, 0.0 if low >= 0 else low - air), max(high, min(high + air, top))
    return Axis(low, high if high > low else low + least, log=False)


def _levels(metric: str, axis: Axis, signed: bool = False) -> list[tuple[float, str, str]]:
    """Lines across, named in round numbers."""
    return [(axis.at(each) / 100, _round(each, signed), "grid" if each or not signed else "one")
            for each in (round(value, 9) for value in rounds(axis.low, axis.high))]  # fmt: skip


def _round(value: float, signed: bool) -> str:
    return (f"{value:+g}" if signed and value else f"{value:g}").replace("-", "−")


def paired(a: Tested, b: Tested, metric: str) -> Floats:
    """b less a, on each frame of the reference that both show."""
    if not (a.scores and b.scores and metric in a.scores.frames and metric in b.scores.frames):
        return np.zeros(0)
    _, left, right = np.intersect1d(a.scores.reference, b.scores.reference, assume_unique=True, return_indices=True)
    with np.errstate(invalid="ignore"):
        found = b.scores.frames[metric][right] - a.scores.frames[metric][left]
    return np.asarray(found[np.isfinite(found)], np.float64)


def histogram(differences: Floats, metric: str, name: str) -> Safe:
    """How frames differ between two tests; the line is at no difference."""
    if len(differences) < 2:
        return NOTHING
    low, high = np.percentile(differences, ENDS)
    axis = signed(metric, [float(low), float(high)])
    edges = np.linspace(axis.low, axis.high, BARS + 1)
    counts = np.histogram(np.clip(differences, axis.low, axis.high), edges)[0]
    most = float(counts.max())
    bars = joined(
        html('<rect class="bar" x="{}" width="{}" y="{}" height="{}"/>', f"{100 * place / BARS + 0.2:.2f}",
             f"{100 / BARS - 0.4:.2f}", f"{100 - 95 * count / most:.2f}", f"{95 * count / most:.2f}")
        for place, count in enumerate(counts.tolist()) if count
    )  # fmt: skip
    zero = html('<path class="zero" d="M{0},0L{0},100"/>', f"{axis.at(0):.2f}")
    across = [(100 * place, text, " minor" if number % 2 else "")
              for number, (place, text, _) in enumerate(_levels(metric, axis, signed=True))]  # fmt: skip
    above = 100 * float((differences > 0).mean())
    median = compare_words.value(metric, float(np.median(differences)), True)
    said = (f"{name}, {compare_words.metric(metric)} frame by frame: above 0 on {above:.0f} % of "
            f"{len(differences)} frames, median {median}")  # fmt: skip
    return frame(said, LOW, across, [], joined([bars, zero]))


def signed(metric: str, values: Iterable[float | None]) -> Axis:
    """An axis that holds all of these, and zero."""
    held = [0.0, *(each for each in values if each is not None and np.isfinite(each))]
    least = 10.0 ** -compare_words.digits(metric) * 5
    air = max(least, 0.06 * (max(held) - min(held)))
    return Axis(min(held) - air, max(held) + air, log=False)


def row(axis: Axis, metric: str, at: float, low: float | None, high: float | None) -> Safe:
    """A row of a forest plot: difference and interval."""
    parts = [
        html(
            '<line class="{}" x1="{}%" x2="{}%" y1="0" y2="{}"/>',
            style,
            f"{100 * place:.2f}",
            f"{100 * place:.2f}",
            ROW,
        )
        for place, _, style in _levels(metric, axis, signed=True)
    ]
    if low is not None and high is not None:
        parts.append(html('<line class="interval" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', f"{axis.at(low):.2f}",
                          f"{axis.at(high):.2f}", ROW // 2, ROW // 2))  # fmt: skip
    if np.isfinite(at):
        parts.append(html('<svg class="over" x="{}%" y="{}"><rect class="estimate" x="-4.5" y="-4.5" width="9" '
                          'height="9"/></svg>', f"{axis.at(at):.2f}", ROW // 2))  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="{}">{}</svg>', ROW, joined(parts))


def scale(axis: Axis, metric: str) -> Safe:
    """The axis below a forest plot."""
    named = joined(
        html('<text class="tick{}" x="{}%" y="12">{}</text>', end(100 * place) + (" minor" if number % 2 else ""),
             f"{100 * place:.2f}", text)
        for number, (place, text, _) in enumerate(_levels(metric, axis, signed=True))
    )  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="16">{}</svg>', named)


def dots(axis: Axis, values: Sequence[float | None]) -> Safe:
    """Several tests on one line, a mark each."""
    parts = [html('<line class="grid" x1="0" x2="100%" y1="{}" y2="{}"/>', ROW // 2, ROW // 2)]
    parts += [
        html('<circle class="dot dot{}" cx="{}%" cy="{}" r="5"/>', number % ARMS, f"{axis.at(each):.2f}", ROW // 2)
        for number, each in enumerate(values) if each is not None and np.isfinite(each)
    ]  # fmt: skip
    return html('<svg class="plot forest" aria-hidden="true" width="100%" height="{}">{}</svg>', ROW, joined(parts))


def rates(compared: Compared, metric: str) -> Safe:
    """Quality by bitrate, a point for each test, numbered."""
    known = [
        (number, one, one.media.video.bits_per_second, one.pooled[metric].mean)
        for number, one in enumerate(compare_words.scored(compared), 1)
        if metric in one.pooled and one.media.video.bits_per_second and np.isfinite(one.pooled[metric].mean)
    ]  # fmt: skip
    if len(known) < 2:
        return NOTHING
    kilo = [bits / 1000 for _, _, bits, _ in known]
    x = Axis(min(kilo) / 1.25, max(kilo) * 1.25)
    y = reach(metric, np.array([mean for *_, mean in known]))
    marks = joined(
        html('<svg class="over" x="{}%" y="{}"><title>{}</title><circle class="dot dot{}" r="5"/>'
             '<text class="named" x="8" y="4">{}</text></svg>', f"{x.at(bits / 1000):.2f}",
             f"{TALL - TALL * y.at(mean) / 100:.1f}",
             f"{one.name}: {compare_words.bits(bits)}, {compare_words.value(metric, mean)}", (number - 1) % ARMS,
             number)
        for number, one, bits, mean in known
    )  # fmt: skip
    ticks = [size * step for size in (10.0**power for power in range(0, 7)) for step in (1, 2, 5)]
    across = [
        (x.at(each), compare_words.bits(each * 1000).replace(".00", ""), "")
        for each in ticks
        if x.low <= each <= x.high
    ]
    said = "; ".join(f"{one.name}: {compare_words.value(metric, mean)} at {compare_words.bits(bits)}"
                     for _, one, bits, mean in known)  # fmt: skip
    return frame(f"{compare_words.metric(metric)} by bitrate. {said}", TALL, across, _levels(metric, y), NOTHING, marks)
