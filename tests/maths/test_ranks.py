"""Ranks of the last values, kept as they come and go."""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np

from qoe_agent.maths.ranks import Ranks


def test_median_and_shares_are_those_of_the_last_values() -> None:
    random, last, ranks = np.random.default_rng(0), deque[float](maxlen=7), Ranks(7)
    for value in random.integers(0, 9, 100).tolist():  # small: many are equal
        last.append(value)
        ranks.add(value)
        assert len(ranks) == len(last)
        assert ranks.median == median(last)
        assert ranks.at(0.3) == sorted(last)[int(0.3 * len(last))]


def test_the_oldest_is_dropped_and_of_none_the_median_is_nothing() -> None:
    ranks = Ranks()
    for value in (5.0, 1.0, 3.0):
        ranks.add(value)
    ranks.drop()
    assert ranks.median == 2.0
    ranks.clear()
    assert (ranks.median, ranks.at(0.5), len(ranks)) == (0.0, 0.0, 0)
