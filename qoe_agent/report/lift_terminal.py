"""What `qoe-agent lift` found, for people at a terminal: the verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from qoe_agent.report import lift_words, screens, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from qoe_agent.viewers.lift.needs import Plan
    from qoe_agent.viewers.lift.shapes import Check, Estimate, Lift

VERDICTS = {
    "better": "bold green", "worse": "bold red", "blocked": "bold red", "underpowered": "bold yellow",
    "observational": "bold yellow",
}  # fmt: skip
STATES = {"passed": "green", "notice": "yellow", "failed": "bold red", "not possible": "dim"}
MOST = 40
"""Segments in the table; the JSON document and the page hold all."""


def report(lift: Lift) -> RenderableType:
    """All of it, what matters most first."""
    parts: list[RenderableType] = [_verdict(lift)]
    if lift.design:
        parts += screens.part("Design", _pairs(lift_words.design(lift.design)))
    if lift.checks:
        parts += screens.part("Checks", _checks(lift.checks))
    if guards := [one for one in lift.estimates if one.margin is not None]:
        parts += screens.part("Guardrails", _guardrails(guards))
    if whole := [one for one in lift.estimates if not one.segment]:
        parts += screens.part("What the arms differ in", *_pairs_of(lift, whole), *_remarks(whole))
    if segments := [one for one in lift.estimates if one.segment]:
        parts += screens.part("By segment", *_segments(lift, segments))
    if lift.comparisons:
        parts += screens.part("Arms that nobody randomised, compared", _comparisons(lift), *_beliefs(lift))
    if lift.doses:
        parts += screens.part("What the arms got", _doses(lift))
    if any(map(any, lift.tail.values())):
        parts += screens.part("What the longest sessions hold", _tail(lift))
    if lift.registered:
        parts += screens.part("Other than registered", *_listed(lift.registered, "yellow"))
    if lift.notes:
        parts += screens.part("What to believe" if lift.comparisons else "Notes", *_listed(lift.notes))
    return screens.Whole(*parts)


def _verdict(lift: Lift) -> Text:
    style = VERDICTS.get(lift.code, "bold")
    return Text.assemble((lift_words.VERDICTS.get(lift.code, lift.code).upper(), style), "  ",
                         screens.text(lift.text, "bold"))  # fmt: skip


def _listed(said: Iterable[str], style: str = "") -> list[RenderableType]:
    return [screens.text(f"· {one}", style) for one in said]


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = screens.table("", "", left=2)
    table.show_header = False
    for name, value in pairs:
        screens.row(table, screens.text(name, "dim"), value)
    return table


def _checks(checks: Sequence[Check]) -> Table:
    table = screens.table("", "", "", left=3)
    table.show_header = False
    for one in checks:
        screens.row(table, lift_words.check(one), Text(one.state, STATES[one.state]), one.text)
    return table


def _guardrails(guards: Sequence[Estimate]) -> Table:
    table = screens.table("", "", "", left=3)
    table.show_header = False
    for one in guards:
        state = Text("ship", STATES["passed"]) if one.ship else Text("hold", STATES["failed"])
        screens.row(table, lift_words.what(one), state, lift_words.guards(one))
    return table


def _pairs_of(lift: Lift, estimates: Sequence[Estimate]) -> list[RenderableType]:
    """A table for each pair of arms, which is named if there are several."""
    pairs = lift_words.pairs(estimates)
    told: list[RenderableType] = []
    for each in pairs:
        told += [screens.text(lift_words.heading(each), "bold")] if len(pairs) > 1 else []
        told.append(_estimates(lift, each))
    return told


def _estimates(lift: Lift, estimates: Sequence[Estimate]) -> screens.Fitting:
    """Columns that say nothing, or of all the same, are left out; without room p goes before the interval that decides
    while it runs."""
    adjusted = any(one.p_adjusted is not None for one in estimates)
    cells = {
        "lift": lift_words.effect,
        f"{lift_words.level(lift)} interval": lambda one: lift_words.interval(one.low, one.high),
        "always valid": lift_words.always if any(one.always_valid for one in estimates) else None,
        "p": lambda one: words.chance(one.p),
        "adjusted": (lambda one: words.chance(one.p_adjusted)) if adjusted else None,
        "n": None if lift_words.alike(estimates) else lift_words.units, "means": lift_words.means,
        "could see": lift_words.least,
    }  # fmt: skip
    shown = {name: said for name, said in cells.items() if said}

    def made(without: Sequence[str]) -> Table:
        kept = {name: said for name, said in shown.items() if name not in without}
        table = screens.table("", *kept)
        for one in estimates:
            told = (said(one) for said in kept.values())
            screens.row(table, lift_words.what(one), *told, style="bold" if one is lift.estimates[0] else "")
        return table

    spare = ["means", "n", "could see", "adjusted", *(["p"] if "always valid" in shown else [])]
    return screens.Fitting(made, [name for name in spare if name in shown])


def _remarks(estimates: Sequence[Estimate]) -> list[RenderableType]:
    """What a table of estimates has no column for."""
    said = [f"{lift_words.what(one)}: {one.note}" for one in estimates if one.note]
    return [screens.text(lift_words.legend(estimates), "dim"), *(screens.text(each) for each in dict.fromkeys(said))]


def _segments(lift: Lift, estimates: Sequence[Estimate]) -> list[RenderableType]:
    groups: dict[str, list[Estimate]] = {}
    for one in estimates[:MOST]:
        groups.setdefault(lift_words.segment(one, estimates), []).append(one)
    told: list[RenderableType] = []
    for name, each in groups.items():
        told += [screens.text(name, "bold"), _segment(lift, each)]
    more = len(estimates) - MOST
    return [*told, *([Text(f"and {more} more: --json or --html FILE", "dim")] if more > 0 else [])]


def _segment(lift: Lift, estimates: Sequence[Estimate]) -> screens.Fitting:
    """Of one column and metric."""

    def made(without: Sequence[str]) -> Table:
        columns = ("", "lift", f"{lift_words.level(lift)} interval", "p", "adjusted", "n")
        table = screens.table(*(each for each in columns if each not in without))
        for one in estimates:
            cells = (
                one.segment[1] if one.segment else "", lift_words.effect(one), lift_words.interval(one.low, one.high),
                words.chance(one.p), words.chance(one.p_adjusted), lift_words.units(one),
            )  # fmt: skip
            screens.row(table, *(cell for name, cell in zip(columns, cells, strict=True) if name not in without))
        return table

    return screens.Fitting(made, ("n", "adjusted"))


def _comparisons(lift: Lift) -> screens.Fitting:
    part = f"of {lift_words.treatment(lift)}"

    def made(without: Sequence[str]) -> Table:
        columns = ("", "lift", f"{lift_words.level(lift)} interval", "p", "carried by", part, "E-value (limit)", "Γ")
        table = screens.table(*(each for each in columns if each not in without))
        for one in lift.comparisons:
            cells = (
                one.method, lift_words.compared(one), lift_words.interval(one.low, one.high), words.chance(one.p),
                words.count(one.effective), words.share(one.used), lift_words.evident(one), lift_words.bound(one),
            )  # fmt: skip
            screens.row(table, *(cell for name, cell in zip(columns, cells, strict=True) if name not in without))
        return table

    return screens.Fitting(made, ("carried by", part))


def _beliefs(lift: Lift) -> list[RenderableType]:
    said = [f"{lift_words.METHODS.get(one.method, one.method)}: {lift_words.note(one, lift)}"
            for one in lift.comparisons if one.note]  # fmt: skip
    for one in lift.comparisons:
        if one.balance and one.method != "naive":
            worst = max(one.balance, key=lambda each: abs(each.after))
            said.append(f"{one.method}: largest imbalance left {abs(worst.after):.3f} ({worst.covariate}), "
                        f"before {abs(worst.before):.3f}; up to 0.1 is called balanced")  # fmt: skip
    return [screens.text(each, "dim") for each in said]


def _doses(lift: Lift) -> screens.Fitting:
    interval = f"{lift_words.level(lift)} interval"

    def made(without: Sequence[str]) -> Table:
        columns = ("", "arm", "mean", interval, "HD", "known")
        table = screens.table(*(each for each in columns if each not in without), left=2)
        before = ""
        for one in sorted(lift.doses, key=lambda each: (each.measure, each.source)):
            named = lift_words.measure(one)
            cells = (named if named != before else "", one.arm, lift_words.dose(one), lift_words.spread(one),
                     words.share(one.hd) if one.hd is not None else "", words.share(one.known))  # fmt: skip
            screens.row(table, *(cell for name, cell in zip(columns, cells, strict=True) if name not in without))
            before = named
        return table

    return screens.Fitting(made, ("known", interval))


def _tail(lift: Lift) -> Table:
    table = screens.table("arm", "sessions longer than the longest cap", "of all that was watched")
    for arm, (sessions, watched) in lift.tail.items():
        screens.row(table, arm, words.share(sessions), words.share(watched))
    return table


def plan(found: Plan) -> RenderableType:
    """What it takes to see an effect."""
    parts: list[RenderableType] = [screens.text(found.text, "bold"), screens.text(f"From {found.source}.", "dim")]
    if found.design:
        parts += screens.part("Design", _pairs(lift_words.design(found.design)))
    if found.needs:
        parts += screens.part(f"What an effect needs ({found.unit}s an arm)", _needs(found))
    if found.reaches:
        parts += screens.part("What so many can see", _reaches(found))
    if found.registered:
        parts += screens.part("Registered", screens.text(f"in {found.registered}: analyse with --plan"))
    if found.notes:
        parts += screens.part("Notes", *_listed(found.notes))
    return screens.Whole(*parts)


def _needs(found: Plan) -> Table:
    dated = any(one.days_fixed is not None for one in found.needs)
    table = screens.table("watch time", "CV", "effect", "decided at the end", *(["takes"] if dated else []),
                          "decided any time", *(["takes"] if dated else []))  # fmt: skip
    before = ""
    for one in found.needs:
        named = lift_words.cap(one.cap)
        fixed, always = [lift_words.days(one.days_fixed)], [lift_words.days(one.days_always_valid)]
        screens.row(
            table, *((named, words.ratio(one.variation)) if named != before else ("", "")),
            f"{lift_words.percent(one.effect)} %", words.count(round(one.fixed)), *(fixed if dated else []),
            words.count(round(one.always_valid)), *(always if dated else []),
        )  # fmt: skip
        before = named
    return table


def _reaches(found: Plan) -> Table:
    table = screens.table("watch time", f"{found.unit}s an arm", "decided at the end", "decided any time")
    before = ""
    for one in found.reaches:
        named = lift_words.cap(one.cap)
        fixed, always = (f"{lift_words.percent(each)} %" for each in (one.fixed, one.always_valid))
        screens.row(table, named if named != before else "", words.count(one.units), fixed, always)
        before = named
    return table
