"""Checks and decisions: sample ratios, ranks, bands that always hold, margins, many at once, planning."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest
from scipy import stats

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.effects import (
    adjusted,
    compare,
    detectable,
    interaction,
    needed,
    novelty,
    over_time,
    rank,
    sample_ratio,
    showed_up,
    tolerable,
    within,
)
from qoe_agent.viewers.effects.sequential import widening
from qoe_agent.viewers.lift.shapes import Estimate, Trial
from tests.viewers.effects.counted import MEAN, binned, watched


def estimate(p: float | None, metric: str = "watch", **more: object) -> Estimate:
    return Estimate(metric, "sd", "hd", 0.01, 0.0, 0.02, p, {}, {}, **more)  # type: ignore[arg-type]


def test_student_is_scipys() -> None:
    for freedom in (1.0, 2.5, 17.0, float("inf")):
        law = stats.t(freedom) if np.isfinite(freedom) else stats.norm
        for t in (0.0, 0.3, -2.0, 7.0):
            assert t_tail(t, freedom) == pytest.approx(2 * law.sf(abs(t)), rel=1e-9)
        assert t_quantile(0.9, freedom) == pytest.approx(law.ppf(0.95), rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "shares", "state"),
    [
        ({"sd": 5000, "hd": 5010}, None, "passed"),
        ({"sd": 5000, "hd": 5250}, None, "notice"),
        ({"sd": 5000, "hd": 5500}, None, "failed"),
        ({"sd": 1000, "hd": 9000}, {"hd": 0.9, "sd": 0.1}, "passed"),
        ({"sd": 5000, "hd": 5000}, {"hd": 0.9, "sd": 0.1}, "failed"),
        ({"a": 900, "b": 1000, "c": 1100}, {"a": 3, "b": 3, "c": 3}, "failed"),
    ],
)
def test_sample_ratio_is_chi_square(counts: dict[str, int], shares: dict[str, float] | None, state: str) -> None:
    told = sample_ratio(counts, shares)
    weights = np.array([(shares or dict.fromkeys(counts, 1.0))[arm] for arm in counts])
    wanted = weights / weights.sum() * sum(counts.values())
    assert told.p == pytest.approx(stats.chisquare(list(counts.values()), wanted).pvalue, rel=1e-9)
    assert (told.state, told.blocks) == (state, True)


def test_an_arm_without_a_share_fails() -> None:
    told = sample_ratio({"sd": 100, "hd": 100, "uhd": 3}, {"sd": 0.5, "hd": 0.5})
    assert (told.state, told.p) == ("failed", None)
    assert "uhd" in told.text


def test_an_arm_that_nobody_is_in_counts() -> None:
    assert sample_ratio({"sd": 100}, {"sd": 0.5, "hd": 0.5}).state == "failed"


@pytest.mark.parametrize("counts", [{}, {"sd": 100}, {"sd": 3, "hd": 4}])
def test_too_few_units_have_no_ratio(counts: dict[str, int]) -> None:
    assert sample_ratio(counts).state == "not possible"


def test_rank_is_brunner_and_munzels() -> None:
    source = np.random.default_rng(4)
    control, treatment = (np.round(source.lognormal(mean, wide, 400)) for mean, wide in ((3.0, 1.0), (3.2, 1.6)))
    values, places = np.unique(np.concatenate((control, treatment)), return_inverse=True)
    counts = {"sd": np.bincount(places[:400], minlength=len(values)),
              "hd": np.bincount(places[400:], minlength=len(values))}  # fmt: skip
    told = rank("watch", "sd", "hd", counts)
    theirs = stats.brunnermunzel(control, treatment, distribution="normal")
    above = (treatment[:, None] > control).mean() + (treatment[:, None] == control).mean() / 2 - 0.5
    assert told.lift == pytest.approx(above, abs=1e-12)
    assert told.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (told.scale, told.method, told.n) == ("rank", "rank", {"sd": 400, "hd": 400})
    assert told.low < told.lift < told.high


def test_bins_of_lengths_hardly_change_a_rank() -> None:
    source = np.random.default_rng(5)
    seconds = {"sd": source.lognormal(5, 2, 4000), "hd": source.lognormal(5.1, 2, 4000)}
    told = rank("watch", "sd", "hd", {arm: binned(each) for arm, each in seconds.items()})
    theirs = stats.mannwhitneyu(seconds["hd"], seconds["sd"]).statistic / 4000**2 - 0.5
    assert told.lift == pytest.approx(theirs, abs=2e-4)


def test_rank_of_nobody_is_not_known() -> None:
    told = rank("watch", "sd", "hd", {"sd": np.zeros(9, np.int64), "hd": np.ones(9, np.int64)})
    assert (told.lift, told.p) == (None, None)


def test_the_band_is_at_most_1_6_times_as_wide_at_its_end() -> None:
    """And wider beyond 2.2 times the plan."""
    one_look = stats.norm.ppf(0.975)
    wide = {share: widening(share * 20_000, 20_000, 0.05) / one_look for share in (0.01, 0.5, 1.0, 2.0, 2.5)}
    assert wide[1.0] == pytest.approx(1.56, abs=0.005)
    assert wide[0.01] > 2.0
    assert max(wide[0.5], wide[1.0], wide[2.0]) <= 1.6 < wide[2.5]


def test_the_band_holds_at_every_look() -> None:
    """Of Gaussian walks looked at 400 times."""
    source = np.random.default_rng(6)
    at = np.arange(1, 401) * 25.0
    walks = source.normal(size=(2000, 400)).cumsum(axis=1) * 5.0
    wide = np.array([widening(each, 10_000, 0.05) for each in at]) * np.sqrt(at)
    assert (np.abs(walks) > wide).any(axis=1).mean() < 0.05
    assert (np.abs(walks) > 1.96 * np.sqrt(at)).any(axis=1).mean() > 0.3


def test_margins() -> None:
    assert tolerable("more", -0.01, -0.009, 0.2)
    assert not tolerable("more", -0.01, -0.011, 0.2)
    assert tolerable("less", 0.02, -0.3, 0.019)
    assert not tolerable("less", 0.02, -0.3, 0.021)
    assert tolerable("", -0.02, -0.01, 0.01)
    assert not tolerable("", -0.02, -0.01, 0.03)
    assert within(0.01, -0.009, 0.009)
    assert not within(0.01, -0.011, 0.0)
    assert not within(0.01, 0.0, 0.011)


def test_the_primary_metric_is_adjusted_by_itself() -> None:
    arms = [estimate(p)._replace(treatment=name) for name, p in (("hd", 0.01), ("uhd", 0.04), ("4k", 0.03))]
    capped = estimate(0.005, cap=3600.0)
    segments = [estimate(p, segment=("device", str(p))) for p in (0.02, 0.5)]
    unknown = estimate(None, "orders")
    told = adjusted([*arms, capped, *segments, unknown])
    assert [each.p_adjusted for each in told[:3]] == pytest.approx([0.03, 0.06, 0.06])
    rest = stats.false_discovery_control([0.005, 0.02, 0.5])
    assert [each.p_adjusted for each in told[3:6]] == pytest.approx(list(rest))
    assert told[6].p_adjusted is None
    assert adjusted([]) == ()


def test_one_treatment_and_metric_need_no_adjusting() -> None:
    assert adjusted([estimate(0.04)])[0].p_adjusted == 0.04


def test_segments_that_differ_are_told_from_segments_that_vary() -> None:
    source = np.random.default_rng(7)

    def segments(*lifts: float) -> list[Estimate]:
        arms = [{"sd": watched(source.lognormal(5, 1, 3000)), "hd": watched(source.lognormal(5, 1, 3000) * (1 + lift))}
                for lift in lifts]  # fmt: skip
        return [compare(MEAN, "sd", "hd", each, segment=("device", str(n))) for n, each in enumerate(arms)]

    same, other = interaction(segments(0.1, 0.1, 0.1, 0.1)), interaction(segments(0.0, 0.0, 0.5, 0.0))
    assert same.p > 0.05
    assert other.p < 1e-6
    assert (other.column, other.freedom) == ("device", 3)
    assert interaction(segments(0.1)) is None


def test_the_test_of_segments_has_its_level() -> None:
    source = np.random.default_rng(8)
    ps = []
    for _ in range(400):
        arms = [{arm: watched(source.gamma(1.0, 100.0, 500)) for arm in ("sd", "hd")} for _ in range(3)]
        ps.append(interaction([compare(MEAN, "sd", "hd", each, segment=("device", "")) for each in arms]).p)
    assert 0.02 < np.mean(np.array(ps) < 0.05) < 0.085


def test_units_and_smallest_effects_are_each_others_answer() -> None:
    for always in (False, True):
        units = needed(2.78, 0.02, always_valid=always, balance=0.25)
        assert detectable(2.78, units, always_valid=always, balance=0.25) == pytest.approx(0.02)
    assert needed(2.78, 0.103) == pytest.approx(12_600, rel=0.01)
    assert needed(2.78, 0.103, alpha=0.01) > needed(2.78, 0.103) > needed(2.78, 0.103, power=0.5)


def test_an_analysis_and_a_plan_agree_on_the_smallest_effect() -> None:
    sums = watched(np.random.default_rng(9).lognormal(5, 1, 5000))
    told = compare(MEAN, "sd", "hd", {"sd": sums, "hd": sums})
    seconds = np.random.default_rng(9).lognormal(5, 1, 5000)
    assert told.minimum_detectable_effect == pytest.approx(detectable(seconds.std(ddof=1) / seconds.mean(), 5000))


def test_over_time_all_who_entered_by_then_count() -> None:
    source = np.random.default_rng(13)
    parts = [{arm: source.lognormal(5, 1, 200) for arm in ("sd", "hd")} for _ in range(5)]
    entered = tuple((float(day), {arm: watched(each) for arm, each in part.items()}) for day, part in enumerate(parts))
    trial = Trial("user", {}, {}, {}, {}, {}, {}, {}, entered=entered)
    told = over_time(trial, MEAN, "sd", "hd", planned=4000)
    whole = {arm: watched(np.concatenate([part[arm] for part in parts])) for arm in ("sd", "hd")}
    last = compare(MEAN, "sd", "hd", whole, planned=4000)
    assert told[-1] == pytest.approx((4.0, last.lift, last.low, last.high, *last.always_valid))
    widths = [log1p(high) - log1p(low) for *_, low, high in told]
    assert widths == sorted(widths, reverse=True)
    assert over_time(trial, MEAN, "sd", "hd") == ()


def test_each_day_since_the_first_session_stands_by_itself() -> None:
    source = np.random.default_rng(14)
    days = [{"sd": watched(source.lognormal(5, 1, 900)), "hd": watched(source.lognormal(5, 1, 900) * more)}
            for more in (1.5, 1.0)]  # fmt: skip
    first, second = novelty(tuple(enumerate(days)), MEAN, "sd", "hd")
    assert (first[0], second[0]) == (0, 1)
    assert first[2] > 0.2
    assert second[2] < 0.0 < second[3]
    assert novelty(((0, {"sd": days[0]["sd"]}),), MEAN, "sd", "hd") == ()


@pytest.mark.parametrize(("seen", "state"), [(4010, "passed"), (4100, "notice"), (4300, "failed")])
def test_of_those_assigned_as_many_are_seen_in_each_arm(seen: int, state: str) -> None:
    assigned, there = {"sd": 5000, "hd": 5000}, {"sd": 4000, "hd": seen}
    found = showed_up(assigned, there)
    table = [[there[arm], assigned[arm] - there[arm]] for arm in assigned]
    assert found.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)
    assert (found.state, found.blocks) == (state, True)
    assert showed_up(assigned, assigned).state == "passed"
    assert showed_up(assigned, {"sd": 4999, "hd": 4999}).state == "not possible"
