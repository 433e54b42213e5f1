"""What reports at a terminal share. Names are the data's: never markup, never escape codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from qoe_agent.report import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

HELD = "\ue000"
"""Of private use: stands for a space at which no line is broken (Rich breaks at U+00A0) until lines are made."""


class Whole:
    """All of a report, its figures and their units on one line."""

    def __init__(self, *parts: RenderableType) -> None:
        self._parts = Group(*parts)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        for each in console.render(self._parts, options):
            yield Segment(each.text.replace(HELD, " "), each.style, each.control)


class Fitting:
    """A table with as many of its columns as lines have room for."""

    def __init__(self, made: Callable[[Sequence[str]], Table], spare: Sequence[str]) -> None:
        """`made`: the table without these columns; `spare`: what is left out first, and next."""
        self._made, self._spare = made, spare

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        for left in range(len(self._spare) + 1):
            found = self._made(self._spare[:left])
            if Measurement.get(console, options.update(width=10_000), found).maximum <= options.max_width:
                break
        yield found
        if left:
            yield text(f"no room for: {', '.join(self._spare[:left])}", "dim")


def part(title: str, *content: RenderableType) -> list[RenderableType]:
    """A title and what it is about."""
    return [Text(), Text(title, "bold underline"), *(Padding(each, (0, 0, 0, 2)) for each in content)]


def text(said: str, style: str = "") -> Text:
    """What somebody said, as it may be shown."""
    return Text(words.unbroken(words.shown(said), HELD), style)


def row(of: Table, *told: str | Text, style: str = "") -> None:
    """Add one to a table."""
    of.add_row(*(text(each) if isinstance(each, str) else each for each in told), style=style)


def table(*columns: str, left: int = 1) -> Table:
    """An empty one; the first `left` columns are of words."""
    empty = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        empty.add_column(text(name), justify="left" if place < left else "right", overflow="fold")
    return empty
