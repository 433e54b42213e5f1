"""BD-rates of a sweep: every label over the anchor, at each resolution and of hulls, by clip and over clips. Pure."""

from __future__ import annotations

import re
from statistics import fmean
from typing import TYPE_CHECKING

from qoe_agent.compare.figures import corpus
from qoe_agent.compare.figures.bd import bd_rate, by_other, ceiling_of
from qoe_agent.compare.figures.hull import named
from qoe_agent.compare.sweep.shapes import BdRate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qoe_agent.compare.sweep.shapes import Curve, Design, Hull, Method, Point

HULL = "hull"
METHOD: Method = "akima"
DOWNWARDS = ("cambi",)
"""Metrics of which less is better: they have no BD-rate."""
NAMED = 3
"""Clips, of more, that a warning names; it counts those beyond."""

Drawn = dict[tuple[str, str], dict[str, tuple["Point", ...]]]
"""Points by label and resolution (or "hull"), then by clip."""


def all_of(design: Design, curves: Sequence[Curve], hulls: Sequence[Hull], anchor: str | None) -> tuple[BdRate, ...]:
    """Those over all clips first, then those of single clips where there are several."""
    held = _held(curves, hulls)
    over, single = [], []
    for label, size in held:
        if anchor is None or label == anchor or (anchor, size) not in held:
            continue
        for metric in design.metrics:
            if metric.startswith(DOWNWARDS):
                continue
            each = _clips(anchor, label, metric, size, held[anchor, size], held[label, size])
            if each:
                over.append(_over(each))
                single += each if len(each) > 1 else []
    return (*over, *single)


def _held(curves: Sequence[Curve], hulls: Sequence[Hull]) -> Drawn:
    """Hulls come only where a label has several resolutions; the largest resolution comes first."""
    held: Drawn = {}
    for curve in sorted(curves, key=lambda one: -one.width * one.height):
        held.setdefault((curve.label, named((curve.width, curve.height))), {})[curve.clip] = curve.points
    sizes = {label: {size for other, size in held if other == label} for label, _ in held}
    for hull in hulls:
        if len(sizes.get(hull.label, ())) > 1:
            held.setdefault((hull.label, HULL), {})[hull.clip] = hull.points
    return held


def _clips(
    anchor: str, test: str, metric: str, size: str, a: Mapping[str, Sequence[Point]], b: Mapping[str, Sequence[Point]]
) -> list[BdRate]:
    return [_one(anchor, test, metric, size, clip, a[clip], b[clip]) for clip in a if clip in b]


def _one(anchor: str, test: str, metric: str, size: str, clip: str, a: Sequence[Point], b: Sequence[Point]) -> BdRate:
    mine, theirs = pairs(a, metric), pairs(b, metric)
    found = bd_rate(mine, theirs, metric, METHOD)
    others = {"pchip": by_other(mine, theirs, "pchip")}
    if ceiling := ceiling_of(metric):
        others["log"] = by_other(mine, theirs, METHOD, ceiling)
    return BdRate(
        anchor, test, metric, METHOD, found.rate, found.quality, found.overlap, clip, n_points=found.n_points,
        size=size, spread=found.spread, interval="for this clip only", warnings=found.warnings,
        difference=found.difference, by={name: rate for name, rate in others.items() if rate is not None},
    )  # fmt: skip


def pairs(points: Iterable[Point], metric: str) -> list[tuple[float, float]]:
    """Rate and quality of those that have the metric."""
    return [(one.encoded.bits_per_second, one.scores[metric]) for one in points if metric in one.scores]


def _over(each: Sequence[BdRate]) -> BdRate:
    """Over clips; of one clip: that."""
    known = [one for one in each if one.rate is not None]
    first = each[0]
    if len(each) == 1:
        return first
    if not known:
        reasons = dict.fromkeys(one.warnings[-1] for one in each)
        return BdRate(
            first.anchor, first.test, first.metric, first.method, None, None, min(one.overlap for one in each),
            size=first.size, n_points=min(one.n_points for one in each), n_clips=0, warnings=tuple(reasons),
        )  # fmt: skip
    found = corpus.interval([one.rate for one in known if one.rate is not None])
    names = set.intersection(*(set(one.by) for one in known))
    qualities = [one.quality for one in known if one.quality is not None]
    spreads = [one.spread for one in known if one.spread is not None]
    return BdRate(
        first.anchor, first.test, first.metric, first.method, found.mean, fmean(qualities) if qualities else None,
        min(one.overlap for one in known), None, found.low, found.high, min(one.n_points for one in known), found.n,
        first.size, fmean(spreads) if spreads else None, found.method, _told(each, known),
        by={name: fmean(one.by[name] for one in known) for name in sorted(names)},
    )  # fmt: skip


def _told(each: Sequence[BdRate], known: Sequence[BdRate]) -> tuple[str, ...]:
    """Warnings of clips, each with the clips that it is of."""
    told = [f"{one.clip}: left out, {one.warnings[-1]}" for one in each if one not in known]
    found: dict[str, list[tuple[str, str]]] = {}
    for one in known:
        for warning in one.warnings:
            found.setdefault(_NUMBER.sub("", warning), []).append((warning, one.clip or ""))
    for each_kind in found.values():
        least = min((text for text, _ in each_kind), key=_first_number)
        clips = _named([clip for _, clip in each_kind], len(each))
        same = len({text for text, _ in each_kind}) == 1
        told.append(f"{clips}: {least}" if same else f"{clips}: {least}, in the one with the least")
    return tuple(told)


def _named(clips: Sequence[str], of: int) -> str:
    """Some clips of all `of` them."""
    if len(clips) == of > 1:
        return "all clips"
    return ", ".join(clips) if len(clips) <= NAMED else f"{len(clips)} of {of} clips"


_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _first_number(text: str) -> float:
    found = _NUMBER.search(text)
    return float(found[0]) if found else 0.0
