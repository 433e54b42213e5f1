"""A live comparison as one HTML file that needs nothing else: the verdict first. Pure."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from qoe_agent.compare.live.saying import wins
from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import live_json, live_plots, live_terminal, paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.live.paired import LiveCompared, Side
    from qoe_agent.compare.live.shapes import Difference

STYLE = Safe(
    "<style>.strip{display:flex;flex-wrap:wrap;gap:.5rem;margin-bottom:.5rem}.strip figure{margin:0}"
    ".strip img{max-width:100%;display:block}.plot .line2{stroke:var(--text);stroke-dasharray:1 3}"
    ".key.line2::before{width:1.6rem;height:0;border-top:3px dotted var(--text);vertical-align:middle}</style>"
)
"""Of what only this page has."""


def page(compared: LiveCompared) -> str:
    """The whole file."""
    first = html('{}<p class="first"><strong>{}</strong></p>', STYLE, compared.verdict)
    parts = [
        _outputs(compared), _differences(compared.differences), _over_time(compared), _worst(compared),
        paper.notes(compared.notes), _raw(compared),
    ]  # fmt: skip
    told = [Safe(paper.clean(each)) for each in (first, *parts)]
    return paper.page("Live outputs compared", told[0], told[1:], paper.PICTURED if compared.strips else paper.POLICY)


def _outputs(compared: LiveCompared) -> Safe:
    columns = (("", ""), ("address", ""), ("picture", ""), ("startup", "number"), ("pictures", "number"),
               ("lies at", "number"), ("incidents", ""))  # fmt: skip
    rows = (_side(each) for each in compared.sides)
    return html('<section><h2>Outputs</h2>{}<p class="dim">Laid on each other by {}, {} seconds in common.</p>'
                "</section>", paper.table(columns, rows), compared.method, compared.common)  # fmt: skip


def _side(side: Side) -> Safe:
    kinds = sorted({each["kind"] for each in side.incidents})
    told = ", ".join(f"{sum(one['kind'] == kind for one in side.incidents)} {kind.replace('_', ' ')}" for kind in kinds)
    picture = f"{side.width}x{side.height} {side.codec}, {side.protocol}"
    startup = "" if side.startup is None else f"{side.startup:.2f} s"
    shift = "" if side.shift is None else f"{side.shift:+.3f} s"
    return html('<tr><th scope="row">{}</th><td class="prose">{}</td><td>{}</td>{}{}{}<td>{}</td></tr>', side.name,
                side.url, picture, paper.number(startup), paper.number(side.pictures), paper.number(shift),
                told or "none")  # fmt: skip


def _differences(found: Sequence[Difference]) -> Safe:
    columns = (("", ""), ("first", "number"), ("other", "number"), ("other less first", "number"),
               ("95 % interval", "number"), ("p", "number"), ("seconds", "number"), ("worth", "number"))  # fmt: skip
    rows: list[Safe] = []
    before = ""
    for one in found:
        pair = f"{one.b} less {one.a}"
        if pair != before:
            rows.append(html('<tr class="bare group"><th scope="rowgroup" colspan="8">{}</th></tr>', pair))
        before = pair
        name, *cells = live_terminal.row(one)
        rows.append(html('<tr class="{}"><th scope="row">{}</th>{}</tr>', "sure" if wins(one) else "", name,
                         joined(paper.number(each) for each in cells)))  # fmt: skip
    return html(
        '<section><h2>What they differ in</h2>{}<p class="dim">Means over seconds of the source that both have. Worth: '
        "independent seconds that those tell as much as, as neighbours are alike; below 10, more time is needed. p: of "
        "a difference so large by chance, over all measures (Holm).</p></section>", paper.table(columns, rows),
    )  # fmt: skip


def _over_time(compared: LiveCompared) -> Safe:
    drawn = live_plots.plots(compared)
    if not drawn:
        return NOTHING
    return html("<section><h2>Over time</h2><p>{}</p>{}</section>", live_plots.keys(compared), drawn)


def _worst(compared: LiveCompared) -> Safe:
    if not compared.strips:
        return NOTHING
    parts = []
    start = compared.seconds[0].number
    for strip in compared.strips:
        for kind, pictures in (("whole", strip.pictures), ("the part that differs most", strip.crops)):
            shown = joined(
                _picture(data, f"{side.name}, {kind}")
                for side, data in zip(compared.sides, pictures, strict=True) if data
            )  # fmt: skip
            title = html("<h3>{} s: {}</h3>", strip.second - start, strip.why) if kind == "whole" else NOTHING
            parts.append(html('{}<div class="strip">{}</div>', title, shown))
    return html("<section><h2>Where they differ most</h2>{}</section>", joined(parts))


def _picture(data: bytes, words: str) -> Safe:
    return html('<figure><img alt="{}" src="data:image/jpeg;base64,{}"><figcaption class="dim">{}</figcaption>'
                "</figure>", words, b64encode(data).decode(), words)  # fmt: skip


def _raw(compared: LiveCompared) -> Safe:
    text = json.dumps(live_json.document(compared), ensure_ascii=False, allow_nan=False, indent=1)
    return html('<section><h2>All figures</h2><details><summary>The JSON document</summary><pre tabindex="0">{}</pre>'
                "</details></section>", text)  # fmt: skip
