"""Pictures of a live comparison's page: a measure of every output over the source's seconds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.compare.live.seconds import BY_NAME
from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.live.paired import LiveCompared

TALL = 150
"""Pixels of a plot."""
GAP = 2.5
"""Seconds without a value beyond which a line is broken; samples of full reference are joined."""
SPARSE = ("vmaf", "psnr_y", "ssim_y", "xpsnr_y", "noise", "blur")
SHOWN = ("vmaf", "score", "qp", "bitrate", "latency", "transport", "frame_rate", "stalled", "effective_height")
"""Measures that have a plot, where any output has values that differ."""


def plots(compared: LiveCompared) -> Safe:
    """One below the other."""
    return joined(each for name in SHOWN if (each := _plot(compared, name)))


def keys(compared: LiveCompared) -> Safe:
    """Which line is whose."""
    return joined(html('<span class="key line{}">{}</span> ', n, side.name) for n, side in enumerate(compared.sides))


def _plot(compared: LiveCompared, name: str) -> Safe:
    seconds = compared.seconds
    lines = [
        [(one.number, value) for one in seconds if (value := one.value(n, name)) is not None]
        for n in range(len(compared.sides))
    ]
    values = [value for line in lines for _, value in line]
    if len(values) < 4 or len(set(values)) < 2:
        return NOTHING
    low, high = min(values), max(values)
    room = 0.05 * (high - low)
    up = drawing.Axis(low - room, high + room, log=False)
    first, last = seconds[0].number, max(seconds[-1].number, seconds[0].number + 1)
    across = drawing.Axis(first, last, log=False)
    known = BY_NAME[name]
    drawn = joined(
        drawing.path([(across.at(at), 100 - up.at(value)) for at, value in piece], f"line line{n}")
        for n, line in enumerate(lines)
        for piece in _pieces(line, 60.0 if name in SPARSE else GAP)
    )
    ticks = [(across.at(first + each), f"{each:.0f} s", "") for each in drawing.rounds(0, last - first, 6)]
    levels = [(up.at(each) / 100, f"{each:g}", "grid") for each in drawing.rounds(low, high, 3)]
    label = f"{known.words} over time"
    return html("<h3>{}{}</h3>{}", known.words, f", {known.unit}" if known.unit else "",
                drawing.frame(label, TALL, ticks, levels, drawn))  # fmt: skip


def _pieces(line: Sequence[tuple[int, float]], gap: float) -> list[list[tuple[int, float]]]:
    """Cut where seconds are missing; a lone second has no line."""
    pieces: list[list[tuple[int, float]]] = []
    for at, value in line:
        if pieces and at - pieces[-1][-1][0] <= gap:
            pieces[-1].append((at, value))
        else:
            pieces.append([(at, value)])
    return [piece for piece in pieces if len(piece) > 1]
