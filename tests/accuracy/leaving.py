"""How often `maths.leaving` cries wolf, and how small a surge it sees: `python -m tests.accuracy.leaving`, a minute."""

from __future__ import annotations

from itertools import pairwise

from typer import echo

from tests.maths.test_leaving import watch

SEEDS, HOURS = range(100, 106), 10
TRIES = 40


def main() -> None:
    """Print both."""
    echo(f"False surges in {len(SEEDS) * HOURS} hours:")
    for bursts in (0.0, 0.3, 0.5):
        for viewers in (30, 300, 5000):
            runs = [[one for _, one in watch(seed, 60 * HOURS, viewers, bursts=bursts)] for seed in SEEDS]
            pairs = [pair for run in runs for pair in pairwise(run)]
            begun = sum(one is not None and before is None for before, one in pairs)
            echo(f"  bursts {bursts}, {viewers} viewers: {begun}")
    echo(f"Of {TRIES} surges of 30 s, seen within 50 s (bursts 0.3):")
    for viewers in (100, 300, 1000, 5000):
        for times in (5, 10, 20):
            seen = 0
            for seed in range(500, 500 + TRIES):
                found = watch(seed, 36, viewers, bursts=0.3, at=1800.0, times=times)
                seen += any(one and 1800.0 <= at < 1850.0 for at, one in found)
            echo(f"  {viewers} viewers, {times} times as many exits: {seen}")


if __name__ == "__main__":
    main()
