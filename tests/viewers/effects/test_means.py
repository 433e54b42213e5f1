"""Lifts of means, ratios and shares: against another library, against scipy, and against leaving units out."""

from __future__ import annotations

from math import log, log1p, sqrt

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt
from scipy import stats

from qoe_agent.viewers.effects import compare, variation
from qoe_agent.viewers.lift.shapes import Amount, Metric, Moments
from tests.viewers.effects.counted import MEAN, WATCH, moments

SESSIONS, BEFORE = Amount("sessions"), Amount("past", before=True)
RATIO = Metric("watch_per_session", WATCH, SESSIONS)


def users(seed: int, n: int, lift: float = 0.0) -> dict[Amount, np.ndarray]:
    source = np.random.default_rng(seed)
    sessions = 1.0 + source.poisson(2.0, n)
    taste = source.lognormal(5.0, 1.0, n)
    return {
        WATCH: taste * sessions * source.lognormal(0.0, 0.5, n) * (1 + lift),
        SESSIONS: sessions,
        BEFORE: taste * source.lognormal(0.0, 0.7, n),
    }


ARMS = {"sd": users(1, 3000), "hd": users(2, 2500, 0.1)}
SUMS = {arm: moments(each) for arm, each in ARMS.items()}


def outside(metric: tt.Mean | tt.RatioOfMeans) -> tt.metrics.MeanResult:
    """What tea-tasting says."""
    names = {WATCH: "watch", SESSIONS: "sessions", BEFORE: "past"}
    table = {name: np.concatenate([ARMS[arm][amount] for arm in ("sd", "hd")]) for amount, name in names.items()}
    table["variant"] = np.repeat([0, 1], [len(ARMS[arm][WATCH]) for arm in ("sd", "hd")])
    return tt.Experiment({"it": metric}).analyze(pa.table(table))["it"]


@pytest.mark.parametrize(
    ("metric", "pre", "theirs"),
    [
        (MEAN, (), tt.Mean("watch", use_t=False)),
        (RATIO, (), tt.RatioOfMeans("watch", "sessions", use_t=False)),
        (MEAN, (BEFORE,), tt.Mean("watch", "past", use_t=False)),
        (RATIO, (BEFORE,), tt.RatioOfMeans("watch", "sessions", "past", use_t=False)),
    ],
    ids=["mean", "ratio", "cuped", "cuped ratio"],
)
def test_agrees_with_tea_tasting(metric: Metric, pre: tuple[Amount, ...], theirs: tt.Mean) -> None:
    ours, told = compare(metric, "sd", "hd", SUMS, pre=pre), outside(theirs)
    found = (ours.mean["sd"], ours.mean["hd"], ours.lift, ours.low, ours.high)
    wanted = (told.control, told.treatment, told.rel_effect_size, told.rel_effect_size_ci_lower,
              told.rel_effect_size_ci_upper)  # fmt: skip
    assert found == pytest.approx(wanted, rel=1e-6)


def test_p_is_the_normal_one_of_the_logarithm() -> None:
    told = compare(MEAN, "sd", "hd", SUMS)
    error = sqrt(sum(each[WATCH].var(ddof=1) / len(each[WATCH]) / each[WATCH].mean() ** 2 for each in ARMS.values()))
    theta = log(ARMS["hd"][WATCH].mean() / ARMS["sd"][WATCH].mean())
    assert told.p == pytest.approx(2 * stats.norm.sf(abs(theta) / error), rel=1e-9)
    assert log1p(told.high) - theta == pytest.approx(stats.norm.ppf(0.975) * error, rel=1e-9)


def test_another_level_gives_another_interval() -> None:
    narrow, wide = (compare(MEAN, "sd", "hd", SUMS, alpha=alpha) for alpha in (0.2, 0.01))
    widths = [log1p(each.high) - log1p(each.low) for each in (narrow, wide)]
    assert widths[0] / widths[1] == pytest.approx(stats.norm.ppf(0.9) / stats.norm.ppf(0.995), rel=1e-9)


def test_a_share_is_told_in_points() -> None:
    longer = Metric("longer_than_30s", Amount("watch", above=30.0), SESSIONS)
    arms = {}
    for arm, each in ARMS.items():
        source = np.random.default_rng(len(arm))
        arms[arm] = {longer.of: source.binomial(each[SESSIONS].astype(int), 0.7), SESSIONS: each[SESSIONS]}
    told = compare(longer, "sd", "hd", {arm: moments(each) for arm, each in arms.items()})
    shares = {arm: each[longer.of].sum() / each[SESSIONS].sum() for arm, each in arms.items()}
    assert told.scale == "points"
    assert told.lift == pytest.approx(shares["hd"] - shares["sd"])
    table = [[each[longer.of].sum(), (each[SESSIONS] - each[longer.of]).sum()] for each in arms.values()]
    assert told.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=0.05)


