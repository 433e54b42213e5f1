"""What must hold before a figure means anything: one arm a user, and a picture that differed as it was to. Pure."""

from __future__ import annotations

import re
from math import hypot, inf, log, sqrt
from typing import TYPE_CHECKING, Literal

from qoe_agent.maths.student import t_quantile, t_tail
from qoe_agent.viewers.lift.curves import tail
from qoe_agent.viewers.lift.shapes import Check, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Design, Dose, Moments, Trial

ONE_ARM, ONE_ARM_A_BLOCK, PLANNED, CAP = "one_arm_a_user", "one_arm_a_block", "planned_users", "cap"
DELIVERED = "delivered_contrast"
FEW = 0.01
"""Share of users in several arms that is no more than a nuisance."""
MIXED = 0.1
"""Share of blocks with sessions of several arms above which these are not the blocks to which arms were given."""
CUT = 0.9
"""Share of sessions longer than the cap, in each arm, from which on what is left of them is the cap itself."""
PICTURE = ("effective_height", "height", "mos")
"""What tells how good the picture was; where none is known, the bitrate stands in."""
ALIKE = 0.05
"""Pictures that differ by less of this, and of time in HD, are the same picture."""
SURE = 4.0
"""Standard errors of a difference in compliance below which nothing is divided by it."""
WHOLE = 0.99
"""A difference in compliance from which on all got what they were to get, and there is nothing to add."""
ARRIVED = 0.5
"""Share of the contrast in coded lines, as logarithms, that shows as detail, below which it hardly happened: camera
pictures of 720 lines against 360 keep 0.8 of it, soft ones 0.3, 360 lines scaled up to 720 a fifth at most."""
SOFT = 0.75
"""Share of the lines of the arm that has fewer: pictures with less detail than that would show none with more lines,
either. Scaled up from these they show 0.9 to all of it."""
_OF_LINES = re.compile(r"(?<![a-z0-9])([ufqs]?hd|sd|[48]k|\d{3,4}[pi]?)(?![a-z0-9])|resol|ladder", re.I)
_OF_CODING = re.compile(r"encod|bitrate", re.I)
ASSUMED = (
    "lift / {:.0f} points more of the time watched at 720 lines and more; holds as far as arms differ in nothing else, "
    "nobody is kept from HD by being assigned to it, and its effect grows with its share"
)
_NAMES = {"effective_height": "lines that carry detail", "height": "lines", "mos": "of picture score",
          "bytes_per_second": "bytes a second"}  # fmt: skip


def one_arm_a_user(trial: Trial) -> Check:
    """Whether users stayed in the arm that they were in first."""
    if trial.unit == "session":
        return Check(ONE_ARM, "not possible", "needs a column of users (--user)")
    there = sum(trial.assigned.values()) + trial.several
    users = f"{there:,} users"
    if trial.alone:
        users += f" (of which {trial.alone:,} are sessions that are nobody's that is known)"
    if not trial.several:
        return Check(ONE_ARM, "passed", f"each of {users} was in one arm only")
    share = trial.several / there
    text = f"{trial.several:,} of {users} ({100 * share:.2g} %) were in more than one arm, and count in none"
    if share <= FEW:
        return Check(ONE_ARM, "notice", text)
    why = "who comes often is then missing, in all arms: arms were not given to users"
    return Check(ONE_ARM, "failed", f"{text}; {why}", blocks=True)


def one_arm_a_block(trial: Trial) -> Check:
    """Whether blocks, as they are named or cut, are those to which arms were given."""
    there = sum(trial.assigned.values()) + trial.several
    if not trial.several:
        return Check(ONE_ARM_A_BLOCK, "passed", f"each of {there:,} blocks had one arm only", blocks=True)
    text = f"{trial.several:,} of {there:,} blocks ({100 * trial.several / there:.2g} %) have sessions of several arms"
    if trial.several / there <= MIXED:
        return Check(ONE_ARM_A_BLOCK, "notice", f"{text}, and are left out", blocks=True)
    why = "these are not the blocks to which arms were given (--switchback, --block, --stream)"
    return Check(ONE_ARM_A_BLOCK, "failed", f"{text}: {why}", blocks=True)


