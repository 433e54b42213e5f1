"""How much later one sound comes than another: phase correlation of windows, and what they agree on.

GCC-PHAT (Knapp and Carter, IEEE Trans. ASSP 24(4), 1976): the cross-spectrum with all magnitudes made one has a single
sharp peak at the delay, whatever the level and the colour of the sound. Bins with next to nothing in either sound are
left out, as coding fills them with noise. Spectra of both sounds cover the same seconds, so that bins are the same
frequencies at any two sample rates, and nothing needs to be resampled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats

TOP = 8000.0
"""Hertz up to which sounds are compared."""
GRID = 16_000
"""Delays a second that are looked at; between them, a parabola."""
FAINT = 1e-5
"""A bin counts from 50 dB below the strongest stretch of spectrum on."""
STRETCH = 20.0
"""Hertz over which power is averaged for that."""
NEAR = 0.005
"""Seconds about the peak in which no second peak is looked for."""
RIVAL, LEAST = 0.6, 0.03
"""A window is sure if the second peak is lower than this part of the first, and the first higher than chance."""
AGREE = 0.01
"""Seconds within which windows agree."""
FAST = 2e-3
"""Seconds a second: no clock is that wrong."""
HALF = 0.5
"""Share of windows that must agree."""


class Delay(NamedTuple):
    """Of a window."""

    seconds: float
    sure: bool


class Agreed(NamedTuple):
    """Of all windows: the delay that most of them have. None: they do not agree, or are not sure."""

    seconds: float | None
    confidence: float
    """Share of the windows that are sure and agree."""
    sure: float
    """Share of the windows that are sure, each for itself."""
    least: float
    most: float
    """Of those that are sure, the 10th and the 90th percentile."""
    drift: float
    """Seconds a second by which the delay grows, of those that are sure."""


def spectrum(wave: NDArray[np.float32], rate: int, seconds: int) -> NDArray[np.complex64]:
    """Of a wave, as if silence followed up to `seconds`: bins of 1 / seconds Hz up to TOP, or half the rate."""
    bins = min(round(TOP * seconds), rate * seconds // 2)
    return np.asarray(np.fft.rfft(wave, rate * seconds)[: bins + 1] / rate, np.complex64)


def delay(first: NDArray[np.complex64], second: NDArray[np.complex64], seconds: int, most: float) -> Delay | None:
    """How much later the second comes, of delays from 0 to `most`. None: one of them is silent."""
    bins = min(len(first), len(second))
    one, two = (_audible(each[:bins], seconds) for each in (first, second))
    if one is None or two is None:
        return None
    both = one & two
    cross = np.where(both, second[:bins] * np.conj(first[:bins]), 0)
    size = np.abs(cross)
    cross = np.divide(cross, size, out=np.zeros_like(cross), where=size > 0)
    lags = np.fft.irfft(cross, GRID * seconds)[: round(most * GRID) + 1] * (GRID * seconds) / (2 * max(1, both.sum()))
    at = int(lags.argmax())
    peak = float(lags[at])
    near = round(NEAR * GRID)
    rest = np.concatenate([lags[: max(0, at - near)], lags[at + near + 1 :]])
    rival = float(rest.max()) if rest.size else 0.0
    sure = peak > LEAST and rival < RIVAL * peak and 0 < at < len(lags) - 1
    return Delay((at + _between(lags, at)) / GRID, sure)


def _audible(bins: NDArray[np.complex64], seconds: int) -> NDArray[np.bool_] | None:
    power = np.square(np.abs(bins))
    power[: round(STRETCH * seconds)] = 0.0  # hum and offsets
    width = round(STRETCH * seconds)
    sums = np.cumsum(np.concatenate([np.zeros(width, power.dtype), power, np.zeros(width, power.dtype)]), dtype=float)
    smooth = (sums[width:] - sums[:-width])[width // 2 : width // 2 + len(power)] / width
    top = smooth.max()
    return np.asarray((smooth > FAINT * top) & (power > 0)) if top > 0 else None


def _between(lags: Floats, at: int) -> float:
    """The top of the parabola through a peak and its neighbours, from the peak."""
    if not 0 < at < len(lags) - 1:
        return 0.0
    before, peak, after = (float(each) for each in lags[at - 1 : at + 2])
    bend = before - 2 * peak + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def agreed(delays: Sequence[Delay], at: Sequence[float]) -> Agreed:
    """What windows at those times, all with sound in them, have in common."""
    sure = np.array([each.sure for each in delays], bool)
    if not sure.any():
        return Agreed(None, 0.0, 0.0, 0.0, 0.0, 0.0)
    found, times = np.array([each.seconds for each in delays])[sure], np.asarray(at)[sure]
    tried = [_straight(times, found, drift) for drift in (0.0, _slope(times, found)) if abs(drift) < FAST]
    middle, drift, many = max(tried, key=lambda each: each[2])
    share = many / len(delays)
    least, most = np.quantile(found, [0.1, 0.9])
    value = middle if share >= HALF else None
    return Agreed(value, share, float(sure.mean()), float(least), float(most), drift)


def _straight(times: Floats, found: Floats, drift: float) -> tuple[float, float, int]:
    """The middle of the delays if they drift so, the drift, and how many agree."""
    level = found - drift * (times - times.mean())
    middle = float(np.median(level))
    return middle, drift, int((np.abs(level - middle) <= AGREE).sum())


def _slope(times: Floats, found: Floats) -> float:
    """Theil and Sen's: the median of the slopes between any two."""
    one, two = np.triu_indices(len(times), 1)
    apart = times[two] - times[one]
    slopes = (found[two] - found[one])[apart > 0] / apart[apart > 0]
    return float(np.median(slopes)) if len(slopes) >= 3 else 0.0
