"""What does harm again and again is left alone, longer each time, and forgiven in the end."""

from __future__ import annotations

from qoe_agent.maths.strikes import AGE, CLEAN, TERMS, Strikes


def test_two_strikes_begin_a_term() -> None:
    strikes = Strikes()
    assert not strikes.strike(100.0)
    assert not strikes.barred(100.0)
    assert strikes.strike(130.0)
    assert strikes.until == 130.0 + TERMS[0]
    assert strikes.barred(130.0)
    assert strikes.barred(129.0 + TERMS[0])
    assert not strikes.barred(130.0 + TERMS[0])


def test_strikes_far_apart_are_forgotten() -> None:
    strikes = Strikes()
    assert not strikes.strike(0.0)
    assert not strikes.strike(AGE)
    assert strikes.strike(AGE + 1.0)


def test_one_of_several_suspects_takes_more_to_be_barred() -> None:
    strikes = Strikes()
    assert [strikes.strike(float(n), 0.5) for n in range(4)] == [False, False, False, True]


def test_after_a_term_a_single_strike_brings_the_next_which_is_longer() -> None:
    strikes, at = Strikes(), 0.0
    strikes.strike(at)
    for term in (*TERMS, TERMS[-1]):
        assert strikes.strike(at)
        assert strikes.until == at + term
        at += term + 60.0


def test_it_is_clean_long_after_its_term_and_at_once_when_a_lone_strike_has_aged() -> None:
    strikes = Strikes()
    assert strikes.clean(0.0)
    strikes.strike(0.0)
    assert not strikes.clean(AGE - 1.0)
    assert strikes.clean(AGE)
    strikes.strike(AGE - 1.0)
    assert not strikes.clean(AGE + TERMS[0] + 1.0)
    assert strikes.clean(AGE + TERMS[0] + CLEAN)