def test_users_not_sessions_are_drawn() -> None:
    """Twice the sessions of the same users, each alike, tell no more."""
    twice = {arm: moments({amount: each if amount.before else 2 * each for amount, each in users_.items()})
             for arm, users_ in ARMS.items()}  # fmt: skip
    once, again = (compare(RATIO, "sd", "hd", sums) for sums in (SUMS, twice))
    assert (again.low, again.high) == pytest.approx((once.low, once.high), rel=1e-9)


def test_while_it_runs_the_band_that_always_holds_decides() -> None:
    half, over = (compare(MEAN, "sd", "hd", SUMS, planned=planned) for planned in (11_000, 5_500))
    fixed = compare(MEAN, "sd", "hd", SUMS)
    assert half.always_valid[0] < half.low < half.high < half.always_valid[1]
    assert half.minimum_detectable_effect > fixed.minimum_detectable_effect
    assert over.minimum_detectable_effect == pytest.approx(fixed.minimum_detectable_effect)
    assert over.always_valid is not None
    assert fixed.always_valid is None


def test_of_three_arms_the_plan_is_shared_out() -> None:
    three = {**SUMS, "uhd": SUMS["sd"]}
    two = compare(MEAN, "sd", "hd", SUMS, planned=11_000)
    assert compare(MEAN, "sd", "hd", three, planned=17_000).always_valid == pytest.approx(two.always_valid)


@pytest.mark.parametrize(
    ("better", "margin", "ship"),
    [("more", -0.2, True), ("more", 0.2, False), ("less", 0.5, True), ("less", 0.0, False)],
)
def test_a_guardrail_ships_where_the_whole_interval_is_within_its_margin(
    better: str, margin: float, ship: bool
) -> None:
    told = compare(MEAN._replace(better=better, margin=margin), "sd", "hd", SUMS)
    assert (told.margin, told.ship) == (margin, ship)


def test_a_guardrail_waits_for_the_band_while_it_runs() -> None:
    edge = compare(MEAN, "sd", "hd", SUMS).low - 1e-6
    metric = MEAN._replace(margin=edge)
    assert compare(metric, "sd", "hd", SUMS).ship is True
    assert compare(metric, "sd", "hd", SUMS, planned=50_000).ship is False


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({WATCH: np.array([3.0])}, "needs 2 users in each arm"),
        ({WATCH: np.zeros(50)}, "an arm has none of it"),
        ({WATCH: np.full(50, np.nan)}, "nothing is known of it"),
    ],
)
def test_what_cannot_be_known_is_absent(columns: dict[Amount, np.ndarray], note: str) -> None:
    told = compare(MEAN, "sd", "hd", {"sd": moments(columns), "hd": SUMS["hd"]})
    assert (told.lift, told.low, told.p, told.always_valid, told.minimum_detectable_effect) == (None,) * 5
    assert note in told.note
    assert compare(MEAN, "gone", "hd", SUMS).note == "needs 2 users in each arm"


def test_a_ratio_to_nothing_is_absent() -> None:
    """Nobody's time to come back is over yet."""
    metric = Metric("returned_7d", Amount("returned", 7.0), Amount("returnable", 7.0))
    early = moments({metric.of: np.zeros(9), metric.over: np.zeros(9)})
    told = compare(metric, "sd", "hd", {"sd": early, "hd": moments({metric.of: np.ones(9), metric.over: np.ones(9)})})
    assert (told.lift, told.cap, told.scale) == (None, None, "points")
    assert "nothing is known" in told.note
    assert variation(metric, early) is None


def test_where_nothing_varies_there_is_no_interval() -> None:
    told = compare(MEAN, "sd", "hd", dict.fromkeys(("sd", "hd"), moments({WATCH: np.full(9, 2.0)})))
    assert (told.lift, told.low, told.p) == (0.0, None, None)
    assert "nothing varies" in told.note


def test_products_that_were_not_asked_for_are_not_made_up() -> None:
    bare = {arm: Moments(each.amounts, each.units, each.sums, each.products * np.nan) for arm, each in SUMS.items()}
    told = compare(MEAN, "sd", "hd", bare)
    assert told.lift == compare(MEAN, "sd", "hd", SUMS).lift
    assert told.low is None
