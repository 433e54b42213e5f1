"""Cells and events in a form that a test can be written in."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.shapes import CAUSES, TENURE, Cells

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

T = 1_700_000_000.0
"""When the tests' events begin."""


def time(cells: Cells) -> dict[tuple[Any, ...], float]:
    """Seconds by level of each factor and lower end of the tenure bin."""
    found: dict[tuple[Any, ...], float] = defaultdict(float)
    for cell, seconds in zip(cells.time_cell, cells.time_seconds, strict=True):
        found[named(cells, cell)] += float(seconds)
    return dict(found)


def spent(cells: Cells) -> dict[tuple[str, ...], float]:
    """Seconds by level of each factor."""
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for name, seconds in time(cells).items():
        found[name[:-1]] += seconds
    return dict(found)


def exits(cells: Cells) -> list[tuple[str, float, list[tuple[Any, ...]]]]:
    """(cause, how many, [(levels…, tenure, seconds)])."""
    found = []
    for cause, count, row, seconds in zip(
        cells.exit_cause, cells.exit_count, cells.exit_cell, cells.exit_seconds, strict=True
    ):
        pieces = [(*named(cells, cell), round(float(length), 3)) for cell, length in zip(row, seconds, strict=True)
                  if cell >= 0]  # fmt: skip
        found.append((CAUSES[cause], float(count), pieces))
    return sorted(found)


def named(cells: Cells, cell: int) -> tuple[Any, ...]:
    levels = [names[level] for names, level in zip(cells.levels, cells.design[cell], strict=True)]
    return (*levels, TENURE[cells.bins[cell]])


def event(session: str, after: float, kind: str = "heartbeat", **said: Any) -> dict[str, Any]:
    return {"session": session, "at": T + after, "kind": kind, **said}


def lines(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