def cap(trial: Trial, design: Design) -> Check | None:
    """Whether the cap leaves anything to compare; None: it does, or is not of sessions."""
    first, ours = design.caps[0], (design.control, *design.treatments)
    if first is None or design.cap_unit != "session":
        return None
    cut = [share for arm, (share, _) in tail(trial.lengths, trial.watched, first).items() if arm in ours]
    if not cut or min(cut) < CUT:
        return None
    text = f"{100 * min(cut):.0f} % of sessions are longer than {first:g} s, and all of these count as {first:g} s"
    return Check(CAP, "failed", f"{text}: are lengths in seconds? --cap says at what they are cut", blocks=True)


def planned_users(trial: Trial, planned: int, always: bool) -> Check:
    """Whether it is looked at as was planned: at the end, or else by an interval that holds at any time (`always`)."""
    there = sum(each.units for each in trial.arms.values())
    text = f"{there:,} of {planned:,} planned {trial.unit}s are in"
    if always:
        state: Literal["passed", "notice"] = "passed" if there < planned else "notice"
        return Check(PLANNED, state, f"{text}: the always-valid interval decides", blocks=True)
    if there < planned:
        return Check(PLANNED, "failed", f"{text}: looks before the end need --time COLUMN", blocks=True)
    if there > planned:
        return Check(PLANNED, "notice", f"{text}: more than were to decide, by an interval of one look", blocks=True)
    return Check(PLANNED, "passed", text, blocks=True)


def indistinct(trial: Trial, control: str, treatment: str) -> bool:
    """Whether arms mostly watch the same streams at the same time: what is measured of streams as a whole is then the
    same for both, whatever they were delivered."""
    whole = sum(each.watched.get(treatment, 0.0) for each in trial.shared)
    both = sum(each.watched.get(treatment, 0.0) for each in trial.shared if each.watched.get(control, 0.0) > 0.0)
    return whole > 0.0 and both > 0.5 * whole


def delivered_contrast(doses: Sequence[Dose], control: str, treatment: str) -> Check:
    """Whether the arms were delivered different pictures; as measured, where that is known."""
    pairs = _pairs(doses, control, treatment)
    if not pairs:
        return Check(DELIVERED, "not possible", "needs what the agent measured of each stream, or a column height")
    if scaled := _scaled_up(doses, control, treatment):
        said, blocking = scaled
        if not blocking or not any(_OF_LINES.search(arm) for arm in (control, treatment)):
            return Check(DELIVERED, "notice", said)
        why = "the contrast in resolution that was to be tested never happened"
        return Check(DELIVERED, "failed", f"{said}: {why}", blocks=True)
    told = "; ".join(_told(one, other) for one, other in pairs)
    if not all(_alike(one, other) for one, other in pairs):
        apart = any(_apart(one, other) for one, other in pairs)
        doubt = "" if apart else ": too little is known to tell their pictures apart"
        return Check(DELIVERED, "passed" if apart else "notice", told + doubt)
    text = f"{treatment} was delivered the same picture as {control} ({told})"
    if not any(of.search(arm) for of in (_OF_LINES, _OF_CODING) for arm in (control, treatment)):
        return Check(DELIVERED, "notice", f"{text}; if the arms were to differ in picture, they did not")
    why = "the contrast that was to be tested never happened"
    return Check(DELIVERED, "failed", f"{text}: {why}", blocks=True)


def _pairs(doses: Sequence[Dose], control: str, treatment: str) -> list[tuple[Dose, Dose]]:
    """Of control and treatment, of the best measures that are known of both."""
    known = {(each.source, each.measure, each.arm): each for each in doses if each.mean is not None}
    for source in ("measured", "told"):
        for measures in (PICTURE, ("bytes_per_second",)):
            found = [(known[source, name, control], known[source, name, treatment]) for name in measures
                     if (source, name, control) in known and (source, name, treatment) in known]  # fmt: skip
            if found:
                return found
    return []


