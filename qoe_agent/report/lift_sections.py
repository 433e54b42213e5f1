"""Sections of the page on lift that are about what arms got, the longest sessions, and arms nobody randomised. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import lift_plots as plots
from qoe_agent.report import lift_words, paper, words

if TYPE_CHECKING:
    from qoe_agent.report.drawing import Axis
    from qoe_agent.viewers.lift.observed import Comparison
    from qoe_agent.viewers.lift.shapes import Lift


def doses(lift: Lift) -> Safe:
    """What each arm got: as players told it, and as the agent measured it."""
    if not lift.doses:
        return NOTHING
    rows = []
    before = ""
    for one in sorted(lift.doses, key=lambda each: (each.measure, each.source)):
        named = lift_words.measure(one)
        if named != before:
            rows.append(
                html('<tr class="bare group"><th scope="rowgroup" colspan="5">{}</th></tr>', words.begun(named))
            )
        before = named
        rows.append(html(
            '<tr><th scope="row">{}</th>{}</tr>', one.arm, joined(map(paper.number, (
                lift_words.dose(one), lift_words.spread(one), words.share(one.hd) if one.hd is not None else "",
                words.share(one.known)))),
        ))  # fmt: skip
    columns = (("", ""), ("mean", "number"), (f"{lift_words.level(lift)} interval", "number"), ("in HD", "number"),
               ("known of", "number"))  # fmt: skip
    return html(
        '<section><h2>What the arms got</h2><p>The treatment is what was assigned; this is what arrived. “Told” is '
        "what players say, “measured” what the agent saw of the streams they watched; HD is 720 lines or more.</p>{}"
        "</section>", paper.table(columns, rows, "narrow"),
    )  # fmt: skip


def tail(lift: Lift) -> Safe:
    """On how few sessions uncapped figures rest."""
    if not any(map(any, lift.tail.values())):
        return NOTHING
    rows = (
        html('<tr><th scope="row">{}</th>{}<td class="draw">{}</td>{}<td class="draw">{}</td></tr>', arm,
             paper.number(words.share(sessions)), plots.bar(sessions, "few"), paper.number(words.share(watched)),
             plots.bar(watched, "much"))
        for arm, (sessions, watched) in lift.tail.items()
    )  # fmt: skip
    columns = (("", ""), ("of sessions", "number"), ("", ""), ("of the time watched", "number"), ("", ""))
    return html(
        "<section><h2>What the longest sessions hold</h2><p>How many sessions are longer than the longest cap, and how "
        "much of all that was watched is in them: on so few an uncapped figure rests.</p>{}</section>",
        paper.table(columns, rows),
    )  # fmt: skip


def comparisons(lift: Lift) -> Safe:
    """All ways to compare arms that nobody randomised, side by side."""
    if not lift.comparisons:
        return NOTHING
    known = [each for one in lift.comparisons for each in (one.low, one.high) if each is not None]
    axis = plots.reach(known)
    rows = [_comparison(one, axis, lift_words.treatment(lift)) for one in lift.comparisons]
    rows.append(
        html(
            '<tr class="bare axis"><td colspan="2"></td><td class="draw">{}</td><td colspan="4"></td></tr>',
            plots.scale(axis),
        )
    )
    columns = (
        ("", ""), ("lift", "number"), ("per cent; matched: points", ""),
        (f"{lift_words.level(lift)} interval", "number"), ("p", "number"), ("E-value (limit)", "number"),
        ("Γ", "number"),
    )  # fmt: skip
    notes = [html("<li>{}: {}</li>", lift_words.METHODS.get(one.method, one.method), lift_words.note(one, lift))
             for one in lift.comparisons if one.note]  # fmt: skip
    return html(
        "<section><h2>Arms that nobody randomised, compared</h2><p>Viewers came into these arms by themselves: by "
        "their bandwidth, device, taste. Each row takes out more of that; none can take out what was not measured."
        "</p>{}"
        "<ul>{}</ul><p class=\"dim\">E-value: how many times as likely an unmeasured cause would have to make both the "
        "arm and long watching, to explain the figure (of its limit: to make it nothing). Γ: how unequal the odds of "
        "two matched viewers may be before the pairs' p passes 0.05. A p value says nothing of either.</p></section>",
        paper.table(columns, rows, "told"), joined(notes),
    )  # fmt: skip


def _comparison(one: Comparison, axis: Axis, treatment: str) -> Safe:
    units = "pairs" if one.method == "matched" else "sessions"
    beneath = [f"carried by {words.count(one.effective)} {units}" if one.effective is not None else "",
               f"{words.share(one.used)} of {treatment}" if one.used is not None else ""]  # fmt: skip
    return html(
        '<tr><th scope="row">{}<br><span class="dim">{}</span></th>{}<td class="draw">{}</td>{}</tr>',
        lift_words.METHODS.get(one.method, one.method), "; ".join(filter(None, beneath)),
        paper.number(lift_words.compared(one)), plots.row(axis, one.estimate, one.low, one.high, None),
        paper.figures({
            "interval": lift_words.interval(one.low, one.high), "p": words.chance(one.p),
            "E-value": lift_words.evident(one), "Γ": lift_words.bound(one),
        }),
    )  # fmt: skip


def balance(lift: Lift) -> Safe:
    """How alike the arms were in each covariate, and are (a Love plot)."""
    shown = [one for one in lift.comparisons if one.balance and one.method != "naive"]
    if not shown:
        return NOTHING
    axis = plots.balances(each for one in shown for each in one.balance)
    rows: list[Safe] = []
    for one in shown:
        named = lift_words.METHODS.get(one.method, one.method)
        rows.append(html('<tr class="bare group"><th scope="rowgroup" colspan="4">{}</th></tr>', words.begun(named)))
        rows += (
            html('<tr><th scope="row">{}</th><td class="draw">{}</td>{}{}</tr>', each.covariate,
                 plots.love(each, axis), paper.number(f"{abs(each.before):.3f}"),
                 paper.number(f"{abs(each.after):.3f}"))
            for each in sorted(one.balance, key=lambda each: -abs(each.before))
        )  # fmt: skip
    columns = (("", ""), (f"0 to {axis.high:.2g}", ""), ("before", "number"), ("after", "number"))
    return html(
        '<section><h2>Are the arms alike?</h2><p>Standardised differences of what is known of viewers; up to 0.1 '
        '(shaded) is called balanced.</p><p><span class="key estimate">after</span> <span class="key naive">'
        'before</span></p>{}'
        "</section>", paper.table(columns, rows),
    )  # fmt: skip
