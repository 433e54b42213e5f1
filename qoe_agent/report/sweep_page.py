"""What `qoe-agent compare sweep` found, as one HTML file that needs nothing else: the verdict first. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import compare_words, lift_plots, paper, sweep_json, sweep_plots, sweep_words
from qoe_agent.report.sweep_sections import costs, encodes, failures, kept, ladders, provenance, searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.shapes import BdRate, Swept
    from qoe_agent.report.drawing import Axis

MOST_CLIPS = 8
"""Whose curves are drawn; tables hold all."""
METHOD = (
    "A BD-rate is the average difference of the logarithm of rate over the quality that both cover (Bjøntegaard, "
    "VCEG-M33), here between points interpolated by Akima's method; the column PCHIP is what the sheet of the JCT-VC's "
    "common test conditions would say. Overlap: the share of quality that both cover. Error: how far the figure moves "
    "with another interpolation, or without one of the points; a gain below it is none. Intervals are 95 %, by "
    "Student's t over clips: they speak of clips like these."
)


def page(swept: Swept) -> str:
    """The whole file."""
    labels = _labels(swept)
    parts = [
        _design(swept), failures(swept), _curves(swept, labels), _averages(swept), _differences(swept, labels),
        _speeds(swept, labels), ladders(swept), costs(swept), searched(swept), kept(swept), encodes(swept),
        paper.notes(swept.notes), provenance(swept),
    ]  # fmt: skip
    first = html('<p class="first {}">{}</p>', sweep_words.CODES[swept.conclusive], swept.verdict)
    told = [Safe(paper.clean(each)) for each in (first, *parts)]
    return paper.page("Encoder settings compared", told[0], [*told[1:], _raw(swept)])


def _labels(swept: Swept) -> list[str]:
    """In the order of colours."""
    return list(dict.fromkeys(one.label for one in swept.curves))


def _design(swept: Swept) -> Safe:
    told = joined(html("<div><dt>{}</dt><dd>{}</dd></div>", name, value) for name, value in sweep_words.design(swept))
    return html('<section><h2>What was tried</h2><dl class="facts">{}</dl></section>', told)


def _curves(swept: Swept, labels: Sequence[str]) -> Safe:
    """Of each clip."""
    metric = swept.design.quality
    drawn = []
    for clip in swept.design.clips[:MOST_CLIPS]:
        mine = [one for one in swept.curves if one.clip == clip.name]
        hulls = [one for one in swept.hulls if one.clip == clip.name]
        picture = sweep_plots.curves(mine, hulls, labels, metric)
        if picture:
            crossings = [
                html("<li>{}: {}</li>", one.label, sweep_words.crossing(one)) for one in hulls if one.crossings
            ]
            drawn.append(html(
                "<div>{}{}{}</div>", _named(clip.name, swept), picture,
                html('<p class="dim">Best resolution by rate:</p><ul class="dim">{}</ul>', joined(crossings))
                if crossings else NOTHING,
            ))  # fmt: skip
    if not drawn:
        return NOTHING
    more = len(swept.design.clips) - MOST_CLIPS
    return html(
        '<section><h2>Quality over rate</h2>{}{}<p class="dim">{} of the whole by bits per second (logarithmic), all '
        "compared at the size of the reference. Shaded: the quality that all reach. Heavy where there are several "
        "resolutions: the best of them (convex hull).{}</p></section>", lift_plots.arms(labels), joined(drawn),
        sweep_words.metric(swept), f" {more} more clips are in the tables." if more > 0 else "",
    )  # fmt: skip


def _named(clip: str, swept: Swept) -> Safe:
    """Where there are several."""
    return html("<h3>{}</h3>", clip) if len(swept.design.clips) > 1 else NOTHING


def _averages(swept: Swept) -> Safe:
    if not swept.bd:
        return NOTHING
    over = [one for one in swept.bd if one.clip is None or one.n_clips == len(swept.design.clips)]
    single = [one for one in swept.bd if one not in over]
    mine = [one for one in over if one.metric == swept.design.quality]
    others = [one for one in over if one not in mine]
    parts = [_table(mine, swept, "test")]
    if others:
        parts.append(html("<details><summary>By other metrics</summary>{}</details>", _table(others, swept, "test")))
    if single and len(swept.design.clips) > 1:
        parts.append(html("<details><summary>By clip</summary>{}</details>", _table(single, swept, "clip")))
    return html(
        '<section><h2>Rate at the same quality (BD-rate)</h2><p>Against {}; negative: less rate is needed.</p>{}'
        '<p class="dim">{}</p></section>', swept.bd[0].anchor, joined(parts), METHOD,
    )  # fmt: skip


def _table(found: Sequence[BdRate], swept: Swept, by: str) -> Safe:
    axis = sweep_plots.bd_axis(found)
    columns = [("", ""), ("BD-rate", "number"), ("per cent", ""), ("95 % interval", "number"), ("PCHIP", "number"),
               ("error", "number"), ("overlap", "number"), ("points", "number"), ("BD-quality", "number")]  # fmt: skip
    absent = set() if any(one.low is not None for one in found) else {"95 % interval"}
    columns = [each for each in columns if each[0] not in absent]
    rows: list[Safe] = []
    before = None
    for one in sorted(found, key=lambda each: swept.design.metrics.index(each.metric)):
        group = (one.metric, one.size)
        if group != before:
            where = "hulls over resolutions" if one.size == "hull" else one.size
            rows.append(html('<tr class="bare group"><th scope="rowgroup" colspan="{}">{}, {}</th></tr>', len(columns),
                             compare_words.metric(one.metric), where))  # fmt: skip
        before = group
        rows.append(_row(one, axis, one is swept.bd[0], absent, by))
    rows.append(html('<tr class="bare axis"><td colspan="2"></td><td class="draw">{}</td><td colspan="{}"></td></tr>',
                     lift_plots.scale(axis), len(columns) - 3))  # fmt: skip
    return paper.table(columns, rows, "told")


def _row(one: BdRate, axis: Axis, first: bool, absent: set[str], by: str) -> Safe:
    named = one.test if by == "test" else f"{one.test}, {one.clip}"
    beneath = sweep_words.believed(one)
    cells = {
        "95 % interval": sweep_words.interval(one), "PCHIP": sweep_words.other(one, "pchip"),
        "error": sweep_words.error(one), "overlap": f"{100 * one.overlap:.0f} %",
        "points": str(one.n_points), "BD-quality": sweep_words.quality(one),
    }  # fmt: skip
    return html(
        '<tr class="{}"><th scope="row">{}{}</th>{}<td class="draw">{}</td>{}</tr>', "sure" if first else "", named,
        html('<br><span class="dim">{}</span>', beneath) if beneath else NOTHING, paper.number(sweep_words.rate(one)),
        lift_plots.row(axis, one.rate, one.low, one.high, None),
        paper.figures({name: text for name, text in cells.items() if name not in absent}),
    )  # fmt: skip


def _differences(swept: Swept, labels: Sequence[str]) -> Safe:
    """Where along the quality the difference comes from, of single clips."""
    parts = []
    leading = {(one.test, one.size) for one in sweep_words.leading(swept.design, swept.bd)}
    for clip in swept.design.clips[:MOST_CLIPS]:
        mine = [one for one in swept.bd if (one.test, one.size) in leading and one.clip == clip.name
                and one.metric == swept.design.quality]  # fmt: skip
        if picture := sweep_plots.differences(mine, labels, swept.design.quality):
            parts.append(html("<div>{}{}</div>", _named(clip.name, swept), picture))
    if not parts:
        return NOTHING
    return html(
        '<section><h2>Where the difference is</h2>{}<div class="around">{}</div><p class="dim">Rate over that of {}, '
        "less one, at each {}: a BD-rate is the average of such a line. Interpolated between the points.</p></section>",
        lift_plots.arms(labels), joined(parts), swept.bd[0].anchor, sweep_words.metric(swept),
    )  # fmt: skip


def _speeds(swept: Swept, labels: Sequence[str]) -> Safe:
    if not swept.speeds:
        return NOTHING
    anchor = swept.bd[0].anchor if swept.bd else ""
    rates = {one.test: one.rate for one in sweep_words.leading(swept.design, swept.bd) if one.rate is not None}
    picture = sweep_plots.trade(swept.speeds, rates | {anchor: 0.0}, anchor, labels) if rates else NOTHING
    names = tuple(sweep_words.speed(swept.speeds[0]))
    rows = (html('<tr><th scope="row">{}</th>{}</tr>', one.label, paper.figures(sweep_words.speed(one)))
            for one in swept.speeds)  # fmt: skip
    said = html('<p class="dim">Higher: less rate for the same quality. Further right: faster. The line joins settings '
                "that none beats in both.</p>") if picture else NOTHING  # fmt: skip
    return html(
        '<section><h2>Speed</h2>{}{}{}<p class="dim">At {}. Frames a second: the median of encodes; repeats: the '
        "standard deviation of runs of the same encode. CPU: seconds of all threads for a second of video, reading "
        "and scaling the reference included. Decode: the same on one thread.</p></section>", picture, said,
        paper.table([("", ""), *((name, "number") for name in names)], rows, "told"), swept.speeds[0].size,
    )  # fmt: skip


def _raw(swept: Swept) -> Safe:
    text = json.dumps(sweep_json.document(swept), ensure_ascii=False, allow_nan=False, indent=1)
    return html('<section><h2>All figures</h2><details><summary>The JSON document</summary><pre tabindex="0">{}</pre>'
                "</details></section>", text)  # fmt: skip
