"""Imported rows as JSON Lines, users behind pseudonyms where there are keys."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from qoe_agent.viewers.imports.reading import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from qoe_agent.viewers.pseudonyms import Ring

SOURCES = ("mux", "segment", "snowplow", "brightcove", "nginx")


class Done(NamedTuple):
    """What became of all lines."""

    rows: int
    passed: dict[str, int]
    """Lines passed over, by the reason."""


def write(
    source: str, paths: Sequence[Path], out: BinaryIO, ring: Ring | None, chosen: tuple[str, ...], strict: bool
) -> Done:
    """Import files of one of SOURCES. Raises BadRow (the first, if `strict`) and OSError."""
    rows, passed = 0, dict[str, int]()
    for path in paths:
        lines = Lines(path, strict)
        for row in _read(source, lines, chosen):
            out.write(to_json(row if ring is None else hidden(row, ring)) + b"\n")
            rows += 1
        for reason, times in lines.passed.items():
            passed[reason] = passed.get(reason, 0) + times
    return Done(rows, passed)


def _read(source: str, lines: Lines, chosen: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    found: Iterator[dict[str, Any]] = import_module(f"qoe_agent.viewers.imports.{source}").rows(lines, chosen)
    return found


def hidden(row: dict[str, Any], ring: Ring) -> dict[str, Any]:
    """The row with a pseudonym for its user, and with the bucket that the facts have for him."""
    user = row.get("user")
    if user is None:
        return row | {"bucket": ring.bucket(row["session"])}
    known = ring.of(str(user))
    return row | {"user": f"{known.key_id}-{known.user_key}", "bucket": known.bucket}
