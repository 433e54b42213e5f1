"""Arms that nobody randomised, compared in several ways side by side, and which of them to believe."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.effects.matching import matched
from qoe_agent.viewers.effects.naive import naive
from qoe_agent.viewers.effects.strata import stratified
from qoe_agent.viewers.effects.weighting import doubly_robust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qoe_agent.viewers.lift.asking import Asked
    from qoe_agent.viewers.lift.observed import Comparison, Covered

NOBODY = "Nobody randomised these arms"
ALIKE = 0.1
"""Standardised difference up to which arms count as alike (Austin 2009)."""
SIGNIFICANT = 0.05
MOST = 0.9
"""Share of the treated that an estimate should speak of."""
FEW = 0.5
"""Of the sessions: if weighted ones are worth fewer, it is said."""


def refuse(asked: Asked) -> None:
    """Raises Unusable where there is nothing to adjust for, or what was to be explained would be."""
    if asked.observational and not asked.covariates:
        raise Unusable(
            "--observational needs --covariate COLUMN: what is known of viewers from before they came "
            "into an arm (bandwidth, device); without, nothing is adjusted for, and nothing could be believed"
        )
    if asked.covariates and not asked.observational:
        raise Unusable("--covariate is for --observational; of arms that chance assigned, --pre and --stratify")
    columns = asked.columns
    own = ((columns.watch, "the outcome itself"), ("watch", "the outcome itself"), ("watch_seconds", "watch time"),
           (columns.arm, "what is compared"), (columns.user, "who watched, who is alike with nobody else"),
           ("session", "the session, which is alike with no other"))  # fmt: skip
    for name, what in own:
        if name in asked.covariates:
            raise Unusable(f"--covariate {name}: it is {what}, and cannot be adjusted for")


def compared(covered: Covered) -> tuple[Comparison, ...]:
    """Naive, stratified, matched, doubly robust, in this order. ValueError: there is nothing to adjust for."""
    if len(covered.design) < 2:
        listed = f" by {', '.join(covered.covariates)}" if covered.covariates else ", as there are no covariates"
        raise ValueError(f"all sessions are alike{listed}: nothing would be adjusted for (--covariate)")
    return naive(covered), stratified(covered), matched(covered), doubly_robust(covered)


def words(comparisons: Sequence[Comparison], treatment: str, control: str) -> tuple[str, ...]:
    """Plain sentences: which figure to believe, and why; the first is the verdict."""
    by = {each.method: each for each in comparisons}
    plain, strata, pairs, robust = (by.get(name) for name in ("naive", "stratified", "matched", "doubly robust"))
    best = next((each for each in (robust, strata) if each is not None and each.estimate is not None), None)
    if best is None or best.estimate is None:
        return (f"{NOBODY}, and by these covariates they have no sessions in common: nothing can be said of them.",)
    told = [_headline(plain, best, treatment, control)]
    name = "doubly robust" if best is robust else "stratified"
    told.append(f"If any, believe the {name} figure: it takes both who is in {treatment} and how long sessions "
                "like theirs last into account. Which arm somebody is in may still hang on what no column tells; no "
                "method here repairs that; an experiment does.")  # fmt: skip
    told += _moved(plain, best, treatment)
    told += _hidden(plain, best, treatment)
    told += _overlap(plain, best, treatment, control)
    told += _unlike(best)
    told += _within(plain, best)
    told += _disagree(strata, robust)
    told += _paired(pairs, treatment)
    return tuple(told)


def _headline(plain: Comparison | None, best: Comparison, treatment: str, control: str) -> str:
    """The verdict: both figures in one sentence."""
    if best.low is None or best.high is None:
        sure = " (no interval: too few users)"
    else:
        sure = f" (95 % interval {_percent(best.low)} to {_percent(best.high)})"
    after = f"{_longer(best)}{sure}, and what is no covariate may explain that too."
    if plain is None or plain.estimate is None:
        return f"{NOBODY}: once alike in the covariates, {treatment} watched {after}"
    return (f"{NOBODY}: as they are, {treatment} watched {_longer(plain)} than {control}; once alike in the "
            f"covariates, {after}")  # fmt: skip


def _longer(one: Comparison) -> str:
    value = one.estimate or 0.0
    return f"{100 * abs(value):.1f} % {'shorter' if value < 0.0 else 'longer'}"


def _moved(plain: Comparison | None, best: Comparison, treatment: str) -> Iterator[str]:
    """What adjusting changed."""
    if plain is None or plain.estimate is None or best.estimate is None:
        return
    yield (f"{100 * abs(plain.estimate - best.estimate):.1f} points between the naive figure and this one are who was "
           f"in {treatment}, not what {treatment} did.")  # fmt: skip
    if plain.p is not None and plain.p < SIGNIFICANT and best.p is not None:
        rest = "" if best.p < SIGNIFICANT else " Made alike, they do not show an effect."
        yield (f"The naive p of {plain.p:.1g} says that chance did not make the arms differ. It says nothing on why: "
               f"significance is not validity.{rest}")  # fmt: skip


def _hidden(plain: Comparison | None, best: Comparison, treatment: str) -> Iterator[str]:
    """What it would take to explain the figure away."""
    if best.estimate is None or best.e_value is None or best.e_value_limit is None or not best.estimate:
        return
    way = "long" if best.estimate > 0 else "short"
    what = (f"something unmeasured would have to make both {treatment} and watching {best.e_value:.2f} times as "
            f"likely and as {way}, beyond the covariates")  # fmt: skip
    if best.e_value_limit == 1.0:
        yield f"Zero lies within its interval. To explain the figure itself away, {what} (E-value)."
    else:
        yield (f"To explain it away, {what} (E-value); {best.e_value_limit:.2f} times would do for zero to "
               "lie within the interval.")  # fmt: skip
    if plain is not None and plain.estimate is not None and min(plain.estimate, best.estimate) > -1.0:
        moved = log((1.0 + plain.estimate) / (1.0 + best.estimate))
        if abs(moved) > 0.005:
            left = (1.0 + best.estimate) ** 2 / (1.0 + plain.estimate) - 1.0
            yield (f"As a yardstick: the covariates moved the figure from {_percent(plain.estimate)} to "
                   f"{_percent(best.estimate)}; hidden causes that move it as much again would leave "
                   f"{_percent(left)}.")  # fmt: skip


def _overlap(plain: Comparison | None, best: Comparison, treatment: str, control: str) -> Iterator[str]:
    """Of whom it speaks, and how many carry it."""
    if best.used is not None and best.used < MOST:
        yield (f"It speaks of {100 * best.used:.0f} % of {treatment}'s sessions only: the others have hardly anybody "
               f"in {control} like them.")  # fmt: skip
    if plain is not None and plain.effective and best.effective is not None:
        share = best.effective / plain.effective
        if share < FEW:
            yield (f"To make the arms alike few sessions must stand for many: all {plain.effective:,.0f} are worth "
                   f"{best.effective:,.0f}.")  # fmt: skip


def _unlike(best: Comparison) -> Iterator[str]:
    """Covariates in which the arms still differ."""
    left = [f"{each.covariate} ({each.after:+.2f})" for each in best.balance if abs(each.after) > ALIKE]
    if left:
        yield (f"The arms still differ in {', '.join(left)} (standard deviations, weighted): what that does is in the "
               "figure.")  # fmt: skip
    elif best.balance:
        worst = max(best.balance, key=lambda each: abs(each.before))
        yield (f"Weighted, the arms are alike in every covariate (within {ALIKE} standard deviations; before, "
               f"{worst.covariate} differed by {worst.before:+.2f}). "
               "It says nothing of what is no covariate.")  # fmt: skip


def _within(plain: Comparison | None, best: Comparison) -> Iterator[str]:
    """What bins leave, where the interval is so narrow that it matters."""
    if plain is None or plain.estimate is None or best.estimate is None or best.low is None or best.high is None:
        return
    unlike = [each for each in best.balance if abs(each.before) > ALIKE >= abs(each.after)]
    if not unlike:
        return
    worst = max(unlike, key=lambda each: abs(each.after / each.before))
    left = abs(worst.after / worst.before * (plain.estimate - best.estimate))
    if left > (best.high - best.low) / 4:
        yield (f"Within its levels {worst.covariate} still differs by {worst.after:+.3f} standard deviations: up to "
               f"about {100 * left:.1f} points of what it does may be left, which the interval ignores.")  # fmt: skip


def _disagree(strata: Comparison | None, robust: Comparison | None) -> Iterator[str]:
    """Two ways to adjust for the same should say the same."""
    if strata is None or robust is None or strata.estimate is None or robust.estimate is None:
        return
    reach = (robust.high or 0.0) - (robust.low or 0.0)
    if reach and abs(strata.estimate - robust.estimate) > reach / 2:
        yield ("Stratified and doubly robust figures lie farther apart than the interval reaches: the models, or the "
               "cells with both arms, do not fit. Believe neither.")  # fmt: skip


def _paired(pairs: Comparison | None, treatment: str) -> Iterator[str]:
    """What the sign test is, and is not."""
    if pairs is None or pairs.estimate is None or pairs.p is None:
        return
    yield (f"The net outcome of matched pairs, {_points(pairs.estimate)}, is no lift: it says in how many more "
           f"pairs {treatment} watched longer than shorter, not by how much (sign test "
           f"p = {pairs.p:.2g}).")  # fmt: skip
    if pairs.p < SIGNIFICANT and pairs.gamma is not None:
        yield (f"That p is lost if, of two sessions alike in all covariates, the odds of being in {treatment} differed "
               f"by a factor of {pairs.gamma:.{1 if pairs.gamma >= 2 else 3}f} (Rosenbaum's bound).")  # fmt: skip


def _percent(value: float) -> str:
    return f"{100 * value:+.1f} %".replace("-", "−")


def _points(value: float) -> str:
    return f"{100 * value:+.2f} points".replace("-", "−")
