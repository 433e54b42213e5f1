"""Two sound tracks against each other, once it is known which moment of one is which of the other.

Times of the reference are `at`; `laid` gives the test's for them. Levels of the test are matched first, by the
difference in loudness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from qoe_agent.compare.figures.ears import BANDS, CELLS, HOPS, TOP
from qoe_agent.maths.loudness import gated

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.figures.ears import Track
    from qoe_agent.compare.shapes import Floats

    Laid: TypeAlias = Callable[[Floats], Floats]
    Wave = NDArray[np.float32]

BLOCK = 4
"""Hops in a block of loudness: 400 ms (EBU Tech 3341)."""
AUDIBLE, BELOW = 1e-6, 1e-4
"""The reference has sound where its level is over −60 dBFS and over 40 dB below its loud parts."""
LOUD = 95
"""Percentile of levels: loud parts."""
DEAD, GONE = 1e-7, 10**-2.5
"""The test is silent below −70 dBFS, or 25 dB below the reference's level, levels matched."""
SPREAD = 3
"""Cells (10 ms) to either side over which levels are smoothed, and delays may be wrong."""
APART, SHORTEST = 0.5, 0.1
"""Seconds between two holes that make them one; a shorter hole is none."""
DEPTH = 1e-6
"""Third octaves 60 dB and more below the loudest of their second are taken as that low."""
DOWN, FLOOR = 1e-6, 1e-11
"""A band has content from 60 dB below the loudest on, and from −110 dBFS on."""


def times(span: tuple[float, float], step: float) -> Floats:
    """Of the reference, every `step` seconds."""
    return np.asarray(span[0] + step * np.arange(max(0, int((span[1] - span[0]) / step))), np.float64)


def rows(values: NDArray[Any], start: float, step: float, at: Floats) -> Floats:
    """The rows that are on at those moments; zeros where there is no sound."""
    index = np.floor((at - start) / step + 0.5).astype(np.int64)
    inside = (index >= 0) & (index < len(values))
    found = np.zeros((len(at), *values.shape[1:]))
    found[inside] = values[index[inside]]
    return found


def loudness(track: Track, at: Floats) -> float | None:
    """LUFS, integrated, of the moments `at`, one a hop; None where all is silent."""
    powers = rows(track.loudness, track.start, track.hop, at)
    if len(powers) < BLOCK:
        return None
    return gated(np.convolve(powers, np.ones(BLOCK) / BLOCK, "valid"))


def missing(
    reference: Track, test: Track, laid: Laid, span: tuple[float, float], gain: float
) -> tuple[tuple[float, float], ...]:
    """From, to, where the reference has sound and the test has none. `gain`: dB of the test over the reference."""
    step = 1 / (HOPS * CELLS)
    at = times(span, step)
    if not len(at):
        return ()
    one = _smooth(rows(reference.levels, reference.start, reference.hop / CELLS, at))
    bare = rows(test.levels, test.start, test.hop / CELLS, laid(at)) / 10 ** (gain / 10)
    two = _largest(_smooth(bare))  # as loud as it gets nearby: a delay that is a little off must not make holes
    sounds = one > max(AUDIBLE, BELOW * float(np.percentile(one, LOUD)))
    silent = (two < GONE * one) | (two < DEAD)
    # a hole that was found reaches as far as there is next to nothing, within what was smoothed
    silent |= _grown(silent & sounds, (bare < GONE * one) | (bare < DEAD))
    holes = _stretches(sounds & silent)
    joined: list[list[int]] = []
    for first, end in holes:
        if joined and (first - joined[-1][1]) * step <= APART and not (sounds & ~silent)[joined[-1][1] : first].any():
            joined[-1][1] = end
        else:
            joined.append([first, end])
    return tuple(
        (float(at[first]), float(at[end - 1]) + step) for first, end in joined if (end - first) * step >= SHORTEST
    )


def _grown(flags: NDArray[np.bool_], where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Flags, and what follows on them or goes before them by up to 2 * SPREAD cells, without a break in `where`."""
    found = flags.copy()
    for _ in range(2 * SPREAD):
        beside = found.copy()
        beside[1:] |= found[:-1]
        beside[:-1] |= found[1:]
        found |= beside & where
    return found


def _smooth(levels: Floats) -> Floats:
    return np.convolve(levels, np.ones(2 * SPREAD + 1) / (2 * SPREAD + 1), "same")[: len(levels)]


def _largest(levels: Floats) -> Floats:
    padded = np.pad(levels, SPREAD, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * SPREAD + 1).max(axis=1))


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def spectral_distance(
    reference: Track, test: Track, laid: Laid, span: tuple[float, float], gain: float
) -> float | None:
    """dB: root mean square over seconds and third octaves, where both have sound; None where they never do."""
    at = times(span, 1 / HOPS)
    whole = len(at) // HOPS * HOPS
    if not whole:
        return None
    one = rows(reference.thirds, reference.start, reference.hop, at[:whole])
    two = rows(test.thirds, test.start, test.hop, laid(at[:whole])) / 10 ** (gain / 10)
    one, two = (each.reshape(-1, HOPS, each.shape[1]).mean(axis=1) for each in (one, two))
    heard = (one.sum(axis=1) > AUDIBLE) & (two.sum(axis=1) > np.maximum(DEAD, GONE * one.sum(axis=1)))
    if not heard.any():
        return None
    floor = DEPTH * one[heard].max(axis=1, keepdims=True)
    apart = 10 * np.log10(np.maximum(two[heard], floor) / np.maximum(one[heard], floor))
    return float(np.sqrt(np.square(apart).mean()))


def bandwidth(track: Track) -> float | None:
    """Hz up to which there is anything, at any time; None where all is silent."""
    power = track.fine.max(axis=0)
    top = float(power.max())
    if top < AUDIBLE / 100:
        return None
    return float(np.flatnonzero(power >= max(DOWN * top, FLOOR))[-1] + 1) * TOP / BANDS
