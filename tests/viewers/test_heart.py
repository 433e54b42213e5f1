"""The Stanford heart transplants: the model says what Cox's says, and the naive figure calls a new heart a cure."""

from __future__ import annotations

import pytest

from tests.accuracy import heart

pytest.importorskip("lifelines", reason="it comes with what tests/engines.sh installs")


def test_the_patients_are_those_of_the_literature() -> None:
    """R, survival: coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, heart)."""
    beta, errors = heart.cox(heart.spells(), heart.published(heart.spells()))
    assert beta == pytest.approx([0.02717, -0.14635, -0.63721, -0.01025], abs=1e-4)
    assert errors[3] == pytest.approx(0.3138, abs=1e-4)


def test_a_state_that_comes_late_is_judged_as_by_cox_and_not_by_who_lived_to_see_it() -> None:
    found = heart.spells()
    beta, errors = heart.cox(found, heart.classed(found))
    told = heart.told(found)
    assert [*told] == ["transplant", "surgery"]
    for each, value, error in zip(told.values(), beta, errors, strict=False):
        assert each.value == pytest.approx(value, abs=0.25 * error)
        assert 0.9 * error < each.error < 1.3 * error, "of so few patients a jackknife's is the larger"
    assert told["transplant"].naive < -1.5
