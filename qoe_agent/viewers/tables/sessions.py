"""Sessions out of rows of sessions files.

A session has: `sid`, `bucket`, `stream`, `start_ms` (Unix), `lo_ms` (since its start: known to watch until then),
`hi_ms` (gone by then; equal to lo_ms where the moment is known, or where it is censored), `cause` (index into
shapes.CAUSES; -1: censored), `startup`, `stalls`, `stall_ms`, `height`, `latency`, `background_ms`, `behind_ms` (how
far behind the media's clock), `arm`, and its attributes as a0, a1, … Milliseconds are int64: sums of them are exact,
whatever engine adds them up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables import schemas

if TYPE_CHECKING:
    from collections.abc import Collection

    from qoe_agent.viewers.tables.engines import Engine, Table

WHOLE = ("start_ms", "startup", "stalls", "stall_ms", "height", "latency", "background_ms", "behind_ms")
"""Columns of sessions that are numbers, and may be unknown."""


def attributes(columns: Collection[str]) -> tuple[str, ...]:
    """Which columns of a file are attributes."""
    known = schemas.EVENTS if schemas.is_events(columns) else schemas.SESSIONS
    return tuple(sorted(each for each in columns if each not in known))


class Rows:
    """Rows of a file whose columns may be absent: None."""

    def __init__(self, table: Table, columns: Collection[str]) -> None:
        self.table, self.columns = table, columns

    def whole(self, name: str) -> Any:
        return self.table[name].cast("float64").floor().cast("int64") if name in self.columns else None

    def ms(self, name: str) -> Any:
        import ibis

        if name not in self.columns:
            return None
        return (self.table[name].cast("float64") * ibis.literal(1000.0, "float64") + 0.5).floor().cast("int64")

    def text(self, name: str) -> Any:
        return self.table[name].cast("string").nullif("") if name in self.columns else None

    def lower(self, name: str) -> Any:
        return self.text(name).lower() if name in self.columns else None

    def since(self, start: Any, *names: str) -> list[Any]:
        """Those of the times that are there, as milliseconds since `start`."""
        return [self.ms(name) - start for name in names if name in self.columns and start is not None]


def apart(sessions: Table) -> Table:
    """The same with names that also say when each began and how long it lasted."""
    start, lasted = (sessions[name].cast("string").coalesce("") for name in ("start_ms", "lo_ms"))
    return sessions.mutate(sid=sessions.sid + "/" + start + "/" + lasted)


def of_rows(table: Table, columns: Collection[str], engine: Engine) -> Table:
    """The sessions in a sessions file."""
    import ibis

    rows = Rows(table, columns)
    start, sid, watched = rows.ms("start"), rows.text("session"), rows.ms("watch_seconds")
    low, high = rows.since(start, "exit_low"), rows.since(start, "exit_high")
    exact = [*([watched] if watched is not None else []), *rows.since(start, "end")]
    lo = ibis.coalesce(*low, *exact, *rows.since(start, "last_seen"))
    cause = _cause(rows, low, high, exact)
    hi = ibis.ifelse((cause >= 0) & low[0].notnull() & high[0].notnull(), high[0], lo) if low and high else lo
    bucket = engine.hashed(ibis.coalesce(rows.text("user"), sid) if "user" in columns else sid) % 1000
    if "bucket" in columns:
        bucket = ibis.coalesce(rows.whole("bucket"), bucket)
    known = {
        "stream": rows.text("stream"), "start_ms": start, "startup": rows.ms("startup_seconds"),
        "stalls": rows.whole("stalls"), "stall_ms": rows.ms("stall_seconds"), "height": rows.whole("height"),
        "latency": rows.ms("latency_seconds"), "background_ms": None, "behind_ms": None, "arm": rows.text("arm"),
    }  # fmt: skip
    told = {name: ibis.null("int64" if name in WHOLE else "string") if column is None else column
            for name, column in known.items()}  # fmt: skip
    others = {f"a{number}": rows.text(name) for number, name in enumerate(attributes(columns))}
    return table.select(sid=sid, bucket=bucket, lo_ms=lo, hi_ms=hi, cause=cause, **told, **others)


def _cause(rows: Rows, low: list[Any], high: list[Any], exact: list[Any]) -> Any:
    """Why it ended. Where a file has the column `end` or `exit_low`, a session without either is still there."""
    import ibis

    known = [low[0].notnull() & high[0].notnull()] if low and high else []
    if "end" in rows.columns:
        known.append(rows.table["end"].notnull())
    elif not low:
        known += [each.notnull() for each in exact]
    if not known:
        return ibis.literal(-1, "int64")
    gone = known[0] if len(known) == 1 else known[0] | known[1]
    if "cause" not in rows.columns:
        return ibis.ifelse(gone, 0, -1).cast("int64")
    said = rows.lower("cause")
    steps = [(said == name, number) for name, number in schemas.EXITS.items() if number]
    return ibis.cases((~gone, -1), *steps, else_=0).cast("int64")
