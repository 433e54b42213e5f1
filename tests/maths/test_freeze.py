"""Freeze definitions against the texts they come from."""

from __future__ import annotations

import pytest

from qoe_agent.maths.freeze import ANALYTICS_600, EXCESS_600, SDK_500, W3C, Account, Gaps

FRAME = 1 / 30


def steady(count: int = 30, gap: float = FRAME) -> Gaps:
    gaps = Gaps()
    for _ in range(count):
        gaps.take(gap)
    return gaps


def verdict(gaps: Gaps, gap: float) -> dict[str, float]:
    return dict(gaps.judge(gap))


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (0.18, set()),
        (0.185, {W3C}),  # δ + 150 ms = 183 ms
        (0.5, {W3C}),  # Agora's SDK wants more than 500 ms
        (0.501, {W3C, SDK_500}),
        (0.6, {W3C, SDK_500, ANALYTICS_600}),  # Agora Analytics: 600 ms or more
        (0.7, {W3C, SDK_500, ANALYTICS_600, EXCESS_600}),
        (5.0, {W3C, SDK_500, ANALYTICS_600, EXCESS_600}),
        (5.1, {SDK_500, ANALYTICS_600, EXCESS_600}),  # W3C: a pause
    ],
)
def test_thresholds_at_30_frames_a_second(gap: float, expected: set[str]) -> None:
    assert set(verdict(steady(), gap)) == expected


def test_slow_video_freezes_at_three_times_its_own_pace_by_w3c() -> None:
    """δ = 150 ms: 3δ = 450 ms is more than δ + 150 ms = 300 ms."""
    assert verdict(steady(gap=0.15), 0.44) == {}
    assert set(verdict(steady(gap=0.15), 0.46)) == {W3C}


def test_w3c_needs_five_samples() -> None:
    assert W3C not in verdict(steady(4), 0.4)
    assert W3C in verdict(steady(5), 0.4)


def test_only_alibaba_counts_the_excess() -> None:
    assert verdict(steady(), 1.0) == {W3C: 1.0, SDK_500: 1.0, ANALYTICS_600: 1.0, EXCESS_600: pytest.approx(0.4)}


def test_slides_do_not_freeze_by_fixed_thresholds() -> None:
    assert verdict(steady(gap=1.0), 1.0) == {}


def test_a_moving_stream_stays_one_after_a_freeze() -> None:
    gaps = steady()
    gaps.take(8.0)
    assert SDK_500 in verdict(gaps, 0.7)


def test_the_first_gap_is_no_freeze() -> None:
    assert verdict(Gaps(), 3.0) == {}


def test_an_open_gap_counts_while_it_lasts_and_only_once() -> None:
    account = Account()
    for _ in range(10):
        account.close(FRAME)
    account.open(0.7)
    assert (ANALYTICS_600, 1, 0.7) in account.sums()
    account.open(1.7)
    account.close(2.0)
    sums = account.sums()
    assert {name: count for name, count, _ in sums} == {W3C: 1, SDK_500: 0, ANALYTICS_600: 0, EXCESS_600: 0}
    assert {name: seconds for name, _, seconds in sums} == pytest.approx(
        {W3C: 2.0, SDK_500: 1.3, ANALYTICS_600: 1.3, EXCESS_600: 1.3}
    )
