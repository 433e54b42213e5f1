"""Over clips: clips are the replicates, frames and points are not; and how far repeated runs differ in speed."""

from __future__ import annotations

from math import sqrt
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.sweep.shapes import Speed
from qoe_agent.maths.student import t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.shapes import Point

ENOUGH = 3
"""Clips from which there is an interval: of two it would be 12.7 standard errors to either side."""
LEVEL = 0.95


class Bounds(NamedTuple):
    """A mean over clips and its 95 % interval; without ends where clips are too few."""

    mean: float
    low: float | None
    high: float | None
    n: int
    method: str


def interval(values: Sequence[float]) -> Bounds:
    """Of BD-rates as ratios less one: their mean, as the common test conditions have it, with Student's t over clips.

    It is about clips like these: clips chosen because something goes wrong in them are no sample of others.
    """
    mean, n = fmean(values), len(values)
    if n < ENOUGH:
        told = "for this clip only" if n == 1 else f"for these {n} clips only"
        return Bounds(mean, None, None, n, told)
    reach = t_quantile(LEVEL, n - 1) * stdev(values) / sqrt(n)
    return Bounds(mean, max(-1.0, mean - reach), mean + reach, n, "Student's t over clips")


def speed(label: str, size: str, points: Sequence[Point]) -> Speed | None:
    """Of the encodes of a label at one size; None where nothing was timed.

    Frames a second: the median over encodes of the median of repeats. Spread: the standard deviation of repeats as a
    share of their mean, pooled over encodes.
    """
    timed = [point.encoded for point in points if point.encoded.wall and min(point.encoded.wall) > 0]
    if not timed:
        return None
    runs = [one.frames / wall for one in timed for wall in one.wall]
    rate = median(one.frames / median(one.wall) for one in timed)
    varied = [(stdev(one.wall) / fmean(one.wall)) ** 2 for one in timed if len(one.wall) > 1]
    cpu = median(median(one.cpu) / one.seconds for one in timed if one.cpu and one.seconds > 0)
    decode = [one.decode for one in timed if one.decode is not None]
    memory = [one.memory for one in timed if one.memory is not None]
    return Speed(
        label, size, rate, min(runs), max(runs), sqrt(fmean(varied)) if varied else None, cpu,
        median(decode) if decode else None, max(memory) if memory else None, len(runs),
    )  # fmt: skip