def _scaled_up(doses: Sequence[Dose], control: str, treatment: str) -> tuple[str, bool] | None:
    """What to say where one arm was coded with more lines, and little of that is detail, as measured, and whether it
    has no more of it than the other's lines can carry; else None."""
    known = {(each.source, each.measure, each.arm): each for each in doses if each.mean}
    detail = [known.get(("measured", "effective_height", arm)) for arm in (control, treatment)]
    coded = [known.get(("measured", "height", arm), known.get(("told", "height", arm))) for arm in (control, treatment)]
    (one, other), (less, more) = detail, coded
    if one is None or other is None or less is None or more is None:
        return None
    if (less.mean or 0.0) > (more.mean or 0.0):
        (one, other), (less, more) = (other, one), (more, less)
    contrast = log((more.mean or 0.0) / (less.mean or 1.0))
    _, half, _ = _difference(one, other)
    shown = log((other.mean or 0.0) / (one.mean or 1.0))
    if contrast < log(1.0 + ALIKE) or shown + half >= ARRIVED * contrast:
        return None
    said = (
        f"{more.arm} was delivered {more.mean:,.0f} lines, of which the agent found {other.mean:,.0f} to carry detail"
    )
    rest = f"against {less.mean:,.0f} and {one.mean:,.0f} of {less.arm}"
    filled = (other.mean or 0.0) / (less.mean or 1.0)
    if filled > 1.0 + ALIKE:
        return f"{said}, {rest}: less of a contrast than of lines, as of a soft source or a low bitrate", False
    if filled < SOFT:
        return f"{said}, {rest}: too soft, in either arm, to tell whether more lines showed more", False
    return f"{said}, {rest}: scaled up, or from a source without more", True


def _difference(one: Dose, other: Dose) -> tuple[float, float, float]:
    """How far apart means are, and the half-width of that, as shares of the first; and shares of time in HD."""
    first, second = one.mean or 0.0, other.mean or 0.0
    halves = [((each.high or 0.0) - (each.low or 0.0)) / 2.0 for each in (one, other)]
    size = abs(first) or 1.0
    in_hd = 0.0 if one.hd is None or other.hd is None else abs(other.hd - one.hd)
    return abs(second - first) / size, hypot(*halves) / size, in_hd


def _alike(one: Dose, other: Dose) -> bool:
    difference, half, in_hd = _difference(one, other)
    return difference + half < ALIKE and in_hd < ALIKE


def _apart(one: Dose, other: Dose) -> bool:
    difference, half, in_hd = _difference(one, other)
    return difference > max(half, ALIKE / 5.0) or in_hd >= ALIKE


def _told(one: Dose, other: Dose) -> str:
    name = _NAMES.get(one.measure, one.measure)
    digits = 2 if one.measure == "mos" else 0
    text = f"{other.arm} {other.mean:,.{digits}f} {name}, {one.arm} {one.mean:,.{digits}f} {name}"
    if one.hd is not None and other.hd is not None:
        text += f", at 720 lines and more {100 * other.hd:.0f} % and {100 * one.hd:.0f} % of the time watched"
    return f"{text}, {'as measured by the agent' if one.source == 'measured' else 'as players told'}"


def complied(primary: Estimate, doses: Sequence[Dose], moments: Sequence[Moments], alpha: float) -> Estimate | None:
    """What being delivered HD did, where not all who were to get it did: lift / difference in compliance (Wald 1940;
    Imbens and Angrist 1994), with the delta interval. `moments`: of control and treatment, by watch. None: what was
    delivered is not known, differs too little to divide by, or wholly."""
    pair = next((each for each in _pairs(doses, primary.control, primary.treatment) if None not in (each[0].hd,
                each[1].hd)), None)  # fmt: skip
    if pair is None or primary.lift is None or primary.low is None or primary.high is None:
        return None
    shares = pair[0].hd or 0.0, pair[1].hd or 0.0
    difference = shares[1] - shares[0]
    error = sqrt(sum(_uncertain(share, each) for share, each in zip(shares, moments, strict=True)))
    if not max(ALIKE, SURE * error) <= difference < WHOLE:
        return None
    reach = t_quantile(1.0 - alpha, inf)
    theirs = (primary.high - primary.low) / 2.0 / reach
    lift = primary.lift / difference
    spread = sqrt(theirs**2 + (lift * error) ** 2) / difference
    p = t_tail(lift / spread, inf) if spread else None
    note = ASSUMED.format(100.0 * difference)
    return primary._replace(
        metric="watch_if_delivered", lift=lift, low=lift - reach * spread, high=lift + reach * spread, p=p,
        p_adjusted=None, always_valid=None, minimum_detectable_effect=None, margin=None, ship=None, method="wald",
        mean={}, note=note,
    )  # fmt: skip


def _uncertain(share: float, moments: Moments) -> float:
    """Variance of a share of time watched, at most: units that watch for longer weigh more."""
    watch = moments.amounts[0]
    variation = moments.covariance(watch, watch) / moments.mean(watch) ** 2
    return max(0.0, share * (1.0 - share)) * (1.0 + variation) / moments.units
