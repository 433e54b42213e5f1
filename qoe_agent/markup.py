"""HTML made of pieces: text is escaped where it is put in."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Safe(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Safe()


def html(text: str, *values: Any) -> Safe:
    """`text` with `values` in place of each `{}`, escaped unless they are HTML already."""
    return Safe(text.format(*(value if isinstance(value, Safe) else escape(str(value)) for value in values)))


def joined(parts: Iterable[str]) -> Safe:
    """Several pieces of HTML, one after the other."""
    return Safe("".join(parts))
