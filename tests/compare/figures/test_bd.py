"""Bjøntegaard's averages, against figures published by others.

JCTVC_E137: curves of document JCTVC-E137 and what PCHIP, as in the sheet of the common test conditions, makes of them;
the figures are those that Netflix's libvmaf tests its own port by (python/test/bd_rate_calculator_test.py, to four
places). ANCHORS: the example of the `bjontegaard` package, which says that its PCHIP equals the sheet to ten places;
the cubic figure is what VCEG-M33's polynomials give. `bjontegaard` itself is the oracle on curves drawn at random.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qoe_agent.compare.figures import bd

Points = list[tuple[float, float]]

ANCHOR: Points = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
TEST: Points = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]
ANCHORS: dict[Any, float] = {"cubic": -4.420463, "pchip": -4.417485, "akima": -4.425245}
JCTVC_E137 = [
    (
        [(108048.8736, 43.6471), (61279.976, 40.3953), (33905.6656, 37.247), (18883.6928, 34.2911)],
        [(108061.2784, 43.6768), (61299.9936, 40.4232), (33928.7472, 37.2761), (18910.912, 34.3147)],
        -0.00465215420752807,
    ),
    (
        [(40433.8848, 37.5761), (7622.7456, 35.3756), (2394.488, 33.8977), (1017.6184, 32.0603)],
        [(40370.12, 37.5982), (7587.0024, 35.4025), (2390.0944, 33.9194), (1017.0984, 32.0822)],
        -0.018779823450567612,
    ),
]


@pytest.mark.parametrize(("method", "percent"), ANCHORS.items())
def test_published_example_comes_out_by_each_method(method: Any, percent: float) -> None:
    found = bd.bd_rate(ANCHOR, TEST, method=method)
    assert found.rate is not None
    assert 100 * found.rate == pytest.approx(percent, abs=5e-7)
    assert found.warnings == ()


@pytest.mark.parametrize(("anchor", "test", "ratio"), JCTVC_E137)
def test_figures_of_the_jct_vc_come_out(anchor: Points, test: Points, ratio: float) -> None:
    assert bd.bd_rate(anchor, test, method="pchip").rate == pytest.approx(ratio, abs=1e-12)


def drawn(rng: np.random.Generator, n: int) -> Points:
    rates = 4e5 * np.cumprod(rng.uniform(1.3, 2.2, n))
    qualities = rng.uniform(30, 33) + np.cumsum(rng.uniform(0.6, 3.0, n))
    return list(zip(rates.tolist(), qualities.tolist(), strict=True))


@pytest.mark.parametrize("method", ["akima", "pchip", "cubic"])
def test_another_implementation_finds_the_same_on_random_curves(method: Any) -> None:
    oracle = pytest.importorskip("bjontegaard")
    rng = np.random.default_rng(7)
    compared = 0
    for _ in range(30):
        n = 4 if method == "cubic" else int(rng.integers(4, 9))
        anchor, test = drawn(rng, n), drawn(rng, n)
        found = bd.bd_rate(anchor, test, method=method)
        if found.overlap < 0.2:
            continue
        columns = [column for points in (anchor, test) for column in zip(*points, strict=True)]
        kwargs = {"method": method, "require_matching_points": False, "min_overlap": 0}
        if method == "cubic":
            kwargs.pop("require_matching_points")
        assert found.rate is not None
        assert 100 * found.rate == pytest.approx(oracle.bd_rate(*columns, **kwargs), rel=1e-9, abs=1e-9)
        if found.quality is not None:
            assert found.quality == pytest.approx(oracle.bd_psnr(*columns, **kwargs), rel=1e-9, abs=1e-9)
        compared += 1
    assert compared > 15


def test_a_curve_against_itself_is_nothing_and_a_constant_ratio_is_found() -> None:
    half = [(rate / 2, quality) for rate, quality in ANCHOR]
    assert bd.bd_rate(ANCHOR, ANCHOR).rate == 0
    found = bd.bd_rate(ANCHOR, half)
    assert found.rate == pytest.approx(-0.5)
    assert found.overlap == 1
    assert [ratio for _, ratio in found.difference] == pytest.approx([-0.5] * bd.DRAWN)


def test_order_of_points_does_not_count() -> None:
    assert bd.bd_rate(ANCHOR[::-1], TEST) == bd.bd_rate(ANCHOR, TEST)


def test_points_that_pay_more_for_less_are_left_out_and_told() -> None:
    found = bd.bd_rate([*ANCHOR, (5000.0, 38.0), (9487.76, 39.9)], TEST)
    assert found.rate == pytest.approx(bd.bd_rate(ANCHOR, TEST).rate)
    assert found.warnings == ("anchor: 2 of 6 points left out, as less rate gives as much quality",)


def test_infinite_quality_is_left_out() -> None:
    found = bd.bd_rate([*ANCHOR, (90000.0, float("inf"))], TEST)
    assert found.rate == pytest.approx(bd.bd_rate(ANCHOR, TEST).rate)


def test_little_overlap_is_told_and_none_is_refused() -> None:
    shifted = [(rate, quality + 3) for rate, quality in TEST]
    little = bd.bd_rate(ANCHOR, shifted)
    assert little.rate is not None
    assert any("both cover only" in each for each in little.warnings)
    none = bd.bd_rate(ANCHOR, [(rate, quality + 9) for rate, quality in TEST])
    assert none.rate is None
    assert none.overlap == 0
    assert "nothing to compare at" in none.warnings[-1]


def test_too_few_points_are_refused_and_few_of_vmaf_told() -> None:
    few = bd.bd_rate(ANCHOR[:3], TEST)
    assert few.rate is None
    assert "too few points of a curve: 3" in few.warnings[-1]
    assert any("VMAF needs 5" in each for each in bd.bd_rate(ANCHOR, TEST, "vmaf[v1]").warnings)
    assert bd.bd_rate([], TEST).rate is None


def test_curves_that_cross_are_told() -> None:
    steep = [(rate, 38 + (quality - 38) * 1.3) for rate, quality in ANCHOR]
    found = bd.bd_rate(ANCHOR, steep)
    assert any("cross at" in each for each in found.warnings)


def test_where_a_metric_saturates_its_logarithm_gives_the_rest_its_weight() -> None:
    rates = np.array([1e6, 2e6, 4e6, 8e6, 16e6])
    quality = 100 - 30 / (rates / 1e6)
    anchor = list(zip(rates, quality, strict=True))
    half_at_top = list(zip(rates * np.linspace(1.0, 0.5, 5), quality, strict=True))
    plain = bd.bd_rate(anchor, half_at_top, "vmaf[v1]")
    logs = bd.bd_rate(anchor, half_at_top, "vmaf[v1]", ceiling=bd.ceiling_of("vmaf[v1]"))
    assert plain.rate is not None
    assert logs.rate is not None
    assert logs.rate < plain.rate - 0.05
    assert logs.difference[-1][0] == pytest.approx(quality[-1])
    assert logs.quality == pytest.approx(plain.quality, abs=0.5)
    told = bd.bd_rate([*anchor, (32e6, 100.0)], half_at_top, "vmaf[v1]", ceiling=100.0)
    assert told.rate == pytest.approx(logs.rate)
    assert "anchor: 1 points at the metric's ceiling left out" in told.warnings


def test_what_a_point_more_or_less_would_change_is_told() -> None:
    even = [(1e6 * 2**k, 60.0 + 6 * k) for k in range(6)]
    odd = [(rate * (0.6 if k == 3 else 0.8), quality) for k, (rate, quality) in enumerate(even)]
    assert bd.bd_rate(even, [(0.8 * rate, quality) for rate, quality in even]).spread == pytest.approx(0, abs=1e-9)
    unsure = bd.bd_rate(even, odd)
    assert unsure.spread is not None
    assert unsure.spread > 0.02
