"""Groups of units by words of their sessions: words as codes, and the codes of several words packed into few numbers.

A user's values are those of his first session; of several that began at once, those of the session that is the least by
its values in order. Where times are not known, so it is with the few users of whom values vary; if they are not few,
that is refused: the least value of more sessions is less, and arms differ in how many there are.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.tables.levels import OTHER, UNKNOWN, spelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.rows import Rows

FEW = 0.01
"""Share of users whose values may vary where times are not known."""
MOST = 100
"""Values of a column that are told apart; the rarer ones together are `other`."""
_LARGEST = 1 << 53
"""Engines divide whole numbers as floating-point ones."""
_SMALL = 1 << 31


class Pack(NamedTuple):
    """Columns whose codes are in one number."""

    columns: tuple[str, ...]
    radix: tuple[int, ...]


class Packs:
    """Columns of words, packed."""

    def __init__(self, rows: Rows, columns: Sequence[str]) -> None:
        seen = rows.seen()
        self._rows = rows
        self._levels = {column: _levels(rows, column) for column in dict.fromkeys(columns)}
        self._since = int(seen.get("first", 0))
        span = int(seen.get("last", 0)) - self._since + 1
        self._packs: list[Pack] = []
        size = _LARGEST
        for column, names in self._levels.items():
            if size * len(names) * span >= _LARGEST:
                self._packs.append(Pack((), ()))
                size = 1
            last = self._packs[-1]
            self._packs[-1] = Pack((*last.columns, column), (*last.radix, len(names)))
            size *= len(names)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of units that hold them."""
        return tuple(f"g{number}" for number in range(len(self._packs)))

    def levels(self, column: str) -> tuple[str, ...]:
        """The values by their codes."""
        return self._levels[column]

    def of_session(self, table: Table) -> Mapping[str, Any]:
        """What a session has in those columns, the least of which is the user's."""
        found: dict[str, Any] = {}
        for name, pack in zip(self.names, self._packs, strict=True):
            total: Any = None
            if "time" in table.columns:
                total = table.time - self._since
            for column, size in zip(pack.columns, pack.radix, strict=True):
                code = spelled(table[self._rows.word(column)], self._levels[column][:-2])
                total = code if total is None else total * size + code
            small = "time" not in table.columns and prod(pack.radix) < _SMALL
            found[name] = total.cast("int32") if small else total
        return found

    def code(self, units: Table, column: str) -> Any:
        """The code of a unit's value, out of its packs."""
        for name, pack in zip(self.names, self._packs, strict=True):
            if column in pack.columns:
                place = pack.columns.index(column)
                below = 1
                for size in pack.radix[place + 1 :]:
                    below *= size
                value = units[name].cast("int64") % (below * pack.radix[place])
                return value if below == 1 else ((value - value % below) / below).floor().cast("int64")
        raise KeyError(column)


def vary(rows: Rows, sessions: Table, columns: Sequence[str], users: int) -> list[str]:
    """A note on each of these columns that varies within users. ValueError: it does so too often."""
    notes = []
    for column in dict.fromkeys(columns):
        value = sessions[rows.word(column)]
        given = sessions.select("user", value=value, lacks=value.isnull().cast("int64"))
        found = given.group_by("user").agg(
            low=given.value.min(), high=given.value.max(), lack=given.lacks.max(), lacks=given.lacks.min()
        )
        several = found.filter((found.low < found.high) | (found.lacks < found.lack)).count().name("count")
        if not (count := rows.engine.rows(several.as_table()).to_pylist()[0]["count"]):
            continue
        text = f"column {column!r}: {count:,} of {users:,} users have several values"
        if count > FEW * users:
            raise ValueError(f"{text}; which of them counts is told by --time COLUMN: that of the first session")
        notes.append(f"{text}, of which the least counts")
    return notes


def _levels(rows: Rows, column: str) -> tuple[str, ...]:
    """The commonest values in order, and behind them `other` and `unknown`."""
    import ibis

    table = rows.table
    known = table.select(value=table[rows.word(column)]).drop_null()
    counted = known.group_by("value").agg(count=known.count())
    commonest = counted.order_by(ibis.desc("count"), "value").limit(MOST)
    return (*sorted(row["value"] for row in rows.engine.rows(commonest).to_pylist()), OTHER, UNKNOWN)
