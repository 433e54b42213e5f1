"""Streams minute by minute: who watched, how many were to be expected to leave, and how many left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.tables.timelines import grids, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.viewers.tables.engines import Engine, Table

MOST = 2_000_000
"""Sessions that are looked at; of more a share of users."""
LONGEST = 100_000
"""Steps of a stream, from its first session on."""


class Course(NamedTuple):
    """A stream in steps."""

    stream: str
    start: float
    step: float
    watching: NDArray[np.float64]
    """Person-seconds."""
    risk: NDArray[np.float64]
    """Exits to be expected by time watched."""
    exits: NDArray[np.float64]


def courses(engine: Engine, sessions: Table, count: int, hazards: Sequence[tuple[float, float]], cause: int | None,
            step: float) -> list[Course]:  # fmt: skip
    """Of each stream, by the wall's clock. `count`: how many sessions there are; `cause`: exits of this one alone."""
    rows = sessions.filter(sessions.start_ms.notnull() & sessions.stream.notnull())
    if count > MOST:
        rows = rows.filter(rows.bucket % (count // MOST + 1) == 0)
    left = rows.cause >= 0 if cause is None else rows.cause == cause
    moved = rows.select("stream", start_ms=rows.start_ms, lo_ms=rows.start_ms + rows.lo_ms,
                        hi_ms=rows.start_ms + rows.hi_ms, gone=left.cast("int64"))  # fmt: skip
    ends = engine.rows(moved.group_by("stream").agg(begin=moved.start_ms.min(), end=moved.lo_ms.max())).to_pylist()
    spans = [(row["stream"], row["begin"] / 1000, min(row["end"] / 1000 + step, row["begin"] / 1000 + LONGEST * step))
             for row in ends]  # fmt: skip
    step_ms = round(1000 * step)
    laid = grids(engine, moved, None, windows(spans, step_ms), [], step_ms, hazards)
    found = []
    for grid in laid:
        for watching, risk, exits, _ in grid.rows.values():
            found.append(Course(grid.window.stream, grid.window.begin_ms / 1000, step, watching, risk, exits))
    return found
