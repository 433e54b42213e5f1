"""The quality of a session after ITU-T P.1203.3: P.1203-style, without the random forest of its Annex.

Written from the published formulas (P.1203.3 01/2019 with Amendment 1). Leaving the forest out costs 0.00 to 0.04 of
RMSE against viewers' opinions. Where the formulas leave an algorithm open, it is stated here: directions of quality
are told apart on every third second of a mean over five (the ends repeated), by steps of more than 0.2; the longest
run is that of equal directions in a row, and a session whose quality never turns is one run.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import exp, log, log10
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.p1203 import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

SILENT_FILM = 5.0
"""O21 of a stream that has no sound: nothing to complain of."""
STEP = 0.2
"""A change of O22 that a viewer takes for one."""


class Second(NamedTuple):
    """What one second of media is worth."""

    video: float
    """O22."""
    audio: float | None
    """O21; None where there is no sound."""


class Stall(NamedTuple):
    """A pause of playback; the wait before the first picture is one at position 0."""

    position: float
    """Seconds of media played before it."""
    length: float


class Score(NamedTuple):
    """A session's quality and what it lost on the way."""

    mos: float
    """O46 without the forest."""
    audiovisual: float
    """O35."""
    stalling: float
    """O23."""
    stalled: float
    """Points that stalls took from the audiovisual MOS."""
    negative: float
    """Points for a bad beginning or end, as the formulas weigh it (negBias)."""
    oscillation: float
    """Points for quality that swings (oscComp)."""
    adaptation: float
    """Points for quality that steps (adaptComp)."""


def score(seconds: Sequence[Second], stalls: Sequence[Stall] = ()) -> Score | None:
    """O46 of a session of so many seconds of media; None for an empty one."""
    if not seconds:
        return None
    audiovisual, negative, oscillation, adaptation = _audiovisual(seconds)
    share = _stalling(stalls, len(seconds))
    whole = 1.0 + (audiovisual - 1.0) * share
    longest = max((stall.length for stall in stalls), default=0.0)
    # Amendment 1: a stall of 15 s begins to spoil everything, one of 30 s has. The Amendment's L is read as the
    # longest stall.
    mos = 1.0 + (clip(whole, 1.0, 5.0) - 1.0) * clip(2.0 - 0.066667 * longest, 0.0, 1.0)
    return Score(
        0.02833052 + 0.98117059 * mos, audiovisual, 1.0 + 4.0 * share, audiovisual - mos, negative, oscillation,
        adaptation,
    )  # fmt: skip


def both(second: Second) -> float:
    """O34: sound and pictures together, with Amendment 1's answer to bad sound."""
    audio = SILENT_FILM if second.audio is None else second.audio
    video = second.video
    mos = clip(-0.00069084 + 0.15374283 * audio + 0.97153861 * video + 0.02461776 * audio * video, 1.0, 5.0)
    return 1.0 + (1.0 - max(0.0, 2.0 - audio)) * (mos - 1.0)


def exponential(a: float, b: float, c: float, d: float, x: float) -> float:
    """From `a` at `c` towards `b`, half way there at `d`."""
    return b + (a - b) * exp(-(x - c) * log(0.5) / (c - d))


@lru_cache(maxsize=512)
def _weights(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """By second of a session of `count`: how much it counts (w1), and how much more its deviation the older it is."""
    place = tuple(0.0066662 + 0.0000404019 * exp(t / count / 0.1564978) for t in range(count))
    age = tuple(exponential(1.0, 1.87403625, 0.0, 7.85416481, count - t - 1) for t in range(count))
    return place, age


def _audiovisual(seconds: Sequence[Second]) -> tuple[float, float, float, float]:
    """O35 and the three deductions in it."""
    count = len(seconds)
    place, age = _weights(count)
    qualities = [both(second) for second in seconds]
    weights = [w * (0.14317974 - 0.02386416 * o34) for w, o34 in zip(place, qualities, strict=True)]
    base = sum(w * o34 for w, o34 in zip(weights, qualities, strict=True)) / sum(weights)
    differences = sorted((o34 - base) * more for o34, more in zip(qualities, age, strict=True))
    negative = 0.0185382 * max(0.0, -_tenth(differences))
    videos = [second.video for second in seconds]
    spread = max(videos) - min(videos)
    oscillation = adaptation = 0.0
    if spread > STEP:
        turns, longest = directions(videos)
        if longest < min(0.25 * count, 30.0):
            rate = sum(abs(b - a) > STEP for a, b in pairwise(videos)) / count
            swing = max(0.0, 1.0 + log10(spread + 0.001)) * exp(clip(0.6775608 * turns - 8.05533303, -50.0, 50.0))
            oscillation = clip(swing, 0.0, 1.5)
            adaptation = clip(0.17332553 * spread * rate - 0.01035647, 0.0, 0.5)
    return base - negative - oscillation - adaptation, negative, oscillation, adaptation


def _tenth(ordered: Sequence[float]) -> float:
    """The tenth percentile, between the two nearest."""
    at = 0.1 * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def directions(videos: Sequence[float]) -> tuple[int, float]:
    """How often quality turned, and for how many seconds it kept its direction at most."""
    padded = [videos[0]] * 2 + list(videos) + [videos[-1]] * 2
    means = [sum(padded[t : t + 5]) / 5.0 for t in range(0, len(videos), 3)]
    steps = [(after - before > STEP) - (before - after > STEP) for before, after in pairwise(means)]
    edges, last = [0], 0
    for n, way in enumerate(steps):
        if way and way == -last:
            edges.append(n)
        last = way or last
    if len(edges) == 1:
        return 0, float(len(videos))
    edges.append(len(steps))
    return len(edges) - 2, 3.0 * max(b - a for a, b in pairwise(edges))


def _stalling(stalls: Sequence[Stall], count: int) -> float:
    """The share of the audiovisual MOS that stalls leave (SI)."""
    if not stalls:
        return 1.0
    positions = sorted(stall.position for stall in stalls)
    total = sum(
        stall.length * exponential(1.0, 0.48412879, 0.0, 10.0, max(0.0, count - stall.position)) for stall in stalls
    )
    apart = (positions[-1] - positions[0]) / (len(positions) - 1) if len(positions) > 1 else 0.0
    return exp(-len(stalls) / 9.35158684) * exp(-total / count / 0.91890815) * exp(-apart / count / 11.0567558)
