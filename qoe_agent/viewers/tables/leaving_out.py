"""Whom to leave out before anything is counted: robots, staff, players that nobody sees."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.tables.sessionising import LATE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.shapes import Without
    from qoe_agent.viewers.tables.engines import Engine, Table

PLACES = ("arm", "stream")
"""Known columns that tell whom, beside attributes."""
COUNTED = "sessions left out by {}={}: {:,}"
HIDDEN = (
    "sessions that count until they went out of sight: {:,}; left out because they began there: {:,}; who goes out of "
    "sight may be about to leave, so compare with the report without this option"
)


class Left(NamedTuple):
    """Those who are left."""

    rows: Table
    notes: tuple[str, ...]


def of_sessions(rows: Table, attributes: Sequence[str], without: Without, engine: Engine) -> Left:
    """The sessions of a file. ValueError: there is no such attribute."""
    if without.hidden:
        raise ValueError("--without background: needs events, which tell since when nobody sees a player")
    if not without.values:
        return Left(rows, ())
    marks = _marks(rows, attributes, without)
    counts = {f"n{number}": mark.cast("int64").sum() for number, mark in enumerate(marks)}
    notes = _notes(engine.rows(rows.agg(**counts)).to_pylist()[0], without)
    return Left(rows.filter(~reduce(or_, marks)), notes)


def of_events(rows: Table, attributes: Sequence[str], without: Without, engine: Engine) -> Left:
    """Events with their times: without sessions of which any has such a value, and without what nobody saw.

    ValueError: there is no such attribute, or nothing tells what nobody saw.
    """
    notes: tuple[str, ...] = ()
    if without.values:
        rows = engine.keep(rows, "told_of_all")
        marked = rows.select("sid", **{f"m{number}": mark.cast("int64")
                                       for number, mark in enumerate(_marks(rows, attributes, without))})  # fmt: skip
        names = marked.columns[1:]
        by_session = engine.keep(marked.group_by("sid").agg(**{each: marked[each].max() for each in names}), "marked")
        counts = {f"n{number}": by_session[each].sum() for number, each in enumerate(names)}
        notes = _notes(engine.rows(by_session.agg(**counts)).to_pylist()[0], without)
        gone = by_session.filter(reduce(or_, [by_session[each] == 1 for each in names]))
        rows = rows.anti_join(gone.select("sid"), "sid")
    if without.hidden:
        rows, note = _seen(rows, engine)
        notes = (*notes, note)
    return Left(rows, notes)


def _marks(rows: Table, attributes: Sequence[str], without: Without) -> list[Any]:
    """For each value, of which rows it is told. What is not known is no such value."""
    places = {name: f"a{number}" for number, name in enumerate(attributes)} | {name: name for name in PLACES}
    found = []
    for name, value in without.values:
        if name not in places:
            raise ValueError(f"--without {name}={value}: the data has no such attribute; it has {', '.join(places)}")
        found.append((rows[places[name]] == value).coalesce(False))
    return found


def _notes(counted: Mapping[str, int | None], without: Without) -> tuple[str, ...]:
    return tuple(COUNTED.format(*one, counted[f"n{number}"] or 0) for number, one in enumerate(without.values))


def _seen(rows: Table, engine: Engine) -> tuple[Table, str]:
    """Events until a player went out of sight, as if the stream had ended for it then.

    Whoever closes a page is out of sight a moment before he leaves: that is a leave.
    """
    import ibis

    rows = engine.keep(rows, "told_of_hidden")
    left = rows.group_by("sid").agg(left_ms=rows.t_ms.max(where=rows.kind == "leave")).rename(of_sid="sid")
    away = rows.filter(rows.hidden == 1).select("sid", "t_ms")
    away = away.inner_join(left, away.sid == left.of_sid)
    away = away.filter((away.left_ms - away.t_ms > LATE_MS) | away.left_ms.isnull() | (away.t_ms > away.left_ms))
    away = engine.keep(away.group_by("sid").agg(away_ms=away.t_ms.min()).rename(away_sid="sid"), "away")
    told = (rows.hidden.notnull().cast("int64")).sum()
    counts = engine.rows(away.agg(all=away.count(), begun=(away.away_ms == 0).cast("int64").sum())).to_pylist()[0]
    if not engine.rows(rows.agg(told=told)).to_pylist()[0]["told"]:
        raise ValueError("--without background: no event tells it (the key background, or CMCD's bg)")
    joined = rows.left_join(away, rows.sid == away.away_sid)
    cut = joined.filter(joined.away_ms.isnull() | ((joined.away_ms > 0) & (joined.t_ms <= joined.away_ms)))
    last = (cut.t_ms == cut.away_ms) & (cut.hidden == 1)
    ended = {"kind": ibis.ifelse(last, "leave", cut.kind), "cause": ibis.ifelse(last, "ended", cut.cause),
             "last_ms": ibis.ifelse(cut.away_ms.isnull(), cut.last_ms, cut.away_ms)}  # fmt: skip
    cut = cut.mutate(**ended).select(*rows.columns)
    begun = counts["begun"] or 0
    return cut, HIDDEN.format(counts["all"] - begun, begun)
