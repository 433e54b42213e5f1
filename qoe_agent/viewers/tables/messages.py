"""Messages that viewers sent and were shown: how late, which were lost, and who met such a one when.

A viewer meets a message when he is shown it. A lost one is met by who sent it, once some seconds are over in which
nobody was shown it; and not before he is heard of again: of a sender who has gone nobody's player would tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.tables.levels import MESSAGES, UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.tables.engines import Engine, Table

LATE_MS = 2000
"""Shown later than this after it was sent, a message is late: our choice, about as long as people who talk wait."""
GIVEN_UP_MS = 10_000
"""Nobody was shown it in this time: to who sent it, it is lost."""
RECENT_MS = 30_000
"""How long after it was met a message counts."""
PATIENCE_MS = 60_000
"""After which nobody will be shown it any more."""
UNSURE_MS = 5000
"""By which corrected clocks may be wrong: shown so long before it was sent means at once."""
TOLD = 0.5
"""Share of messages that somebody must have been shown; of fewer, players do not tell what they show."""
STEP_MS = 100


class Delivery(NamedTuple):
    """What became of messages; arrays by bucket of users (0…999)."""

    shown: NDArray[np.float64]
    """How often one was shown, and of these late."""
    late: NDArray[np.float64]
    sent: NDArray[np.float64]
    """Messages whose sender was still there when they are given up, and of these shown to nobody."""
    lost: NDArray[np.float64]
    delays: NDArray[np.float64]
    """How often one took so many steps of STEP_MS."""
    tells: bool
    """Whether players tell what they show, so that it is known what is lost."""


class Talk(NamedTuple):
    delivery: Delivery
    changed: Table
    """sid, t_ms, and the code of MESSAGES (`levels`) from then on, as `message`."""


def talk(events: Table, sessions: Table, engine: Engine) -> Talk | None:
    """None: no message was sent, or none was shown."""
    said = events.filter(events.message.notnull() & events.kind.isin(["message_sent", "message_shown"]))
    said = said.select("sid", "kind", "message", "t_ms", "time_ms")
    who = sessions.select("sid", "bucket", "lo_ms", room=sessions.stream.coalesce(""))
    said = engine.keep(said.inner_join(who, "sid"), "messages")
    first = engine.keep(_first_sent(said), "sent")
    shown = engine.keep(_shown(said.filter(said.kind == "message_shown"), first), "shown")
    sent = engine.keep(_sent(first, shown), "fates")
    found = _delivery(engine, shown, sent)
    if found is None:
        return None
    points = _met(shown)
    if found.tells:
        points = points.union(_missed(sent, events))
    return Talk(found, engine.keep(_levels(points), "talk"))


def _first_sent(said: Table) -> Table:
    """Each message once: by whom and when."""
    import ibis

    sent = said.filter(said.kind == "message_sent")
    ranked = sent.mutate(turn=ibis.row_number().over(group_by=[sent.room, sent.message],
                                                     order_by=[sent.time_ms, sent.sid]))  # fmt: skip
    return ranked.filter(ranked.turn == 0).select(
        "room", "message", "bucket", "lo_ms", "t_ms", sender=ranked.sid, sent_ms=ranked.time_ms
    )


def _shown(said: Table, first: Table) -> Table:
    """Each message once for each session that was shown it: when, and how late."""
    sent = first.select("room", "message", "sent_ms")
    joined = said.inner_join(sent, ["room", "message"])
    joined = joined.select("room", "message", "sid", "bucket", "t_ms", delay=joined.time_ms - joined.sent_ms)
    joined = joined.filter((joined.delay >= -UNSURE_MS) & (joined.delay <= PATIENCE_MS))
    return joined.group_by("room", "message", "sid", "bucket").agg(t_ms=joined.t_ms.min(), delay=joined.delay.min())


def _sent(first: Table, shown: Table) -> Table:
    """Messages with the delay until somebody was shown them, and whether their sender was `there` (0 or 1) when they
    are given up."""
    soonest = shown.group_by("room", "message").agg(soonest=shown.delay.min())
    joined = first.left_join(soonest, ["room", "message"])
    there = (joined.lo_ms >= joined.t_ms + GIVEN_UP_MS).cast("int64")
    return joined.select("bucket", "sender", "t_ms", "soonest", there=there)


def _delivery(engine: Engine, shown: Table, sent: Table) -> Delivery | None:
    late = (shown.delay > LATE_MS).cast("int64")
    times = engine.rows(shown.group_by("bucket").agg(count=shown.count(), part=late.sum()))
    marked = shown.select(step=((shown.delay > 0).ifelse(shown.delay, 0).cast("float64") / float(STEP_MS)).floor())
    marked = marked.mutate(step=marked.step.cast("int64"))
    steps = engine.rows(marked.group_by("step").agg(count=marked.count()))
    known = sent.filter(sent.there == 1)
    lost = known.soonest.isnull().cast("int64")
    fates = engine.rows(known.group_by("bucket").agg(count=known.count(), part=lost.sum()))
    if not times.num_rows:
        return None

    def by(table: Any, key: str, name: str, size: int) -> NDArray[np.float64]:
        return np.bincount(table[key].to_numpy(), table[name].to_numpy(), size).astype(np.float64)

    sizes = by(fates, "bucket", "count", 1000), by(fates, "bucket", "part", 1000)
    tells = bool(sizes[0].sum() > 0 and sizes[1].sum() <= (1 - TOLD) * sizes[0].sum())
    return Delivery(by(times, "bucket", "count", 1000), by(times, "bucket", "part", 1000), *sizes,
                    by(steps, "step", "count", PATIENCE_MS // STEP_MS + 1), tells)  # fmt: skip


def _met(shown: Table) -> Table:
    """Of each message that was shown: it begins to count, and ceases to."""
    late = (shown.delay > LATE_MS).cast("int64")
    rows = shown.select("sid", "t_ms", late=late, good=1 - late, open=late * 0)
    over = rows.select("sid", t_ms=rows.t_ms + RECENT_MS, late=-rows.late, good=-rows.good, open=rows.open)
    return rows.union(over)


def _missed(sent: Table, events: Table) -> Table:
    """Of each message that is given up: it is not known whether its sender is still there, until he is heard of."""
    import ibis

    lost = sent.filter(sent.soonest.isnull() | (sent.soonest > GIVEN_UP_MS))
    lost = lost.select("sender", since=lost.t_ms + GIVEN_UP_MS, until=lost.t_ms + GIVEN_UP_MS + RECENT_MS).distinct()
    heard = events.select(of="sid", heard="t_ms")
    joined = lost.inner_join(heard, lost.sender == heard.of)
    later = joined.heard.min(where=joined.heard >= joined.since)
    found = joined.group_by("sender", "since", "until").agg(heard=later)
    found = found.mutate(known=ibis.least(found.heard.coalesce(found.until), found.until))

    def point(t: Any, late: int, unknown: int) -> Table:
        said = {"late": late, "good": 0, "open": unknown}
        return found.select(sid=found.sender, t_ms=t,
                            **{name: ibis.literal(value, "int64") for name, value in said.items()})  # fmt: skip

    return point(found.since, 0, 1).union(point(found.known, 1, -1)).union(point(found.until, -1, 0))


def _levels(points: Table) -> Table:
    """What each session met in the last seconds, whenever that changes."""
    import ibis

    rows = points.group_by("sid", "t_ms").agg(late=points.late.sum(), good=points.good.sum(), open=points.open.sum())
    window = ibis.cumulative_window(group_by=rows.sid, order_by=rows.t_ms)
    now = rows.select("sid", "t_ms", **{name: rows[name].sum().over(window) for name in ("late", "good", "open")})
    late, unknown = (now.late > 0, MESSAGES.index("late")), (now.open > 0, MESSAGES.index(UNKNOWN))
    return now.select("sid", "t_ms", message=ibis.cases(late, unknown, (now.good > 0, MESSAGES.index("in time")),
                                                        else_=0).cast("int64"))  # fmt: skip
