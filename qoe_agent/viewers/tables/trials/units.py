"""The first stage: what each unit, a user or a session by itself, sums up to.

Units have: `low` and `high`, the least and greatest code of their arms; `culprit`, the user if he was in several arms;
`sessions`; `watched`, milliseconds in all; x0, x1, …, their amounts; g0, g1, …, codes of their groups; and where times
are known `first`, when they began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables.trials import amounts
from qoe_agent.viewers.tables.trials.amounts import WATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.lift.shapes import Amount
    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.groups import Packs
    from qoe_agent.viewers.tables.trials.rows import Rows


def of_sessions(rows: Rows, table: Table, wanted: Sequence[Amount], packs: Packs) -> Table:
    """Each session as a unit; `table` has the code of the arm as `code`."""
    import ibis

    values = {f"x{number}": _told(amounts.of_session(rows, table, one), one) for number, one in enumerate(wanted)}
    time = {"first": table.time} if "time" in table.columns else {}
    return table.select(low=table.code, high=table.code, culprit=ibis.null("string"), sessions=ibis.literal(1, "int64"),
                        watched=table.watch, **values, **packs.of_session(table), **time)  # fmt: skip


def of_users(rows: Rows, table: Table, wanted: Sequence[Amount], packs: Packs, unit_cap: bool) -> Table:
    """Each user as a unit; `unit_cap`: amounts are capped by user, not by session."""
    import ibis

    summed = list(dict.fromkeys(_summed(one, unit_cap) for one in wanted if one != WATCH))
    values = {f"s{number}": amounts.of_session(rows, table, one) for number, one in enumerate(summed)}
    time = ["time"] if "time" in table.columns else []
    given = table.select("user", "code", "watch", *time, **values, **packs.of_session(table))
    totals = {name: given[name].sum() for name in values}
    totals |= {f"c{number}": given[f"s{number}"].count() for number, one in enumerate(summed) if one.before}
    totals |= {name: given[name].min() for name in packs.names}
    if time:
        totals["first"] = given.time.min()
    users = given.group_by("user").agg(low=given.code.min(), high=given.code.max(), sessions=given.count(),
                                       watched=given.watch.sum(), **totals)  # fmt: skip
    found = {}
    for number, one in enumerate(wanted):
        place = None if one == WATCH else summed.index(_summed(one, unit_cap))
        value = users.watched if place is None else users[f"s{place}"]
        if one.before:
            value = value / users[f"c{place}"].cast("float64").nullif(0.0)
        elif unit_cap and one.cap is not None and one.above is None:
            value = ibis.least(value.coalesce(0.0), ibis.literal(one.cap * amounts.scale(rows, one), "float64"))
        found[f"x{number}"] = _told(value, one)
    culprit = ibis.ifelse(users.low < users.high, users.user.cast("string"), ibis.null("string"))
    return users.select("low", "high", "sessions", "watched", *packs.names, *["first" for _ in time], culprit=culprit,
                        **found)  # fmt: skip


def _summed(one: Amount, unit_cap: bool) -> Amount:
    """What is summed over sessions, whatever is done with the sum."""
    return one._replace(cap=None) if unit_cap and one.above is None else one


def _told(value: Any, one: Amount) -> Any:
    """An amount of a unit: what is not known adds nothing, but a covariate stays unknown."""
    return value if one.before else value.coalesce(0.0)
