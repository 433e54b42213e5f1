"""A live comparison for the terminal: the table while it runs, and the report at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from qoe_agent.compare.live.saying import amount, wins
from qoe_agent.compare.live.seconds import BY_NAME
from qoe_agent.report.words import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from qoe_agent.compare.live.paired import LiveCompared, Paired, Side
    from qoe_agent.compare.live.shapes import Difference


def live(paired: Paired, watched: float) -> RenderableType:
    """As it stands now."""
    laying = paired.laying
    state = f"laid on each other by {laying.method}" if laying.ready else "not laid on each other yet"
    if not laying.ready:
        state += f": {why}" if (why := laying.why_not()) else ""
    elif lost := [side.name for side, each in zip(paired.outputs, laying.laid, strict=True) if each.lost]:
        state += f"; {', '.join(lost)} is being laid anew"
    elif laying.repeats:
        state += "; the content repeats, so this may be a round of it off"
    found = paired.differences() if laying.ready else []
    title = Text(f"{watched:.0f} s, {len(paired.seconds)} s in common, {state} (provisional)")
    return Group(title, _sides(paired.sides(), laying.method), *([differences(found)] if found else []))


def report(compared: LiveCompared) -> RenderableType:
    """At the end."""
    parts: list[RenderableType] = [
        Text(shown(compared.verdict), "bold"), _sides(compared.sides, compared.method),
        differences(compared.differences),
    ]  # fmt: skip
    parts += [Text(f"  worst: {strip.why}") for strip in compared.strips]
    parts += [Text(f"note: {shown(note)}") for note in compared.notes]
    return Group(*parts)


def _sides(sides: Sequence[Side], method: str | None) -> Table:
    table = Table(box=None, header_style="dim")
    for name in ("", "address", "picture", "startup", "pictures", "clock" if method == "stamp" else "lag", "incidents"):
        table.add_column(name, justify="left" if name in ("", "address", "picture") else "right")
    for side in sides:
        size = f"{side.width}x{side.height} {side.codec} {side.protocol}" if side.width else "none yet"
        startup = "" if side.startup is None else f"{side.startup:.2f} s"
        shift = "" if side.shift is None else f"{side.shift:+.3f} s"
        ended = " (over)" if side.ended else ""
        table.add_row(side.name + ended, shown(side.url), size, startup, str(side.pictures), shift,
                      str(len(side.incidents)))  # fmt: skip
    return table


def differences(found: Sequence[Difference]) -> Table:
    """Every measure of every pair."""
    table = Table(box=None, header_style="dim")
    table.add_column("")
    for name in ("first", "other", "other less first", "95 % interval", "p", "seconds", "worth"):
        table.add_column(name, justify="right")
    before = ""
    for one in found:
        pair = f"{one.b} less {one.a}"
        if pair != before:
            table.add_row(Text(pair, "bold"))
        before = pair
        table.add_row(*row(one), style={1: "green", -1: "yellow"}.get(wins(one), ""))
    return table


def row(one: Difference) -> list[str]:
    """Of one measure."""
    known = BY_NAME[one.measure]
    between: str = one.word
    if one.low is not None and one.high is not None:
        between = f"{one.low:+.{known.digits}f} to {one.high:+.{known.digits}f}"
    chance = "" if one.p is None else "< 0.001" if one.p < 0.001 else f"{one.p:.3f}"
    return [known.words, amount(one.measure, one.mean_a), amount(one.measure, one.mean_b),
            amount(one.measure, one.difference, signed=True), between, chance, str(one.n),
            "" if one.effective is None else f"{one.effective:.0f}"]  # fmt: skip
