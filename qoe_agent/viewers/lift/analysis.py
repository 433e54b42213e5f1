"""An experiment, from files or facts to all that is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers import analysing
from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.lift import checking, curves, metrics, observational, refusals, registration, verdicts
from qoe_agent.viewers.lift.comparing import Comparing
from qoe_agent.viewers.lift.shapes import LONG, Lift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qoe_agent.viewers.apart import Step
    from qoe_agent.viewers.lift.asking import Asked
    from qoe_agent.viewers.lift.shapes import Check, Design, Dose, Estimate, Trial
    from qoe_agent.viewers.tables.trials import Rows

ALONE = ("no column of users is named: each session counts as a unit of its own, and where people come back intervals "
         "are too narrow")  # fmt: skip


BLURRED = ("what the agent measured is of streams as a whole, which arms watch at the same time: it does not tell arms "
           "apart; sessions need a column rendition")  # fmt: skip


class _Counted(NamedTuple):
    """What was read."""

    trial: Trial
    doses: Sequence[Dose]
    whole: bool
    """Whether what is measured of a session is of its stream."""
    mapped: Mapping[str, int] | None
    """Users by arm, if a mapping assigned them."""


def report(asked: Asked, tell: Callable[[Step], None]) -> Lift:
    """As `lift.analyse` says."""
    asked = refusals.sound(asked)
    refusals.analysable(asked)
    said = registration.read(asked.plan) if asked.plan else None
    asked = of_facts(asked)
    observational.refuse(asked)
    steps = analysing.Steps(tell, 4)
    steps("reading")
    with analysing.plainly(asked.facts), opened(asked) as rows:
        design = _chosen(rows, asked)
        if asked.observational:
            steps("comparing arms that nobody randomised")
            return _observed(rows, asked, design)
        steps("counting users and arms")
        trial = rows.trial(replace(design, treatments=()))
        refusals.segmented(rows, trial, design)
        steps("looking at what arms were delivered")
        doses = rows.doses(design, asked.measured)
        counted = _Counted(trial, doses, _measured_whole(rows), rows.mapped)
    steps("comparing")
    return _found(counted, design, asked, said)


def opened(asked: Asked) -> Rows:
    """The rows, with all columns that are used."""
    from qoe_agent.viewers.tables import trials
    from qoe_agent.viewers.tables.trials import facts, heads

    design = asked.design
    if asked.facts is not None:
        analysing.facts_in(asked.facts)
        known = frozenset(facts.NUMBERS)
    else:
        known = heads.numbers(asked.files)
    compared = metrics.together(design, asked.columns, known)
    words = tuple(dict.fromkeys((*design.strata, *design.segments, *asked.covariates)))
    used = (*metrics.columns(compared), *design.pre, *metrics.known_by(metrics.DELIVERED, known))
    numbers = tuple(dict.fromkeys(used))
    if asked.facts is not None:
        return trials.open_facts(asked.facts, asked.experiment, asked.columns, numbers, words, asked.engine)
    return trials.open_files(asked.files, asked.columns, numbers, words, asked.engine, asked.mapping)


def of_facts(asked: Asked) -> Asked:
    """With the columns that facts have, if it is facts that are read."""
    if asked.facts is None:
        return asked
    from qoe_agent.viewers.tables.trials import facts

    return replace(asked, columns=facts.COLUMNS)


def _chosen(rows: Rows, asked: Asked) -> Design:
    """The design with all its treatments and metrics."""
    design, arms = asked.design, rows.arms()
    refusals.alike(arms)
    listed = ", ".join(arms) or "none"
    if not design.control:
        raise Unusable(f"--control NAME is required: which of the arms others are compared with; there are {listed}")
    for name in (design.control, *design.treatments):
        if name not in arms:
            raise Unusable(f"no arm {name!r} in {asked.columns.arm}; there are {listed}")
    others = tuple(name for name in design.treatments or arms if name != design.control)
    if not others and design.treatments:
        raise Unusable(f"--treatment {design.control!r} is the control itself; there are {listed}")
    if not others:
        raise Unusable(f"there is one arm only, {design.control!r}: nothing to compare it with")
    if asked.observational and len(others) > 1:
        raise Unusable(f"--treatment NAME is required: which of {', '.join(others)} is compared")
    known = frozenset(rows.numbers)
    compared = metrics.together(design, asked.columns, known)
    refusals.before(design.pre, asked.columns, compared)
    return replace(design, treatments=others, metrics=compared)


def _observed(rows: Rows, asked: Asked, design: Design) -> Lift:
    from qoe_agent.viewers.tables.trials.observed import of_rows

    treatment, cap = design.treatments[0], design.caps[0]
    covered = of_rows(rows, asked.covariates, treatment, design.control, cap)
    comparisons = observational.compared(covered)
    headline, *told = observational.words(comparisons, treatment, design.control)
    return Lift(
        "observational", headline, described(design, asked, "observational", "session"),
        doses=rows.doses(design, asked.measured), comparisons=comparisons,
        notes=(f"watch time is {verdicts.capped(cap)}", *told, *covered.notes, *rows.lost()),
    )  # fmt: skip


def _measured_whole(rows: Rows) -> bool:
    """Whether what is measured of a session is of its stream, as its rendition is mostly not known."""
    lacking = rows.seen().get("no_rendition")
    return lacking is None or lacking > 0.5 * sum(rows.arms().values())


def _found(counted: _Counted, design: Design, asked: Asked, said: registration.Read | None) -> Lift:
    trial, doses = counted.trial, counted.doses
    wanted = [each.name for each in asked.design.metrics]
    comparing = Comparing(trial, design, asked.columns.time is not None, wanted)
    primary = verdicts.arms(comparing.primary(), asked.design.treatments)
    spoken = primary[0].treatment
    apart, blurred = _distinct(trial, design, doses, spoken, counted.whole)
    changed = _changed(said, design, asked)
    checks = _checks(counted._replace(doses=apart), design, spoken, comparing)
    if said is not None:
        checks = (*checks, registration.check(said, changed))
    beyond = max((cap for cap in design.caps if cap is not None), default=LONG)
    tail = curves.tail(trial.lengths, trial.watched, beyond)
    ours = (design.control, *design.treatments)
    estimates = comparing.estimates(primary, apart)
    first = {each.treatment: each for each in estimates[: len(primary)]}
    grounds = verdicts.Grounds(
        first[spoken], comparing.others(estimates[: len(primary)]), checks, design.smallest_effect,
        design.alpha, comparing.running, comparing.decides(spoken), _uncapped(estimates, spoken), tail, beyond,
        _guardrails(estimates, spoken, design), departures=registration.named(changed),
        caps=_capped(estimates, spoken, design),
    )  # fmt: skip
    code, text = verdicts.verdict(grounds)
    kind = "switchback" if trial.unit == "block" else "randomised"
    counts: dict[str, Any] = {
        "users" if trial.unit == "user" else f"{trial.unit}s": dict(trial.assigned), "pending": dict(trial.pending),
        "sessions": dict(trial.sessions), "running": comparing.running is not None,
    }  # fmt: skip
    return Lift(
        code, text, described(design, asked, kind, trial.unit) | counts, checks, estimates, tuple(doses),
        retention={arm: curve for arm, curve in curves.retention(trial.lengths).items() if arm in ours},
        over_time=comparing.over_time(spoken), novelty=comparing.novelty(spoken),
        tail={arm: each for arm, each in tail.items() if arm in ours}, registered=changed,
        notes=(*_notes(trial, asked), *blurred, *comparing.notes(), *trial.notes),
    )  # fmt: skip


def _distinct(
    trial: Trial, design: Design, doses: Sequence[Dose], treatment: str, whole: bool
) -> tuple[Sequence[Dose], list[str]]:
    """What can tell arms apart of what was delivered, and a note on the rest."""
    if not whole or not checking.indistinct(trial, design.control, treatment):
        return doses, []
    told = [each for each in doses if each.source == "told"]
    return told, [BLURRED] if len(told) < len(doses) else []


def _capped(estimates: Sequence[Estimate], treatment: str, design: Design) -> tuple[Estimate, ...]:
    """The same at other caps."""
    return tuple(each for each in estimates if each.metric == design.metrics[0].name and each.cap in design.caps[1:]
                 and each.segment is None and each.treatment == treatment)  # fmt: skip


def _uncapped(estimates: Sequence[Estimate], treatment: str) -> Estimate | None:
    return next((each for each in estimates if each.metric == "watch" and each.cap is None and each.segment is None
                 and each.treatment == treatment), None)  # fmt: skip


def _guardrails(estimates: Sequence[Estimate], treatment: str, design: Design) -> tuple[Estimate, ...]:
    """Of watch at the first cap only."""
    return tuple(each for each in estimates if each.margin is not None and each.treatment == treatment
                 and each.segment is None
                 and (each.metric != design.metrics[0].name or each.cap == design.caps[0]))  # fmt: skip


def _changed(said: registration.Read | None, design: Design, asked: Asked) -> tuple[str, ...]:
    """What is done otherwise than was registered."""
    if said is None:
        return ()
    given = replace(design, metrics=asked.design.metrics, treatments=asked.design.treatments)
    columns = replace(asked.columns, arm="") if asked.mapping else asked.columns
    return registration.differences(said, given, columns)


def _checks(counted: _Counted, design: Design, treatment: str, comparing: Comparing) -> tuple[Check, ...]:
    from qoe_agent.viewers import effects

    trial = counted.trial
    ours = {design.control, *design.treatments, *(design.allocation or ())}
    there = {arm: count for arm, count in trial.assigned.items() if arm in ours}
    mapped = None if trial.unit == "block" or counted.mapped is None else {
        arm: counted.mapped.get(arm, 0) for arm in there}  # fmt: skip
    found = [effects.sample_ratio(mapped or there, design.allocation)]
    if mapped:
        found.append(effects.showed_up(mapped, there))
    if (cut := checking.cap(trial, design)) is not None:
        found.append(cut)
    if trial.unit == "block":
        found += [checking.one_arm_a_block(trial), comparing.carry_over(treatment)]
    else:
        found += [checking.one_arm_a_user(trial), effects.interference(trial.shared, design.control, treatment)]
        if design.planned_users:
            found.append(checking.planned_users(trial, design.planned_users, comparing.always))
    return (*found, *comparing.balance(), checking.delivered_contrast(counted.doses, design.control, treatment))


def _notes(trial: Trial, asked: Asked) -> list[str]:
    found = [ALONE] if trial.unit == "session" else []
    if waiting := sum(trial.pending.values()):
        found.append(f"{waiting:,} {trial.unit}s are pending: their windows are not over, and they do not count yet")
    if trial.unassigned:
        found.append(f"{trial.unassigned:,} sessions have no arm, and do not count")
    return found


def described(design: Design, asked: Asked, kind: str, unit: str) -> dict[str, Any]:
    """The design as JSON."""
    found: dict[str, Any] = {
        "kind": kind, "unit": unit, "control": design.control, "treatments": list(design.treatments),
        "metrics": [each.name for each in design.metrics], "caps": list(design.caps), "cap_unit": design.cap_unit,
        "window": design.window, "planned_users": design.planned_users, "smallest_effect": design.smallest_effect,
        "allocation": dict(design.allocation) if design.allocation else None, "alpha": design.alpha,
        "pre": list(design.pre), "strata": list(design.strata), "segments": list(design.segments),
    }  # fmt: skip
    if asked.experiment:
        found["experiment"] = asked.experiment
    if kind == "switchback":
        found |= {"switchback": design.switchback, "washout": design.washout}
    if kind == "observational":
        found["covariates"] = list(asked.covariates)
    return found
