"""How far off two live outputs are laid on each other by content, over random lags, drifts, jumps and faults.

Run: python -m tests.accuracy.live_laying [CASES [KIND…]]
The programme of live_encodes.py as fingerprints; one output keeps its frame rate, the other has one of its own, other
levels, coding noise, lost and frozen pictures, a latency that differs by up to 20 s either way, a clock that drifts,
jumps, or begins anew (a reconnect after 6 s without anything). Each case is watched for 100 s. `wrong`: parts of a
second that are laid more than 100 ms off, of those that count in the end; `at once`: of those that had been looked at
when they were the latest; `unknown`: parts of a second that the other output showed and that are left out, after it was
laid first.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from qoe_agent.compare.live.laying import Laying
from qoe_agent.compare.live.taking import Shown, Taken
from qoe_agent.ring import Budget
from tests.accuracy.live_encodes import FPS, programme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Prints = NDArray[np.uint8]
    Floats = NDArray[np.float64]

SECONDS, WATCHED, LIMIT = 170, 100, 0.1
EPOCH = 15.0
"""Seconds of media time that only a new timeline leaps."""
KINDS = ("plain", "100 ppm", "1 %", "jump", "reconnect", "rate", "faults", "still", "loop")
RATES = (25.0, 50.0, 30.0, 12.5, 23.976)


@dataclass(frozen=True)
class Output:
    """Pictures in order: when they are shown by the source, by their own clock, and when they arrive."""

    source: Floats
    media: Floats
    arrival: Floats
    prints: Prints


def fingerprints(seed: int) -> Prints:
    """Of the programme, (pictures, 18, 32)."""
    return np.stack([
        cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (32, 18), interpolation=cv2.INTER_AREA)
        for image in programme(SECONDS, seed)
    ])  # fmt: skip


def output(prints: Prints, latency: float, join: float, rng: np.random.Generator, kind: str, *, other: bool) -> Output:
    """One output from when it was joined."""
    rate = float(rng.choice(RATES)) if other and kind == "rate" else FPS
    source = np.arange(max(0.0, join - latency - 1.0) + rng.uniform(0, 0.04), SECONDS - 1, 1 / rate)
    shown = (source * FPS).astype(int)
    if other and kind == "faults":
        for _ in range(4):
            start = int(rng.integers(len(shown)))
            shown[start : start + int(rng.integers(5, 60))] = shown[start]
        kept = rng.random(len(shown)) > 0.03
        source, shown = source[kept], shown[kept]
    drift = {"100 ppm": 1e-4, "1 %": 0.01}.get(kind, 0.0) if other else 0.0
    media = (source - source[0]) * (1.0 + drift)
    if other and kind == "jump":
        media[source > join + 45.0] += float(rng.choice([-3.0, -0.8, 0.6, 2.5, 7.0]))
        if media[np.searchsorted(source, join + 45.0)] < media[np.searchsorted(source, join + 45.0) - 1]:
            kept = (source <= join + 45.0) | (media > media[source <= join + 45.0].max())
            source, media, shown = source[kept], media[kept], shown[kept]
    if other and kind == "reconnect":
        kept = (source <= join + 45.0) | (source > join + 51.0)
        source, media, shown = source[kept], media[kept], shown[kept]
        media[source > join + 51.0] += 20.0 + rng.uniform(0.0, 5.0)
    gain, noise = (rng.uniform(0.86, 1.0), rng.uniform(0.3, 2.0)) if other else (1.0, 0.3)
    coded = gain * prints[shown] + (16 if other and gain < 0.9 else 0) + rng.normal(0, noise, (len(shown), 18, 32))
    return Output(source, media, source + latency, np.clip(np.rint(coded), 0, 255).astype(np.uint8))


@dataclass
class Found:
    """What came of one case."""

    first: float | None = None
    """Seconds until it was laid."""
    errors: Floats | None = None
    """Seconds, of every part that counts at the end; NaN: unknown."""
    wrong: int = 0
    """Of the latest that was looked at, once a second."""
    looks: int = 0
    last: bool = False
    """Whether it is laid at the end."""


def case(prints: Prints, kind: str, rng: np.random.Generator) -> Found:
    """One pair, watched."""
    difference = float(rng.uniform(-20, 20))
    latencies = 3.0 + max(0.0, -difference), 3.0 + max(0.0, difference)
    join = 25.0
    if kind == "still":
        prints = prints.copy()
        prints[int((join + 40) * FPS) : int((join + 65) * FPS)] = prints[int((join + 40) * FPS)]
    if kind == "loop":
        part = prints[: 8 * FPS]
        prints = np.concatenate([part] * (len(prints) // len(part) + 1))[: len(prints)]
    sides = [output(prints, late, join, rng, kind, other=n > 0) for n, late in enumerate(latencies)]
    taken = [Taken(str(n), Budget(1 << 20).ring()) for n in range(2)]
    laying, found, given = Laying(taken), Found(), [0, 0]
    for wall in range(int(join), int(join) + WATCHED):
        for n, (side, one) in enumerate(zip(sides, taken, strict=True)):
            upto = int(np.searchsorted(side.arrival, wall))
            for k in range(given[n], upto):
                if k and side.media[k] - side.media[k - 1] > EPOCH:
                    one.epoch, one.begun = one.epoch + 1, float(side.media[k])
                one.shown.append(Shown(float(side.media[k]), side.prints[k], None))
                one.newest = max(one.newest, float(side.media[k]))
            given[n] = upto
            while one.shown and one.shown[0].media < one.newest - 120.0:
                one.shown.popleft()
        if min(given) > 2:
            laying.step()
            _look(laying, sides, wall - join, found)
    found.last = laying.ready and not laying.laid[1].lost
    if laying.ready:
        _judge(laying, sides, given, found)
    return found


def _off(laying: Laying, sides: list[Output], which: NDArray[np.int_]) -> Floats:
    """By how much pictures of the other are laid wrong; NaN: it is not known where they lie."""
    one, other = sides
    return np.asarray(np.abs(laying.laid[1].source(other.media[which]) - (other.source[which] - one.source[0])))


def _look(laying: Laying, sides: list[Output], since: float, found: Found) -> None:
    """At the latest part that is thought to be sure."""
    if not laying.ready or laying.laid[1].lost:
        return
    found.first = since if found.first is None else found.first
    at = np.searchsorted(sides[1].media, laying.laid[1].until, "right") - 1
    found.looks += 1
    found.wrong += int((_off(laying, sides, np.array([at])) > LIMIT).sum())


def _judge(laying: Laying, sides: list[Output], given: list[int], found: Found) -> None:
    """All that counts at the end, four times a second."""
    one, other = sides
    upto = min(given[1], int(np.searchsorted(other.media, laying.laid[1].until, "right")))
    shown = np.arange(int(np.searchsorted(other.source, one.source[0])), upto)
    kept = shown[:: max(1, round(0.25 / float(np.median(np.diff(other.source)))))]
    found.errors = _off(laying, sides, kept)


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print a row a kind."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rng = np.random.default_rng(5)
    worlds = [fingerprints(seed) for seed in (1, 2)]
    say(f"{cases} cases a kind, {WATCHED} s each, latencies that differ by up to 20 s")
    say("kind       ever  at end  after s  median ms  99 % ms   wrong  at once  unknown  cases with any wrong")
    for kind in sys.argv[2:] or KINDS:
        found = [case(worlds[n % len(worlds)], kind, rng) for n in range(cases)]
        laid = [each.first for each in found if each.first is not None]
        parts = np.concatenate([np.empty(0), *(each.errors for each in found if each.errors is not None)])
        known = parts[np.isfinite(parts)] * 1000
        known = known if len(known) else np.array([np.nan])
        looks = sum(each.wrong for each in found) / max(1, sum(each.looks for each in found))
        cases_wrong = sum(each.errors is not None and bool((each.errors > LIMIT).any()) for each in found)
        say(
            f"{kind:9} {len(laid) / cases:5.0%} {sum(each.last for each in found) / cases:7.0%} "
            f"{np.median(laid) if laid else np.nan:8.0f} {np.median(known):10.1f} {np.quantile(known, 0.99):8.1f} "
            f"{np.mean(known > 1000 * LIMIT):7.2%} {looks:8.2%} {np.isnan(parts).mean() if len(parts) else 0:8.2%} "
            f"{cases_wrong:8} / {cases}"
        )


if __name__ == "__main__":
    main()
