"""Clock arithmetic against exchanges whose truth is known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.clocks import KEPT, PHI, Answer, Filter, exchange

delays = st.floats(0, 2)


@given(st.floats(-1e6, 1e6), delays, delays, delays)
def test_the_error_is_at_most_half_the_delay(ahead: float, there: float, thinking: float, back: float) -> None:
    """RFC 5905 §8, and METHODS: |error| ≤ delay / 2, whatever the ways there and back take."""
    sent = 1000.0
    received = sent + there + ahead
    replied = received + thinking
    returned = sent + there + thinking + back
    offset, delay = exchange(sent, received, replied, returned)
    assert delay == pytest.approx(there + back, abs=1e-6)
    assert abs(offset - ahead) <= delay / 2 + 1e-6


def test_the_closest_of_the_last_eight_counts_until_it_is_old() -> None:
    best = Filter(600.0)
    assert best.best(0.0) is None
    best.add(Answer(0.0, 5.001, 0.001))
    for n in range(1, KEPT):
        best.add(Answer(60.0 * n, 5.0 + n / 100, 0.03))
    assert best.best(420.0) == pytest.approx((5.001, 0.001 + PHI * 420))
    best.add(Answer(480.0, 5.02, 0.02))
    assert best.best(480.0) == pytest.approx((5.02, 0.02)), "the ninth answer pushes the first out"
    assert best.best(1081.0) is None


@pytest.mark.parametrize("seed", range(20))
def test_whole_seconds_narrow_one_another_down(seed: int) -> None:
    """Date headers: each says the time to a second; the truth is within what all of them allow."""
    chance, truth, best = random.Random(seed), 12.345, Filter(600.0, coarse=True)
    for n in range(KEPT):
        at = 100.0 + 10 * n + chance.random()
        told = (at + truth) // 1
        best.add(Answer(at, told + 0.5 - at, 0.5))
        found = best.best(at)
        assert found is not None
        assert abs(found[0] - truth) <= found[1] + 1e-9
    assert found is not None
    assert found[1] < 0.3


def test_a_server_whose_clock_was_set_is_followed() -> None:
    best = Filter(600.0, coarse=True)
    best.add(Answer(0.0, 5.0, 0.5))
    best.add(Answer(1.0, 9.0, 0.5))
    assert best.best(1.0) == pytest.approx((9.0, 0.5))
