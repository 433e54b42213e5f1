"""The best of all resolutions: the upper convex hull of log rate and quality, and where one resolution takes over.

Qualities are measured at the size of the display, so resolutions can be compared (per-title encoding: A. Aaron, Z. Li,
M. Manohara, J. De Cock, D. Ronca, "Per-Title Encode Optimization", Netflix, 2015).
"""

from __future__ import annotations

import functools
import itertools
from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.figures.bd import curve
from qoe_agent.compare.sweep.shapes import Crossing, Hull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qoe_agent.compare.shapes import Floats
    from qoe_agent.compare.sweep.shapes import Point

STEPS = 400
"""Places between two points of a hull at which curves are compared."""
FINE = 4001
"""Places at which a curve is told where its inverse is asked for."""


class Dot(NamedTuple):
    """A measured place: what a hull needs of a point."""

    rate: float
    """Bits per second."""
    quality: float
    size: tuple[int, int]
    control: str
    value: float
    spread: float | None = None
    """Of the quality over clips, where it is a mean over them."""


def dots(points: Iterable[Point], metric: str) -> tuple[Dot, ...]:
    """Of points that have the metric; infinite quality says nothing."""
    found = []
    for point in points:
        quality = point.scores.get(metric)
        made = point.encoded
        if quality is not None and np.isfinite(quality) and made.bits_per_second > 0:
            size = (made.setting.width, made.setting.height)
            found.append(Dot(made.bits_per_second, quality, size, made.setting.control, made.setting.value))
    return tuple(found)


def upper(known: Iterable[Dot]) -> tuple[Dot, ...]:
    """Those on the upper convex hull, by rising rate and quality (Andrew's monotone chain on log rate)."""
    kept: list[Dot] = []
    for dot in sorted(known, key=lambda each: (each.rate, -each.quality)):
        if kept and dot.quality <= max(each.quality for each in kept):
            continue
        while len(kept) > 1 and _slope(kept[-2], kept[-1]) <= _slope(kept[-2], dot):
            kept.pop()
        kept.append(dot)
    return tuple(kept)


def _slope(a: Dot, b: Dot) -> float:
    run = log(b.rate / a.rate)
    return (b.quality - a.quality) / run if run > 0 else float("inf")


def hull(points: Sequence[Point], metric: str) -> Hull:
    """Of the points of one label on one clip, which may not be empty."""
    first = points[0].encoded
    known = dots(points, metric)
    best = upper(known)
    of = {(dot.rate, dot.quality, dot.size): point for dot, point in _paired(points, metric)}
    found, notes = crossings(known, best)
    held = tuple(of[dot.rate, dot.quality, dot.size] for dot in best)
    return Hull(first.setting.label, first.clip, held, found, notes)


def _paired(points: Iterable[Point], metric: str) -> list[tuple[Dot, Point]]:
    return [(dot, point) for point in points for dot in dots([point], metric)]


class Course(NamedTuple):
    """A resolution's dots, without those that pay more for less, and quality over the logarithm of rate."""

    size: tuple[int, int]
    dots: tuple[Dot, ...]

    @property
    def logs(self) -> Floats:
        """Of rates; shape (n,)."""
        return np.log([dot.rate for dot in self.dots])

    def holds(self, place: float) -> bool:
        """Whether this lies between its ends."""
        logs = self.logs
        return bool(logs[0] - 1e-9 <= place <= logs[-1] + 1e-9)

    def quality(self, places: Floats) -> Floats:
        """Between its dots, without overshoot; outside of them not a number."""
        return self._over(self.logs, [dot.quality for dot in self.dots], places)

    def rate(self, quality: float) -> float | None:
        """At which it reaches a quality; None: outside of what was measured."""
        logs = self.logs
        places = np.linspace(logs[0], logs[-1], FINE)
        qualities = self.quality(places)
        if not qualities[0] - 1e-9 <= quality <= qualities[-1] + 1e-9:
            return None
        return exp(float(np.interp(quality, qualities, places)))

    def value(self, place: float) -> float:
        """The setting that comes out at this log rate; beyond the ends: that of the end."""
        logs = self.logs
        inside = np.array([min(max(place, logs[0]), logs[-1])])
        return float(self._over(logs, [dot.value for dot in self.dots], inside)[0])

    @staticmethod
    def _over(x: Sequence[float] | Floats, y: Sequence[float] | Floats, places: Floats) -> Floats:
        inside = (places >= x[0] - 1e-9) & (places <= x[-1] + 1e-9)
        made = _between(tuple(map(float, x)), tuple(map(float, y)))(np.clip(places, x[0], x[-1]))
        return np.where(inside, made, np.nan)


@functools.lru_cache(1024)
def _between(x: tuple[float, ...], y: tuple[float, ...]) -> Callable[[Floats], Floats]:
    if len(x) == 1:
        return lambda places: np.full(len(places), y[0])
    return curve(np.array(x), np.array(y), "pchip")


def courses(known: Iterable[Dot]) -> tuple[Course, ...]:
    """One for each resolution, the smallest first. Where several ways of rate control were tried, the first of them."""
    found: dict[tuple[int, int], list[Dot]] = {}
    for dot in known:
        mine = found.setdefault(dot.size, [])
        if not mine or dot.control == mine[0].control:
            mine.append(dot)
    made = []
    for size, mine in sorted(found.items(), key=lambda each: each[0][0] * each[0][1]):
        kept: list[Dot] = []
        for dot in sorted(mine, key=lambda each: (each.rate, -each.quality)):
            if not kept or dot.quality > kept[-1].quality:
                kept.append(dot)
        made.append(Course(size, tuple(kept)))
    return tuple(made)


def crossings(known: Sequence[Dot], best: Sequence[Dot]) -> tuple[tuple[Crossing, ...], tuple[str, ...]]:
    """Where the hull changes its resolution: where curves of both cross, or half way between measured points."""
    of = {course.size: course for course in courses(known)}
    found, notes = [], []
    for a, b in itertools.pairwise(best):
        if a.size == b.size:
            continue
        places = np.linspace(log(a.rate), log(b.rate), STEPS)
        before, after = (of[dot.size].quality(places) for dot in (a, b))
        with np.errstate(invalid="ignore"):
            ahead = np.flatnonzero(after >= before)
        at = int(ahead[0]) if len(ahead) and np.isfinite(before[ahead[0]]) else None
        if at is None or (at == 0 and after[0] > before[0]):
            rate, quality = exp((log(a.rate) + log(b.rate)) / 2), (a.quality + b.quality) / 2
            notes.append(f"where {named(b.size)} takes over from {named(a.size)} was not measured closely")
        else:
            rate, quality = exp(float(places[at])), float(after[at])
        found.append(Crossing(rate, quality, a.size, b.size))
    return tuple(found), tuple(dict.fromkeys(notes))


def named(size: tuple[int, int]) -> str:
    """1280x720."""
    return f"{size[0]}x{size[1]}"
