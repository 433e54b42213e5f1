"""Verdicts: the first code of the order that applies, in a sentence that names no winner where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qoe_agent.viewers.effects.overstating import exaggeration
from qoe_agent.viewers.lift.shapes import Check, Estimate
from qoe_agent.viewers.lift.verdicts import Grounds, arms, capped, percent, verdict

TAIL = {"sd": (0.053, 0.52), "hd": (0.051, 0.54)}


def estimate(lift: float | None, low: float | None, high: float | None, p: float | None, least: float | None,
             **more: Any) -> Estimate:  # fmt: skip
    given: dict[str, Any] = {"cap": 9000.0, "minimum_detectable_effect": least, **more}
    treatment = given.pop("treatment", "hd")
    return Estimate("watch", "sd", treatment, lift, low, high, p, {"sd": 9, "hd": 9}, {}, **given)


def grounds(*figures: float | None, **more: Any) -> Grounds:
    return Grounds(estimate(*figures), tail=TAIL, beyond=9000.0)._replace(**more)  # type: ignore[arg-type]


SURE = (0.034, 0.029, 0.039, 1e-9, 0.0071)


def test_a_director_is_told_how_much_longer_how_sure_and_on_what_it_rests() -> None:
    uncapped = estimate(0.0468, 0.01, 0.08, 0.01, 0.05, cap=None)
    assert verdict(grounds(*SURE, uncapped=uncapped)) == (
        "better",
        "hd arm watched 3.4 % longer than sd, 95 % interval 2.9 to 3.9, capped at 2.5 h; the uncapped figure (+4.7 %) "
        "rests on 5 % of sessions.",
    )


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        ((0.034, 0.009, 0.058, 0.006, 0.035), "underpowered"),
        ((0.001, -0.034, 0.036, 0.9, 0.05), "underpowered"),
        (SURE, "better"),
        ((-0.034, -0.039, -0.029, 1e-9, 0.0071), "worse"),
        ((0.006, 0.001, 0.0099, 0.01, 0.0071), "better"),
        ((0.001, -0.004, 0.006, 0.7, 0.0071), "equivalent"),
        ((0.0065, -0.001, 0.012, 0.2, 0.0095), "inconclusive"),
        ((None, None, None, None, None), "underpowered"),
        ((0.034, None, None, None, None), "underpowered"),
    ],
)
def test_the_first_code_that_applies(figures: tuple[float | None, ...], code: str) -> None:
    assert verdict(grounds(*figures))[0] == code


def test_a_failed_check_forbids_any_figure() -> None:
    failed = Check("sample_ratio", "failed", "hd 9,000 of 10,000 expected", 1e-9, blocks=True)
    code, text = verdict(grounds(*SURE, checks=(failed,)))
    assert code == "blocked"
    assert text == "No verdict: arms are not of the sizes that they were to have: hd 9,000 of 10,000 expected."
    harmless = (failed._replace(blocks=False), failed._replace(state="notice"), failed._replace(state="not possible"))
    assert verdict(grounds(*SURE, checks=harmless))[0] == "better"


def test_too_few_is_not_none() -> None:
    _, text = verdict(grounds(0.02, -0.09, 0.14, 0.7, 0.17))
    assert text.startswith("Too few users to tell: hd arm watched 2.0 % longer than sd, but with a 95 % interval")
    assert "effects below 17.0 % would hardly show, and 1 % was to be seen" in text
    assert "no effect" not in text


def test_a_significant_lift_of_few_is_likely_exaggerated() -> None:
    _, text = verdict(grounds(0.034, 0.009, 0.058, 0.006, 0.035))
    assert text.startswith("hd arm watched 3.4 % longer than sd")
    assert "likely exaggerated: with so few users, if 1 % were true, what passes for significant would read 3" in text


def test_a_lift_many_times_what_could_be_seen_is_not_called_exaggerated() -> None:
    for figures in ((1.068, 1.01, 1.12, 1e-9, 0.038), (-0.5, -0.55, -0.45, 1e-9, 0.038)):
        code, text = verdict(grounds(*figures))
        assert code == "underpowered"
        assert "exaggerated" not in text
        assert text.endswith("; with so few users effects below 3.8 % would hardly show, and 1 % was to be seen.")
    assert "exaggerated" in verdict(grounds(-0.034, -0.058, -0.009, 0.006, 0.035))[1]


def test_a_fall_is_told_with_its_sign_and_a_small_sure_lift_as_small() -> None:
    code, text = verdict(grounds(-0.03, -0.034, -0.026, 1e-9, 0.0071))
    assert (code, text.partition(", capped")[0]) == (
        "worse", "hd arm watched 3.0 % shorter than sd (lift −3.0 %), 95 % interval −3.4 to −2.6")  # fmt: skip
    code, text = verdict(grounds(0.006, 0.001, 0.0099, 0.01, 0.0071))
    assert code == "better"
    assert ", capped at 2.5 h; that is less than the 1 % that was to matter; 5 % of sessions" in text
    assert "was to matter" not in verdict(grounds(*SURE))[1]


def test_what_is_not_as_registered_is_said() -> None:
    assert verdict(grounds(*SURE, departures=("cap", "control")))[1].endswith("; not as registered: cap, control.")
    failed = Check("sample_ratio", "failed", "9 of 10", 1e-9, blocks=True)
    blocked = verdict(grounds(*SURE, checks=(failed,), departures=("cap",)))
    assert blocked[1].endswith("9 of 10; not as registered: cap.")


def test_while_it_runs_the_always_valid_interval_decides() -> None:
    one = grounds(*SURE, running=(30_000, 50_000), decides=(-0.002, 0.07))
    code, text = verdict(one)
    assert code == "inconclusive"
    assert "95 % always-valid interval −0.2 to 7.0" in text
    assert text.endswith("; so far: 30,000 of 50,000 users are in.")
    assert verdict(one._replace(decides=(0.002, 0.07)))[0] == "better"


def test_guardrails_say_ship_or_hold() -> None:
    good = estimate(0.0, -0.005, 0.005, 0.9, 0.01, margin=-0.01, ship=True)
    bad = good._replace(metric="orders_per_hour", margin=-0.002, ship=False)
    assert verdict(grounds(*SURE, guardrails=(good,)))[1].endswith("; ship: its guardrail holds.")
    assert verdict(grounds(*SURE, guardrails=(good, bad)))[1].endswith(
        "; hold: not shown to keep within its margin: orders an hour (−0.2 %).")  # fmt: skip
    unknown = good._replace(lift=None, low=None, high=None, ship=None)
    assert "; hold: " in verdict(grounds(*SURE, guardrails=(unknown,)))[1]


def test_ship_is_said_only_of_what_is_no_worse() -> None:
    good = estimate(0.0, -0.005, 0.005, 0.9, 0.01, margin=-0.01, ship=True)
    bad = good._replace(margin=-0.002, ship=False)
    for figures in ((-0.034, -0.039, -0.029, 1e-9, 0.0071), (0.001, -0.034, 0.036, 0.9, 0.05),
                    (0.0065, -0.001, 0.012, 0.2, 0.0095)):  # fmt: skip
        held, broken = (verdict(grounds(*figures, guardrails=(each,)))[1] for each in (good, bad))
        assert held.endswith("; its guardrail holds.")
        assert broken.endswith("; not shown to keep within its margin: watch time (−0.2 %).")
        assert "ship" not in held
        assert "hold:" not in broken
    assert "; ship: " in verdict(grounds(0.001, -0.004, 0.006, 0.7, 0.0071, guardrails=(good,)))[1]


def test_what_is_significant_the_other_way_at_another_cap_is_said() -> None:
    good = estimate(0.0, -0.005, 0.005, 0.9, 0.01, margin=-0.01, ship=True)
    other = estimate(-0.085, -0.1, -0.07, 2e-14, 0.01, cap=3600.0, p_adjusted=1e-13)
    code, text = verdict(grounds(*SURE, caps=(other,), guardrails=(good,)))
    assert code == "better"
    assert "; but capped at 1 h the hd arm watched 8.5 % shorter (lift −8.5 %, −10.0 to −7.0)" in text
    assert text.endswith("; its guardrail holds.")
    for harmless in (other._replace(lift=0.085, low=0.07, high=0.1), other._replace(p_adjusted=0.2)):
        assert "; but" not in verdict(grounds(*SURE, caps=(harmless,)))[1]
    running = grounds(*SURE, running=(3, 5), decides=(0.02, 0.05), caps=(other._replace(always_valid=(-0.2, 0.1)),))
    assert "; but" not in verdict(running)[1]
    assert "always valid −12.0 to −5.0" in verdict(
        running._replace(caps=(other._replace(always_valid=(-0.12, -0.05)),)))[1]  # fmt: skip


def test_while_it_runs_other_treatments_have_always_valid_intervals_too() -> None:
    other = estimate(0.02, 0.001, 0.04, 0.001, 0.0071, treatment="uhd", p_adjusted=0.002, always_valid=(-0.01, 0.05))
    one = grounds(*SURE, running=(30_000, 50_000), decides=(0.002, 0.07), others=(other,))
    _, text = verdict(one)
    assert "95 % always-valid interval (over all arms) 0.2 to 7.0" in text
    assert "uhd arm watched 2.0 % longer (always valid −1.0 to 5.0), which chance alone may do" in text
    _, text = verdict(one._replace(others=(other._replace(always_valid=(0.003, 0.05), p_adjusted=0.2),)))
    assert "(always valid 0.3 to 5.0); so far" in text


def test_beyond_its_plan_the_always_valid_interval_decides() -> None:
    code, text = verdict(grounds(*SURE, decides=(-0.002, 0.07)))
    assert code == "inconclusive"
    assert "95 % always-valid interval" in text
    assert "so far" not in text


def test_what_passes_for_significant_is_by_the_interval_that_decides() -> None:
    """Of a wider interval, what passes is larger."""
    few = (0.06, 0.009, 0.113, 0.02, 0.07)
    told = [verdict(each)[1].partition("would read ")[2].partition(" %")[0]
            for each in (grounds(*few), grounds(*few, running=(9, 50), decides=(0.001, 0.122)))]  # fmt: skip
    error = (np.log1p(0.113) - np.log1p(0.009)) / 2 / 1.96
    drawn = np.random.default_rng(2).normal(np.log1p(0.01), error, 1_000_000)
    for text, reach in zip(told, (1.96, (np.log1p(0.122) - np.log1p(0.001)) / 2 / error), strict=True):
        assert float(text) == pytest.approx(
            100 * np.expm1(np.abs(drawn)[np.abs(drawn) > reach * error].mean()), abs=0.1
        )


def test_of_several_treatments_those_named_first_are_spoken_of_and_adjusted_p_counts() -> None:
    far, near = estimate(*SURE, treatment="uhd"), estimate(0.02, 0.001, 0.04, 0.03, 0.0071)
    assert [each.treatment for each in arms((near, far), ())] == ["uhd", "hd"]
    assert [each.treatment for each in arms((near, far), ("hd", "uhd"))] == ["hd", "uhd"]
    adjusted = near._replace(p_adjusted=0.06)
    code, text = verdict(grounds(*SURE)._replace(primary=adjusted, others=(far,)))
    assert code == "inconclusive"
    assert "uhd arm watched 3.4 % longer (2.9 to 3.9)" in text
    assert ("95 % interval 0.1 to 4.0 by itself, which chance alone may do among 2 treatments (corrected p = 0.06), "
            "capped") in text  # fmt: skip
    alike = estimate(0.005, 0.0004, 0.0092, 0.03, 0.0071, p_adjusted=0.09)
    code, text = verdict(grounds(*SURE)._replace(primary=alike, others=(far,)))
    assert code == "equivalent"
    assert "0.04 to 0.92 by itself, which chance alone may do" in text


def test_without_a_cap_it_is_said_how_much_the_longest_sessions_hold() -> None:
    one = grounds(*SURE)
    _, text = verdict(one._replace(primary=one.primary._replace(cap=None)))
    assert text.endswith("uncapped; 5 % of sessions, of more than 2.5 h, hold 53 % of the time.")


def test_no_uncapped_figure_is_spoken_of_that_nobody_asked_for() -> None:
    _, text = verdict(grounds(*SURE))
    assert "uncapped" not in text
    assert text.endswith("capped at 2.5 h; 5 % of sessions are longer, and hold 53 % of the time.")


def test_a_tail_of_next_to_nothing_is_not_worth_a_word() -> None:
    assert "are longer" not in verdict(grounds(*SURE, tail={"sd": (0.004, 0.3), "hd": (0.001, 0.1)}))[1]
    text = verdict(grounds(*SURE, tail={"sd": (0.006, 0.3), "hd": (0.006, 0.1)}))[1]
    assert "0.6 % of sessions are longer, and hold 20 % of the time" in text


def test_how_much_significance_overstates_agrees_with_drawing() -> None:
    drawn = np.random.default_rng(1).normal(0.0, 1.0, 1_000_000)
    for effect in (0.2, 1.0, 2.8, 5.0):
        seen = np.abs(drawn + effect)
        assert exaggeration(effect, 1.96) == pytest.approx(seen[seen > 1.96].mean() / effect, rel=0.01)


def test_eight_per_cent_reads_twice_as_much_at_two_thousand_an_arm_of_puffer() -> None:
    error = 2.8 * (2 / 2000) ** 0.5
    assert np.log1p(0.08) * exaggeration(np.log1p(0.08) / error, 1.96) == pytest.approx(np.log1p(0.23), abs=0.02)


def test_numbers_and_caps_as_people_write_them() -> None:
    assert [percent(each) for each in (0.034, 0.009, -0.0587, 0.0015, 0.0, -0.00001, 1.5)] == [
        "3.4", "0.9", "−5.9", "0.15", "0", "0", "150.0"]  # fmt: skip
    assert [capped(each) for each in (None, 9000.0, 3600.0, 600.0, 4000.0)] == [
        "uncapped", "capped at 2.5 h", "capped at 1 h", "capped at 10 min", "capped at 4000 s"]  # fmt: skip
