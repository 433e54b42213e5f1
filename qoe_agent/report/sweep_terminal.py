"""What `qoe-agent compare sweep` found, for people at a terminal: the verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from qoe_agent.report import compare_words, screens, sweep_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from qoe_agent.compare.sweep.shapes import BdRate, Swept

CHROMA = ("_u", "_v")
"""How metrics end that the page has, too."""
MOST = 30
"""Rows of a table; the JSON document, the page and the CSV hold all."""


def report(swept: Swept) -> RenderableType:
    """All of it, what matters most first."""
    parts: list[RenderableType] = [screens.text(swept.verdict, "bold green" if swept.conclusive else "bold")]
    if swept.failures:
        said = [screens.text(f"· {one.title} on {one.clip}: {one.reason}", "yellow") for one in swept.failures[:MOST]]
        parts += screens.part("What failed", *said)
    if swept.bd:
        parts += screens.part(f"BD-rate against {swept.bd[0].anchor}", _averages(swept), *_warnings(swept))
    if swept.speeds:
        parts += screens.part(f"Speed at {swept.speeds[0].size}", _speeds(swept))
    if swept.ladders:
        parts += screens.part("A ladder", *_ladder(swept))
    if swept.priced and swept.design.prices:
        parts += screens.part(f"An hour of video costs ({swept.design.prices.currency})", _costs(swept))
    if swept.searched:
        parts += screens.part("Searched for a target", _searched(swept))
    if promised := _kept(swept):
        parts += screens.part("What was promised", *promised)
    if swept.points and not swept.bd:
        parts += screens.part("Encodes", _encodes(swept))
    if swept.notes:
        parts += screens.part("Notes", *(screens.text(f"· {one}") for one in swept.notes))
    return screens.Whole(*parts)


def _shown(swept: Swept) -> list[BdRate]:
    """Over clips: of the plan's own metric all, of others that at the resolution that the verdict is about."""
    over = [one for one in swept.bd if one.clip is None or one.n_clips == len(swept.design.clips)]
    plan, size = swept.design, swept.bd[0].size
    kept = [one for one in over if one.metric == plan.quality or (one.size == size and not one.metric.endswith(CHROMA))]
    return sorted(kept, key=lambda one: plan.metrics.index(one.metric))[:MOST]


def _averages(swept: Swept) -> screens.Fitting:
    shown = _shown(swept)
    columns = ["BD-rate", "95 % interval", "PCHIP", "error", "overlap", "BD-quality"]
    if not any(one.low is not None for one in shown):
        columns.remove("95 % interval")

    def made(without: Sequence[str]) -> Table:
        kept = [name for name in columns if name not in without]
        table = screens.table("", "metric", "at", *kept, left=3)
        for one in shown:
            cells = {
                "BD-rate": sweep_words.rate(one), "95 % interval": sweep_words.interval(one),
                "PCHIP": sweep_words.other(one, "pchip"), "error": sweep_words.error(one),
                "overlap": f"{100 * one.overlap:.0f} %", "BD-quality": sweep_words.quality(one),
            }  # fmt: skip
            screens.row(table, one.test, compare_words.metric(one.metric), one.size,
                        *(cells[name] for name in kept), style="bold" if one is swept.bd[0] else "")  # fmt: skip
        return table

    return screens.Fitting(made, ("BD-quality", "PCHIP", "overlap", "error"))


def _warnings(swept: Swept) -> list[RenderableType]:
    """What they say of themselves, once each."""
    mine = [one for one in _shown(swept) if (one.metric, one.size) == (swept.design.quality, swept.bd[0].size)]
    said = {
        f"{one.test}, {compare_words.metric(one.metric)} at {one.size}: {told}": None
        for one in mine
        if (told := sweep_words.believed(one))
    }
    return [screens.text(each, "dim") for each in said]


