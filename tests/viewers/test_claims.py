"""Claims beside what an audience shows: what agrees, what does not, what cannot be told, and that nothing is repeated
as a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qoe_agent.viewers.claims import claims, evalue
from qoe_agent.viewers.proof import Figure, Longer, Material, Replayed, Stalled
from qoe_agent.viewers.sayings import NEEDS, SAID
from qoe_agent.viewers.shapes import Cost, Hazard, Mark

if TYPE_CHECKING:
    from qoe_agent.viewers.shapes import Claim


def one(name: str, known: Material) -> Claim:
    return next(each for each in claims(known) if each.id == name)


def gone(share: float, width: float = 0.01) -> dict[float, Mark]:
    return {30.0: Mark(30.0, 1 - share, 1 - share - width, 1 - share + width)}


def test_every_claim_is_there_and_says_what_it_needs() -> None:
    found = claims(Material())
    assert [each.id for each in found] == list(SAID) == list(NEEDS)
    assert len(found) == 12
    for each in found:
        assert each.verdict == "not testable"
        assert each.shown.startswith("not testable here: needs ")
        assert each.value is None


@pytest.mark.parametrize(
    ("share", "later", "verdict"),
    [
        (0.48, Figure(1.5, 1.2, 1.8), "agrees"), (0.24, Figure(1.5, 1.2, 1.8), "disagrees"),
        (0.48, Figure(0.4, 0.3, 0.5), "disagrees"), (0.48, Figure(1.0, 0.9, 1.2), "unclear"),
        (0.405, Figure(1.5, 1.2, 1.8), "unclear"),
    ],
)  # fmt: skip
def test_half_gone_in_thirty_seconds(share: float, later: Figure, verdict: str) -> None:
    found = one("half_in_30s", Material(retention=gone(share), later=later))
    assert found.verdict == verdict
    assert found.value == pytest.approx(share)
    assert found.low == pytest.approx(share - 0.01)
    assert found.high == pytest.approx(share + 0.01)
    assert f"{share:.1%}".replace("%", " %") in found.shown


def figure(value: float, width: float) -> Figure:
    return Figure(value, value - width, value + width)


def test_leaving_after_a_stall_is_told_with_its_horizon_and_beside_what_would_have_been() -> None:
    stalled = tuple(Stalled(float(at), 5000.0, figure(share, 0.01), share / 3, figure(share * 2 / 3, 0.02))
                    for at, share in ((3, 0.03), (10, 0.08), (30, 0.21)))  # fmt: skip
    found = one("stall_exit", Material(stalled=stalled))
    assert found.verdict == "disagrees"
    assert "after 5,000 stalls" in found.shown
    assert "21.0 % [20.0 %, 22.0 %] within 30 s" in found.shown
    assert "7.0 % would have gone within 30 s without one: a stall adds 14.0 % [12.0 %, 16.0 %]" in found.shown
    assert found.value == pytest.approx(0.14)
    assert "every stall counted" in found.design


@pytest.mark.parametrize(
    ("gone", "excess", "verdict"),
    [
        (figure(0.9, 0.02), figure(0.8, 0.03), "agrees"), (figure(0.9, 0.02), figure(0.0, 0.03), "disagrees"),
        (figure(0.9, 0.02), figure(0.7, 0.05), "unclear"), (figure(0.9, 0.02), None, "unclear"),
        (figure(0.5, 0.02), None, "disagrees"),
    ],
)  # fmt: skip
def test_stalls_are_blamed_only_for_those_who_would_have_stayed(
    gone: Figure, excess: Figure | None, verdict: str
) -> None:
    usual = None if excess is None else gone.value - excess.value
    assert one("stall_exit", Material(stalled=(Stalled(30.0, 900.0, gone, usual, excess),))).verdict == verdict


def test_heights_that_were_met_never_settle_a_cause() -> None:
    hazards = (Hazard("height", "480–719", 1.0, 1.0, 1.0, None), Hazard("height", "≥1080", 0.8, 0.78, 0.82, 0.7))
    found = one("hd_retention", Material(hazards=hazards))
    assert found.verdict == "unclear"
    assert "not randomised" in found.design
    assert f"{evalue(0.82):.2f}" in found.shown


@pytest.mark.parametrize(
    ("longer", "verdict"),
    [
        (Figure(0.15, 0.11, 0.19), "agrees"), (Figure(0.103, 0.05, 0.16), "unclear"),
        (Figure(0.01, -0.01, 0.03), "disagrees"), (Figure(0.05, -0.05, 0.15), "unclear"),
    ],
)  # fmt: skip
def test_arms_of_hd_and_sd_do(longer: Figure, verdict: str) -> None:
    found = one("hd_retention", Material(longer=Longer(3600.0, longer)))
    assert found.verdict == verdict
    assert found.value == longer.value
    assert "up to 3,600 s" in found.shown


def test_what_incidents_cost_together_has_a_narrower_interval_than_their_sum() -> None:
    costs = tuple(Cost(str(n), "av_out_of_sync", 0.0, 30.0, 0.0, 60.0) for n in range(4))
    other = Cost("x", "resolution_change", 0.0, 999.0, 990.0, 1010.0)
    found = one("av_unsynced", Material(costs=(*costs, other)))
    assert (found.value, found.low, found.high) == (120.0, 60.0, 180.0)
    assert found.verdict == "agrees"
    assert one("av_damage_silent", Material(costs=costs)).verdict == "unclear"
    unknown = Cost("y", "av_out_of_sync", 0.0)
    assert one("av_unsynced", Material(costs=(unknown,))).verdict == "not testable"


@pytest.mark.parametrize(
    ("early", "late", "verdict"),
    [((1.1, 1.3), (1.2, 1.6), "agrees"), ((0.9, 1.3), (1.2, 1.6), "unclear"), ((0.7, 0.8), (0.6, 0.9), "disagrees")],
)
def test_sound_that_was_measured_tells_where_no_incident_does(
    early: tuple[float, float], late: tuple[float, float], verdict: str
) -> None:
    hazards = (Hazard("av_offset", "in tolerance", 1.0, 1.0, 1.0, None),
               Hazard("av_offset", "sound early", sum(early) / 2, *early, None),
               Hazard("av_offset", "sound late", sum(late) / 2, *late, None),
               Hazard("av_offset", "unknown", None, None, None, None))  # fmt: skip
    found = one("av_unsynced", Material(hazards=hazards))
    assert (found.verdict, found.low, found.high) == (verdict, *late)
    assert "while it is early and " in found.shown
    assert one("av_unsynced", Material(hazards=hazards[1:])).verdict == "not testable", "beside something else"
    costs = (Cost("1", "av_out_of_sync", 0.0, 30.0, 1.0, 60.0),)
    assert one("av_unsynced", Material(hazards=hazards, costs=costs)).value == 30.0


def test_incidents_that_meet_in_time_are_no_independent_witnesses() -> None:
    freeze = Cost("f", "freeze", 100.0, 98.0, 77.0, 123.0, end=130.0)
    sound = Cost("a", "av_out_of_sync", 95.0, 98.0, 77.0, 123.0, end=130.0)
    alone = Cost("b", "av_out_of_sync", 900.0, 20.0, 10.0, 30.0, end=910.0)
    both = Material(costs=(freeze, sound), together=(frozenset("fa"),))
    mixed = one("av_unsynced", both)
    assert (mixed.verdict, mixed.value) == ("not testable", None)
    assert "met others in time" in mixed.shown
    assert one("av_damage_silent", both).value == 98.0
    more = Material(costs=(freeze, sound, alone), together=(frozenset("fa"),))
    assert one("av_unsynced", more).value == 20.0
    assert "1 left out" in one("av_unsynced", more).shown
    other = Cost("x", "resolution_change", 95.0, 1.0, 0.0, 2.0, end=140.0)
    assert one("av_damage_silent", Material(costs=(freeze, other), together=(frozenset("fx"),))).value is None


def test_first_seconds() -> None:
    mark = {3.0: Mark(3.0, 0.954, 0.953, 0.955)}
    assert one("three_seconds", Material(mark, early=Figure(1.7, 1.6, 1.8))).verdict == "disagrees"
    assert one("three_seconds", Material(mark, early=Figure(2.7, 2.6, 2.8))).verdict == "agrees"
    assert one("three_seconds", Material(mark)).verdict == "not testable"
    assert one("connect_600ms", Material(quick=Figure(0.2, 0.19, 0.21))).verdict == "disagrees"


def test_an_e_value_is_that_of_the_literature() -> None:
    """A common outcome's hazard ratio of 0.6: VanderWeele and Ding's transformation gives a risk ratio of 0.7."""
    assert evalue(1.0) == 1.0
    assert evalue(0.6) == pytest.approx(evalue(1 / 0.6))
    assert evalue(0.6) == pytest.approx(2.2, abs=0.03)


@pytest.mark.parametrize(
    ("slow", "low", "verdict"), [(0.2, 0.3, "agrees"), (-0.2, -0.3, "disagrees"), (0.2, -0.3, "unclear")]
)
def test_replays_are_blurred_and_slow_if_both_are_more_than_elsewhere(slow: float, low: float, verdict: str) -> None:
    share = Figure(0.4, 0.3, 0.5)
    known = {"startup": Replayed(share, figure(slow, 0.1)), "height": Replayed(share, figure(low, 0.1))}
    found = one("replay_blur", Material(replays=known))
    assert (found.verdict, found.value) == (verdict, slow)
    assert "40.0 %" in found.shown


@pytest.mark.parametrize(
    ("found", "verdict"),
    [(Figure(2.0, 1.4, 2.9), "agrees"), (Figure(0.7, 0.5, 0.9), "disagrees"), (Figure(1.2, 0.8, 1.8), "unclear")],
)  # fmt: skip
def test_peaks_and_highlights_are_told_beside_other_minutes(found: Figure, verdict: str) -> None:
    peak, rhythm = one("peak_crash", Material(crowded=found)), one("rhythm", Material(paced=found))
    assert peak.verdict == rhythm.verdict == verdict
    assert f"sessions fail {found.value:.2f} [{found.low:.2f}, {found.high:.2f}] times as often" in peak.shown
    assert "come back is not counted" in peak.shown
    assert f"leave {found.value:.2f} [" in rhythm.shown
