"""Two tests against each other: by how much they differ, and between which bounds, by bootstrap over scenes.

Frames of a scene resemble each other, so frames are not replicates: scenes are. A clip of few scenes says something of
this clip only. The interval is a bootstrap-t (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §12.5):
scenes are drawn again with all their frames, each draw is divided by its own standard error (of a ratio of sums,
Cochran, Sampling Techniques, 1977, eq. 2.46), and tails are widened for few scenes as Hesterberg widens percentiles
(The American Statistician 69, 2015, §5.2). tests/accuracy/pair_intervals.py prints how often it covers the truth.
"""

from __future__ import annotations

from math import inf, isfinite, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.shapes import Pair

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Floats, Tested

ENOUGH = 6
"""Scenes from which there is an interval: with fewer, it is several times as wide as what it is of."""
DRAWS = 4000
TAIL = 0.025
METHOD = "bootstrap-t over scenes"
NORMAL = NormalDist()


class Bounds(NamedTuple):
    """A difference, b less a, and its 95 % interval; without ends where scenes are too few."""

    difference: float
    low: float | None
    high: float | None
    n_scenes: int


class _Scale(NamedTuple):
    """What is averaged over frames, and how that is shown: `tens` * log10 of it; 0: as it is."""

    tens: float

    def of_frames(self, values: Floats) -> Floats:
        """What may be averaged."""
        return np.asarray(10.0 ** (values / self.tens) if self.tens else values, np.float64)

    def shown(self, means: Floats) -> Floats:
        """An average as users see it."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.tens * np.log10(means) if self.tens else means, np.float64)


class Draws:
    """How often each of so many scenes is in each draw; the same draws for all metrics."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: dict[int, Floats] = {}

    def of(self, scenes: int) -> Floats:
        """Shape (draws, scenes)."""
        if scenes not in self._drawn:
            drawn = self._rng.multinomial(scenes, np.full(scenes, 1 / scenes), DRAWS)
            self._drawn[scenes] = drawn.astype(np.float64)
        return self._drawn[scenes]


def scale(metric: str) -> _Scale:
    """PSNR is averaged as mean square error, XPSNR as the root of it (as FFmpeg's filters do), the rest as it is."""
    if metric.startswith("psnr"):
        return _Scale(-10.0)
    return _Scale(-20.0 if metric.startswith("xpsnr") else 0.0)


def pairs(a: Tested, b: Tested, rng: np.random.Generator) -> tuple[Pair, ...]:
    """In every metric that both have, over the frames of the reference that both show; nothing where there are none."""
    if a.scores is None or b.scores is None:
        return ()
    common, mine, theirs = np.intersect1d(a.scores.reference, b.scores.reference, return_indices=True)
    if not len(common):
        return ()
    scenes = np.searchsorted([each.first for each in a.scenes], common, "right")
    found, drawn = [], Draws(rng)
    for metric in (each for each in a.scores.frames if each in b.scores.frames):
        bounds = difference(
            metric, a.scores.frames[metric][mine], b.scores.frames[metric][theirs], np.asarray(scenes), drawn
        )
        if bounds is not None:
            found.append(_pair(a.name, b.name, metric, bounds))
    return tuple(found)


def _pair(a: str, b: str, metric: str, found: Bounds) -> Pair:
    method, note = METHOD, ""
    if found.low is None:
        method = "difference of means"
        scenes = f"{found.n_scenes} scene{'s' if found.n_scenes > 1 else ''}"
        note = f"for this clip only: {scenes}, and an interval takes {ENOUGH}"
    if not isfinite(found.difference):
        note = "one of them is identical to the reference"
    return Pair(a, b, metric, *found, method=method, note=note)


def difference(metric: str, a: Floats, b: Floats, scenes: Floats, drawn: Draws) -> Bounds | None:
    """Of one metric. `a`, `b`: what frames have in it, shape (frames,); `scenes`: a number for the scene of each.

    Frames without a value are left out; None where none is left.
    """
    had = ~(np.isnan(a) | np.isnan(b))
    if not had.any():
        return None
    names, scene = np.unique(scenes[had], return_inverse=True)
    how = scale(metric)
    frames = np.bincount(scene).astype(np.float64)
    sums = np.stack([np.bincount(scene, how.of_frames(each[had])) for each in (a, b)], axis=1, dtype=np.float64)
    means = sums.sum(axis=0) / frames.sum()
    shown = how.shown(means)
    found = 0.0 if shown[0] == shown[1] else float(shown[1] - shown[0])
    if len(names) < ENOUGH or not isfinite(found):
        return Bounds(found, None, None, len(names))
    low, high = _bounds(how, sums, frames, found, drawn.of(len(names)))
    return Bounds(found, low, high, len(names))


def _bounds(how: _Scale, sums: Floats, frames: Floats, found: float, drawn: Floats) -> tuple[float, float]:
    many = len(frames)
    values, errors = _drawn(how, sums, frames, drawn)
    error = float(_drawn(how, sums, frames, np.ones((1, many)))[1][0])
    usable = np.isfinite(values) & (errors > 0.0)
    if (sums[:, 0] == sums[:, 1]).all() or error == 0.0 or not usable.any():
        return found, found
    tail = NORMAL.cdf(sqrt(many / (many - 1)) * NORMAL.inv_cdf(TAIL))
    least, most = np.quantile((values[usable] - found) / errors[usable], [tail, 1 - tail])
    return found - float(most) * error, found - float(least) * error


def _drawn(how: _Scale, sums: Floats, frames: Floats, drawn: Floats) -> tuple[Floats, Floats]:
    """The difference in each draw (times that each scene is in it, shape (draws, scenes)), and its standard error."""
    many = len(frames)
    total = drawn @ frames
    means = (drawn @ sums) / total[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = how.shown(means)
        values = shown[:, 1] - shown[:, 0]
        slopes = how.tens / (np.log(10.0) * means) if how.tens else np.ones_like(means)
    # a scene's pull on the difference: slope_b (B - mean_b n) - slope_a (A - mean_a n), squared and summed; sums are
    # taken about the means of all, so that little is lost where they nearly cancel
    about = sums.sum(axis=0) / frames.sum()
    parts = np.column_stack([sums - about * frames[:, None], frames])
    with np.errstate(invalid="ignore"):
        along = np.column_stack([slopes * (-1.0, 1.0), (slopes * (means - about)) @ (1.0, -1.0)])
        products = (drawn @ np.einsum("si,sj->sij", parts, parts).reshape(len(parts), 9)).reshape(-1, 3, 3)
        squares = np.einsum("di,dij,dj->d", along, products, along)
        errors = np.sqrt(np.maximum(squares, 0.0) * many / (many - 1)) / total
    return values, np.where(np.isfinite(errors), errors, inf)
