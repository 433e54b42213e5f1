"""The shapes in which experiments pass from the tables through the estimators to the reports.

Tables (`viewers.tables.trials`) make a Trial (or `observed.Covered`, where nobody randomised) out of files or facts;
estimators (`viewers.effects`) make Estimates, Checks and Comparisons out of these; `viewers.lift` puts them together
into a Lift, which reports print. A row is a session; lengths are seconds, times Unix seconds. Arrays are numpy's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.observed import Comparison

    Floats: TypeAlias = NDArray[np.float64]

UNCAPPED, LONG, HOUR = None, 9000.0, 3600.0
CAPS: tuple[float | None, ...] = (LONG, UNCAPPED, HOUR)
"""Restricted means that are told unless other caps are named; the verdict is about the first. Without a
cap, of Puffer's sessions 5 % hold half of the time watched, and a lift is theirs."""
LANDMARKS = (3.0, 30.0, 180.0)
"""Seconds after which the share still watching is compared."""
LENGTHS = tuple(2.0 ** (step / 16) for step in range(-16, 16 * 20 + 1))
"""Lower ends of the bins of lengths, in seconds (half a second to 12 days; 4.4 % wide); what is shorter is in bin 0 of
len(LENGTHS) + 1."""


class Amount(NamedTuple):
    """What is summed for each unit over its sessions."""

    column: str
    """A column of numbers; `watch`; `sessions`: 1 each; `returned`: 1 for a user who came back, see `cap`;
    `returnable`: 1 for a user whose time to come back (the same `cap`) is over, the other half of that ratio."""
    cap: float | None = None
    """What a session counts at most (by `Design.cap_unit` a user or a window); of `returned`: within so many days of
    the one after his first (1: the next day, 7: the seven days after it)."""
    above: float | None = None
    """Instead of its value, 1 for each session of which it is greater than this."""
    known: str = ""
    """Only sessions of which this column is known, too: the other half of a ratio."""
    before: bool = False
    """A covariate from before the experiment: the user's own, not summed (its mean over his sessions)."""


class Metric(NamedTuple):
    """What is compared: the mean of an amount over units, or the ratio of two sums."""

    name: str
    """As reports and JSON name it: watch, watch_per_session, stall_ratio, longer_than_30s, returned_1d, a column …"""
    of: Amount
    over: Amount | None = None
    """None: over units."""
    better: Literal["more", "less", ""] = "more"
    margin: float | None = None
    """Of a guardrail: the lift that is just tolerable, such as -0.01 for `more`, 0.02 for `less`: non-inferiority."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file tell what."""

    user: str | None
    """None: there is none, and each session is a unit by itself (too narrow; the report says so)."""
    arm: str
    watch: str
    time: str | None = None
    """When a session began, Unix seconds; with it come windows and intervals while the experiment runs."""
    stream: str | None = None
    block: str | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """What was decided before anybody looked."""

    control: str
    treatments: tuple[str, ...] = ()
    """Empty: all other arms."""
    metrics: tuple[Metric, ...] = ()
    """The first, watch, is told at all `caps`."""
    caps: tuple[float | None, ...] = CAPS
    """The verdict is about the first."""
    cap_unit: Literal["session", "user", "window"] = "session"
    window: float | None = None
    """Seconds since his first session that count for a user; who is younger is pending."""
    planned_users: int | None = None
    """Units in all arms together when the experiment ends."""
    smallest_effect: float = 0.01
    allocation: Mapping[str, float] | None = None
    """Shares that arms should have; None: equal ones."""
    pre: tuple[str, ...] = ()
    """Covariates from before the experiment, for CUPED."""
    strata: tuple[str, ...] = ()
    """Columns to stratify by after the fact."""
    segments: tuple[str, ...] = ()
    """Columns by whose values effects are told apart."""
    alpha: float = 0.05
    switchback: float | None = None
    """Seconds of a block of stream and time whose arm everybody in it gets; None: no switchback, or `Columns.block`."""
    washout: float = 0.0
    """Seconds at the beginning of a block whose sessions do not count."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Units of one arm by their sums."""

    amounts: tuple[Amount, ...]
    units: int
    sums: Floats
    """(amounts,)"""
    products: Floats
    """(amounts, amounts): sums of products over units, symmetric; NaN where they were not asked for."""

    def __add__(self, other: Moments) -> Moments:
        """Both together."""
        return Moments(self.amounts, self.units + other.units, self.sums + other.sums, self.products + other.products)

    def mean(self, amount: Amount) -> float:
        """Over units."""
        return float(self.sums[self.amounts.index(amount)]) / self.units

    def covariance(self, one: Amount, other: Amount) -> float:
        """Over units, of a sample (n - 1)."""
        first, second = self.amounts.index(one), self.amounts.index(other)
        spread = self.products[first, second] - self.sums[first] * self.sums[second] / self.units
        return float(spread) / (self.units - 1)


