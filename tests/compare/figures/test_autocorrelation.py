"""Means of seconds that resemble their neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, t

from qoe_agent.compare.figures.autocorrelation import mean, reach, tossed, weighed
from qoe_agent.compare.figures.blocks import MOST, Blocks, Events
from qoe_agent.maths.families import holm


def walk(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    shocks = rng.standard_normal(n + 200)
    found = np.zeros(n + 200)
    for k in range(1, n + 200):
        found[k] = rho * found[k - 1] + shocks[k]
    return found[200:]


def test_seconds_that_resemble_each_other_are_worth_what_autoregression_says() -> None:
    rng = np.random.default_rng(1)
    found = [mean(walk(rng, 2000, 0.6)) for _ in range(20)]
    assert np.median([each.rho for each in found]) == pytest.approx(0.6, abs=0.03)
    assert np.median([each.effective for each in found]) == pytest.approx(2000 * 0.4 / 1.6, rel=0.3)


def test_a_short_series_is_corrected_for_what_its_own_mean_hides() -> None:
    rng = np.random.default_rng(2)
    assert np.mean([mean(walk(rng, 60, 0.5)).rho for _ in range(150)]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_intervals_cover(rho: float) -> None:
    rng = np.random.default_rng(3)
    ends = [mean(walk(rng, 120, rho)).interval() for _ in range(200)]
    assert 0.92 <= np.mean([low <= 0.0 <= high for low, high in ends]) <= 1.0


def test_an_interval_is_no_narrower_than_students() -> None:
    values = np.random.default_rng(4).standard_normal(120)
    low, high = mean(values).interval()
    assert high - low >= 2 * t.ppf(0.975, 119) * values.std(ddof=1) / np.sqrt(120) * 0.999


def test_scenes_that_last_are_not_taken_for_differences() -> None:
    rng = np.random.default_rng(5)
    told = [mean(np.repeat(rng.standard_normal(10), 12) + rng.standard_normal(120)) for _ in range(200)]
    assert np.mean([each.p() <= 0.05 for each in told]) <= 0.1, "autoregression alone has 0.24"
    assert np.median([each.effective for each in told]) < 25


def test_a_day_is_kept_in_the_room_of_minutes() -> None:
    values, kept = walk(np.random.default_rng(8), 20_000, 0.6), Blocks()
    for number, value in enumerate(values.tolist()):
        kept.add(number, value)
    found = weighed(kept)
    assert len(kept.sums) <= MOST
    assert found.value == pytest.approx(values.mean())
    assert 0.4 < found.effective / (20_000 * 0.4 / 1.6) < 1.3
    copy = kept.copy()
    copy.add(20_000, 1e9)
    assert weighed(kept) is not None
    assert kept.n == 20_000


def test_samples_are_as_good_as_their_steps() -> None:
    values = np.full(300, np.nan)
    values[::10] = np.random.default_rng(9).standard_normal(30)
    values[1::10] = values[::10]
    found = mean(values)
    assert found.n == 60
    assert 10 < found.effective <= 30, "two seconds beside each other tell the same"


def test_an_hour_without_values_is_no_hour() -> None:
    kept = Blocks()
    for number in (*range(60), *range(4000, 4060)):
        kept.add(number, float(number % 7))
    assert kept.step == 1


def test_gaps_count_for_time() -> None:
    rng = np.random.default_rng(6)
    values = walk(rng, 400, 0.8)
    thin = values.copy()
    thin[1::2] = np.nan
    assert mean(thin).n == 200
    assert mean(thin).rho == pytest.approx(0.8**2, abs=0.15)
    assert mean(thin).effective < 100


def test_what_is_constant_has_no_error() -> None:
    found = mean(np.full(30, 2.0))
    assert found.constant
    assert found.interval() == (2.0, 2.0)
    assert found.p() == 0.0
    assert found.enough


def test_three_seconds_say_nothing() -> None:
    found = mean(np.array([1.0, 2.0, np.nan, 3.0]))
    assert (found.n, found.p(), found.enough) == (3, 1.0, False)


def test_what_may_be_looked_at_at_any_time_is_wider() -> None:
    values = np.random.default_rng(7).standard_normal(120) + 0.3
    found = mean(values)
    assert found.p(always=True) > found.p()
    assert found.interval(always=True)[0] < found.interval()[0]
    assert reach(60.0) == pytest.approx(2.9, abs=0.3)  # half as wide again as 1.96, where it is narrowest


def test_events_close_together_are_one() -> None:
    found = Events()
    for number in range(60):
        found.add(number, float(number in (3, 4, 7, 30, 50)))
    assert found.count == 3
    assert found.copy().count == 3


@pytest.mark.parametrize(("a", "b"), [(0, 5), (0, 6), (3, 9), (4, 4), (12, 1)])
def test_events_are_told_by_the_binomial_test(a: int, b: int) -> None:
    assert tossed(a, b) == pytest.approx(binomtest(a, a + b, 0.5).pvalue)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
