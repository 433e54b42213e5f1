"""How often the interval of a pair covers the truth: clips of few and many scenes, of even and of skewed differences.

Run: python -m tests.accuracy.pair_intervals
Each clip is drawn anew: scenes of 12 frames and more (lognormal around 90), each with a difference of its own about the
true one (normal, t with 5 degrees, or exponential: a few scenes where the encodes differ much) and noise of frames.
"""

from __future__ import annotations

import sys

import numpy as np

from qoe_agent.compare.figures.pairs import Draws, difference

TRUTH, SPREAD, RUNS = 0.8, 1.2, 1000
SHAPES = {
    "normal": lambda rng, many: rng.standard_normal(many),
    "t(5)": lambda rng, many: rng.standard_t(5, many) / np.sqrt(5 / 3),
    "skewed": lambda rng, many: rng.exponential(1.0, many) - 1.0,
}


def covered(shape: str, scenes: int, rng: np.random.Generator) -> tuple[float, float]:
    """Share of clips whose interval has the truth in it, and the median width."""
    hits, widths = 0, []
    for _ in range(RUNS):
        frames = np.maximum(12, rng.lognormal(np.log(90), 0.7, scenes)).astype(int)
        scene = np.repeat(np.arange(scenes), frames)
        a = 85 + rng.standard_normal(len(scene))
        b = a + TRUTH + SPREAD * SHAPES[shape](rng, scenes)[scene] + 0.5 * rng.standard_normal(len(scene))
        found = difference("vmaf[v1]", a, b, scene, Draws(rng))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= TRUTH <= found.high
        widths.append(found.high - found.low)
    return hits / RUNS, float(np.median(widths))


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    say(f"{RUNS} clips each, difference {TRUTH}, standard deviation between scenes {SPREAD}")
    say("scenes  " + "  ".join(f"{shape:>16}" for shape in SHAPES))
    for scenes in (6, 8, 10, 15, 30, 60):
        cells = [covered(shape, scenes, rng) for shape in SHAPES]
        say(f"{scenes:6}  " + "  ".join(f"{share:8.1%} w {width:4.2f} " for share, width in cells))


if __name__ == "__main__":
    main()
