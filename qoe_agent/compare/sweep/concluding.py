"""What follows from all encodes of a sweep: curves, BD-rates, hulls, ladders, speeds, costs, the verdict. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from qoe_agent.compare.figures import corpus, ladders
from qoe_agent.compare.figures import hull as hulls
from qoe_agent.compare.sweep import averages, pricing, verdicts
from qoe_agent.compare.sweep.shapes import Curve, Ladder, Swept

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.compare.sweep.shapes import Design, Failure, Hull, KeyFrames, Point, Searched, Speed

NAMED = 3
"""Encodes that a note names, if no more have it."""


def concluded(
    design: Design, points: Sequence[Point], failures: Sequence[Failure] = (), keys: Sequence[KeyFrames] = (),
    searched: Sequence[Searched] = (), provenance: Mapping[str, Any] | None = None, notes: Sequence[str] = (),
) -> Swept:  # fmt: skip
    """All that a sweep says. Without points it says that, and why."""
    drawn = curves(points)
    best = _hulls(design, points)
    speeds = _speeds(points)
    anchor = anchor_of(design, points)
    found = averages.all_of(design, drawn, best, anchor)
    priced = pricing.all_of(design, points, best, anchor)
    text, conclusive, first = verdicts.verdict(design, points, found, speeds, failures, anchor, priced)
    told = list(notes)
    if anchor and design.anchor and design.anchor != anchor:
        told.append(f'the anchor "{design.anchor}" was taken for {anchor}')
    told += _noted(points)
    ordered = found if first is None else (first, *(one for one in found if one is not first))
    return Swept(
        text, design, tuple(points), drawn, tuple(ordered), best, _ladders(design, points), speeds, priced,
        tuple(searched), tuple(keys), tuple(failures), dict(provenance or {}), tuple(told), conclusive,
    )  # fmt: skip


def _noted(points: Sequence[Point]) -> list[str]:
    """What encodes say of themselves: once each, and of which."""
    of: dict[str, list[str]] = defaultdict(list)
    for one in points:
        made = one.encoded
        for note in one.notes:
            rate = f"{made.setting.control} {made.setting.value:g}"
            of[note].append(f"{made.setting.label} {made.setting.width}x{made.setting.height} {rate}, {made.clip}")
    return [f"{note}: {'; '.join(titles) if len(titles) <= NAMED else f'{len(titles)} of {len(points)} encodes'}"
            for note, titles in of.items()]  # fmt: skip


def anchor_of(design: Design, points: Sequence[Point]) -> str | None:
    """The label that others are compared with: as the plan says, or its beginning; else the first that was made."""
    labels = list(dict.fromkeys(point.encoded.setting.label for point in points))
    asked = design.anchor
    if asked in labels or not labels:
        return asked if labels else None
    begins = [label for label in labels if asked and label.startswith(asked)]
    return (begins or labels)[0]


def curves(points: Sequence[Point]) -> tuple[Curve, ...]:
    """By label, clip and resolution, in the order of points; each by rising rate."""
    found: dict[tuple[str, str, int, int], list[Point]] = defaultdict(list)
    for point in points:
        setting = point.encoded.setting
        found[setting.label, point.encoded.clip, setting.width, setting.height].append(point)
    return tuple(
        Curve(*key, tuple(sorted(mine, key=lambda one: one.encoded.bits_per_second))) for key, mine in found.items()
    )


def _hulls(design: Design, points: Sequence[Point]) -> tuple[Hull, ...]:
    found: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in points:
        if hulls.dots([point], design.quality):
            found[point.encoded.setting.label, point.encoded.clip].append(point)
    return tuple(hulls.hull(mine, design.quality) for mine in found.values())


def _ladders(design: Design, points: Sequence[Point]) -> tuple[Ladder, ...]:
    """One of each label: of its clip, or where there are several, one for all of them and one of each."""
    metric = design.quality
    target = design.target if design.target is not None else ladders.target_of(metric)
    found = []
    for label in dict.fromkeys(point.encoded.setting.label for point in points):
        mine = [point for point in points if point.encoded.setting.label == label]
        clips = list(dict.fromkeys(point.encoded.clip for point in mine))
        every: list[str | None] = [None, *clips] if len(clips) > 1 else [*clips]
        for clip in every:
            of = mine if clip is None else [point for point in mine if point.encoded.clip == clip]
            dots = ladders.shared(of, metric, len(clips)) if clip is None else hulls.dots(of, metric)
            if made := _ladder(design, label, clip, of, dots, target):
                found.append(made)
    return tuple(found)


def _ladder(
    design: Design, label: str, clip: str | None, of: Sequence[Point], dots: Sequence[hulls.Dot], target: float | None
) -> Ladder | None:
    noticed = ladders.NOTICED if design.quality.startswith("vmaf") else None
    rungs, met = ladders.ladder(dots, target, noticed)
    if not rungs:
        return None
    notes = []
    if target is not None and not met:
        notes.append(f"{target:g} is beyond all that was measured: the top rung is the best of it")
    if any(rung.interpolated for rung in rungs):
        notes.append("settings between measured encodes are interpolated: encode them once before they are relied on")
    return Ladder(label, clip, rungs, target, met, pricing.ladder(design, rungs, of), tuple(notes))


def _speeds(points: Sequence[Point]) -> tuple[Speed, ...]:
    """Of each label at the largest resolution that all labels have, or its own largest."""
    sizes: dict[str, dict[tuple[int, int], list[Point]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        setting = point.encoded.setting
        sizes[setting.label][setting.width, setting.height].append(point)
    common = set.intersection(*(set(mine) for mine in sizes.values())) if sizes else set()
    made = []
    for label, mine in sizes.items():
        size = max(common or set(mine), key=lambda each: each[0] * each[1])
        made.append(corpus.speed(label, hulls.named(size), mine[size]))
    return tuple(one for one in made if one is not None)
