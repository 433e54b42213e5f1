"""Sessions out of events: when each began, when it was last heard of, and why it fell silent.

Players do not say that they leave. Who falls silent left between the last report and the next that was due; who said
so, left then. What fell silent less than an interval before the data end may well be there, and is censored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.tables import schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.tables.engines import Engine, Table

INTERVAL_MS = 30_000
"""Between reports, where neither the sessions say it nor the data tell: CMCD's default."""
EARLY = 0.2
"""Share of the interval by which a report may come before its turn. Sessions that say how often they report do so at
whole intervals since they began, whatever else they tell between."""
SERVERS = ("playing", "ended")
"""States of those whom a server sends to, as it sees them."""
LATE_MS = 1000
"""Reports that come so long after a leave do not contradict it."""


def sessions(events: Table, engine: Engine, changing: Sequence[str] = ()) -> Table:
    """Sessions as in `sessions`, of events with their times; beside, `behind_ms`: how far behind the media's clock.

    `changing`: columns of attributes that are not known of a session that has had several values.
    """
    import ibis

    own = interval(events, engine)
    end = engine.rows(events.agg(end=events.time_ms.max())).to_pylist()[0]["end"] or 0
    found = _gathered(events, changing)
    due = ibis.coalesce(found.said, own)
    left = found.left_ms.notnull() & (found.last_ms - found.left_ms <= LATE_MS)
    over = found.final_state
    cause = ibis.cases(
        (left, found.cause), (over == "failed", 1), (over == "ended", -1),
        (found.start_ms + found.last_ms + due > end, -1), (found.hidden == 1, 2), else_=0,
    ).cast("int64")  # fmt: skip
    lo = ibis.ifelse(left, found.left_ms, found.last_ms)
    silent = (cause >= 0) & ~left & ~(ibis.coalesce(over, "") == "failed")
    every = ibis.greatest(due, 1)
    turns = (found.last_ms.cast("float64") / every.cast("float64") + EARLY).floor().cast("int64") + 1
    next_ms = found.last_ms + due
    next_ms = ibis.ifelse(found.said > 0, ibis.least(next_ms, turns * every), next_ms)
    spare = ("said", "left_ms", "last_ms", "final_state", "cause", "hidden")
    return found.select(*[each for each in found.columns if each not in spare], lo_ms=lo,
                        hi_ms=ibis.ifelse(silent, next_ms, lo), cause=cause)  # fmt: skip


def interval(events: Table, engine: Engine) -> int:
    """How often sessions report that do not say it: what nine of ten gaps between reports do not exceed."""
    quiet = events.filter(events.interval.isnull())
    gaps = quiet.mutate(gap=quiet.t_ms - quiet.t_ms.lag().over(group_by=quiet.sid, order_by=quiet.t_ms))
    gaps = gaps.filter(gaps.gap > 0).group_by("gap").agg(count=gaps.gap.count())
    found = sorted((row["gap"], row["count"]) for row in engine.rows(gaps).to_pylist())
    total, reached = sum(count for _, count in found), 0
    for gap, count in found:
        reached += count
        if reached >= 0.9 * total:
            return int(gap)
    return INTERVAL_MS


def _gathered(events: Table, changing: Sequence[str]) -> Table:
    import ibis

    leaves = events.kind == "leave"
    why = ibis.cases(*[(events.cause == name, number) for name, number in schemas.EXITS.items() if number], else_=0)
    marked = events.mutate(
        why=ibis.ifelse(leaves & (events.last_ms - events.t_ms <= LATE_MS), why.cast("int64"), ibis.null("int64")),
        away=ibis.ifelse(events.hidden.notnull(), events.t_ms * 2 + events.hidden, ibis.null("int64")),
        spoken=ibis.ifelse(events.t_ms == events.last_ms, events.state, ibis.null("string")),
    )
    others = {name: marked[name].min() for name in events.columns if name[0] == "a" and name[1:].isdigit()}
    for name in changing:
        least, most = marked[name].min(), marked[name].max()
        others[name] = ibis.ifelse(least == most, least, ibis.null("string"))
    found = marked.group_by("sid").agg(
        bucket=marked.bucket.min(), stream=marked.stream.min(), start_ms=marked.time_ms.min(),
        startup=marked.startup.min(), height=marked.height.max(), arm=marked.arm.min(),
        latency=_mean(marked.latency), behind_ms=_mean(marked.time_ms - marked.media_ms),
        said=marked.interval.max(), last_ms=marked.last_ms.max(),
        left_ms=marked.t_ms.max(where=leaves), cause=marked.why.max(), away=marked.away.max(),
        final_state=marked.spoken.min(), **others,
    )  # fmt: skip
    return found.mutate(hidden=found.away % 2).drop("away")


def _mean(column: Any) -> Any:
    return column.cast("float64").mean().floor().cast("int64")


