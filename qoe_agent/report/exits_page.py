"""What `qoe-agent exits` found, as one HTML file that needs nothing else: no script, no address of others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import exits_plots as plots
from qoe_agent.report import exits_words, paper, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.report.drawing import Axis
    from qoe_agent.viewers.shapes import Claim, Cost, Exits, Hazard

AROUND = 12
"""Incidents that are drawn from near; all of them are in the table."""


def page(exits: Exits) -> str:
    """The whole file."""
    parts = (
        _retention(exits), _hazards(exits), _causes(exits), _incidents(exits), _breakdowns(exits),
        _claims(exits), paper.notes(exits.notes),
    )  # fmt: skip
    return paper.page("Why viewers leave", html('<p class="first">{}</p>', exits_words.first(exits)), parts)


def _retention(exits: Exits) -> Safe:
    if not exits.retention:
        return NOTHING
    rows = (
        html('<tr><th scope="row">{}</th>{}{}</tr>', words.length(one.seconds), paper.number(words.share(one.share)),
             paper.number(words.between(one.low, one.high, words.share)))
        for one in exits.retention
    )  # fmt: skip
    columns = (("after", ""), ("still watch", "number"), ("95 % interval", "number"))
    return html(
        '<section><h2>Who still watches</h2>{}<p class="dim">Share of sessions that still watch, by time since they '
        "began (logarithmic); the band is the 95 % interval.</p>{}</section>",
        plots.curve(exits.curve, exits.retention), paper.table(columns, rows, "narrow"),
    )  # fmt: skip


def _hazards(exits: Exits) -> Safe:
    shown = [one for one in exits.hazards if one.factor != exits_words.TENURE]
    if not shown:
        return NOTHING
    axis = plots.ratios(shown)
    rows: list[Safe] = []
    for before, one in zip((None, *shown), shown, strict=False):
        if before is None or before.factor != one.factor:
            rows.append(html('<tr class="bare group"><th scope="rowgroup" colspan="6">{}</th></tr>',
                             exits_words.factor(one.factor).capitalize()))  # fmt: skip
        rows.append(_hazard(one, axis))
    rows.append(html('<tr class="bare"><td></td><td class="draw">{}</td><td colspan="4"></td></tr>', plots.scale(axis)))
    columns = (
        ("", ""), ("times as fast (logarithmic)", ""), ("ratio", "number"), ("95 % interval", "number"),
        ("naive", "number"), ("exits", "number"),
    )  # fmt: skip
    return html(
        "<section><h2>{}</h2><p>How many times as fast viewers leave at each level as at the "
        'reference of its factor, all factors and the time watched held fixed.</p><p><span class="key estimate">'
        'estimate and 95 % interval</span> <span class="key naive">naive figure</span></p>{}<p class="dim">{}</p>'
        '<ul class="dim">{}</ul></section>',
        exits_words.going(exits), paper.table(columns, rows), "" if exits.cause else exits_words.REASON,
        joined(html("<li>{}</li>", said) for said in exits_words.remarks(shown)),
    )  # fmt: skip


def _hazard(one: Hazard, axis: Axis) -> Safe:
    return html(
        '<tr><th scope="row">{}</th><td class="draw">{}</td>{}{}{}{}</tr>',
        exits_words.level(one.factor, one.level), plots.forest(one, axis), paper.number(words.ratio(one.hazard_ratio)),
        paper.number("reference" if exits_words.reference(one) else words.between(one.low, one.high)),
        paper.number(words.ratio(one.naive)), paper.number(words.count(one.exits)),
    )  # fmt: skip


def _causes(exits: Exits) -> Safe:
    if not exits.causes:
        return NOTHING
    marks = sorted({each["seconds"] for each in exits.causes})
    shares = {(each["cause"], each["seconds"]): each["share"] for each in exits.causes}
    rows = (
        html('<tr><th scope="row">{}</th>{}</tr>', cause,
             joined(paper.number(words.share(shares.get((cause, mark)))) for mark in marks))
        for cause in dict.fromkeys(each["cause"] for each in exits.causes)
    )  # fmt: skip
    columns = (("gone after", ""), *((words.length(mark), "number") for mark in marks))
    return html("<section><h2>How they go</h2>{}</section>", paper.table(columns, rows, "narrow"))


def _incidents(exits: Exits) -> Safe:
    if not exits.incidents:
        return NOTHING
    ranked = exits_words.ranked(exits.incidents)
    columns = (
        ("incident", ""), ("", ""), ("began (UTC)", ""), ("exits too many", "number"), ("95 % interval", "number"),
        ("p", "number"), ("minutes lost", "number"), ("orders lost", "number"), ("how it is known", ""),
    )  # fmt: skip
    near = joined(
        html("<div><h3>{} {}</h3>{}</div>", words.kind(one.kind), one.id,
             plots.timeline(exits.timelines[one.id], one.start, one.end))
        for one in [each for each in ranked if each.id in exits.timelines][:AROUND]
    )  # fmt: skip
    key = html(
        '<h3>Exits around incidents</h3><p><span class="key line0">viewers in its scope</span> '
        '<span class="key line1">others of the same stream</span></p><div class="around">{}</div>', near,
    ) if near else NOTHING  # fmt: skip
    return html(
        "<section><h2>What incidents cost</h2>{}<p>Exits beyond those expected without the incident. Bold stands after "
        "false-discovery control over all of them; the order is by the least that each cost, as the largest estimates "
        "are those that chance helped most.</p>{}{}</section>",
        plots.costs(exits.incidents), paper.table(columns, map(_incident, ranked)), key,
    )  # fmt: skip


def _incident(one: Cost) -> Safe:
    known = one.excess_exits is not None
    doubt = ""
    if one.pretrend_p is not None and one.pretrend_p < 0.05:
        doubt = f"exits were unusual before it began, too (p {words.chance(one.pretrend_p)})"
    how = "; ".join(part for part in (one.method, doubt, one.note) if part)
    return html(
        '<tr class="{}"><th scope="row">{}</th><td>{}</td><td class="when">{}</td>{}{}{}{}{}'
        '<td class="dim prose">{}</td></tr>',
        "sure" if one.discovery else "", one.id, words.kind(one.kind), words.moment(one.start),
        paper.number(words.count(one.excess_exits) if known else "cannot be known"),
        paper.number(words.between(one.low, one.high, words.count)), paper.number(words.chance(one.p)),
        paper.number(words.count(one.viewer_minutes)), paper.number(words.count(one.orders)), how,
    )  # fmt: skip


def _breakdowns(exits: Exits) -> Safe:
    if not exits.breakdowns:
        return NOTHING
    columns: tuple[tuple[str, str], ...] = (
        ("attribute", ""), ("", ""), ("after", ""), ("still watch", "number"), ("95 % interval", "number"),
        ("p, adjusted", "number"), ("sessions", "number"),
    )  # fmt: skip
    if all(one.get("sessions") is None for one in exits.breakdowns):
        columns = columns[:-1]
    return html("<section><h2>By attribute</h2>{}</section>", paper.table(columns, map(_part, exits.breakdowns)))


def _part(one: Mapping[str, Any]) -> Safe:
    return html(
        '<tr><th scope="row">{}</th><td>{}</td><td>{}</td>{}{}{}{}</tr>', one["attribute"], one["level"],
        words.length(one["seconds"]), paper.number(words.share(one["share"])),
        paper.number(words.between(one.get("low"), one.get("high"), words.share)),
        paper.number(words.chance(one.get("p_adjusted"))),
        NOTHING if one.get("sessions") is None else paper.number(words.count(one["sessions"])),
    )  # fmt: skip


def _claims(exits: Exits) -> Safe:
    if not exits.claims:
        return NOTHING
    columns = (("what is said", ""), ("here", ""), ("what this audience shows", ""))
    return html(
        "<section><h2>What is said, and what this audience shows</h2><p>The claims are those of vendors and their "
        "articles, without a primary source; they are tested here, not repeated.</p>{}</section>",
        paper.table(columns, map(_claim, exits.claims)),
    )  # fmt: skip


def _claim(one: Claim) -> Safe:
    design = html('<br><span class="dim">{}</span>', one.design) if one.design else NOTHING
    return html(
        '<tr><th scope="row">“{}”</th><td class="verdict {}">{}</td><td class="prose">{}{}</td></tr>',
        one.claim, one.verdict, one.verdict, one.shown, design,
    )  # fmt: skip
