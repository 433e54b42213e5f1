"""Which columns of numbers files have, without reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.tables import files, opening
from qoe_agent.viewers.tables.engines import listed, quoted
from qoe_agent.viewers.tables.faults import BadTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qoe_agent.viewers.tables.engines import DuckDB

SAMPLED = 10_000
"""Lines of text that are looked at."""
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


def numbers(paths: Sequence[Path]) -> frozenset[str]:
    """Columns of numbers that all of the files have, as far as that shows; files that cannot be read have none, and are
    refused when they are."""
    return _shared(paths, lambda kind: kind.startswith(_NUMBERS) and kind != "UUID")


def columns(paths: Sequence[Path]) -> frozenset[str]:
    """Columns that all of the files have, in the same way."""
    return _shared(paths, lambda _: True)


def _shared(paths: Sequence[Path], wanted: Callable[[str], bool]) -> frozenset[str]:
    with opening.counting("duckdb") as counter, opening.reading(counter) as reader:
        try:
            types = [_of(path, reader) for path in files.expanded(paths)]
        except (BadTable, OSError, UnicodeDecodeError, reader.Error):
            types = []
        counter.close()
    found = [frozenset(name.strip() for name, kind in each if wanted(kind)) for each in types]
    return frozenset.intersection(*found) if found else frozenset()


def _of(path: Path, reader: DuckDB) -> list[tuple[str, str]]:
    kind = files.kind_of(path)
    if kind == "csv":
        with files.opened(path) as file:
            first = file.readline()
        mark = max(",;\t|", key=first.count)
        source = f"read_csv({listed([path])}, header = true, delim = {quoted(mark)}, sample_size = {SAMPLED})"
    elif kind == "json":
        source = f"read_json({listed([path])}, sample_size = {SAMPLED}, maximum_depth = 1)"
    else:
        source = f"read_parquet({listed([path])})"
    return files.described(reader, source)
