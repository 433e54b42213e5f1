"""Windows of one live output's pictures, looked for in another's."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.aligning import lags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.aligning.lags import Grid, Lag
    from qoe_agent.compare.live.taking import Shown, Taken

REACH = 60.0
"""Seconds of pictures in which another output's are looked for."""
AROUND = 1.5
"""Seconds to either side of what is known, in which it is followed."""
STEADY, STEEP, STEEPEST = 1e-3, 5e-3, 0.02
"""Drift that is not told from none over so few windows, or over two, and the most that is believed."""
LENGTH, EDGE = lags.WINDOW * lags.STEP, lags.STANDS * lags.STEP
"""Seconds of a window, and those behind it that tell what stands still in it."""
LEAD = 2.5
"""Seconds before it."""


def drawn(windows: Sequence[tuple[float, float]], place: float, slope: float) -> tuple[float, float]:
    """The shift at a place and its slope, by the line through windows' middles.

    Theil and Sen: medians, so no one window decides. Too few windows go on with the slope that was.
    """
    half = LENGTH / 2
    if len(windows) > 1:
        slope = median(
            (after[1] - before[1]) / (after[0] - before[0])
            for n, before in enumerate(windows)
            for after in windows[n + 1 :]
            if after[0] > before[0]
        )
        slope = slope if (STEADY if len(windows) > 2 else STEEP) < abs(slope) < STEEPEST else 0.0
    return median(seconds + slope * (place - at + half) for at, seconds in windows), slope


def grid(taken: Taken, begin: float, end: float) -> Grid:
    """What the present timeline shows from one media time to another."""
    begin = max(begin, taken.begun)
    shown = sorted((seen for seen in taken.shown if begin <= seen.media <= end), key=_media)
    if not shown:
        return lags.gridded(np.empty(0), np.empty((0, 18, 32), np.uint8))
    return lags.gridded(np.array([seen.media for seen in shown]), np.stack([seen.print for seen in shown]))


def _media(seen: Shown) -> float:
    return seen.media


def _window(taken: Taken, ends: float) -> Grid:
    """That which ends there: pictures a little later tell what stands still."""
    found = grid(taken, ends - LENGTH - LEAD, ends + EDGE)
    behind = round((found.start - ends) / lags.STEP) + len(found.rows) - 1
    return found._replace(rows=found.rows[: len(found.rows) - max(behind, 0)])


def searched(taken: Taken, first: Taken) -> tuple[float, Lag]:
    """Wherever it may lie: the latest of the one in all of the other, and the other way round; the place, the lag."""
    ends, others = taken.newest - EDGE, first.newest - EDGE
    one = lags.find(_window(taken, ends), grid(first, first.newest - REACH, first.newest))
    if one.answer == "found":
        return ends, one
    other = lags.find(_window(first, others), grid(taken, taken.newest - REACH, taken.newest))
    other = other._replace(seconds=-other.seconds)
    if other.answer == "found":
        return others - other.seconds, other
    return ends, max(one, other, key=lambda lag: lag.likeness)


def followed(taken: Taken, first: Taken, ends: float, shift: float) -> tuple[float, Lag]:
    """Near where it was: the latest that both have; the place, the lag."""
    place = ends - EDGE
    theirs = grid(first, place + shift - LENGTH - LEAD - AROUND, ends + shift + AROUND)
    return place, lags.find(_window(taken, place), theirs)
