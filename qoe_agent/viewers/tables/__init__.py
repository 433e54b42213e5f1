"""Tables of viewers: sessions, who was there and who left, out of files and facts.

The only package that knows Ibis, DuckDB, Spark and ClickHouse, all of which are imported where they are needed (extra
`viewers`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.shapes import EVERYBODY, Without
from qoe_agent.viewers.tables.audience import Audience
from qoe_agent.viewers.tables.comparisons import AfterStall
from qoe_agent.viewers.tables.faults import BadTable
from qoe_agent.viewers.tables.messages import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["AfterStall", "Audience", "BadTable", "Delivery", "exhausted", "missing", "open_facts", "open_files"]


def missing() -> str | None:
    """The first library of the extra `viewers` that is not installed."""
    from importlib.util import find_spec

    return next((name for name in ("pyarrow", "duckdb", "ibis", "pyarrow_hotfix") if find_spec(name) is None), None)


def exhausted() -> type[Exception]:
    """What the engine in this process raises where its memory does not do."""
    import duckdb

    kind: type[Exception] = duckdb.OutOfMemoryException
    return kind


def open_files(
    paths: Sequence[Path], engine: str = "duckdb", incidents: Path | None = None, measures: Path | None = None,
    without: Without = EVERYBODY,
) -> Audience:  # fmt: skip
    """The audience in files of sessions or of events. BadTable: a file is wrong. ValueError: no such engine, or nobody
    can be left out that way."""
    from qoe_agent.viewers.tables import opening

    return opening.of_files(paths, opening.Asked(engine, incidents, measures, without))


def open_facts(
    folder: Path, engine: str = "duckdb", incidents: Path | None = None, measures: Path | None = None,
    without: Without = EVERYBODY,
) -> Audience:  # fmt: skip
    """The audience in a folder of facts; without `incidents` and `measures` they are what the agents wrote there.
    BadTable: they are wrong. ValueError: as of `open_files`."""
    from qoe_agent.viewers.tables import opening

    return opening.of_facts(folder, opening.Asked(engine, incidents, measures, without))