def _speeds(swept: Swept) -> screens.Fitting:
    names = list(sweep_words.speed(swept.speeds[0]))

    def made(without: Sequence[str]) -> Table:
        kept = [name for name in names if name not in without]
        table = screens.table("", *kept)
        for one in swept.speeds:
            cells = sweep_words.speed(one)
            screens.row(table, one.label, *(cells[name] for name in kept))
        return table

    return screens.Fitting(made, ("memory", "from, to", "decode"))


def _ladder(swept: Swept) -> list[RenderableType]:
    """That of the label that the verdict is about; the page has the others."""
    best = swept.bd[0].test if swept.bd and swept.conclusive else swept.ladders[0].label
    one = next((each for each in swept.ladders if each.label == best), swept.ladders[0])
    told = [sweep_words.rung(rung, swept) for rung in reversed(one.rungs)]
    table = screens.table(*told[0], left=1)
    for each in told:
        screens.row(table, *each.values())
    said = [screens.text(note, "dim") for note in one.notes]
    return [screens.text(sweep_words.ladder(one, swept)), table, *said]


def _costs(swept: Swept) -> screens.Fitting:
    anchor = swept.bd[0].anchor if swept.bd else None
    several = len(swept.design.clips) > 1
    columns = (*(["clip"] if several else []), "at", "rate", "encode", "store", "deliver", "all", "cheaper from")

    def made(without: Sequence[str]) -> Table:
        kept = [name for name in columns if name not in without]
        table = screens.table("", *kept, left=2 if several else 1)
        for one in swept.priced[:MOST]:
            cells = {
                "clip": one.clip, "at": compare_words.value(one.metric, one.quality),
                "rate": compare_words.bits(one.bits_per_second), **sweep_words.cost(one.cost, ""),
                "cheaper from": sweep_words.even(one, anchor),
            }  # fmt: skip
            screens.row(table, one.label, *(cells[name] for name in kept))
        return table

    return screens.Fitting(made, ("store", "at", "rate"))


def _searched(swept: Swept) -> Table:
    table = screens.table("", "setting", "asked", "found", "rate", "encodes", "")
    for one in swept.searched[:MOST]:
        setting = sweep_words.setting(one.setting.control, one.setting.value)
        screens.row(
            table, f"{one.setting.label} {one.setting.width}x{one.setting.height}, {one.clip}", setting,
            f"{compare_words.metric(one.metric)} {one.target:g}", compare_words.value(one.metric, one.score),
            compare_words.bits(one.bits_per_second), str(one.tried), "met" if one.met else one.note or "not met",
        )  # fmt: skip
    return table


def _kept(swept: Swept) -> list[RenderableType]:
    """Broken promises each, kept ones in a line."""
    held = sweep_words.buffers(swept.points)
    broken = [one for one in held if one.encoded.buffer and one.encoded.buffer.violations]
    said: list[RenderableType] = []
    if held:
        said.append(screens.text(f"{len(held) - len(broken)} of {len(held)} encodes kept within their buffers (VBV)"))
    said += [screens.text(f"{sweep_words.point(one)}, {one.encoded.clip}: {sweep_words.buffer(one)}", "red")
             for one in broken[:MOST]]  # fmt: skip
    aligned = sum(one.aligned for one in swept.keys)
    if swept.keys:
        said.append(screens.text(f"{aligned} of {len(swept.keys)} sets of encodes have their key frames together"))
    said += [screens.text(f"{sweep_words.kind(one)}: {sweep_words.keys(one)}", "red")
             for one in swept.keys if not one.aligned]  # fmt: skip
    return said


def _encodes(swept: Swept) -> Table:
    metric = swept.design.quality
    table = screens.table("", "rate", compare_words.metric(metric), "worst second")
    for one in swept.points[:MOST]:
        rate = compare_words.bits(one.encoded.bits_per_second)
        screens.row(table, f"{sweep_words.point(one)}, {one.encoded.clip}", rate,
                    compare_words.value(metric, one.scores.get(metric)),
                    compare_words.value(metric, one.worst.get(metric)))  # fmt: skip
    if len(swept.points) > MOST:
        table.add_row(Text(f"and {len(swept.points) - MOST} more", "dim"))
    return table
