"""Events, each once, in the order in which they happened by the server's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables.sessions import Rows, attributes

if TYPE_CHECKING:
    from collections.abc import Collection

    from qoe_agent.viewers.tables.engines import Engine, Table

PLACES = ("cdn", "region", "device", "network")
"""Fields of events that are attributes of their session."""
NUMBERS = {"startup": "startup_seconds", "stall_ms": "stall_seconds", "latency": "latency_seconds",
           "interval": "interval_seconds", "media_ms": "media_at"}  # fmt: skip
"""Numbers of events in milliseconds, by the columns of files in seconds."""
_STORED = {"startup": "startup_ms", "latency": "latency_ms", "interval": "interval_ms"}
_IDENTITY = ("sid", "sn", "kind", "at_ms", "state", "stall_ms", "value", "message")


def of_rows(table: Table, columns: Collection[str], engine: Engine) -> Table:
    """The events in files of events."""
    import ibis

    rows = Rows(table, columns)
    sid, sn, at = rows.text("session"), _or_null(rows.whole("sn"), "int64"), _or_null(rows.ms("at"), "int64")
    if "bucket" in columns:
        bucket = rows.whole("bucket")
    else:
        bucket = engine.hashed(ibis.coalesce(rows.text("user"), sid) if "user" in columns else sid) % 1000
    words = {
        name: _or_null(rows.text(name), "string") for name in ("kind", "state", "cause", "stream", "arm", "message")
    }
    numbers = {name: _or_null(rows.ms(column), "int64") for name, column in NUMBERS.items()}
    hidden = rows.text("background")
    named = [each for each in PLACES if each in columns] + list(attributes(columns))
    found = table.select(
        sid=sid, sn=sn, at_ms=at, received_ms=_or_null(rows.ms("received_at"), "int64"), bucket=bucket,
        hidden=ibis.null("int64") if hidden is None else hidden.lower().isin(["true", "1"]).cast("int64"),
        height=_or_null(rows.whole("height"), "int64"),
        value=table["value"].cast("float64") if "value" in columns else ibis.null("float64"), **words, **numbers,
        **{f"a{number}": rows.text(name) for number, name in enumerate(named)},
    )  # fmt: skip
    numbered = found.sn.notnull()
    alike = [found.sid, found.sn, *[ibis.ifelse(numbered, ibis.null(found[each].type()), found[each])
                                    for each in _IDENTITY[2:]]]  # fmt: skip
    return _once(found, alike)


def of_facts(table: Table, keys: Collection[str]) -> Table:
    """The events in facts; `keys`: which of their attributes are wanted."""
    import ibis

    words = {name: table[name] for name in ("kind", "state", "cause", "stream", "arm", "message", "value", "height")}
    numbers = {name: table[_STORED.get(name, name)] for name in NUMBERS}
    found = table.select(
        "key", "sn", "at_ms", "received_ms", "bucket", sid=table.source + "/" + table.session,
        hidden=table.background.cast("int64"), **words, **numbers,
        **{f"a{number}": table[name] for number, name in enumerate(PLACES)},
        **{f"a{number}": table.attributes.get(key, ibis.null("string"))
           for number, key in enumerate(keys, len(PLACES))},
    )  # fmt: skip
    return _once(found, [found.key])


def _or_null(column: Any, kind: str) -> Any:
    import ibis

    return ibis.null(kind) if column is None else column


def _once(found: Table, alike: list[Any]) -> Table:
    """Of events that are alike the one that came first."""
    import ibis

    order = [found.received_ms, found.at_ms]
    ranked = found.mutate(repeat=ibis.row_number().over(group_by=alike, order_by=order))
    return ranked.filter(ranked.repeat == 0).drop("repeat")


def timed(found: Table) -> Table:
    """The events with `time_ms` by the server's clock, `t_ms` since the session's first event, and `last_ms`.

    A client's clock is off by what the fastest of a session's events took: the least difference between when it came
    and when it happened. Without a time of arrival clocks are believed.
    """
    import ibis

    offset = (found.received_ms - found.at_ms).min().over(group_by=found.sid)
    moved = found.mutate(time_ms=ibis.coalesce(found.at_ms + ibis.coalesce(offset, 0), found.received_ms))
    moved = moved.filter(moved.time_ms.notnull())
    spanned = moved.mutate(
        first_ms=moved.time_ms.min().over(group_by=moved.sid), end_ms=moved.time_ms.max().over(group_by=moved.sid),
        speaks=moved.state.notnull().cast("int64").max().over(group_by=moved.sid),
    )  # fmt: skip
    silent = (spanned.kind == "stall") & spanned.stall_ms.isnull() & (spanned.speaks == 1)
    return spanned.select(
        *[each for each in spanned.columns if each not in ("key", "at_ms", "received_ms", "first_ms", "end_ms", "state",
                                                           "speaks")],
        t_ms=spanned.time_ms - spanned.first_ms, last_ms=spanned.end_ms - spanned.first_ms,
        state=ibis.coalesce(spanned.state, ibis.ifelse(silent, "stalled", ibis.null("string"))),
    )  # fmt: skip
