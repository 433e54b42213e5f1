"""What reports at a terminal share. Names are the data's: never markup, never escape codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from qoe_agent.report import words

if TYPE_CHECKING:
    from rich.console import RenderableType


def part(title: str, *content: RenderableType) -> list[RenderableType]:
    """A title and what it is about."""
    return [Text(), Text(title, "bold underline"), *(Padding(each, (0, 0, 0, 2)) for each in content)]


def text(said: str, style: str = "") -> Text:
    """What somebody said, as it may be shown."""
    return Text(words.shown(said), style)


def row(of: Table, *told: str | Text, style: str = "") -> None:
    """Add one to a table."""
    of.add_row(*(text(each) if isinstance(each, str) else each for each in told), style=style)


def table(*columns: str, left: int = 1) -> Table:
    """An empty one; the first `left` columns are of words."""
    empty = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        empty.add_column(text(name), justify="left" if place < left else "right", overflow="fold")
    return empty
