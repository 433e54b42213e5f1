"""Events, each once, in the order in which they happened by the server's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables.sessions import Rows, attributes

if TYPE_CHECKING:
    from collections.abc import Collection

    from qoe_agent.viewers.tables.engines import Engine, Table

PLACES = ("cdn", "region", "device", "network", "rendition")
"""Fields of events that are attributes of their session."""
CHANGING = ("rendition",)
"""Of these: not known of a session that has had several."""
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
    bucket = engine.hashed(ibis.coalesce(rows.text("user"), sid) if "user" in columns else sid) % 1000
    if "bucket" in columns:
        bucket = ibis.coalesce(rows.whole("bucket"), bucket)
    words = {name: _or_null(rows.text(name), "string") for name in ("stream", "arm", "message")}
    words |= {name: _or_null(rows.lower(name), "string") for name in ("kind", "state", "cause")}
    numbers = {name: _or_null(rows.ms(column), "int64") for name, column in NUMBERS.items()}
    hidden = rows.text("background")
    named = [each for each in PLACES if each in columns] + list(attributes(columns))
    found = table.select(
        sid=sid, sn=sn, at_ms=at, received_ms=_or_null(rows.ms("received_at"), "int64"), bucket=bucket,
        hidden=ibis.null("int64") if hidden is None else hidden.lower().isin(["true", "1"]).cast("int64"),
        height=_or_null(rows.whole("height"), "int64"),
        value=table["value"].cast("float64") if "value" in columns else ibis.null("float64"), **words, **numbers,
        stalls_total=_or_null(rows.whole("stalls_total"), "int64"), origin=ibis.literal(""),
        **{f"a{number}": rows.text(name) for number, name in enumerate(named)},
    )  # fmt: skip
    numbered = found.sn.notnull()
    alike = [found.sid, found.sn, *[ibis.ifelse(numbered, ibis.null(found[each].type()), found[each])
                                    for each in _IDENTITY[2:]]]  # fmt: skip
    return _once(found, alike)


def of_facts(table: Table, keys: Collection[str], more: Collection[str] = ()) -> Table:
    """The events in facts; `keys`: which of their attributes are wanted; `more`: further columns."""
    import ibis

    words = {name: table[name] for name in ("kind", "state", "cause", "stream", "arm", "message", "value", "height")}
    numbers = {name: table[_STORED.get(name, name)] for name in NUMBERS}
    found = table.select(
        "key", "sn", "at_ms", "received_ms", "bucket", "stalls_total", *more, sid=table.source + "/" + table.session,
        origin=table.source,
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

    undated = found.at_ms.isnull()
    span = found.group_by("sid").agg(
        offset=(found.received_ms - found.at_ms).min(), speaks=found.state.notnull().cast("int64").max(),
        at_first=found.at_ms.min(), at_last=found.at_ms.max(),
        came_first=found.received_ms.min(where=undated), came_last=found.received_ms.max(where=undated),
    )  # fmt: skip
    offset = ibis.coalesce(span.offset, 0)
    begun = ibis.least(ibis.coalesce(span.at_first + offset, span.came_first),
                       ibis.coalesce(span.came_first, span.at_first + offset))  # fmt: skip
    ended = ibis.greatest(ibis.coalesce(span.at_last + offset, span.came_last),
                          ibis.coalesce(span.came_last, span.at_last + offset))  # fmt: skip
    span = span.select(of_sid=span.sid, offset=offset, speaks=span.speaks, begun=begun, ended=ended)
    joined = found.inner_join(span, found.sid == span.of_sid)
    time = ibis.coalesce(joined.at_ms + joined.offset, joined.received_ms)
    silent = (joined.kind == "stall") & joined.stall_ms.isnull() & (joined.speaks == 1)
    timed = joined.select(
        *[each for each in found.columns if each not in ("key", "at_ms", "received_ms", "state")],
        time_ms=time, t_ms=time - joined.begun, last_ms=joined.ended - joined.begun,
        state=ibis.coalesce(joined.state, ibis.ifelse(silent, "stalled", ibis.null("string"))),
    )  # fmt: skip
    return timed.filter(timed.time_ms.notnull())
