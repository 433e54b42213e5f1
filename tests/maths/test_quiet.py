"""Silent runs against a search by hand, sample by sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.quiet import quiet_runs

LEVEL = 0.001
pieces = st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0.0, 5e-4, 0.5])), min_size=1, max_size=8)


@given(pieces, st.integers(1, 2))
def test_runs_are_those_of_a_slow_search(parts: list[tuple[int, float]], channels: int) -> None:
    least = 10
    samples = np.concatenate([np.full((channels, n), level, np.float32) for n, level in parts], axis=1)
    peak, runs = quiet_runs(samples, LEVEL, least)
    assert peak == pytest.approx(max(level for _, level in parts))
    found = [any(start <= n < end for start, end, _ in runs) for n in range(samples.shape[1])]
    assert found == _slow(samples, least)
    for start, end, level in runs:
        assert (level == 0.0) == (not samples[:, start:end].any())
    assert all(a[1] <= b[0] for a, b in pairwise(runs))


def _slow(samples: np.ndarray[tuple[int, int], np.dtype[np.float32]], least: int) -> list[bool]:
    """Which samples lie in runs of quiet that are long enough or touch an edge."""
    quiet = [bool((np.abs(samples[:, n]) < LEVEL).all()) for n in range(samples.shape[1])]
    marked, n = [False] * len(quiet), 0
    while n < len(quiet):
        end = n
        while end < len(quiet) and quiet[end]:
            end += 1
        if end - n >= least or (end > n and (n == 0 or end == len(quiet))):
            marked[n:end] = [True] * (end - n)
        n = max(end, n + 1)
    return marked


def test_digital_and_quiet_parts_are_told_apart() -> None:
    samples = np.zeros((2, 300), np.float32)
    samples[1, 100:200] = 1e-30  # squares to nothing, and is not nothing
    _, runs = quiet_runs(samples, LEVEL, 50)
    assert [(start, end, level > 0) for start, end, level in runs] == [
        (0, 100, False),
        (100, 200, True),
        (200, 300, False),
    ]


def test_nothing_is_no_run() -> None:
    assert quiet_runs(np.zeros((2, 0), np.float32), LEVEL, 50) == (0.0, [])
