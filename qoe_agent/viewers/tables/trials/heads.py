"""Which columns files have, without reading them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from qoe_agent.viewers.tables import files, opening
from qoe_agent.viewers.tables.engines import listed
from qoe_agent.viewers.tables.faults import BadTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qoe_agent.viewers.tables.engines import DuckDB

SAMPLED = 1000
"""Lines of JSON that are looked at."""


def columns(paths: Sequence[Path]) -> frozenset[str]:
    """Those that all of the files have, as far as that shows; files that cannot be read are refused when they are."""
    with opening.counting("duckdb") as counter, opening.reading(counter) as reader:
        try:
            found = [_of(path, reader) for path in files.expanded(paths)]
        except (BadTable, OSError, UnicodeDecodeError, csv.Error, reader.Error):
            found = []
        counter.close()
    return frozenset.intersection(*found) if found else frozenset()


def _of(path: Path, reader: DuckDB) -> frozenset[str]:
    kind = files.kind_of(path)
    if kind == "csv":
        with files.opened(path) as file:
            first = file.readline()
        mark = max(",;\t|", key=first.count)
        return frozenset(each.strip() for each in next(csv.reader([first], delimiter=mark), []))
    if kind == "json":
        source = f"read_json({listed([path])}, sample_size = {SAMPLED}, maximum_depth = 1)"
    else:
        source = f"read_parquet({listed([path])})"
    return frozenset(name for name, _ in files.described(reader, source))
