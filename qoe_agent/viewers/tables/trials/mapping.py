"""Who was to be in which arm, by a file with a row a user, whether he came or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.tables import files, opening
from qoe_agent.viewers.tables.sessions import Rows as Told
from qoe_agent.viewers.tables.trials.opening import form

if TYPE_CHECKING:
    from pathlib import Path


def assigned(path: Path, engine: str = "duckdb") -> dict[str, int]:
    """Users by arm; those who are in several are in none. BadTable: the file is wrong."""
    with opening.counting(engine) as counter, opening.reading(counter) as reader:
        try:
            found = files.staged([path], reader, form(("user", "arm"), (), None), "mapping")
            given = Told(counter.read(found.paths), found.columns)
            users = given.table.select(user=given.text("user"), arm=given.text("arm")).drop_null()
            once = users.group_by("user").agg(low=users.arm.min(), high=users.arm.max())
            once = once.filter(once.low == once.high)
            counted = once.group_by("low").agg(count=once.count()).order_by("low")
            return {row["low"]: row["count"] for row in counter.rows(counted).to_pylist()}
        finally:
            counter.close()
