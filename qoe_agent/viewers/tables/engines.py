"""What counts: DuckDB in this process, or Spark wherever its master is. Both run the same Ibis expressions.

Expressions keep to what engines agree on (whole milliseconds as int64, floor before a cast to int64, no engine's
own hashes, no unsigned integers, no joins by nearest time). Data goes in as Parquet files and comes out as Arrow.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

Table: TypeAlias = Any
"""An Ibis table expression."""
Column: TypeAlias = Any

MEMORY = "1500MB"
"""What DuckDB may hold before it writes to its temporary folder; its readers take some more beside."""
GROUP_ROWS = 1 << 17


class Engine(Protocol):
    """Where expressions are computed."""

    folder: Path
    """Of its own: for what is kept until `close`."""

    def read(self, paths: Sequence[Path]) -> Table:
        """The rows of Parquet files, by the names of their columns."""

    def keep(self, table: Table, name: str) -> Table:
        """The same rows, computed once and put on disk under `name`."""

    def put(self, rows: pa.Table, name: str) -> Table:
        """A small table that is here, on disk under `name`."""

    def rows(self, table: Table) -> pa.Table:
        """The rows here, in Arrow."""

    def hashed(self, text: Column) -> Column:
        """A whole number from 0 to 2^28-1 out of a text, the same in every engine: the head of its MD5."""

    def close(self) -> None:
        """Forget all that was kept."""


def opened(name: str) -> Engine:
    """The engine `duckdb`, `spark` (on this machine), `spark=MASTER` or `clickhouse`. ValueError: none such here."""
    kind, _, master = name.partition("=")
    if kind == "duckdb" and not master:
        return DuckDB()
    if kind == "spark":
        return Spark(master or "local[*]")
    if name == "clickhouse":
        from qoe_agent.viewers.tables import clickhouse

        return clickhouse.in_process()
    raise ValueError(f"engine {name!r}: must be duckdb, spark, spark=MASTER or clickhouse")


def listed(paths: Sequence[Path]) -> str:
    """Paths as a list in DuckDB's SQL; their names are meant literally."""
    return "[" + ", ".join(quoted(str(path).replace("[", "[[]").replace("*", "[*]")) for path in paths) + "]"


def quoted(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def fresh(folder: Path, name: str) -> Path:
    """A path that was never used: engines remember files by their paths."""
    number = itertools.count(1)
    return next(path for path in (folder / f"{name}-{each}.parquet" for each in number) if not path.exists())


def written(rows: pa.Table, path: Path) -> Path:
    """The path, with these rows in it."""
    import pyarrow.parquet as pq

    pq.write_table(rows, path)
    return path


def builtin(stub: Callable[..., Any], gives: str, *takes: str) -> Any:
    """A function that the engine itself has, by the name of the stub."""
    import ibis

    return ibis.udf.scalar.builtin(stub, signature=(takes, gives))


def _digits(text: Column) -> Column:
    """Seven hexadecimal digits of its MD5."""

    def left(text: str, count: int) -> None:
        """Of DuckDB and of Spark: its first characters."""

    return builtin(left, "string", "string", "int64")(text.hexdigest("md5"), 7)


class DuckDB:
    """The engine inside this process; large results and sorts go to disk."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: of somebody else, for files that outlive this."""
        import duckdb
        import ibis

        self.Error = duckdb.Error
        self._own = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="qoe-tables-")) if folder is None else folder
        self._ibis = ibis.duckdb.connect()
        self.raw = self._ibis.con
        """The DuckDB connection."""
        for setting, value in (("memory_limit", MEMORY), ("temp_directory", str(self.folder / "spill"))):
            self.raw.execute(f"set {setting} = {quoted(value)}")
        self.raw.execute("set enable_progress_bar = false")
        self._views = 0

    def read(self, paths: Sequence[Path]) -> Table:
        return self.view(f"select * from read_parquet({listed(paths)}, union_by_name = true)")

    def view(self, sql: str) -> Table:
        """The rows of a query."""
        self._views += 1
        name = f"view{self._views}"
        self.raw.execute(f"create view {name} as {sql}")
        return self._ibis.table(name)

    def keep(self, table: Table, name: str) -> Table:
        path = fresh(self.folder, name)
        self.write(self._ibis.compile(table), path)
        return self.read([path])

    def put(self, rows: pa.Table, name: str) -> Table:
        return self.read([written(rows, fresh(self.folder, name))])

    def write(self, sql: str, path: Path) -> None:
        """The rows of a query into a Parquet file."""
        self.raw.execute(f"copy ({sql}) to {quoted(str(path))} "
                         f"(format parquet, compression lz4_raw, row_group_size {GROUP_ROWS})")  # fmt: skip

    def rows(self, table: Table) -> pa.Table:
        return self._ibis.to_pyarrow(table)

    def hashed(self, text: Column) -> Column:
        return ("0x" + _digits(text)).cast("int64")

    def close(self) -> None:
        self._ibis.disconnect()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)


class Spark:
    """Spark by its master's address; what is kept lies where the master's machines can read it ($QOE_SPARK_FOLDER)."""

    def __init__(self, master: str) -> None:
        try:
            import ibis
            from pyspark.sql import SparkSession

            backend = ibis.pyspark  # which needs pandas, too
        except ImportError as error:
            raise ValueError("engine spark: needs the extra qoe-agent[spark]") from error
        self.folder = Path(tempfile.mkdtemp(prefix="qoe-tables-", dir=os.environ.get("QOE_SPARK_FOLDER")))
        self._session = (
            SparkSession.builder.master(master).appName("qoe-agent exits")
            .config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.ansi.enabled", "false").config("spark.sql.shuffle.partitions", "16").getOrCreate()
        )  # fmt: skip
        self._session.sparkContext.setLogLevel("ERROR")
        self._ibis = backend.connect(self._session)
        self._views = 0

    def read(self, paths: Sequence[Path]) -> Table:
        self._views += 1
        name = f"view{self._views}"
        found = self._session.read.option("mergeSchema", "true").parquet(*map(str, paths))
        found.createOrReplaceTempView(name)
        return self._ibis.table(name)

    def keep(self, table: Table, name: str) -> Table:
        path = fresh(self.folder, name)
        self._session.sql(self._ibis.compile(table)).write.parquet(str(path))
        return self.read([path])

    def put(self, rows: pa.Table, name: str) -> Table:
        return self.read([written(rows, fresh(self.folder, name))])

    def rows(self, table: Table) -> pa.Table:
        return self._session.sql(self._ibis.compile(table)).toArrow()

    def hashed(self, text: Column) -> Column:

        def conv(digits: str, base: int, to: int) -> None:
            """Spark's own: digits to another base."""

        return builtin(conv, "string", "string", "int64", "int64")(_digits(text), 16, 10).cast("int64")

    def close(self) -> None:
        for number in range(1, self._views + 1):
            self._session.catalog.dropTempView(f"view{number}")
        shutil.rmtree(self.folder, ignore_errors=True)
