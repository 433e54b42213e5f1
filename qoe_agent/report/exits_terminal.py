"""What `qoe-agent exits` found, for people at a terminal. Names are the data's: never markup, never escape codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from qoe_agent.report import exits_words, screens, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from qoe_agent.viewers.shapes import Claim, Exits

MOST = 20
"""Incidents in the table; the JSON document and the page hold all."""
VERDICTS = {"agrees": "green", "disagrees": "yellow", "unclear": "cyan", "not testable": "dim"}


def report(exits: Exits) -> RenderableType:
    """All of it, what matters most first."""
    parts: list[RenderableType] = [screens.text(exits_words.first(exits), "bold")]
    if exits.retention:
        parts += screens.part("Who still watches", _retention(exits))
    if any(one.factor != exits_words.TENURE for one in exits.hazards):
        reason = () if exits.cause else (Text(exits_words.REASON, "dim"),)
        parts += screens.part(exits_words.going(exits), *_hazards(exits), *reason)
    if exits.causes:
        parts += screens.part("How they go", _causes(exits))
    if exits.incidents:
        parts += screens.part("What incidents cost", *_incidents(exits))
    if exits.breakdowns:
        parts += screens.part("By attribute", _breakdowns(exits))
    if exits.claims:
        parts += screens.part("What is said, and what this audience shows", *map(_claim, exits.claims))
    if exits.notes:
        parts += screens.part("Notes", *(screens.text(f"· {note}") for note in exits.notes))
    return screens.Whole(*parts)


def _retention(exits: Exits) -> Table:
    table = screens.table("after", "still watch", "95 % interval")
    for mark in exits.retention:
        interval = words.between(mark.low, mark.high, words.share)
        screens.row(table, words.length(mark.seconds), words.share(mark.share), interval)
    return table


def _hazards(exits: Exits) -> list[RenderableType]:
    table = screens.table("", "", "leave … times as fast", "95 % interval", "naive", "exits", left=2)
    before = ""
    shown = [one for one in exits.hazards if one.factor != exits_words.TENURE]
    for one in shown:
        name = exits_words.factor(one.factor) if one.factor != before else ""
        before = one.factor
        interval = "reference" if exits_words.reference(one) else words.between(one.low, one.high)
        screens.row(
            table, name, exits_words.level(one.factor, one.level), words.ratio(one.hazard_ratio), interval,
            words.ratio(one.naive), words.count(one.exits),
        )  # fmt: skip
    return [table, *(screens.text(said, "dim") for said in exits_words.remarks(shown))]


def _causes(exits: Exits) -> Table:
    marks = sorted({each["seconds"] for each in exits.causes})
    table = screens.table("gone after", *(words.length(mark) for mark in marks))
    for cause in dict.fromkeys(each["cause"] for each in exits.causes):
        shares = {each["seconds"]: each["share"] for each in exits.causes if each["cause"] == cause}
        screens.row(table, cause, *(words.share(shares.get(mark)) for mark in marks))
    return table


def _incidents(exits: Exits) -> list[RenderableType]:
    table = screens.table(
        "incident", "", "began (UTC)", "exits too many", "95 % interval", "p", "min lost", "orders", left=3
    )
    ranked = exits_words.ranked(exits.incidents)
    for one in ranked[:MOST]:
        if one.excess_exits is None:
            screens.row(table, one.id, words.kind(one.kind), words.moment(one.start), Text("cannot be known", "dim"))
            continue
        style = "bold" if one.discovery else ""
        screens.row(
            table, one.id, words.kind(one.kind), words.moment(one.start), words.count(one.excess_exits),
            words.between(one.low, one.high, words.count), words.chance(one.p), words.count(one.viewer_minutes),
            words.count(one.orders), style=style,
        )  # fmt: skip
    told: list[RenderableType] = [table]
    if len(ranked) > MOST:
        told.append(Text(f"and {len(ranked) - MOST} more: --json or --html FILE", "dim"))
    told += [screens.text(f"{one.id}: {_how(one)}", "dim") for one in ranked[:MOST] if _how(one)]
    if any(one.discovery for one in exits.incidents):
        told.append(Text("bold: stands after false-discovery control over all incidents of this report", "dim"))
    return told


def _how(one: Any) -> str:
    """By which method, and what speaks against it."""
    doubt = ""
    if one.pretrend_p is not None and one.pretrend_p < 0.05:
        doubt = f"exits were unusual before it began, too (p {words.chance(one.pretrend_p)})"
    return "; ".join(part for part in (one.method, doubt, one.note) if part)


def _breakdowns(exits: Exits) -> Table:
    counted = any(one.get("sessions") is not None for one in exits.breakdowns)
    counts = ["sessions"] if counted else []
    table = screens.table("", "", *counts, "still watch", "95 % interval", "p, adjusted", left=2)
    before: Sequence[Any] = ()
    order = {name: place for place, name in enumerate(one["attribute"] for one in exits.breakdowns)}
    for one in sorted(exits.breakdowns, key=lambda one: (order[one["attribute"]], one["seconds"])):
        here = one["attribute"], one["seconds"]
        name = f"{one['attribute']}, after {words.length(one['seconds'])}" if here != before else ""
        before = here
        screens.row(
            table, name, str(one["level"]), *([words.count(one.get("sessions"))] if counted else []),
            words.share(one["share"]),
            words.between(one.get("low"), one.get("high"), words.share), words.chance(one.get("p_adjusted")),
        )  # fmt: skip
    return table


def _claim(one: Claim) -> RenderableType:
    title = Text.assemble((f"{one.verdict:>12}", VERDICTS.get(one.verdict, "")), "  ", (f"“{one.claim}”", "bold"))
    told = [screens.text(one.shown)] + ([screens.text(one.design, "dim")] if one.design else [])
    return Group(title, *(Padding(each, (0, 0, 0, 14)) for each in told))
