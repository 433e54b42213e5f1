"""What `qoe-agent lift` found, as one HTML file that needs nothing else: the verdict first. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import lift_json, lift_words, paper, words
from qoe_agent.report import lift_plots as plots
from qoe_agent.report.lift_sections import balance, comparisons, doses, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.report.drawing import Axis
    from qoe_agent.viewers.lift.shapes import Check, Estimate, Lift


def page(lift: Lift) -> str:
    """The whole file."""
    parts = [
        _design(lift), _checks(lift.checks), _guardrails(lift), _registered(lift), comparisons(lift), balance(lift),
        _estimates(lift), doses(lift), _retention(lift), _over_time(lift), _segments(lift), tail(lift), _novelty(lift),
        paper.notes(lift.notes, "What to believe" if lift.comparisons else "Notes"),
    ]  # fmt: skip
    first = html('<p class="first {}"><strong>{}</strong> {}</p>', lift.code,
                 lift_words.VERDICTS.get(lift.code, lift.code).capitalize() + ".", lift.text)  # fmt: skip
    told = [Safe(paper.clean(each)) for each in (first, *parts)]
    return paper.page("What it did to watch time", told[0], [*told[1:], _raw(lift)])


def _design(lift: Lift) -> Safe:
    pairs = lift_words.design(lift.design)
    if not pairs:
        return NOTHING
    told = joined(html("<div><dt>{}</dt><dd>{}</dd></div>", name, value) for name, value in pairs)
    return html('<section><h2>Design</h2><dl class="facts">{}</dl></section>', told)


def _checks(checks: Sequence[Check]) -> Safe:
    if not checks:
        return NOTHING
    rows = (
        html('<tr><th scope="row">{}</th><td class="prose"><span class="state {}">{}</span> {}</td></tr>',
             lift_words.check(one), one.state.replace(" ", "-"), one.state, one.text)
        for one in checks
    )  # fmt: skip
    columns = (("", ""), ("", ""))
    return html("<section><h2>Checks</h2>{}</section>", paper.table(columns, rows, "narrow"))


def _guardrails(lift: Lift) -> Safe:
    guards = [one for one in lift.estimates if one.margin is not None]
    if not guards:
        return NOTHING
    rows = (
        html('<tr><th scope="row">{}</th><td class="prose"><span class="state {}">{}</span> {}</td></tr>',
             lift_words.what(one), "passed" if one.ship else "failed", "ship" if one.ship else "hold",
             lift_words.guards(one))
        for one in guards
    )  # fmt: skip
    table = paper.table((("", ""), ("", "")), rows, "narrow")
    return html("<section><h2>Guardrails</h2>{}</section>", table)


def _registered(lift: Lift) -> Safe:
    if not lift.registered:
        return NOTHING
    said = joined(html("<li>{}</li>", one) for one in lift.registered)
    return html('<section><h2>Other than registered</h2><ul class="changed">{}</ul></section>', said)


def _estimates(lift: Lift) -> Safe:
    shown = [one for one in lift.estimates if not one.segment]
    if not shown:
        return NOTHING
    axis = plots.effects(shown)
    always = any(one.always_valid for one in shown)
    columns = [
        ("", ""), ("lift", "number"), ("per cent, points", ""), (f"{lift_words.level(lift)} interval", "number"),
        ("always valid", "number"), ("p", "number"), ("adjusted", "number"), ("could see", "number"),
        ("units", "number"),
    ]  # fmt: skip
    absent = {"" if always else "always valid", "units" if lift_words.alike(shown) else "",
              "" if any(one.p_adjusted is not None for one in shown) else "adjusted"} - {""}  # fmt: skip
    columns = [each for each in columns if each[0] not in absent]
    pairs, method = lift_words.pairs(shown), lift_words.method(shown)
    rows: list[Safe] = []
    for each in pairs:
        rows += [_group(lift_words.heading(each), len(columns))] if len(pairs) > 1 else []
        rows += (_estimate(one, axis, absent, one is lift.estimates[0], said=bool(method)) for one in each)
    rows.append(_axis(axis, len(columns) - 3))
    key = html('<p><span class="key estimate">lift and {} interval</span> {}</p>', lift_words.level(lift),
               Safe('<span class="key always">interval that holds whenever one looks</span>') if always else NOTHING
               )  # fmt: skip
    said = dict.fromkeys(f"{lift_words.what(one)}: {one.note}" for one in shown if one.note)
    return html(
        '<section><h2>What the arms differ in</h2>{}{}<p class="dim">{}{}.</p><ul>{}</ul></section>', key,
        paper.table(columns, rows, "told"), f"method (but of ranks): {method}; " if method else "",
        lift_words.legend(shown),
        joined(html("<li>{}</li>", each) for each in said),
    )  # fmt: skip


def _estimate(one: Estimate, axis: Axis, absent: set[str], first: bool, said: bool) -> Safe:
    """`said`: its method is, elsewhere."""
    beneath = [lift_words.means(one), "" if said or one.method in lift_words.PLAIN else one.method]
    cells = {
        "interval": lift_words.interval(one.low, one.high), "always valid": lift_words.always(one),
        "p": words.chance(one.p), "adjusted": words.chance(one.p_adjusted), "could see": lift_words.least(one),
        "units": lift_words.units(one),
    }  # fmt: skip
    return html(
        '<tr class="{}"><th scope="row">{}<br><span class="dim">{}</span></th>{}<td class="draw">{}</td>{}</tr>',
        "sure" if first else "", lift_words.what(one), "; ".join(filter(None, beneath)),
        paper.number(lift_words.effect(one)), plots.forest(one, axis),
        paper.figures({name: text for name, text in cells.items() if name not in absent}),
    )  # fmt: skip


def _group(name: str, columns: int) -> Safe:
    return html('<tr class="bare group"><th scope="rowgroup" colspan="{}">{}</th></tr>', columns, name)


def _axis(axis: Axis, rest: int) -> Safe:
    return html('<tr class="bare axis"><td colspan="2"></td><td class="draw">{}</td><td colspan="{}"></td></tr>',
                plots.scale(axis), rest)  # fmt: skip


def _segments(lift: Lift) -> Safe:
    shown = [one for one in lift.estimates if one.segment]
    if not shown:
        return NOTHING
    axis = plots.effects(shown)
    rows: list[Safe] = []
    before = ""
    for one in shown:
        named = lift_words.segment(one, shown)
        if named != before:
            rows.append(_group(named, 7))
        before = named
        rows.append(html(
            '<tr><th scope="row">{}</th>{}<td class="draw">{}</td>{}</tr>', one.segment[1] if one.segment else "",
            paper.number(lift_words.effect(one)), plots.forest(one, axis),
            paper.figures({"interval": lift_words.interval(one.low, one.high), "p": words.chance(one.p),
                           "adjusted": words.chance(one.p_adjusted), "units": lift_words.units(one)}),
        ))  # fmt: skip
    rows.append(_axis(axis, 4))
    columns = (("", ""), ("lift", "number"), ("per cent, points", ""), (f"{lift_words.level(lift)} interval", "number"),
               ("p", "number"), ("adjusted", "number"), ("units", "number"))  # fmt: skip
    return html(
        '<section><h2>By segment</h2>{}<p class="dim">Adjusted: p for how many were tested together. A segment in '
        "which nothing shows may hold too few to show it.</p></section>", paper.table(columns, rows, "told"),
    )  # fmt: skip


def _retention(lift: Lift) -> Safe:
    drawn = plots.retention(lift.retention)
    if not drawn:
        return NOTHING
    return html('<section><h2>Who still watches</h2>{}{}<p class="dim">Share of sessions that still watch, by time '
                "since they began (logarithmic).</p></section>", plots.arms(lift.retention), drawn)  # fmt: skip


def _over_time(lift: Lift) -> Safe:
    drawn = plots.over_time(lift.over_time)
    if not drawn:
        return NOTHING
    return html(
        '<section><h2>Lift over time</h2><p><span class="key line0">lift</span> <span class="key band">{} interval, '
        'for one look at the end</span> <span class="key wide">interval that holds whenever one looks</span></p>{}'
        '<p class="dim">As units entered. Who looks every day and stops when the inner band leaves zero is fooled far '
        "more often than it says; the outer one may be looked at at any time.</p></section>",
        lift_words.level(lift), drawn,
    )  # fmt: skip


def _novelty(lift: Lift) -> Safe:
    days, left = plots.sure(lift.novelty, lift.design.get("window"))
    drawn = plots.novelty(days)
    if not drawn:
        return NOTHING
    return html('<section><h2>Does it wear off?</h2>{}<p class="dim">Lift of watch time by day since a user\'s first '
                "session, with {} intervals{}.</p></section>", drawn, lift_words.level(lift),
                f"; not drawn: {left} days of too few users" if left else "")  # fmt: skip


def _raw(lift: Lift) -> Safe:
    text = json.dumps(lift_json.document(lift), ensure_ascii=False, allow_nan=False, indent=1)
    return html('<section><h2>All figures</h2><details><summary>The JSON document</summary><pre tabindex="0">{}</pre>'
                "</details></section>", text)  # fmt: skip
