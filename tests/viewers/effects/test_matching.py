"""Pairs: exact sign test against scipy, net outcome by hand, intervals against draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qoe_agent.viewers.effects.balance import kish
from qoe_agent.viewers.effects.matching import matched, net_outcome, sign_test, weights
from tests.viewers.effects.unassigned import made

ONE = (("all", "unknown"),)


@pytest.mark.parametrize(
    ("wins", "losses"), [(110, 12), (12, 110), (5, 5), (0, 9), (1, 0), (0, 0), (501_000, 499_000), (60_000, 50_000)]
)
def test_sign_test_is_exact(wins: int, losses: int) -> None:
    known = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(known, rel=1e-9)


def test_net_outcome_counts_ties_and_the_sign_test_does_not() -> None:
    net, low, high = net_outcome(60, 40, 100)
    assert net == pytest.approx(0.1)
    assert low < 0.1 < high
    assert sign_test(60, 40) == pytest.approx(stats.binomtest(60, 100).pvalue)


def test_net_outcomes_interval_holds_the_truth() -> None:
    draws = np.random.default_rng(5).multinomial(900, (0.35, 0.25, 0.40), 2000)
    held = [low <= 0.1 <= high for _, low, high in (net_outcome(*map(int, each)) for each in draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_pairs_are_as_many_as_the_smaller_arm_of_each_cell() -> None:
    count = np.array([[10.0, 4.0], [3.0, 9.0], [5.0, 0.0]])
    assert (weights(count) * count).tolist() == [[4.0, 4.0], [3.0, 3.0], [0.0, 0.0]]


def test_a_comparison_says_what_it_rests_on() -> None:
    told = matched(made([[122, 244]], [[1.0, 1.0]], [[0]], ONE, wins=(110, 12, 0)))
    assert told.estimate == pytest.approx(98 / 122)
    assert told.effective == 122
    assert told.used == 0.5
    assert told.gamma is not None
    assert 5.0 < told.gamma < 6.0
    assert told.e_value is None


def test_without_pairs_nothing_is_told() -> None:
    told = matched(made([[5, 0], [0, 5]], [[1, 0], [0, 1]], [[0], [1]], (("a", "b"),)))
    assert told.estimate is None
    assert told.p is None
    assert told.used == 0.0


def test_kish_counts_what_unequal_weights_are_worth() -> None:
    """Weights 1, 1, 2 are worth (1 + 1 + 2)^2 / (1 + 1 + 4) sessions (Kish, Survey Sampling, 1965, 11.7)."""
    count, weighted = np.array([[2.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])
    assert kish(count, weighted) == pytest.approx(16 / 6)
    assert kish(count, np.full((2, 2), 3.0)) == pytest.approx(3.0)
