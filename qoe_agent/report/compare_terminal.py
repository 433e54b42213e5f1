"""What `qoe-agent compare` found, for people at a terminal: the verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from qoe_agent.report import compare_words, screens, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from qoe_agent.compare.shapes import Compared, Pair, Tested

NAME = 24
"""Letters of a test's name in a table; its whole name is beside its facts."""
SHOWN = 3
"""Metrics beside each other in the table of means."""
WHOLE = 3
"""Pairs of tests that are told in every metric; of more, the first metric is."""
LOW = 3
"""Scenes at which a test is worst that are told."""


def report(compared: Compared) -> RenderableType:
    """All of it, what matters most first."""
    tests = compare_words.scored(compared)
    names = compare_words.short([one.name for one in compared.tests], NAME)
    parts: list[RenderableType] = [screens.text(compared.verdict, "bold")]
    parts += screens.part("What was compared", *_facts(compared))
    if tests:
        parts += screens.part("Quality and bitrate", _means(tests, names))
        parts += screens.part("Every metric", *_metrics(tests, names))
    if compared.pairs:
        parts += screens.part("Differences", *_pairs(compared.pairs, names))
    if any(len(one.scenes) > 1 for one in tests):
        parts += screens.part("Worst scenes", *_scenes(tests, names))
    if any(one.heard for one in tests):
        parts += screens.part("Sound", *_sound(tests, names))
    if noted := list(_notes(compared)):
        parts += screens.part("Where these numbers mislead, and other notes", *noted)
    return screens.Whole(*parts)


def _facts(compared: Compared) -> Iterable[RenderableType]:
    yield screens.text(f"reference {compared.reference.path}: {compare_words.facts(compared.reference)}")
    for one in compared.tests:
        yield screens.text(f"{one.name}: {compare_words.facts(one.media)}")
        if one.refused:
            yield from (_within(f"not compared: {reason}", "bold red") for reason in one.refused)
        elif one.alignment:
            yield _within(compare_words.alignment(one.alignment))
        if one.space:
            yield from map(_within, compare_words.space(one.space, one.media))


def _within(said: str, style: str = "dim") -> Padding:
    return Padding(screens.text(said, style), (0, 0, 0, 2))


def _means(tests: Sequence[Tested], names: Mapping[str, str]) -> screens.Fitting:
    """A row for each test; what is measured beyond the first few has tables of its own."""
    shown = compare_words.metrics(tests)
    chosen = [name for name in shown if name.startswith("vmaf") or name.endswith("_y")][: SHOWN + 2] or shown[:SHOWN]
    first = compare_words.leading(tests)
    cells: dict[str, Callable[[Tested], str]] = {
        "video": lambda one: compare_words.bits(one.media.video.bits_per_second)
    }
    for name in chosen:
        cells[compare_words.metric(name)] = _mean(name)
        if name == first:
            cells["worst second"] = _worst(name)

    def made(without: Sequence[str]) -> Table:
        kept = {name: said for name, said in cells.items() if name not in without}
        table = screens.table("", *kept)
        for one in tests:
            screens.row(table, names[one.name], *(said(one) for said in kept.values()))
        return table

    return screens.Fitting(made, [compare_words.metric(name) for name in reversed(chosen[1:])])


def _mean(name: str) -> Callable[[Tested], str]:
    return lambda one: _number(one, name, "mean")


def _worst(name: str) -> Callable[[Tested], str]:
    return lambda one: _number(one, name, "worst second")


def _number(one: Tested, name: str, column: str) -> str:
    return compare_words.numbers(name, one.pooled[name])[column] if name in one.pooled else "–"


def _metrics(tests: Sequence[Tested], names: Mapping[str, str]) -> Iterable[RenderableType]:
    names_of = compare_words.metrics(tests)
    for name in compare_words.usual(names_of):
        unit = compare_words.unit(name)
        yield screens.text(compare_words.metric(name) + (f", {unit}" if unit else ""), "bold")
        yield _metric(name, tests, names)
    if len(compare_words.usual(names_of)) < len(names_of):
        yield screens.text("chroma, and all planes together: --json or --html FILE", "dim")


