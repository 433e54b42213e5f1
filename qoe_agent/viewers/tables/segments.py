"""Segments: a session's states, from when to when, and in which of them its exit may lie."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables.cells import CHANGES
from qoe_agent.viewers.tables.levels import MEASURED, RECENT_MS, SCALES, STALL, STRETCH, UNKNOWN, coded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from qoe_agent.viewers.tables.engines import Table


_NOT_KNOWN, _NONE_YET = -2, -1
"""Instead of when the last stall began."""
AS_BEGUN = -1
"""The code of what a probe measured until it changes within a session: as it was when the session began."""


def of_stalls(begun: Table, silent: Table | None) -> list[Table]:
    """Changes of state by stalls: each begins to be recent, and 30 s later may cease to be.

    `silent`: sessions of which it is not known from their start on, and `told_ms`, from when on it is.
    """
    import ibis

    found = [begun.select("sid", "t_ms", stall=begun.t_ms),
             begun.select("sid", t_ms=begun.t_ms + RECENT_MS, stall=ibis.null("int64"))]  # fmt: skip
    if silent is not None:
        told = silent.filter(silent.told_ms.notnull())
        found += [silent.select("sid", t_ms=ibis.literal(0, "int64"), stall=ibis.literal(_NOT_KNOWN, "int64")),
                  told.select("sid", t_ms=told.told_ms, stall=ibis.literal(_NONE_YET, "int64"))]  # fmt: skip
    return found


def of_numbers(events: Table, name: str) -> list[Table]:
    """Changes of the level of a number that events report."""
    known = events.filter(events[name].notnull())
    known = known.group_by("sid", "t_ms").agg(level=coded(known[name], SCALES[name]).max())
    known = known.mutate(before=known.level.lag().over(group_by=known.sid, order_by=known.t_ms))
    changed = known.filter(known.before.isnull() | (known.before != known.level))
    return [changed.select("sid", "t_ms", **{name: changed.level})]


def of_exposures(exposed: Table) -> list[Table]:
    """Changes by incidents: `exposed` has sid, from_ms, until_ms (since the session began), kind (its code)."""
    import ibis

    return [exposed.select("sid", t_ms=ibis.greatest(exposed.from_ms, 0), incident=exposed.kind,
                           turned=ibis.literal(1, "int64")),
            exposed.select("sid", t_ms=exposed.until_ms, incident=ibis.null("int64"),
                           turned=ibis.literal(-1, "int64"))]  # fmt: skip


def segments(changes: Mapping[str, Sequence[Table]]) -> Table:
    """`changes` by factor. Gives sid, a_ms, b_ms (null: to the end), and of each factor its code.

    Only sessions that change are here; the others keep the codes of the beginning: `initial`.
    """
    import ibis

    columns = [*changes, *(["turned"] if "incident" in changes else [])]
    parts = [_widened(part, columns) for each in changes.values() for part in each]
    every = reduce(lambda one, other: one.union(other), parts)
    begin = every.select("sid").distinct()
    begin = _widened(begin.mutate(t_ms=ibis.literal(0, "int64")), columns)
    every = every.union(begin)
    summed = {name: every[name].sum() if name == "turned" else every[name].max() for name in columns}
    rows = every.group_by("sid", "t_ms").agg(**summed)
    window = ibis.cumulative_window(group_by=rows.sid, order_by=rows.t_ms)
    known = rows.mutate(**{f"n_{name}": rows[name].count().over(window) for name in columns if name != "turned"})
    held = {}
    for name in changes:
        group = [known.sid, known[f"n_{name}"]]
        held[name] = known[name].max().over(group_by=group)
    if "incident" in changes:
        active = known.turned.sum().over(ibis.cumulative_window(group_by=known.sid, order_by=known.t_ms))
        held["active"] = active
    later = known.t_ms.lead().over(group_by=known.sid, order_by=known.t_ms)
    found = known.select("sid", a_ms=known.t_ms, b_ms=later, **held)
    return found.select("sid", "a_ms", "b_ms", **{name: _code(found, name) for name in changes})


def _widened(part: Table, columns: Sequence[str]) -> Table:
    import ibis

    return part.select("sid", "t_ms", **{name: part[name] if name in part.columns else ibis.null("int64")
                                         for name in columns})  # fmt: skip


def initial(name: str) -> int:
    """The code before anything is known."""
    if name in (*MEASURED, STRETCH):
        return AS_BEGUN
    return len(SCALES[name].names) if name in SCALES else 0


def _code(found: Table, name: str) -> Any:
    import ibis

    if name == "stall":
        recent = found.a_ms - found.stall < RECENT_MS
        none = found.stall.isnull() | (found.stall == _NONE_YET)
        unknown = found.stall == _NOT_KNOWN, STALL.index(UNKNOWN)
        return ibis.cases((none, 0), unknown, (recent, 1), else_=2).cast("int64")
    if name == "incident":
        return ibis.ifelse(found.active > 0, ibis.coalesce(found.incident, 0), 0).cast("int64")
    return ibis.coalesce(found[name], initial(name)).cast("int64")


def spans(sessions: Table, found: Table, static: Sequence[str], varying: Mapping[str, int | str]) -> Table:
    """Certain person-time of sessions in `found`: bucket, codes, a_ms, b_ms. `varying`: codes there, and what they are
    at the beginning: a code, or the column of `sessions` that tells it."""
    import ibis

    joined = sessions.inner_join(found, "sid")
    until = ibis.least(ibis.coalesce(joined.b_ms, joined.lo_ms), joined.lo_ms)
    changed = joined.select("bucket", *static, **_held(joined, varying), a_ms=joined.a_ms, b_ms=until)
    return changed.filter(changed.b_ms > changed.a_ms)


def _held(joined: Table, varying: Mapping[str, int | str]) -> dict[str, Any]:
    """The codes in segments beside their sessions."""
    import ibis

    return {name: ibis.ifelse(joined[name] == AS_BEGUN, joined[code], joined[name]) if isinstance(code, str)
            else joined[name] for name, code in varying.items()}  # fmt: skip


def steady(rows: Table, varying: Mapping[str, int | str]) -> dict[str, Any]:
    """The codes of sessions in which nothing changes."""
    import ibis

    return {name: rows[code] if isinstance(code, str) else ibis.literal(code, "int64")
            for name, code in varying.items()}  # fmt: skip


def gone(sessions: Table, found: Table, static: Sequence[str], varying: Mapping[str, int | str]) -> Table:
    """An exit a row, of sessions in `found`, as `cells.exits` wants it: codes s0, s1, … of each factor, and when they
    change: c1, …"""
    import ibis

    left = sessions.filter(sessions.cause >= 0)
    keys = ["sid", "bucket", "cause", "lo_ms", "hi_ms", *static]
    joined = left.inner_join(found, "sid")
    until = ibis.coalesce(joined.b_ms, joined.hi_ms)
    exact = joined.lo_ms == joined.hi_ms
    at = ((joined.a_ms < joined.lo_ms) & (joined.lo_ms <= until)) | ((joined.lo_ms == 0) & (joined.a_ms == 0))
    within = ibis.ifelse(exact, at, (joined.a_ms < joined.hi_ms) & (until > joined.lo_ms))
    inside = joined.filter(within)
    pieces = inside.select(*keys, **_held(inside, varying), a_ms=inside.a_ms)
    pieces = pieces.mutate(rank=ibis.row_number().over(group_by=pieces.sid, order_by=pieces.a_ms))
    states: dict[str, Any] = {}
    for change in range(CHANGES + 1):
        chosen = pieces["rank"] == change
        states |= {f"{name}_{change}": pieces[name].max(where=chosen) for name in varying}
        if change:
            states[f"x{change}"] = pieces.a_ms.max(where=chosen)
    rows = pieces.group_by(keys).agg(**states)
    return _told(rows, static, varying)


def _told(rows: Table, static: Sequence[str], varying: Iterable[str]) -> Table:
    """Where there is no further change, the last state goes on."""
    import ibis

    codes: dict[str, Any] = {}
    for change in range(CHANGES + 1):
        codes |= {f"{name}s{change}": rows[name] for name in static}
        for name in varying:
            codes[f"{name}s{change}"] = ibis.coalesce(*[rows[f"{name}_{each}"] for each in range(change, -1, -1)])
    cuts = {f"c{change}": ibis.coalesce(rows[f"x{change}"], rows.hi_ms) for change in range(1, CHANGES + 1)}
    return rows.select("bucket", "cause", "lo_ms", "hi_ms", **codes, **cuts)
