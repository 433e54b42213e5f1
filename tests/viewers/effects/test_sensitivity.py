"""How strong hidden causes must be: published examples, and scipy's distributions."""

from __future__ import annotations

from math import sqrt

import pytest
from scipy import stats

from qoe_agent.viewers.effects.sensitivity import bound, e_value, e_value_limit, gamma


@pytest.mark.parametrize(
    ("ratio", "low", "high", "value", "limit"),
    [(3.9, 1.8, 8.7, 7.26, 3.00), (0.80, 0.71, 0.91, 1.81, 1.43)],
    ids=["formula feeding and deaths", "breast feeding and leukaemia"],
)
def test_e_values_of_vanderweele_and_ding(ratio: float, low: float, high: float, value: float, limit: float) -> None:
    """The examples of "Sensitivity analysis in observational research", Ann Intern Med 2017."""
    assert round(e_value(ratio), 2) == value
    assert round(e_value_limit(low, high), 2) == limit


def test_an_interval_that_holds_no_effect_needs_no_hidden_cause() -> None:
    assert e_value_limit(0.9, 1.4) == 1.0
    assert e_value(1.0) == 1.0


def test_e_values_are_the_same_for_a_ratio_and_its_inverse() -> None:
    assert e_value(0.25) == pytest.approx(e_value(4.0))


@pytest.mark.parametrize(("factor", "published", "rounded"), [(4, 0.0036, 1e-4), (5, 0.03, 5e-3), (6, 0.1, 5e-3)])
def test_bounds_of_rosenbaum_on_smoking_and_lung_cancer(factor: int, published: float, rounded: float) -> None:
    """Hammond's pairs in Rosenbaum's Observational Studies (2002), table 4.1: of 122 pairs in which one died the
    smoker did in 110. The book's figures are a normal distribution's with continuity correction; ours are exact."""
    share = factor / (1 + factor)
    normal = stats.norm.sf((109.5 - 122 * share) / sqrt(122 * share * (1 - share)))
    assert float(normal) == pytest.approx(published, abs=rounded)
    assert bound(110, 12, factor) == pytest.approx(stats.binom.sf(109, 122, share), rel=1e-12)
    assert bound(110, 12, factor) == pytest.approx(published, abs=0.007)


def test_gamma_is_where_p_passes_its_level() -> None:
    found = gamma(110, 12)
    assert 5.0 < found < 6.0
    assert 2 * bound(110, 12, found) == pytest.approx(0.05)
    assert gamma(12, 110) == found


def test_gamma_of_what_is_not_significant_is_one() -> None:
    assert gamma(52, 48) == 1.0
    assert gamma(0, 0) == 1.0
