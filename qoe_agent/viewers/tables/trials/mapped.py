"""Who was to be in which arm, by a file with a row a user, whether he came or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.viewers.tables.engines import Engine, Table
    from qoe_agent.viewers.tables.sessions import Rows as Told


def arms(given: Told) -> Table:
    """`of`: a user, `to`: an arm that he is in; each pair once."""
    return given.table.select(of=given.text("user"), to=given.text("arm")).drop_null().distinct()


def joined(table: Table, arms: Table) -> Table:
    """Sessions with the arms of their users."""
    table = table.drop("arm").mutate(user=table.user.cast("string"))
    found = table.left_join(arms, table.user == arms.of)
    return found.select(*table.columns, arm=found.to)


def assigned(arms: Table, counter: Engine) -> dict[str, int]:
    """Users by arm; those who are in several are in none."""
    once = arms.group_by("of").agg(low=arms.to.min(), high=arms.to.max())
    once = once.filter(once.low == once.high)
    counted = once.group_by("low").agg(count=once.count()).order_by("low")
    return {row["low"]: row["count"] for row in counter.rows(counted).to_pylist()}
