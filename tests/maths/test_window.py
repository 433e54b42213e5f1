"""Peaks, floors and slopes against the same computed the slow way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qoe_agent.maths.window import Floor, Peak, slope

steps = st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.04, 0.3, 2.0]), st.integers(0, 1000)), min_size=1, max_size=80)


@given(steps)
def test_peak_is_the_most_in_any_second(packets: list[tuple[float, int]]) -> None:
    peak, time, seen = Peak(), 0.0, []
    for step, size in packets:
        time += step
        seen.append((time, size))
        peak.add(time, size)
    begin, end = seen[0][0], seen[-1][0]
    recent = [last for last, _ in seen if int(last - begin) > int(end - begin) - 60]
    best = max(sum(size for at, size in seen if last - 0.998 < at <= last) for last in recent)
    assert peak.value == (best if end - begin >= 1.0 else None)


def test_a_peak_does_not_span_a_new_timeline() -> None:
    peak = Peak()
    for time in (0.0, 0.5, 1.0, 500.0, 500.1, 3.0, 3.1):
        peak.add(time, 100)
    assert peak.value == 200.0


def test_a_floor_forgets_what_lies_before_the_window() -> None:
    floor = Floor()
    for at in range(100):
        floor.add(float(at), 0.0 if at < 50 else float(at))
    assert floor.lowest(40.0) == 0.0
    assert floor.lowest(60.0) == 60.0
    assert floor.lowest(1000.0) is None


def test_a_slope_survives_outliers() -> None:
    points = [(float(n), 0.5 * n) for n in range(20)]
    points[7] = (7.0, 1e9)
    assert slope(points) == pytest.approx(0.5)
    assert slope([(1.0, 2.0)]) is None
    assert slope([(1.0, 2.0), (1.0, 3.0)]) is None
