"""What users watch by days since their first session: the novelty curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.lift.shapes import Moments
from qoe_agent.viewers.tables.trials import amounts, moments
from qoe_agent.viewers.tables.trials.amounts import DAY_MS, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.viewers.lift.shapes import Design
    from qoe_agent.viewers.tables.engines import Column, Engine, Table
    from qoe_agent.viewers.tables.trials.rows import Rows

DAYS = 60
"""Days that are told, at most."""


def days(rows: Rows, sessions: Table, firsts: Table, design: Design,
         names: Mapping[int, str]) -> tuple[tuple[int, dict[str, Moments]], ...]:  # fmt: skip
    """By day, of 24 hours since the user's first session: the first metric's amount, capped by session, of users of
    whom the day is over. `sessions` have `first`, `low` and `high`."""
    first = amounts.wanted(design, first=True)
    plain = tuple(one for one in first.amounts if not one.before and one.column not in amounts.BACK)
    wanted = Wanted(plain, tuple(pair for pair in first.products if max(pair) < len(plain)))
    there = _users(rows.engine, firsts, rows.seen()["last"], names)
    ours = sessions.filter((sessions.low == sessions.high) & sessions.low.isin(list(names)))
    since = _whole(ours.time - ours.first)
    ours = ours.filter((since < _whole(rows.seen()["last"] - ours.first)) & (since < DAYS))
    values = {f"x{number}": amounts.of_session(rows, ours, one) for number, one in enumerate(plain)}
    given = ours.select("user", "low", day=_whole(ours.time - ours.first), **values)
    daily = given.group_by("user", "low", "day").agg(**{name: given[name].sum().coalesce(0.0) for name in values})
    found = moments.moments(rows.engine, daily, ["low", "day"], wanted, amounts.columns(rows, plain))
    none = Moments(plain, 0, np.zeros(len(plain)), np.zeros((len(plain), len(plain))))
    told = []
    for day in range(min(DAYS, max((len(each) for each in there.values()), default=0))):
        arms = {}
        for code, name in sorted(names.items(), key=lambda each: each[1]):
            made, units = found.get((code, day), none), there.get(code, [])
            if day < len(units):
                arms[name] = Moments(plain, units[day], made.sums, made.products)
        told.append((day, arms))
    return tuple(told)


def _users(engine: Engine, firsts: Table, last: int, names: Mapping[int, str]) -> dict[int, list[int]]:
    """By arm (its code) and day: users of whom this day is over."""
    ours = firsts.filter((firsts.low == firsts.high) & firsts.low.isin(list(names)))
    known = ours.select("low", days=_whole(last - ours["first"]))
    found: dict[int, dict[int, int]] = {}
    for row in engine.rows(known.group_by("low", "days").agg(count=known.count())).to_pylist():
        found.setdefault(row["low"], {})[row["days"]] = row["count"]
    return {code: [sum(count for known, count in counts.items() if known > day) for day in range(max(counts))]
            for code, counts in found.items()}  # fmt: skip


def _whole(ms: Column) -> Column:
    """Whole days of 24 hours."""
    return (ms.cast("float64") / float(DAY_MS)).floor().cast("int64")
