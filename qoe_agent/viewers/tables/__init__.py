"""Tables of viewers: sessions, who was there and who left, out of files and facts.

The only package that knows Ibis, DuckDB and Spark; all of them are imported where they are needed (extra `viewers`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.tables.audience import Audience
from qoe_agent.viewers.tables.faults import BadTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Audience", "BadTable", "open_files"]


def open_files(paths: Sequence[Path], engine: str = "duckdb", incidents: Path | None = None) -> Audience:
    """The audience in files of sessions or of events. BadTable: a file is wrong. ValueError: no such engine."""
    from qoe_agent.viewers.tables import engines, files, sessions

    counter = engines.opened(engine)
    reader = counter if isinstance(counter, engines.DuckDB) else engines.DuckDB()
    try:
        found = files.staged(paths, reader)
        rows = sessions.of_rows(counter.read(found.paths), found.columns, counter)
        return Audience(counter, rows, sessions.attributes(found.columns))
    except BaseException:
        counter.close()
        raise
    finally:
        if reader is not counter:
            reader.close()
