"""The first stage: what each unit, a user or a session by itself, sums up to.

Units have: `low` and `high`, the least and greatest code of their arms; `culprit`, the user if he was in several arms;
`sessions`; `watched`, milliseconds in all; x0, x1, …, their amounts; g0, g1, …, codes of their groups; of users where
times are known `first`, when they began, and else, if there are groups, `varies`: whether these are several.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables.trials import amounts
from qoe_agent.viewers.tables.trials.amounts import BACK, WATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Amount
    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.groups import Packs
    from qoe_agent.viewers.tables.trials.rows import Rows

SESSIONS = WATCH._replace(column="sessions")


def dated(table: Table, firsts: Table, window_ms: int | None, *, clipped: bool) -> Table:
    """Sessions with when their user began (`first`), and whether they are within his window (`inside`).

    `clipped`: what is watched after the window's end does not count.
    """
    import ibis

    joined = table.inner_join(firsts.select("first", "low", "high", of="user"), table.user == firsts.user)
    joined = joined.drop("of")
    if window_ms is None:
        return joined.mutate(inside=ibis.literal(True))
    left = (joined.first + window_ms - joined.time).cast("float64")
    inside = left > ibis.literal(0.0, "float64")
    return joined.mutate(inside=inside, watch=ibis.least(joined.watch, left) if clipped else joined.watch)


def of_sessions(rows: Rows, table: Table, wanted: Sequence[Amount], packs: Packs) -> Table:
    """Each session as a unit; `table` has the code of the arm as `code`."""
    import ibis

    values = {f"x{number}": _told(amounts.of_session(rows, table, one), one) for number, one in enumerate(wanted)}
    time = {"first": table.time} if "time" in table.columns else {}
    return table.select(low=table.code, high=table.code, culprit=ibis.null("string"), sessions=ibis.literal(1, "int64"),
                        watched=table.watch, **values, **packs.of_session(table), **time)  # fmt: skip


def of_users(rows: Rows, table: Table, wanted: Sequence[Amount], packs: Packs, unit_cap: bool) -> Table:
    """Each user as a unit; `unit_cap`: amounts are capped by user, not by session."""
    summed = [each for each in dict.fromkeys(_summed(one, unit_cap) for one in wanted) if each not in (WATCH, SESSIONS)]
    seen = rows.seen()

    def whole(one: Amount) -> bool:
        """Whether it is known of all rows."""
        return not one.known and not seen[f"no_{rows.place(one.column)}"]

    values = {f"s{number}": _inside(table, amounts.of_session(rows, table, one), one)
              for number, one in enumerate(summed)}  # fmt: skip
    windowed = "inside" in table.columns
    inside = {"inside": table.inside.cast("int64")} if windowed else {}
    first = {"first": table.first} if windowed else {}
    given = table.select("user", "code", watch=_inside(table, table.watch, WATCH), **values, **inside, **first,
                         **packs.of_session(table))  # fmt: skip
    totals = {f"s{number}": _total(given[f"s{number}"], one) for number, one in enumerate(summed)}
    totals |= {f"c{number}": given[f"s{number}"].count() for number, one in enumerate(summed)
               if one.before and (windowed or not whole(one))}  # fmt: skip
    totals |= {name: given[name].min() for name in (*packs.names, *first)}
    totals |= {f"{name}_most": given[name].max() for name in packs.names if not windowed}
    counted = given.inside.sum() if windowed else given.count()
    users = given.group_by("user").agg(low=given.code.min(), high=given.code.max(), sessions=counted,
                                       watched=given.watch.sum(), **totals)  # fmt: skip
    varies = {} if windowed or not packs.names else {"varies": _varies(users, packs)}
    return _finished(rows, users, wanted, summed, unit_cap).mutate(**varies).select(
        "low", "high", "sessions", "watched", "culprit", *packs.names, *first, *varies,
        *[f"x{number}" for number in range(len(wanted))],
    )  # fmt: skip


def _varies(users: Table, packs: Packs) -> Any:
    """1, or 0: whether a user's groups are not the same in all his sessions."""
    found = reduce(lambda one, other: one | other, [users[name] < users[f"{name}_most"] for name in packs.names])
    return found.cast("int64")


def _finished(rows: Rows, users: Table, wanted: Sequence[Amount], summed: Sequence[Amount], unit_cap: bool) -> Table:
    """With the amounts out of their sums."""
    import ibis

    found = {}
    for number, one in enumerate(wanted):
        plain = _summed(one, unit_cap)
        if plain in (WATCH, SESSIONS):
            value = users.watched if plain == WATCH else users.sessions.cast("float64")
        else:
            value = users[f"s{summed.index(plain)}"].cast("float64")
        if one.before:
            count = users[name] if (name := f"c{summed.index(plain)}") in users.columns else users.sessions
            value = value / count.cast("float64").nullif(0.0)
        elif unit_cap and one.cap is not None and one != plain:
            value = ibis.least(value.coalesce(0.0), ibis.literal(one.cap * amounts.scale(rows, one), "float64"))
        found[f"x{number}"] = _told(value, one)
    culprit = ibis.ifelse(users.low < users.high, users.user.cast("string"), ibis.null("string"))
    return users.mutate(culprit=culprit, **found)


def _total(value: Any, one: Amount) -> Any:
    """Of a user's sessions; a count takes half the room of a sum."""
    if one.column in BACK:
        return value.max()
    return value.nullif(0.0).count() if one.above is not None else value.sum()


def _inside(table: Table, value: Any, one: Amount) -> Any:
    """A session outside the user's window adds nothing; a covariate is from before, and returning is counted apart."""
    import ibis

    if "inside" not in table.columns or one.before or one.column in BACK:
        return value
    return ibis.ifelse(table.inside, value, ibis.null("float64"))


def _summed(one: Amount, unit_cap: bool) -> Amount:
    """What is summed over sessions, whatever is done with the sum."""
    return one._replace(cap=None) if unit_cap and one.above is None and one.column not in BACK else one


def _told(value: Any, one: Amount) -> Any:
    """An amount of a unit: what is not known adds nothing, but a covariate stays unknown."""
    return value if one.before else value.coalesce(0.0)
