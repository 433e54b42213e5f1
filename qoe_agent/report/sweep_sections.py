"""Sections of the page on a sweep about ladders, costs, promises kept, encodes and where all comes from. Pure."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import compare_words, paper, sweep_plots, sweep_words
from qoe_agent.report.figures import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.sweep.shapes import Ladder, Swept


def failures(swept: Swept) -> Safe:
    """Jobs without a result."""
    if not swept.failures:
        return NOTHING
    said = joined(html("<li>{} on {}: {}</li>", one.title, one.clip, one.reason) for one in swept.failures)
    return html('<section><h2>What failed</h2><ul class="changed">{}</ul></section>', said)


def ladders(swept: Swept) -> Safe:
    """Of each label: for all clips first, those of single clips to unfold."""
    if not swept.ladders:
        return NOTHING
    several = len(swept.design.clips) > 1
    best = swept.bd[0].test if swept.bd and swept.conclusive else swept.ladders[0].label
    ordered = sorted(swept.ladders, key=lambda one: (one.clip is not None and several, one.label != best))
    shown, rest = ordered[:1], ordered[1:]
    parts = [joined(_ladder(one, swept) for one in shown)]
    if rest:
        alone = ", and each clip alone" if several else ""
        told = joined(_ladder(one, swept) for one in rest)
        parts.append(html("<details><summary>{} more: other encoders{}</summary>{}</details>", len(rest), alone, told))
    return html(
        '<section><h2>A ladder</h2>{}<p class="dim">The top is the least rate that meets the target; a step down is '
        "what viewers just notice (about 6 points of VMAF), 1.5 to 2 times the rate. ≈: between measured encodes.</p>"
        "</section>", joined(parts),
    )  # fmt: skip


def _ladder(one: Ladder, swept: Swept) -> Safe:
    told = [sweep_words.rung(rung, swept) for rung in reversed(one.rungs)]
    rows = (html("<tr>{}</tr>", joined(map(paper.number, each.values()))) for each in told)
    said = list(one.notes)
    if one.cost and swept.design.prices:
        parts = sweep_words.cost(one.cost, swept.design.prices.currency)
        said.append(f"an hour of video on all rungs: {parts['encode']} to encode, {parts['store']} to keep, and "
                    f"{parts['deliver']} to deliver if all watch the top rung")  # fmt: skip
    return html(
        "<h3>{}</h3>{}{}<p class=\"dim\">{}</p>", sweep_words.ladder(one, swept),
        sweep_plots.rungs([rung.bits_per_second for rung in one.rungs],
                          [f"{rung.width}x{rung.height}" for rung in one.rungs]),
        paper.table([(name, "number") for name in told[0]], rows, "narrow"),
        f"{'; '.join(said)}." if said else "",
    )  # fmt: skip


def costs(swept: Swept) -> Safe:
    """At one quality."""
    prices = swept.design.prices
    if not swept.priced or prices is None:
        return NOTHING
    anchor = swept.bd[0].anchor if swept.bd else None
    names = ("at", "rate", "encode", "store", "deliver", "all", "cheaper from")
    rows: list[Safe] = []
    before = None
    for one in swept.priced:
        if one.clip != before and len(swept.design.clips) > 1:
            rows.append(html('<tr class="bare group"><th scope="rowgroup" colspan="8">{}</th></tr>', one.clip))
        before = one.clip
        cells = {
            "at": f"{compare_words.value(one.metric, one.quality)}, {one.size}",
            "rate": compare_words.bits(one.bits_per_second),
            **sweep_words.cost(one.cost, ""), "cheaper from": sweep_words.even(one, anchor),
        }  # fmt: skip
        rows.append(html('<tr><th scope="row">{}</th>{}</tr>', one.label, paper.figures(cells)))
    return html(
        '<section><h2>What an hour of video costs</h2>{}<p class="dim">In {}, at your prices and {} hours watched of '
        "each hour. All at the same {}: the target, or the most that all reach. Cheaper from: hours watched of each "
        "hour from which less to deliver pays for more to encode.</p></section>",
        paper.table([("", ""), *((name, "number") for name in names)], rows, "told"), prices.currency,
        f"{prices.viewer_hours:g}", sweep_words.metric(swept),
    )  # fmt: skip


def searched(swept: Swept) -> Safe:
    """Settings that meet a target."""
    if not swept.searched:
        return NOTHING
    rows = (
        html('<tr><th scope="row">{}, {}</th>{}</tr>', one.setting.label, one.clip, paper.figures({
            "resolution": f"{one.setting.width}x{one.setting.height}",
            "setting": sweep_words.setting(one.setting.control, one.setting.value),
            "asked": f"{compare_words.metric(one.metric)} {one.target:g}",
            "found": compare_words.value(one.metric, one.score), "rate": compare_words.bits(one.bits_per_second),
            "encodes": str(one.tried), "": "met" if one.met else one.note or "not met",
        }))
        for one in swept.searched
    )  # fmt: skip
    names = ("", "resolution", "setting", "asked", "found", "rate", "encodes", "")
    return html("<section><h2>Searched for a target</h2>{}</section>",
                paper.table([(name, "number" if name else "") for name in names], rows, "told"))  # fmt: skip


def kept(swept: Swept) -> Safe:
    """Buffers and key frames: whether encodes keep what was asked of them."""
    held = sweep_words.buffers(swept.points)
    if not held and not swept.keys:
        return NOTHING
    states: list[tuple[str, bool, str]] = []
    broken = [one for one in held if one.encoded.buffer and one.encoded.buffer.violations]
    if held:
        text = f"{len(held) - len(broken)} of {len(held)} encodes with a buffer kept within it"
        states.append(("buffer (VBV)", not broken, text))
        states += [(f"{sweep_words.point(one)}, {one.encoded.clip}", False, sweep_words.buffer(one)) for one in broken]
    states += [(f"key frames, {sweep_words.kind(one)}", one.aligned, sweep_words.keys(one)) for one in swept.keys]
    rows = (
        html('<tr><th scope="row">{}</th><td class="prose"><span class="state {}">{}</span> {}</td></tr>', name,
             "passed" if good else "failed", "passed" if good else "failed", text)
        for name, good, text in states
    )  # fmt: skip
    return html("<section><h2>What was promised</h2>{}</section>", paper.table((("", ""), ("", "")), rows, "narrow"))


def encodes(swept: Swept) -> Safe:
    """All of them, to unfold."""
    if not swept.points:
        return NOTHING
    metrics = swept.design.metrics
    columns = ["rate", "peak", *(compare_words.metric(each) for each in metrics), "worst second", "fps", "CPU s per s"]
    best = {each.encoded.key for hull in swept.hulls for each in hull.points}
    rows = []
    for one in swept.points:
        made = one.encoded
        cells = [
            compare_words.bits(made.bits_per_second), sweep_words.peak(one),
            *(compare_words.value(each, one.scores.get(each)) for each in metrics),
            compare_words.value(metrics[0], one.worst.get(metrics[0])),
            sweep_words.figure(made.frames / min(made.wall)) if made.wall else "–",
            sweep_words.figure(min(made.cpu) / made.seconds) if made.cpu and made.seconds else "–",
        ]  # fmt: skip
        rows.append(html('<tr class="{}"><th scope="row">{}, {}</th>{}</tr>', "sure" if made.key in best else "",
                         sweep_words.point(one), made.clip,
                         paper.figures(dict(zip(columns, cells, strict=True)))))  # fmt: skip
    return html(
        "<section><h2>Every encode</h2><details><summary>{} encodes; those on the hull are bold</summary>{}</details>"
        "</section>", len(rows), paper.table([("", ""), *((name, "number") for name in columns)], rows, "told"),
    )  # fmt: skip


def provenance(swept: Swept) -> Safe:
    """Versions, commands and hashes."""
    parts: Sequence[Safe] = [
        html('<p><strong>{}</strong> <span class="dim">sha256 {}</span></p>', one.name, one.digest[:16])
        for one in swept.design.clips
    ]
    versions = dict.fromkeys(
        f"{name} {version}" for one in swept.points for name, version in one.encoded.versions.items()
    )
    commands = "\n".join(dict.fromkeys(shlex.join(one.encoded.command) for one in swept.points))
    told = json.dumps(plain(swept.provenance), ensure_ascii=False, indent=1, default=str) if swept.provenance else ""
    return html(
        '<section><h2>Where this comes from</h2><p>{}</p>{}<details><summary>Commands</summary><pre tabindex="0">{}'
        '</pre></details>{}</section>', ", ".join(versions), joined(parts), commands,
        html('<details><summary>More</summary><pre tabindex="0">{}</pre></details>', told) if told else NOTHING,
    )  # fmt: skip
