"""How far off two live outputs are laid on each other by content, over random lags, drifts, jumps and faults.

Run: python -m tests.accuracy.live_laying [CASES]
The programme of live_encodes.py as fingerprints; one output keeps its frame rate, the other has one of its own, other
levels, coding noise, lost and frozen pictures, a latency that differs by up to 20 s either way, and a clock that drifts
or jumps. Each case is watched for 100 s; once a second the place of the other's latest pictures is compared with the
truth. `wrong`: more than 100 ms off, later than 12 s after a jump, while the alignment says that it is known.
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

SECONDS, WATCHED, SETTLE, LIMIT = 170, 100, 12.0, 0.1
KINDS = ("plain", "100 ppm", "1 %", "jump", "rate", "faults", "still", "loop")
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
    gain, noise = (rng.uniform(0.86, 1.0), rng.uniform(0.3, 2.0)) if other else (1.0, 0.3)
    coded = gain * prints[shown] + (16 if other and gain < 0.9 else 0) + rng.normal(0, noise, (len(shown), 18, 32))
    return Output(source, media, source + latency, np.clip(np.rint(coded), 0, 255).astype(np.uint8))


@dataclass
class Found:
    """What came of one case."""

    first: float | None
    """Seconds until it was laid."""
    errors: list[float]
    """Seconds, once a second, but after jumps."""
    wrong: int
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
    laying, found, given = Laying(taken), Found(None, [], 0), [0, 0]
    for wall in range(int(join), int(join) + WATCHED):
        for n, (side, one) in enumerate(zip(sides, taken, strict=True)):
            upto = int(np.searchsorted(side.arrival, wall))
            for k in range(given[n], upto):
                one.shown.append(Shown(float(side.media[k]), side.prints[k], None))
                one.newest = max(one.newest, float(side.media[k]))
            given[n] = upto
            while one.shown and one.shown[0].media < one.newest - 120.0:
                one.shown.popleft()
        if min(given) > 2:
            laying.step()
            _judge(laying, sides, given, wall - join, kind, found)
    found.last = laying.ready
    return found


def _judge(laying: Laying, sides: list[Output], given: list[int], since: float, kind: str, found: Found) -> None:
    if not laying.ready:
        return
    found.first = since if found.first is None else found.first
    one, other = sides
    upto = int(np.searchsorted(other.source, one.source[given[0] - 1])) if given[0] else 0
    at = min(given[1], upto) - 1
    jumped = kind == "jump" and 45.0 <= other.source[max(at, 0)] - 25.0 <= 45.0 + SETTLE
    if at < 0 or jumped:
        return
    truth = other.source[at] - one.source[0]
    error = abs(float(laying.laid[1].source(np.array([other.media[at]]))[0]) - truth)
    found.errors.append(error)
    found.wrong += error > LIMIT


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
    say("kind      ever  at end  after s  median ms  99 % ms  wrong seconds  cases with any")
    for kind in KINDS:
        found = [case(worlds[n % len(worlds)], kind, rng) for n in range(cases)]
        laid = [each for each in found if each.first is not None]
        errors = np.array([error for each in laid for error in each.errors]) * 1000 if laid else np.array([np.nan])
        after = float(np.median([each.first for each in laid])) if laid else float("nan")
        ends = sum(each.last for each in found) / cases
        wrong = sum(each.wrong for each in found) / max(1, sum(len(each.errors) for each in found))
        say(
            f"{kind:8} {len(laid) / len(found):5.0%} {ends:7.0%} {after:8.0f} {np.median(errors):10.1f} "
            f"{np.quantile(errors, 0.99):8.1f} {wrong:14.2%} {sum(each.wrong > 0 for each in found):12} / {cases}"
        )


if __name__ == "__main__":
    main()
