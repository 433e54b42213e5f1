"""Parts of the page on a comparison: its tests, every metric, scenes, sound, and where they are worst. Pure."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.markup import NOTHING, Safe, html, joined
from qoe_agent.report import compare_plots as plots
from qoe_agent.report import compare_words, paper
from qoe_agent.report.lift_plots import ARMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.crops import Crop, Piece
    from qoe_agent.compare.shapes import Compared, Media, Tested

MOST = 40
"""Scenes in the table; the JSON document holds all."""
NAMED = 3
"""Tests whose names have room at the head of a column; of more, their numbers stand there."""
COLUMNS = ("mean", "harmonic", "p1", "p5", "median", "worst second", "at")


def named(title: str, *parts: Safe) -> Safe:
    """A section; nothing where there is nothing in it."""
    return html("<section><h2>{}</h2>{}</section>", title, joined(parts)) if any(parts) else NOTHING


def legend(tests: Sequence[Tested]) -> Safe:
    """Which line is whose."""
    return html("<p>{}</p>", joined(
        html('<span class="key arm arm{}">{} {}</span> ', number % ARMS, number + 1, one.name)
        for number, one in enumerate(tests)
    ))  # fmt: skip


def files(compared: Compared) -> Safe:
    """What was compared, and how each lies on the reference."""
    rows = [_file("reference", compared.reference.path, compared.reference, NOTHING)]
    rows += [_file(one.name, "", one.media, _laid(one)) for one in compared.tests]
    columns = (("", ""), ("size", "number"), ("frames a second", "number"), ("codec", "number"), ("video", "number"),
               ("length", "number"))  # fmt: skip
    return named("What was compared", paper.table(columns, rows, "told"))


def _file(name: str, beneath: str, media: Media, laid: Safe) -> Safe:
    cells = {
        "size": compare_words.size(media), "frames a second": compare_words.rate(media.video.rate),
        "codec": compare_words.coded(media), "video": compare_words.bits(media.video.bits_per_second),
        "length": compare_words.length(media.seconds),
    }  # fmt: skip
    under = html('<br><span class="dim">{}</span>', beneath) if beneath else NOTHING
    return html('<tr><th scope="row">{}{}{}</th>{}</tr>', name, under, laid, paper.figures(cells))


def _laid(one: Tested) -> Safe:
    said = [html('<br><span class="refused">not compared: {}</span>', reason) for reason in one.refused]
    if one.alignment and not one.refused:
        said.append(html('<br><span class="dim">{}</span>', compare_words.alignment(one.alignment)))
    if one.space and not one.refused:
        said += [html('<br><span class="dim">{}</span>', each) for each in compare_words.space(one.space, one.media)]
    return joined(said)


def metrics(tests: Sequence[Tested]) -> Safe:
    """All of them, pooled."""
    names = compare_words.metrics(tests)
    if not names:
        return NOTHING
    usual = compare_words.usual(names)
    rest = [name for name in names if name not in usual]
    more = html("<details><summary>Chroma, and all planes together</summary>{}</details>", _pooled(tests, rest)) \
        if rest else NOTHING  # fmt: skip
    return named("Quality", _pooled(tests, usual), more, Safe(
        '<p class="dim">Over all pairs of frames; p1 and p5: what 1 and 5 % of frames are below; worst second: the '
        "least mean over one second, and when it begins. PSNR is of the mean square error, XPSNR as FFmpeg averages "
        "it.</p>"))  # fmt: skip


def _pooled(tests: Sequence[Tested], names: Sequence[str]) -> Safe:
    """Some metrics, each with a row for each test."""
    rows: list[Safe] = []
    for name in names:
        unit = compare_words.unit(name)
        rows.append(html('<tr class="bare group"><th scope="rowgroup" colspan="{}">{}{}</th></tr>', len(COLUMNS) + 1,
                         compare_words.metric(name), f", {unit}" if unit else ""))  # fmt: skip
        for one in tests:
            if name in one.pooled:
                cells = compare_words.numbers(name, one.pooled[name])
                rows.append(html('<tr><th scope="row">{}</th>{}</tr>', one.name, paper.figures(cells)))
    return paper.table([("", ""), *((each, "number") for each in COLUMNS)], rows, "told")


def scenes(tests: Sequence[Tested], metric: str) -> Safe:
    """Each scene, with a mark for each test on one axis."""
    most = max((len(one.scenes) for one in tests), default=0)
    if most < 2:
        return NOTHING
    found: dict[int, dict[str, float]] = {}
    starts: dict[int, tuple[float, int]] = {}
    for one in tests:
        for scene in one.scenes:
            if metric in scene.means:
                found.setdefault(scene.first, {})[one.name] = scene.means[metric]
                starts[scene.first] = (scene.start_seconds, scene.end - scene.first)
    known = np.array([mean for means in found.values() for mean in means.values() if np.isfinite(mean)])
    if not len(known):
        return NOTHING
    axis = plots.reach(metric, known)
    sign = -1 if compare_words.downwards(metric) else 1
    shown = sorted(found, key=lambda first: min(sign * mean for mean in found[first].values()))[:MOST]
    heads = [one.name if len(tests) <= NAMED else str(number) for number, one in enumerate(tests, 1)]
    rows = []
    for first in sorted(shown):
        values = [found[first].get(one.name) for one in tests]
        cells = {name: compare_words.value(metric, value) for name, value in zip(heads, values, strict=True)}
        rows.append(html(
            '<tr><th scope="row">{}<br><span class="dim">{} frames</span></th><td class="draw">{}</td>{}</tr>',
            compare_words.at(starts[first][0]), starts[first][1], plots.dots(axis, values), paper.figures(cells),
        ))  # fmt: skip
    ends = " to ".join(compare_words.value(metric, each) for each in (axis.low, axis.high))
    columns = (("from", ""), (ends, ""), *((name, "number") for name in heads))
    left = html('<p class="dim">The worst {} of {} scenes.</p>', MOST, len(found)) if len(found) > MOST else NOTHING
    return named(f"{compare_words.metric(metric)} by scene", legend(tests), paper.table(columns, rows, "told"), left)


def sound(tests: Sequence[Tested]) -> Safe:
    """How the tests' sound compares with the reference's."""
    told = [(one, one.heard, compare_words.heard(one.heard)) for one in tests if one.heard]
    if not told:
        return NOTHING
    rows = []
    for one, heard, cells in told:
        more = [f"silent at {compare_words.missing(heard)}"] if heard.missing else []
        beneath = joined(html('<br><span class="dim">{}</span>', each) for each in (*more, *heard.notes))
        rows.append(html('<tr><th scope="row">{}{}</th>{}</tr>', one.name, beneath, paper.figures(cells)))
    columns = [("", ""), *((each, "number") for each in told[0][2])]
    return named("Sound", paper.table(columns, rows, "told"), Safe(
        '<p class="dim">Offset: of sound against the picture, compared with the reference. Loudness: the test less the '
        "reference. Missing: where the reference has sound and the test is silent. Up to: the highest frequency in "
        "it.</p>"))  # fmt: skip


def worst(crops: Sequence[Crop]) -> Safe:
    """Parts of frames side by side."""
    if not crops:
        return NOTHING
    note = joined(html('<p class="changed">{}</p>', each) for each in dict.fromkeys(one.note for one in crops) if each)
    return named("Where they are worst", note, joined(map(_crop, crops)), Safe(
        '<p class="dim">Frames from the worst seconds of each test; the part of the picture in which that test is '
        "most unlike the reference, one pixel to a pixel, packed without loss.</p>"))  # fmt: skip


def _crop(one: Crop) -> Safe:
    left, top, width, height = one.place
    return html(
        '<h3>{}: a second of {} {} in {}</h3><p class="dim">{}x{} at {}, {} of {}x{}</p>'
        '<div class="side" tabindex="0" role="group" aria-label="frames side by side">{}</div>',
        compare_words.at(one.seconds), compare_words.metric(one.metric), compare_words.value(one.metric, one.mean),
        one.worst_of, width, height, left, top, *one.size, joined(_piece(each, one) for each in one.pieces),
    )  # fmt: skip


def _piece(piece: Piece, of: Crop) -> Safe:
    scores = ", ".join(
        f"{compare_words.metric(name)} {compare_words.value(name, value)}" for name, value in piece.scores.items()
        if name == of.metric or name.startswith("vmaf") or name.endswith("_y")
    )  # fmt: skip
    frame = "" if piece.frame is None else f", frame {piece.frame}"
    said = html('<figcaption>{}{}<br><span class="dim">{}</span></figcaption>', piece.name, frame, scores or piece.note)
    if piece.picture is None:
        return html('<figure><div class="gone">{}</div>{}</figure>', piece.note, said)
    return html(
        '<figure><div class="cropped" tabindex="0" role="group" aria-label="{}"><img width="{}" height="{}" alt="{}" '
        'src="data:image/webp;base64,{}"></div>{}</figure>',
        f"{piece.name} at {compare_words.at(of.seconds)}", of.place[2], of.place[3],
        f"{piece.name} at {compare_words.at(of.seconds)}{frame}", b64encode(piece.picture).decode(), said,
    )  # fmt: skip
