"""What `qoe-agent lift` found, in words: effects, caps, metrics, designs and checks as people read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qoe_agent.report import words
from qoe_agent.viewers.lift.metrics import CALLED

if TYPE_CHECKING:
    from qoe_agent.viewers.lift.observed import Comparison
    from qoe_agent.viewers.lift.shapes import Check, Dose, Estimate, Lift

CHECKS = {
    "sample_ratio": "sample ratio", "one_arm_a_user": "one arm a user", "delivered_contrast": "delivered contrast",
    "carry_over": "carry-over", "registration": "pre-registration",
}  # fmt: skip
VERDICTS = {
    "better": "better", "worse": "worse", "equivalent": "equivalent", "inconclusive": "inconclusive",
    "underpowered": "underpowered", "blocked": "blocked", "observational": "observational: not an experiment",
}  # fmt: skip
METHODS = {
    "naive": "naive (as they are)", "stratified": "stratified (like with like)",
    "matched": "matched pairs (net outcome)", "doubly robust": "doubly robust (AIPW)",
}  # fmt: skip
MEASURES = {
    "height": ("height", "lines"), "effective_height": ("effective height", "lines"), "mos": ("picture score", ""),
    "bytes_per_second": ("bitrate", "kbit/s"), "stall_ratio": ("share of time stalled", "%"),
}  # fmt: skip
"""Of what arms got: what it is called, and in which unit it is shown."""
KBIT = 0.008
"""Thousands of bits in a byte."""
POINTS = "points"
PLAIN = ("delta", "rank", "blocks")
"""Methods that are clear from what is compared, and by which units."""


def metric(name: str) -> str:
    """What a metric is called."""
    if name in CALLED:
        return CALLED[name]
    if name.startswith("longer_than_") and name.endswith("s"):
        return f"watched over {words.length(float(name.removeprefix('longer_than_').removesuffix('s')))}"
    return name.replace("_", " ")


def cap(seconds: float | None) -> str:
    """At what sessions are capped."""
    return "uncapped" if seconds is None else f"capped at {length(seconds)}"


def length(seconds: float) -> str:
    """With halves of hours as such."""
    return f"{seconds / 3600:g} h" if seconds >= 3600 and seconds % 1800 == 0 else words.length(seconds)


def treatment(lift: Lift) -> str:
    """The arm that others are compared with the control by: the first."""
    return next(iter(lift.design.get("treatments") or ("the other arm",)))


def method(estimates: Sequence[Estimate]) -> str:
    """That of all of them but ranks, if it is one, and not clear from what is compared."""
    found = {one.method for one in estimates if one.method != "rank" and one.lift is not None}
    return found.pop() if len(found) == 1 and not found & set(PLAIN) else ""


def note(one: Comparison, lift: Lift) -> str:
    """What it says of itself, with the arm by its name."""
    return one.note.replace("of the treated", f"of sessions like those of {treatment(lift)}")


def segment(one: Estimate, among: Sequence[Estimate]) -> str:
    """What is said before the values of a segment."""
    arms = f", {pair(one)}" if len(pairs(among)) > 1 else ""
    return f"{one.segment[0] if one.segment else ''}: {what(one)}{arms}"


def what(one: Estimate) -> str:
    """What is compared."""
    named = metric(one.metric)
    capped = one.cap is not None or (one.metric == "watch" and one.scale == "ratio")
    if not capped:
        return named
    return f"{named}, {'no cap' if one.cap is None else f'{length(one.cap)} cap'}"


def percent(value: float | None, sign: bool = True) -> str:
    """A lift or a difference of shares, as per cent or points."""
    if value is None:
        return "–"
    number = 100 * value
    digits = 0 if abs(number) >= 1000 else 1 if abs(number) >= 10 else 2
    return f"{number:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def effect(one: Estimate) -> str:
    """Its lift with the unit."""
    if one.lift is None:
        return "unknown"
    return f"{percent(one.lift)} {'%' if one.scale == 'ratio' else POINTS}"


def interval(low: float | None, high: float | None) -> str:
    """In per cent or points, as the effect beside it; empty where there is none."""
    return "" if low is None or high is None else f"[{percent(low, False)}, {percent(high, False)}]"


def always(one: Estimate) -> str:
    """The interval that holds whenever one looks."""
    return interval(*one.always_valid) if one.always_valid else ""


def least(one: Estimate) -> str:
    """The smallest effect that it can see."""
    value = one.minimum_detectable_effect
    return "" if value is None else f"{percent(value, False)} {'%' if one.scale == 'ratio' else POINTS}"


def pairs(estimates: Sequence[Estimate]) -> list[list[Estimate]]:
    """By which arms are compared, in order."""
    found: dict[str, list[Estimate]] = {}
    for one in estimates:
        found.setdefault(pair(one), []).append(one)
    return list(found.values())


def alike(estimates: Sequence[Estimate]) -> bool:
    """Whether all of the same arms speak of as many units, so that it can be said once."""
    return all(len({units(one) for one in each}) == 1 for each in pairs(estimates))


def heading(estimates: Sequence[Estimate]) -> str:
    """What is said before several of the same arms."""
    first = estimates[0]
    return pair(first) + (f" ({first.unit}s: {units(first)})" if alike(estimates) else "")


def units(one: Estimate) -> str:
    """How many of each arm."""
    return f"{words.count(one.n.get(one.treatment))} : {words.count(one.n.get(one.control))}"


def means(one: Estimate) -> str:
    """Of each arm: the treatment's and the control's mean, in one unit."""
    found = [one.mean.get(arm) for arm in (one.treatment, one.control)]
    if any(each is None for each in found):
        return ""
    unit, times = "", 1.0
    if one.scale != "ratio" or one.metric == "stall_ratio":
        unit, times = " %", 100.0
    elif one.metric.startswith("watch"):
        unit, times = (" min", 1 / 60) if max(each or 0.0 for each in found) >= 60 else (" s", 1.0)
    return " : ".join(f"{times * each:#.4g}" for each in found if each is not None) + unit


def legend(estimates: Sequence[Estimate]) -> str:
    """What the columns of a table of estimates mean."""
    first = estimates[0]
    several = len(pairs(estimates)) > 1
    arms = "treatment : control" if several else f"{first.treatment} : {first.control}"
    parts = [f"means: {arms}"]
    if alike(estimates) and not several:
        parts.append(f"{first.unit}s, {arms}: {units(first)}")
    if any(one.p_adjusted is not None for one in estimates):
        parts.append("adjusted: p for how many were tested together")
    return "; ".join([*parts, "could see: the smallest effect that would show in 4 of 5 such experiments"])


def guards(one: Estimate) -> str:
    """Why a guardrail says ship or hold."""
    keeps = "keeps within" if one.ship else "does not keep within"
    unit = "%" if one.scale == "ratio" else POINTS
    found = interval(one.low, one.high) or "an interval that cannot be known"
    return f"{pair(one)}: {effect(one)} {found} {keeps} the margin of {percent(one.margin)} {unit}"


def level(lift: Lift) -> str:
    """Of its intervals, such as 95 %."""
    alpha = lift.design.get("alpha", 0.05)
    return f"{100 * (1 - float(alpha)):g} %"


def check(one: Check) -> str:
    """What a check is called."""
    return CHECKS.get(one.name, one.name.replace("_", " "))


def pair(one: Estimate) -> str:
    """Which arms."""
    return f"{one.treatment} over {one.control}"


def compared(one: Comparison) -> str:
    """What a comparison of arms that nobody randomised says."""
    if one.estimate is None:
        return "unknown"
    return f"{percent(one.estimate)} {POINTS if one.method == 'matched' else '%'}"


def evident(one: Comparison) -> str:
    """Its E-value, with that of its limit."""
    if one.e_value is None:
        return "–"
    return words.ratio(one.e_value) + ("" if one.e_value_limit is None else f" ({words.ratio(one.e_value_limit)})")


def bound(one: Comparison) -> str:
    """Its Γ, near 1 with more digits."""
    return "–" if one.gamma is None else f"{one.gamma:.3f}" if one.gamma < 1.1 else words.ratio(one.gamma)


def dose(one: Dose) -> str:
    """What an arm got."""
    return measured(one.measure, one.mean)


def spread(one: Dose) -> str:
    """Its interval, with the unit once."""
    if one.low is None or one.high is None:
        return ""
    low, high = measured(one.measure, one.low), measured(one.measure, one.high)
    unit = high[high.rfind(" ") :] if " " in high else ""
    return f"{low.removesuffix(unit) if unit else low} to {high}"


def measured(measure: str, value: float | None) -> str:
    """A figure in its unit."""
    if value is None:
        return "–"
    unit = MEASURES.get(measure, (measure, ""))[1]
    if unit == "%":
        return words.share(value)
    if unit == "kbit/s":
        return f"{words.count(round(value * KBIT))} kbit/s"
    return f"{words.count(round(value))} lines" if unit else words.ratio(value)


def measure(one: Dose) -> str:
    """What was told or measured of an arm."""
    return f"{MEASURES.get(one.measure, (one.measure.replace('_', ' '), ''))[0]}, {one.source}"


def design(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values, but those that say nothing."""
    return [
        (name.replace("_", " "), said(name, value)) for name, value in found.items()
        if name != "metrics" and not _empty(value)
    ]  # fmt: skip


def _empty(value: Any) -> bool:
    """Whether it says nothing: no, none, or counts that are all of nobody."""
    if isinstance(value, Mapping):
        return not any(value.values())
    return value is None or value is False or value == 0 or (isinstance(value, (str, list, tuple)) and not value)


def said(name: str, value: Any) -> str:
    """A value of a design."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "caps":
        return ", ".join("none" if each is None else length(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {said('', each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(said("", each) for each in value)
    if name in ("window", "washout", "switchback") and isinstance(value, (int, float)):
        return days(value / 86400) if value >= 86400 else length(value)
    if name == "smallest_effect":
        return f"{percent(value, False)} %"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def days(value: float | None) -> str:
    """As many as are counted; of less than one the hours."""
    if value is None:
        return "–"
    if value < 1:
        return "< 1 h" if value * 24 < 1 else f"{value * 24:.0f} h"
    return f"{words.count(round(value, 1) if value < 10 else round(value))} day{'s' * (value != 1)}"