def _metric(name: str, tests: Sequence[Tested], names: Mapping[str, str]) -> screens.Fitting:
    def made(without: Sequence[str]) -> Table:
        harmonic = any(name in one.pooled and one.pooled[name].harmonic_mean is not None for one in tests)
        columns = ("mean", *(["harmonic"] if harmonic else []), "p1", "p5", "median", "worst second", "at")
        table = screens.table("", *(each for each in columns if each not in without))
        for one in tests:
            if name in one.pooled:
                cells = compare_words.numbers(name, one.pooled[name])
                screens.row(table, names[one.name], *(cells[each] for each in columns if each not in without))
        return table

    return screens.Fitting(made, ("median", "harmonic", "at", "p5"))


def _pairs(pairs: Sequence[Pair], names: Mapping[str, str]) -> Iterable[RenderableType]:
    groups: dict[tuple[str, str], list[Pair]] = {}
    for one in pairs:
        if one.metric in compare_words.usual([one.metric]):
            groups.setdefault((one.a, one.b), []).append(one)
    if len(groups) > WHOLE:
        first = next(iter(groups.values()))[0].metric
        yield screens.text(compare_words.metric(first), "bold")
        yield _differences({f"{names[one.b]} over {names[one.a]}": one for one in pairs if one.metric == first})
        yield screens.text("by the other metrics: --json or --html FILE", "dim")
    else:
        for (a, b), each in groups.items():
            yield screens.text(f"{b} over {a}", "bold")
            yield _differences({compare_words.metric(one.metric): one for one in each})
    said = dict.fromkeys([*(one.note for one in pairs if one.note),
                          *(f"interval: {one.method}" for one in pairs if one.low is not None)])  # fmt: skip
    yield from (screens.text(each, "dim") for each in said)


def _differences(rows: Mapping[str, Pair]) -> Table:
    """A row for each, by what it is called."""
    table = screens.table("", "difference", "95 % interval", "scenes", "")
    for name, one in rows.items():
        real = Text(compare_words.real(one), "bold" if compare_words.real(one) == "real" else "dim")
        screens.row(table, name, compare_words.difference(one), compare_words.interval(one), f"{one.n_scenes}", real)
    return table


def _scenes(tests: Sequence[Tested], names: Mapping[str, str]) -> Iterable[RenderableType]:
    """The few at which each test is worst, by the first metric."""
    first = compare_words.leading(tests)
    if first is None:
        return
    table = screens.table("", "scene", "from", "frames", compare_words.metric(first))
    sign = -1 if compare_words.downwards(first) else 1
    for one in tests:
        known = [(scene.means[first], number, scene) for number, scene in enumerate(one.scenes, 1)
                 if first in scene.means]  # fmt: skip
        for place, (mean, number, scene) in enumerate(sorted(known, key=lambda each: sign * each[0])[:LOW]):
            screens.row(table, names[one.name] if not place else "", f"{number} of {len(one.scenes)}",
                        compare_words.at(scene.start_seconds), f"{scene.end - scene.first}",
                        compare_words.value(first, mean))  # fmt: skip
    yield table


def _sound(tests: Sequence[Tested], names: Mapping[str, str]) -> Iterable[RenderableType]:
    told = {one.name: (one.heard, compare_words.heard(one.heard)) for one in tests if one.heard}
    columns = list(next(iter(told.values()))[1])

    def made(without: Sequence[str]) -> Table:
        table = screens.table("", *(each for each in columns if each not in without))
        for name, (_, cells) in told.items():
            screens.row(table, names[name], *(cells[each] for each in columns if each not in without))
        return table

    yield screens.Fitting(made, ("up to", "spectral distance"))
    for name, (found, _) in told.items():
        if found.missing:
            yield screens.text(f"{name}: silent at {compare_words.missing(found)}")
        yield from (screens.text(f"{name}: {each}", "dim") for each in found.notes)


def _notes(compared: Compared) -> Iterable[RenderableType]:
    for said, whose in compare_words.notes(compared):
        yield screens.text(f"· {words.begun(said)}" + (f" ({', '.join(whose)})" if whose else ""))
