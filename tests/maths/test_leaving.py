"""Surges of exits, drawn from seeds."""

from __future__ import annotations

import numpy as np
import pytest

from qoe_agent.maths.leaving import SLOT, Excess, Leaving

USUAL = 0.0007
"""Exits a second of somebody who has watched for a minute (Puffer, NSDI 2020: 5 to 10 minutes)."""


def watch(seed: int, minutes: float, viewers: float, *, bursts: float = 0.0, at: float = 1e9, times: float = 1.0,
          lasts: float = 30.0) -> list[tuple[float, Excess | None]]:  # fmt: skip
    """Whether there is a surge, slot by slot; from `at` exits are so many `times` as frequent. Between bursts of the
    programme the rate wanders (AR(1), of the logarithm)."""
    random, leaving, mood = np.random.default_rng(seed), Leaving(), 0.0
    found = []
    for n in range(round(minutes * 60 / SLOT)):
        now = n * SLOT
        mood = 0.8 * mood + bursts * 0.6 * random.normal()
        rate = USUAL * np.exp(mood) * (times if at <= now < at + lasts else 1.0)
        leaving.slot(now, viewers * SLOT, float(random.poisson(viewers * SLOT * rate)))
        found.append((now, leaving.surge()))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_surge_is_seen_at_once_and_is_over_soon(seed: int) -> None:
    found = watch(seed, 40, 5000, bursts=0.3, at=1800.0, times=10.0)
    surges = [(at, one) for at, one in found if one]
    assert 1800.0 <= surges[0][0] <= 1820.0
    assert surges[-1][0] <= 1800.0 + 30.0 + 30.0
    assert surges[-1][1] is not None
    assert surges[-1][1].exits > 3 * surges[-1][1].expected


@pytest.mark.parametrize("bursts", [0.0, 0.3])
@pytest.mark.parametrize("viewers", [30, 300, 5000])
def test_nothing_is_made_of_chance_or_of_what_the_programme_does(viewers: float, bursts: float) -> None:
    """Ten hours."""
    assert [one for _, one in watch(3, 600, viewers, bursts=bursts) if one] == []


def test_of_a_few_viewers_nothing_is_said() -> None:
    assert [one for _, one in watch(1, 40, 15, at=1800.0, times=100.0) if one] == []


def test_before_ten_minutes_are_known_nothing_is_said() -> None:
    assert [one for _, one in watch(1, 9, 5000, at=300.0, times=10.0) if one] == []


def test_an_earlier_surge_does_not_hide_the_next() -> None:
    leaving = Leaving()
    found = []
    for n in range(300):
        exits = 60.0 if n in (150, 151, 200, 201) else 3.0 + n % 3
        leaving.slot(n * SLOT, 5000 * SLOT, exits)
        found.append(leaving.surge())
    assert [n for n, one in enumerate(found) if one and not found[n - 1]] == [150, 200]


def test_after_a_hole_the_past_is_learnt_anew() -> None:
    leaving = Leaving()
    for n in range(100):
        leaving.slot(n * SLOT, 50_000.0, 3.0)
    leaving.slot(5000.0, 50_000.0, 300.0)
    assert leaving.surge() is None


def test_where_nobody_ever_left_an_exodus_is_still_one() -> None:
    leaving = Leaving()
    for n in range(100):
        leaving.slot(n * SLOT, 1000.0, 0.0)
    leaving.slot(1000.0, 1000.0, 40.0)
    surge = leaving.surge()
    assert surge is not None
    assert surge.expected < 0.1
