"""What `qoe-agent compare` found, as one HTML file that needs nothing else: the verdict first. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import compare_json, compare_sections, compare_words, paper, words
from qoe_agent.report import compare_plots as plots
from qoe_agent.report.lift_plots import ARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.crops import Crop
    from qoe_agent.compare.shapes import Compared, Pair, Tested

CUTS = 80
"""Scenes whose beginnings are marked in plots; marks of more would hide the lines."""
HISTOGRAMS = 12
"""Pairs of tests whose differences are drawn."""


def page(compared: Compared, crops: Sequence[Crop] = ()) -> str:
    """The whole file."""
    tests = compare_words.scored(compared)
    first = compare_words.leading(tests)
    parts = [
        compare_sections.files(compared), _over_time(compared, tests, first), compare_sections.metrics(tests),
        _differences(compared, tests, first), compare_sections.scenes(tests, first) if first else NOTHING,
        _rates(compared, tests, first), compare_sections.sound(tests), _notes(compared), _provenance(compared),
    ]  # fmt: skip
    verdict = Safe(paper.clean(html('<p class="first"><strong>{}</strong></p>', compared.verdict)))
    told = [Safe(paper.clean(each)) for each in parts]
    # Pictures are not cleaned: they are long, and hold nothing that steers.
    told.insert(2, compare_sections.worst(crops))
    policy = paper.PICTURED if crops else paper.POLICY
    return paper.page("Encodes compared", verdict, [*told, _raw(compared)], policy)


def _over_time(compared: Compared, tests: Sequence[Tested], first: str | None) -> Safe:
    """The first metric in full view, the others folded."""
    if first is None:
        return NOTHING
    rate = float(compared.reference.video.rate)
    longest = max(tests, key=lambda one: len(one.scenes))
    cuts = [scene.start_seconds for scene in longest.scenes[1:]]
    cuts = cuts if len(cuts) <= CUTS else []
    drawn = {
        name: joined(
            plots.over_time(plots.lines(tests[begin : begin + ARMS], name, rate), name, cuts)
            for begin in range(0, len(tests), ARMS)
        )
        for name in compare_words.metrics(tests)
    }  # fmt: skip
    others = joined(
        html("<h3>{}</h3>{}", compare_words.metric(name), each)
        for name, each in drawn.items()
        if name != first and each
    )
    more = html("<details><summary>The other metrics over time</summary>{}</details>", others) if others else NOTHING
    scenes = " Dotted lines: where scenes begin." if cuts else ""
    return compare_sections.named(
        f"{compare_words.metric(first)} over time", compare_sections.legend(tests), drawn[first],
        html('<p class="dim">By time of the reference. Where several frames share a place, the line is their mean and '
             "the band goes from the least to the most.{}</p>", scenes), more,
    )  # fmt: skip


def _differences(compared: Compared, tests: Sequence[Tested], first: str | None) -> Safe:
    if not compared.pairs:
        return NOTHING
    names = list(dict.fromkeys(one.metric for one in compared.pairs))
    tables = [_forest(name, [one for one in compared.pairs if one.metric == name]) for name in names]
    shown = html("{}<details><summary>By the other metrics</summary>{}</details>", tables[0], joined(tables[1:])) \
        if len(tables) > 1 else tables[0]  # fmt: skip
    said = dict.fromkeys([*(one.note for one in compared.pairs if one.note),
                          *(f"interval: {one.method}" for one in compared.pairs if one.low is not None)])  # fmt: skip
    return compare_sections.named(
        "Differences", shown, html('<p class="dim">{}.</p>', "; ".join(said)) if said else NOTHING,
        _histograms(compared, tests, first) if first else NOTHING,
    )  # fmt: skip


def _forest(metric: str, pairs: Sequence[Pair]) -> Safe:
    axis = plots.signed(metric, [end for one in pairs for end in (one.difference, one.low, one.high)])
    rows = [
        html('<tr class="{}"><th scope="row">{}<br><span class="dim">{}</span></th>{}<td class="draw">{}</td>{}</tr>',
             "sure" if compare_words.real(one) == "real" else "", compare_words.pair(one), compare_words.real(one),
             paper.number(compare_words.difference(one)),
             plots.row(axis, metric, one.difference, one.low, one.high),
             paper.figures({"95 % interval": compare_words.interval(one), "scenes": f"{one.n_scenes}"}))
        for one in pairs
    ]  # fmt: skip
    rows.append(html('<tr class="bare axis"><td colspan="2"></td><td class="draw">{}</td><td colspan="2"></td></tr>',
                     plots.scale(axis, metric)))  # fmt: skip
    columns = (("", ""), ("difference", "number"), (compare_words.metric(metric), ""), ("95 % interval", "number"),
               ("scenes", "number"))  # fmt: skip
    return paper.table(columns, rows, "told")


def _histograms(compared: Compared, tests: Sequence[Tested], metric: str) -> Safe:
    by_name = {one.name: one for one in tests}
    pairs = [one for one in compared.pairs if one.metric == metric and {one.a, one.b} <= set(by_name)][:HISTOGRAMS]
    drawn = [
        html("<div><h3>{}</h3>{}</div>", compare_words.pair(one), each)
        for one in pairs
        for each in [plots.histogram(plots.paired(by_name[one.a], by_name[one.b], metric), metric,
                                     compare_words.pair(one))] if each
    ]  # fmt: skip
    if not drawn:
        return NOTHING
    return html('<h3>Frame by frame</h3><p class="dim">How many frames differ by how much {}; what is beyond the ends '
                'is in the outermost bars.</p><div class="around">{}</div>',
                compare_words.metric(metric), joined(drawn))  # fmt: skip


def _rates(compared: Compared, tests: Sequence[Tested], metric: str | None) -> Safe:
    drawn = plots.rates(compared, metric) if metric else NOTHING
    if not drawn or not metric:
        return NOTHING
    return compare_sections.named(
        "Bitrate and quality", compare_sections.legend(tests), drawn,
        html('<p class="dim">Mean {} by the bitrate of the video alone (logarithmic).</p>',
             compare_words.metric(metric)),
    )  # fmt: skip


def _notes(compared: Compared) -> Safe:
    return paper.notes(
        [
            words.begun(said) + (f" ({', '.join(whose)})" if whose else "")
            for said, whose in compare_words.notes(compared)
        ],
        "Where these numbers mislead, and other notes",
    )


def _provenance(compared: Compared) -> Safe:
    if not compared.provenance:
        return NOTHING
    text = json.dumps(compare_json.plain(compared.provenance), ensure_ascii=False, allow_nan=False, indent=1)
    return compare_sections.named("How it was done", html(
        '<details><summary>Versions, commands, filters, hashes</summary><pre tabindex="0">{}</pre></details>', text
    ))  # fmt: skip


def _raw(compared: Compared) -> Safe:
    text = json.dumps(compare_json.document(compared), ensure_ascii=False, allow_nan=False, indent=1)
    return compare_sections.named("All figures", html(
        '<details><summary>The JSON document</summary><pre tabindex="0">{}</pre></details>', text
    ))  # fmt: skip
