"""An audience: sessions, and what can be counted of them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables import cells as counting
from qoe_agent.viewers.tables import levels
from qoe_agent.viewers.tables.assembly import Factor, assembled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.viewers.shapes import Cells
    from qoe_agent.viewers.tables.engines import Engine, Table

KNOWN_BY = {"startup": "startup", "height": "height", "latency": "latency", "arm": "arm", "stalls": "stalls",
            "stall_seconds": "stall_ms", "start": "start_ms", "stream": "stream"}  # fmt: skip
"""What the data carries, by the column of `sessions` that tells."""


class Audience:
    """Sessions in an engine. Close it when done: it holds files."""

    def __init__(self, engine: Engine, sessions: Table, attributes: Sequence[str]) -> None:
        self._engine = engine
        self._table = engine.keep(sessions, "sessions")
        self._columns = {name: f"a{number}" for number, name in enumerate(attributes)}
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._count, self.has = self._looked()

    def __enter__(self) -> Audience:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all that was kept."""
        self._engine.close()

    def sessions(self) -> int:
        """How many."""
        return self._count

    def attributes(self) -> tuple[str, ...]:
        """Names of the columns beside the known ones; each can be a factor."""
        return tuple(self._columns)

    def arms(self) -> dict[str, int]:
        """Sessions by experiment arm."""
        table = self._table.select("arm").drop_null()
        found = self._engine.rows(table.group_by("arm").agg(count=table.count())).to_pylist()
        return {row["arm"]: row["count"] for row in sorted(found, key=lambda row: str(row["arm"]))}

    def cells(self, factors: Sequence[str]) -> Cells:
        """Person-time and exits by tenure and `factors`. ValueError: the data does not carry one of them."""
        known = [self._factor(name) for name in factors]
        codes = {f"f{number}s0": self._code(factor) for number, factor in enumerate(known)}
        ended = self._table.select("bucket", "cause", "lo_ms", "hi_ms", **codes)
        found = self._engine.rows(
            counting.exits(ended, list(codes), changes=0, states=prod(len(each.levels) for each in known))
        )
        return assembled(known, counting.from_start(found, len(known)), found, 0)

    def _looked(self) -> tuple[int, frozenset[str]]:
        table = self._table
        counts = {name: table[column].count() for name, column in KNOWN_BY.items()}
        causes = table.filter(table.cause > 0).count().name("causes")
        row = self._engine.rows(table.agg(sessions=table.count(), **counts)).to_pylist()[0]
        caused = self._engine.rows(causes.as_table()).to_pylist()[0]["causes"]
        has = {name for name in KNOWN_BY if row[name]} | ({"causes"} if caused else set())
        return row["sessions"], frozenset(has)

    def _factor(self, name: str) -> Factor:
        if name in levels.SCALES and name in self.has:
            scale = levels.SCALES[name]
            return Factor(name, (*scale.names, levels.UNKNOWN), scale.reference)
        if name in self._columns or (name in ("arm", "stream") and name in self.has):
            return Factor(name, (*self._spelled(name), "other", levels.UNKNOWN))
        raise ValueError(f"{name}: absent from these data")

    def _spelled(self, name: str) -> tuple[str, ...]:
        """The commonest values of an attribute."""
        if name not in self._spellings:
            values = self._table.select(value=self._columns.get(name, name)).drop_null()
            grouped = values.group_by("value").agg(count=values.count())
            most = grouped.order_by([grouped["count"].desc(), grouped.value]).limit(levels.MOST)
            self._spellings[name] = tuple(str(row["value"]) for row in self._engine.rows(most).to_pylist())
        return self._spellings[name]

    def _code(self, factor: Factor) -> Any:
        if factor.name in levels.SCALES:
            return levels.coded(self._table[factor.name], levels.SCALES[factor.name])
        return levels.spelled(self._table[self._columns.get(factor.name, factor.name)], factor.levels[:-2])
