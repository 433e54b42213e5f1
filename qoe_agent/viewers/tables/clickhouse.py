"""ClickHouse as an engine: the same expressions, compiled to its SQL, run by whatever can run SQL and gives Arrow.

In this process that is chDB (`pip install chdb`); its files are ClickHouse's `file()`, so that a server must be able to
read the folder under the same path.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables.engines import builtin, fresh, quoted, written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from qoe_agent.viewers.tables.engines import Column, Table

SETTINGS = "join_use_nulls = 1, aggregate_functions_null_for_empty = 1, allow_experimental_analyzer = 1"
"""Absent is null, as elsewhere."""


def in_process() -> ClickHouse:
    """ClickHouse within this process. ValueError: chDB is not installed."""
    try:
        from chdb.session import Session
    except ImportError as error:
        raise ValueError("engine clickhouse: needs chdb: pip install chdb") from error
    session = Session()
    return ClickHouse(lambda sql: session.query(sql, "ArrowTable"), session.close)


class ClickHouse:
    """ClickHouse by SQL."""

    def __init__(self, run: Callable[[str], Any], close: Callable[[], None]) -> None:
        """`run` gives the Arrow table of a query."""
        self.folder = Path(tempfile.mkdtemp(prefix="qoe-tables-"))
        self._run, self._close = run, close
        self._views = 0

    def read(self, paths: Sequence[Path]) -> Table:
        import ibis
        import pyarrow.parquet as pq

        fields = {field.name: _kind(field.type) for path in paths for field in pq.read_schema(path)}
        self._views += 1
        name = f"view{self._views}"
        shape = quoted(", ".join(f"`{column}` {_TYPES[kind]}" for column, kind in fields.items()))
        parts = " union all ".join(f"select * from file({quoted(str(path))}, Parquet, {shape})" for path in paths)
        self._run(f"create or replace view {name} as {parts}")
        return ibis.table(ibis.schema(fields), name=name)

    def keep(self, table: Table, name: str) -> Table:
        path = fresh(self.folder, name)
        self._run(f"insert into function file({quoted(str(path))}, Parquet) {self.compiled(table)} settings {SETTINGS}")
        return self.read([path])

    def put(self, rows: pa.Table, name: str) -> Table:
        return self.read([written(rows, fresh(self.folder, name))])

    def rows(self, table: Table) -> pa.Table:
        import pyarrow as pa

        found = self._run(f"{self.compiled(table)} settings {SETTINGS}")
        return pa.table({name: found[name].cast(kind.to_pyarrow()) for name, kind in table.schema().items()})

    def compiled(self, table: Table) -> str:
        """The expression in ClickHouse's SQL."""
        import ibis

        return str(ibis.to_sql(table, dialect="clickhouse"))

    def hashed(self, text: Column) -> Column:
        digits = _named("concat", 2)("0", _named("substring", 3)(_named("hex", 1)(_named("MD5", 1)(text)), 1, 7))
        found = _named("reinterpretAsInt64", 1)(_named("reverse", 1)(_named("unhex", 1)(digits)))
        return found.cast("int64")

    def close(self) -> None:
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)


_TYPES = {"int64": "Nullable(Int64)", "float64": "Nullable(Float64)", "string": "Nullable(String)",
          "boolean": "Nullable(Bool)", "map<string, string>": "Map(String, String)"}  # fmt: skip


def _kind(type_: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_integer(type_):
        return "int64"
    if pa.types.is_map(type_):
        return "map<string, string>"
    if pa.types.is_boolean(type_):
        return "boolean"
    return "float64" if pa.types.is_floating(type_) or pa.types.is_decimal(type_) else "string"


def _named(name: str, takes: int) -> Any:
    """A function of ClickHouse."""

    def one(a: str) -> None:
        """Of one argument."""

    def two(a: str, b: str) -> None:
        """Of two."""

    def three(a: str, b: str, c: str) -> None:
        """Of three."""

    stub = (one, two, three)[takes - 1]
    stub.__name__ = name
    kinds = ("string", "int64", "int64") if name == "substring" else ("string",) * takes
    return builtin(stub, "int64" if name.startswith("reinterpret") else "string", *kinds)
