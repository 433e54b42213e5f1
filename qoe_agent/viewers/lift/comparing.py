"""All comparisons of one experiment: arms by metrics, caps and segments, in the order in which they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers import effects
from qoe_agent.viewers.effects import means
from qoe_agent.viewers.lift import checking, metrics
from qoe_agent.viewers.lift.shapes import Amount

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from qoe_agent.viewers.lift.shapes import Check, Design, Dose, Estimate, Metric, Moments, Trial

HOUR = 3600.0
RANK = "rank"
LATER = "effects are told apart at the planned end: before and after it, a test of one look finds too many differences"
ONCE = "p values are of one look at the planned end: here always-valid intervals decide"
BEYOND = (
    "{:,} units are in, of {:,} planned: the interval of one look holds for the planned number; as it went on, the "
    "always-valid one decides"
)
UNPLANNED = (
    "intervals hold for one look at an end that was set beforehand: who looks again and again finds differences that "
    "are none, and needs --planned-users"
)
OF_USERS = "arms change by blocks: how many users were planned says nothing of when it ends, and is not looked at"
SKEWED = (
    "{} has {:,} {}s, and {:,} are wanted of watch times as skewed as these (355 x skewness^2, at least 200: Kohavi "
    "and others, KDD 2014): intervals may be too narrow"
)


class Comparing:
    """Compares the arms of a trial as its design says; `timed`: when sessions began is known; `asked`: metrics that are
    told even if nothing is known of them."""

    def __init__(self, trial: Trial, design: Design, timed: bool, asked: Collection[str] = ()) -> None:
        self._trial, self._design = trial, design
        self._asked = {design.metrics[0].name, *asked}
        there, planned = sum(each.units for each in trial.arms.values()), design.planned_users
        went_on = planned is not None and there > planned and effects.decides(there, planned)
        self._planned = planned if (timed or went_on) and trial.unit != "block" else None
        self._pre = tuple(Amount(each, before=True) for each in design.pre)
        self.running = (there, self._planned) if self._planned and there < self._planned else None
        """Units that are in, of those planned; None: it is over, or nobody said when."""
        self.always = self._planned is not None and effects.decides(there, self._planned)
        """Whether always-valid intervals decide: while it runs, and where it went on after its end."""
        self._there, self._timed = there, timed

    @property
    def watch(self) -> Metric:
        """What the verdict is about."""
        return self._design.metrics[0]

    @property
    def _watched(self) -> Metric:
        """The same at other caps and in segments, which no margin was set for."""
        return self.watch._replace(margin=None)

    def primary(self) -> tuple[Estimate, ...]:
        """Of each treatment: watch, at the first cap; detected is what stands among all of them, as in a plan."""
        found = []
        for each in self._design.treatments:
            seen = self._strict(each).minimum_detectable_effect
            one = self._one(self.watch, each, self._design.caps[0])
            found.append(one._replace(minimum_detectable_effect=seen))
        return tuple(found)

    def decides(self, treatment: str) -> tuple[float, float] | None:
        """The always-valid interval that stands for several treatments (Bonferroni), where such decide."""
        return self._strict(treatment).always_valid if self.always else None

    def others(self, primary: Sequence[Estimate]) -> tuple[Estimate, ...]:
        """Those of other treatments, with the always-valid intervals that stand for several."""
        return tuple(each._replace(always_valid=self.decides(each.treatment)) for each in primary[1:])

    def _strict(self, treatment: str) -> Estimate:
        """At a level for each of the treatments so that all together have that of the design."""
        alpha = self._design.alpha / len(self._design.treatments)
        return self._one(self.watch, treatment, self._design.caps[0], alpha)

    def estimates(self, primary: Sequence[Estimate], doses: Sequence[Dose]) -> tuple[Estimate, ...]:
        """All, with p values adjusted for how many they are; these primary ones first."""
        order = [each.treatment for each in primary]
        found = [*primary, *(each for each in self._others(order) if self._told(each)), *self._segments(order)]
        adjusted = effects.adjusted([each._replace(mean=_told(each)) for each in found])
        extra = [self._complied(one, doses) for one in adjusted[: len(primary)]]
        return (*adjusted, *(each for each in extra if each is not None))

    def _told(self, one: Estimate) -> bool:
        """Whether something is known of it, or somebody asked for it."""
        return one.lift is not None or one.metric in self._asked

    def over_time(self, treatment: str) -> tuple[tuple[float, float, float, float, float, float], ...]:
        """As units entered."""
        return effects.over_time(
            self._trial, self.watch, self._design.control, treatment, alpha=self._design.alpha,
            cap=self._design.caps[0], pre=self._pre, planned=self._planned,
        )  # fmt: skip

    def novelty(self, treatment: str) -> tuple[tuple[int, float, float, float], ...]:
        """By day since the first session."""
        return effects.novelty(self._trial.tenure, self.watch, self._design.control, treatment,
                               alpha=self._design.alpha, cap=self._design.caps[0])  # fmt: skip

    def carry_over(self, treatment: str) -> Check:
        """Of a switchback."""
        return effects.carry_over(self._trial, self.watch, self._design.control, treatment, alpha=self._design.alpha,
                                  cap=self._design.caps[0])  # fmt: skip

    def balance(self) -> list[Check]:
        """Whether arms were alike before."""
        control, treatments, found = self._design.control, self._design.treatments, []
        if self._trial.unit == "block":
            watch = self.watch._replace(of=self.watch.of._replace(cap=self._design.caps[0]))
            return [effects.block_balance(self._trial, watch, self._pre, control, treatments)] if self._pre else []
        if self._pre:
            found.append(effects.covariate_balance(self._pre, control, treatments, self._trial.arms))
        if self._trial.groups:
            found.append(effects.strata_balance(self._design.strata, (control, *treatments), self._trial.groups))
        return found

    def notes(self) -> list[str]:
        """On looks, tails, whether segments differ, and what covariates were good for."""
        found = [*self._looks(), *self._skewed()]
        for treatment in self._design.treatments:
            found += self._silent(treatment)
            for column in self._design.segments:
                told = effects.interaction(list(self._by(column, treatment)), self._design.alpha)
                if told is not None and self.always:
                    found.append(f"{treatment} by {column}: {LATER}")
                elif told is not None:
                    differ = (
                        "differ by more than chance" if told.p < self._design.alpha else "differ as chance lets them"
                    )
                    found.append(f"{treatment} by {column}: effects {differ} (Cochran's Q, p = {told.p:.2g})")
            found += self._explained(treatment)
        return found

    def _silent(self, treatment: str) -> list[str]:
        """On metrics that are not told; the means of those of which an arm has none."""
        unknown, none = [], []
        for each in self._others([treatment]):
            if not self._told(each) and each.note == means.EMPTY:
                here, there = (_told(each).get(arm, 0.0) for arm in (treatment, each.control))
                none.append(f"{metrics.called(each.metric)} ({here:.3g} : {there:.3g})")
            elif not self._told(each):
                unknown.append(metrics.called(each.metric))
        found = [f"{treatment}: too little is known to tell {', '.join(unknown)}"] if unknown else []
        return found + ([f"{treatment}: an arm has none, and there is no ratio, of {', '.join(none)}"] if none else [])

    def _looks(self) -> list[str]:
        if self._trial.unit == "block" and self._design.planned_users:
            return [OF_USERS]
        if self._planned is None:
            alone = self._timed and self._trial.unit != "block" and not self._design.planned_users
            return [UNPLANNED] if alone else []
        beyond = [] if self.running else [BEYOND.format(self._there, self._planned)]
        return [*beyond, ONCE] if self.always else []

    def _skewed(self) -> list[str]:
        """On the arm that is furthest from having units enough."""
        trial, cap, found = self._trial, self._design.caps[0], []
        if trial.unit == "block":
            return []
        whole = cap is None or trial.unit == "session" or self._design.cap_unit != "session"
        counted, most = (trial.units, cap) if whole else (trial.capped, None)
        for arm in (self._design.control, *self._design.treatments):
            units = trial.arms[arm].units if arm in trial.arms else 0
            skewed = effects.skewness(counted[arm], most) if arm in counted else None
            if needs := effects.lacking(units, skewed):
                found.append((units / needs, SKEWED.format(arm, units, trial.unit, needs)))
        return [min(found, key=lambda each: each[0])[1]] if found else []

    def _explained(self, treatment: str) -> list[str]:
        if not (self._pre or self._design.strata) or self._trial.unit == "block":
            return []
        cap = self._design.caps[0]
        plain = effects.compare(self.watch, self._design.control, treatment, self._trial.arms, cap=cap,
                                alpha=self._design.alpha)  # fmt: skip
        mine = self._one(self.watch, treatment, cap)
        if None in (plain.low, plain.high, mine.low, mine.high):
            return []
        widths = [(each.high or 0.0) - (each.low or 0.0) for each in (plain, mine)]
        lift = f"{treatment}: without covariates and strata the lift is {100 * (plain.lift or 0.0):+.2f} %"
        return [f"{lift}, its interval {widths[0] / widths[1]:.2f} times as wide" if widths[1] else lift]

    def _others(self, order: Sequence[str]) -> Iterator[Estimate]:
        for treatment in order:
            for cap in self._design.caps[1:]:
                yield self._one(self._watched, treatment, cap)
            for metric in self._design.metrics[1:]:
                yield self._one(metric, treatment, None)
            if self._trial.unit != "block":
                yield effects.rank(RANK, self._design.control, treatment, self._trial.units, alpha=self._design.alpha,
                                   planned=self._planned, unit=self._trial.unit)  # fmt: skip

    def _segments(self, order: Sequence[str]) -> Iterator[Estimate]:
        for treatment in order:
            for column in self._design.segments:
                yield from self._by(column, treatment)

    def _by(self, column: str, treatment: str) -> Iterator[Estimate]:
        for (value,), arms in self._trial.groups.get((column,), {}).items():
            share = sum(each.units for each in arms.values()) / self._there if self._there else 0.0
            yield effects.compare(
                self._watched, self._design.control, treatment, arms, alpha=self._design.alpha,
                cap=self._design.caps[0], pre=self._pre, planned=self._planned and self._planned * share,
                unit=self._trial.unit, segment=(column, value),
            )  # fmt: skip

    def _one(self, metric: Metric, treatment: str, cap: float | None, alpha: float | None = None) -> Estimate:
        control, alpha = self._design.control, alpha or self._design.alpha
        if self._trial.unit == "block":
            return effects.switchback(self._trial, metric, control, treatment, alpha=alpha, cap=cap, pre=self._pre)
        return effects.compare(
            metric, control, treatment, self._trial.arms, alpha=alpha, cap=cap, strata=self._strata(), pre=self._pre,
            planned=self._planned, unit=self._trial.unit,
        )  # fmt: skip

    def _strata(self) -> Mapping[tuple[str, ...], Mapping[str, Moments]] | None:
        return self._trial.groups.get(self._design.strata) if self._design.strata else None

    def _complied(self, primary: Estimate, doses: Sequence[Dose]) -> Estimate | None:
        arms = [self._trial.arms.get(each) for each in (primary.control, primary.treatment)]
        known = [each for each in arms if each is not None and each.units > 1]
        if len(known) < 2 or self._trial.unit == "block":
            return None
        return checking.complied(primary, doses, known, self._design.alpha)


def _told(one: Estimate) -> Mapping[str, float]:
    """Means in the unit in which they are told."""
    if not one.metric.endswith(metrics.PER_HOUR):
        return one.mean
    return {arm: mean * HOUR for arm, mean in one.mean.items()}
