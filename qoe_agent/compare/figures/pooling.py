"""Metrics over a whole clip: means as each metric means them, percentiles, the worst second.

PSNR is that of the mean square error; XPSNR the square mean root that FFmpeg's filter ends with (Helmrich et al., ITU
Journal 3(1), 2020): -20 log10 of the mean of 10^(-x/20); all others arithmetic. The harmonic mean is libvmaf's: of
values raised by one, and lowered again. Percentiles interpolate between ranks (type 7 of Hyndman and Fan, 1996). Of
CAMBI more is worse, so its percentiles and its worst second are taken from the other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.shapes import Pooled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats, Scores

MORE_IS_WORSE = ("cambi",)
AGREED = 2e-4
"""Within which what FFmpeg prints of the whole is the mean of what it says of each frame."""
ENOUGH = 0.5
"""Shares of the pairs that a full second has, below which a second is not judged."""


def pooled(scores: Scores, rate: Fraction | float) -> dict[str, Pooled]:
    """Each metric over all pairs; `rate` is that of the reference, in frames a second."""
    return {
        name: _pooled(name, values, scores.reference, float(rate), scores.printed.get(name))
        for name, values in scores.frames.items()
        if len(values)
    }


def mean(metric: str, values: Floats) -> float:
    """The mean of a metric as it is defined for it; infinite where no picture differs."""
    to, back = _scale(metric)
    return float(back(np.asarray(np.mean(to(values)))))


def means(scores: Scores, chosen: NDArray[np.int64] | slice) -> Mapping[str, float]:
    """That of every metric over some of the pairs."""
    return {name: mean(name, values[chosen]) for name, values in scores.frames.items()}


def _pooled(name: str, values: Floats, reference: NDArray[np.int64], rate: float, printed: float | None) -> Pooled:
    ranked = np.sort(-values if name in MORE_IS_WORSE else values)
    p1, p5, median = (_percentile(ranked, share) for share in (0.01, 0.05, 0.5))
    turn = -1.0 if name in MORE_IS_WORSE else 1.0
    worst, at = _worst(name, values, reference, rate)
    whole = mean(name, values)
    if printed is not None and abs(printed - whole) <= AGREED:
        whole = printed
    return Pooled(
        name, whole, _harmonic(name, values), turn * p1, turn * p5, turn * median, worst, at / rate, len(values)
    )


def _scale(metric: str) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
    """To where values may be averaged, and back."""
    if metric.startswith(("psnr", "xpsnr")):
        steps = 20.0 if metric.startswith("x") else 10.0
        return lambda db: 10.0 ** (-db / steps), lambda error: _decibels(error, steps)
    return lambda value: value, lambda value: value


def _decibels(error: Floats, steps: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(-steps * np.log10(error))


def _harmonic(metric: str, values: Floats) -> float | None:
    """None for decibels, which are no quantity to be inverted."""
    if "psnr" in metric or bool((values <= -1.0).any()):
        return None
    return float(1.0 / np.mean(1.0 / (values + 1.0)) - 1.0)


def _percentile(ranked: Floats, share: float) -> float:
    place = share * (len(ranked) - 1)
    low = int(place)
    below, above = float(ranked[low]), float(ranked[min(low + 1, len(ranked) - 1)])
    return below if not np.isfinite(above) else below + (place - low) * (above - below)


def _worst(metric: str, values: Floats, reference: NDArray[np.int64], rate: float) -> tuple[float, int]:
    """The worst mean over one second of the reference, and the frame that it begins with.

    Every pair begins a second, if it ends before the last pair does. One with fewer than half of the pairs that a full
    one has says little and is passed over.
    """
    last = int(reference[-1])
    ends = np.searchsorted(reference, reference + rate - 1e-6)
    begins = np.arange(len(reference))
    counts = ends - begins
    full = reference + rate <= last + 1 + 1e-6
    full &= counts >= ENOUGH * counts[full].max(initial=0)
    if not full.any():
        return mean(metric, values), int(reference[0])
    to, back = _scale(metric)
    sums = np.concatenate([[0.0], np.cumsum(to(values))])
    different = np.concatenate([[0], np.cumsum(to(values) != 0)])
    begins, ends = begins[full], ends[full]
    # Of a second without any error the difference of two sums is not quite nothing.
    average = np.where(different[ends] > different[begins], sums[ends] - sums[begins], 0.0) / (ends - begins)
    by_second = back(np.asarray(average, np.float64))
    found = int((-by_second if metric in MORE_IS_WORSE else by_second).argmin())
    return float(by_second[found]), int(reference[begins[found]])