class Shared(NamedTuple):
    """Who of which arm watched the same stream in the same period."""

    stream: str
    at: float
    """When the period began, Unix seconds; 0.0: times are not known."""
    sessions: Mapping[str, int]
    """By arm: those that began in it."""
    watched: Mapping[str, float]
    """By arm: seconds watched in them."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment, counted."""

    unit: Literal["user", "session", "block"]
    arms: Mapping[str, Moments]
    """By arm; of units whose window is complete, and that were in one arm only."""
    assigned: Mapping[str, int]
    """Units by arm, pending ones too: what a sample ratio is checked on."""
    pending: Mapping[str, int]
    sessions: Mapping[str, int]
    """Sessions that count."""
    lengths: Mapping[str, NDArray[np.int64]]
    """By arm: sessions by length (LENGTHS)."""
    watched: Mapping[str, Floats]
    """By arm: seconds watched in sessions of each length (LENGTHS)."""
    units: Mapping[str, NDArray[np.int64]]
    """By arm: units by what they watched in all, in the same bins, for ranks."""
    several: int = 0
    """Users (of a switchback: blocks) that were in more than one arm, and count in none."""
    unassigned: int = 0
    """Sessions without an arm, which count in none."""
    alone: int = 0
    """Units that are sessions of which it is not known whose they are, where others are users."""
    groups: Mapping[tuple[str, ...], Mapping[tuple[str, ...], Mapping[str, Moments]]] = field(default_factory=dict)
    """By columns (of segments one each; of strata together): their values, then the arm."""
    entered: tuple[tuple[float, Mapping[str, Moments]], ...] = ()
    """Units by when they entered (their windows were complete), in up to 60 steps: (until when, by arm), in order."""
    tenure: tuple[tuple[int, Mapping[str, Moments]], ...] = ()
    """For the novelty curve: by day since the first session, of users of whom it is known: watch by user and day."""
    blocks: tuple[tuple[str, float, str, Floats], ...] = ()
    """Of a switchback: stream, when it began, arm, sums of the amounts; in order of stream and time. The amounts are
    those of `arms`, whose units are blocks; a covariate from before is its mean over the block's sessions."""
    shared: tuple[Shared, ...] = ()
    """Where streams are known, by stream and time: whether arms share a bottleneck."""
    notes: tuple[str, ...] = ()
    capped: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """By arm: users by what they watched with each session at the first cap, in the same bins; empty: not counted."""


class Dose(NamedTuple):
    """What an arm was to get and what it got."""

    arm: str
    measure: str
    """height (as players told), effective_height, mos, bytes_per_second (as the agent measured), stall_ratio, …"""
    source: Literal["told", "measured"]
    mean: float | None
    low: float | None = None
    high: float | None = None
    hd: float | None = None
    """Share of watching at or above HD (720 lines), where the measure is a height."""
    known: float = 1.0
    """Share of watching of which it is known."""


class Check(NamedTuple):
    """Something that must hold before a figure means anything."""

    name: str
    """sample_ratio, showed_up, cap, one_arm_a_user, one_arm_a_block, planned_users, delivered_contrast, interference,
    carry_over, covariate_balance, strata_balance, registration"""
    state: Literal["passed", "notice", "failed", "not possible"]
    text: str
    p: float | None = None
    blocks: bool = False
    """Whether its failing forbids a verdict."""

    @property
    def passed(self) -> bool:
        """A notice passes."""
        return self.state != "failed"


class Estimate(NamedTuple):
    """How much more one arm has of something than another."""

    metric: str
    control: str
    treatment: str
    lift: float | None
    """Ratio less 1 (of `scale` "ratio"), or a difference of shares ("points"), or P(T > C) less 1/2 ("rank")."""
    low: float | None
    high: float | None
    p: float | None
    n: Mapping[str, int]
    mean: Mapping[str, float]
    cap: float | None = None
    p_adjusted: float | None = None
    always_valid: tuple[float, float] | None = None
    minimum_detectable_effect: float | None = None
    """With 80 % power by the decision that counts (fixed, or always valid while it runs)."""
    unit: str = "user"
    scale: Literal["ratio", "points", "rank"] = "ratio"
    segment: tuple[str, str] | None = None
    """Column and value."""
    method: str = "delta"
    """delta, cuped, post-stratified, cuped and post-stratified, rank, blocks"""
    margin: float | None = None
    ship: bool | None = None
    """Of a guardrail: whether the interval keeps within the margin (its whole interval; else hold)."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lift:
    """All that a report on lift says."""

    code: Literal["blocked", "underpowered", "better", "worse", "equivalent", "inconclusive", "observational"]
    text: str
    """The verdict: one sentence."""
    design: Mapping[str, Any]
    """Kind (randomised, switchback, observational), unit, arms, caps, windows …, as JSON."""
    checks: tuple[Check, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    """The first is what the verdict is about."""
    doses: tuple[Dose, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    retention: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """By arm: (seconds, share still watching)."""
    over_time: tuple[tuple[float, float, float, float, float, float], ...] = ()
    """(when, lift, low, high, always-valid low and high) as units entered."""
    novelty: tuple[tuple[int, float, float, float], ...] = ()
    """(day since the first session, lift, low, high)."""
    tail: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By arm: share of sessions longer than the longest cap, and of the time watched that is in them."""
    registered: tuple[str, ...] = ()
    """What is other than the pre-registration said."""
    notes: tuple[str, ...] = ()
