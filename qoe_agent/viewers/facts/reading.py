"""Reading facts while others write them: each event once, wherever it is at the moment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.facts import compaction, forgotten, parts, rows, segments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa


class Snapshot(NamedTuple):
    """All events that had been acknowledged when it was taken."""

    files: list[Path]
    """Parquet files, oldest first."""
    logged: pa.Table
    """What is in the log only, by the columns of the files."""


@contextlib.contextmanager
def snapshot(folder: Path) -> Iterator[Snapshot]:
    """The facts in `folder`; the files stay while the context lasts."""
    with compaction.kept(folder):
        found = None
        while found is None:
            with contextlib.suppress(FileNotFoundError):  # a segment was closed or compacted since it was listed
                found = _taken(folder)
        yield found


def _taken(folder: Path) -> Snapshot:
    import pyarrow as pa

    waiting = segments.listed(folder / "log")  # first: what is no longer there is in a file by now
    counts, _ = parts.counted(parts.listed(folder))
    tables = [rows.schema().empty_table()]
    day = None
    for segment in waiting:
        if compaction.covered(segment.number, counts):
            continue
        found = segments.scan(segment.path)
        if found.opened_ms >= 0:
            day = day or compaction.day_of(found.opened_ms)
            tables.append(forgotten.without(folder, rows.table(found.records), segment.number))
    logged = pa.concat_tables(tables)
    seen = {part.path for part in counts}
    return Snapshot([part.path for part in counts], rows.new(logged, day or "", folder, lambda part: part.path in seen))