def stalls(events: Table) -> Table:
    """Stalls that began while playing: sid, t_ms, and stall_ms, how long each lasted if that is known.

    From playing to stalled counts, and an event of a stall; filling the buffer at the start or after seeking does not.
    """
    import ibis

    spoken = events.filter(events.state.notnull())
    order = [spoken.t_ms, spoken.sn, spoken.state]
    spoken = spoken.mutate(
        before=spoken.state.lag().over(group_by=spoken.sid, order_by=order),
        until=spoken.t_ms.lead().over(group_by=spoken.sid, order_by=order),
    )
    begun = (spoken.before == "playing") | (spoken.before.isnull() & (spoken.kind == "stall"))
    turned = spoken.filter((spoken.state == "stalled") & begun)
    turned = turned.select("sid", "t_ms", stall_ms=ibis.coalesce(turned.stall_ms, turned.until - turned.t_ms))
    told = events.filter((events.kind == "stall") & events.state.isnull()).select("sid", "t_ms", "stall_ms")
    both = turned.union(told)
    return both.group_by("sid", "t_ms").agg(stall_ms=both.stall_ms.max())


def hidden(events: Table) -> Table:
    """How long each session was where nobody sees it: sid, background_ms. Those that never say so are not here."""
    told = events.filter(events.hidden.notnull())
    told = told.mutate(until=told.t_ms.lead().over(group_by=told.sid, order_by=[told.t_ms, told.sn]))
    away = told.filter(told.hidden == 1)
    away = away.select("sid", away=away.until.coalesce(away.last_ms) - away.t_ms)
    return away.group_by("sid").agg(background_ms=away.away.cast("float64").sum())


class Heard(NamedTuple):
    """What sources (`origin`) tell of stalls."""

    mute: tuple[str, ...]
    """Of these nobody says more than that he plays, or that the stream has ended, as servers do of those whom they
    send to: stalls they do not see."""
    plain: tuple[str, ...]
    """These tell stalls, but states of nobody: who is silent did not stall."""
    states: bool
    """Some source that is not mute tells states."""


def heard(events: Table, engine: Engine) -> Heard:
    """How sources speak, of all that is told of them."""
    more = ~events.state.coalesce(SERVERS[0]).isin(SERVERS) | (events.kind == "stall") | events.stalls_total.notnull()
    marked = events.mutate(more=more, says=_says(events), stated=events.state.notnull())
    sources = marked.group_by("origin").agg(
        stated=marked.stated.sum(), told=marked.says.sum(), more=marked.more.cast("int64").sum().coalesce(0)
    )
    rows = engine.rows(sources).to_pylist()
    return Heard(
        tuple(row["origin"] for row in rows if not row["more"]),
        tuple(row["origin"] for row in rows if row["told"] and not row["stated"]),
        any(row["more"] and row["stated"] for row in rows),
    )


def _says(events: Table) -> Any:
    return events.state.notnull() | events.stalls_total.notnull() | (events.kind == "stall")


def silent(events: Table, engine: Engine, known: Heard) -> Table | None:
    """Sessions of which stalls cannot be known from their start on: sid and `told_ms`, since when they can (null:
    never). None: there are none.

    Who tells his state, or how often he stalled, would tell a stall from then on; never what comes later in a session
    decides what is known now, else who stays for long would be known for it. How a source speaks is known of it as a
    whole.
    """
    says = _says(events)
    if known.mute:
        says &= ~events.origin.isin(known.mute)
    marked = events.mutate(says=says)
    if known.plain:
        marked = marked.filter(~marked.origin.isin(known.plain))
    first = marked.group_by("sid").agg(told_ms=marked.t_ms.min(where=marked.says))
    kept = engine.keep(first.filter(first.told_ms.isnull() | (first.told_ms > 0)), "untold")
    return kept if engine.rows(kept.count().name("count").as_table()).to_pylist()[0]["count"] else None


def with_stalls(found: Table, begun: Table, away: Table, silent: Table | None) -> Table:
    """Sessions with their `stalls` and `stall_ms` (null: never told), and `background_ms`."""
    import ibis

    counted = begun.group_by("sid").agg(stalls=begun.count(), stall_ms=begun.stall_ms.cast("float64").sum())
    counted = counted.outer_join(away, "sid")
    counted = counted.select(of=counted.sid.coalesce(counted.sid_right), stalls=counted.stalls,
                             stall_ms=counted.stall_ms, away=counted.background_ms)  # fmt: skip
    joined = found.left_join(counted, found.sid == counted.of)
    joined = joined.select(*found.columns, stalls=ibis.coalesce(joined.stalls, 0),
                           stall_ms=ibis.coalesce(joined.stall_ms, 0.0).floor().cast("int64"),
                           background_ms=ibis.coalesce(joined.away, 0.0).floor().cast("int64"))  # fmt: skip
    if silent is None:
        return joined
    never = silent.filter(silent.told_ms.isnull()).select(mute="sid")
    joined = joined.left_join(never, joined.sid == never.mute)
    nought = ibis.ifelse(joined.mute.isnull(), 0, ibis.null("int64"))
    unknown = {name: joined[name] + nought for name in ("stalls", "stall_ms")}
    return joined.select(*found.columns, **unknown, background_ms=joined.background_ms)
