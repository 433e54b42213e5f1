"""Sessions out of rows of sessions files.

A session has: `sid`, `bucket`, `stream`, `start_ms` (Unix), `lo_ms` (since its start: known to watch until then),
`hi_ms` (gone by then; equal to lo_ms where the moment is known, or where it is censored), `cause` (index into
shapes.CAUSES; -1: censored), `startup`, `stalls`, `stall_ms`, `height`, `latency`, `background_ms`, `arm`, and its
attributes as a0, a1, … Milliseconds are int64: sums of them are exact, whatever engine adds them up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables import schemas

if TYPE_CHECKING:
    from collections.abc import Collection

    from qoe_agent.viewers.tables.engines import Engine, Table

WHOLE = ("start_ms", "startup", "stalls", "stall_ms", "height", "latency", "background_ms")
"""Columns of sessions that are numbers, and may be unknown."""


def attributes(columns: Collection[str]) -> tuple[str, ...]:
    """Which columns of a file are attributes."""
    known = schemas.EVENTS if schemas.is_events(columns) else schemas.SESSIONS
    return tuple(sorted(each for each in columns if each not in known))


class _Rows:
    """Rows of a file whose columns may be absent."""

    def __init__(self, table: Table, columns: Collection[str]) -> None:
        import ibis

        self.table, self.columns, self._ibis = table, columns, ibis

    def number(self, name: str) -> Any:
        known = name in self.columns
        return self.table[name].cast("float64") if known else self._ibis.null("float64")

    def whole(self, name: str) -> Any:
        return self.number(name).floor().cast("int64")

    def ms(self, name: str) -> Any:
        return (self.number(name) * self._ibis.literal(1000.0, "float64") + 0.5).floor().cast("int64")

    def text(self, name: str) -> Any:
        return self.table[name].cast("string").nullif("") if name in self.columns else self._ibis.null("string")


def of_rows(table: Table, columns: Collection[str], engine: Engine) -> Table:
    """The sessions in a sessions file."""
    import ibis

    rows = _Rows(table, columns)
    start = rows.ms("start")
    low, high, seen = rows.ms("exit_low") - start, rows.ms("exit_high") - start, rows.ms("last_seen") - start
    exact = ibis.coalesce(rows.ms("watch_seconds"), rows.ms("end") - start)
    if "exit_low" in columns or "end" in columns:
        gone = (low.notnull() & high.notnull()) | rows.number("end").notnull()
    else:
        gone = exact.notnull()
    cause = ibis.cases(
        (~gone, -1),
        *[(rows.text("cause").lower() == name, number) for name, number in schemas.EXITS.items()],
        else_=0,
    ).cast("int64")
    lo = ibis.coalesce(low, exact, seen)
    hi = ibis.cases(((cause >= 0) & low.notnull() & high.notnull(), high), else_=lo)
    sid = rows.text("session")
    bucket = (
        rows.whole("bucket") if "bucket" in columns else engine.hashed(ibis.coalesce(rows.text("user"), sid)) % 1000
    )
    return table.select(
        sid=sid, bucket=bucket, stream=rows.text("stream"), start_ms=start, lo_ms=lo, hi_ms=ibis.greatest(lo, hi),
        cause=cause, startup=rows.ms("startup_seconds"), stalls=rows.whole("stalls"),
        stall_ms=rows.ms("stall_seconds"), height=rows.whole("height"), latency=rows.ms("latency_seconds"),
        background_ms=ibis.null("int64"), arm=rows.text("arm"),
        **{f"a{number}": rows.text(name) for number, name in enumerate(attributes(columns))},
    )  # fmt: skip
