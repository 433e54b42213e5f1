"""Rows of sessions in an engine, and what can be counted of them.

The table has a row a session: `watch` (whole milliseconds, as float64: sums of them are exact, whatever engine adds
them up), `arm` (null: none), and where they are known `user`, `time` (when it began, int64 Unix milliseconds),
`stream`, `rendition`, `block`; further numbers as n0, n1, … (whole milliseconds where `is_length`), further words as
w0, w1, …
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qoe_agent.viewers.lift.shapes import Design
from qoe_agent.viewers.tables.trials import counting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Columns, Dose, Trial
    from qoe_agent.viewers.tables.engines import Engine, Table

MOST_ARMS = 64


def is_length(column: str) -> bool:
    """Whether a column of numbers holds seconds, 0 or more: `watch`, and what its name says it of."""
    return column == "watch" or column.endswith("_seconds")


class Rows:
    """Sessions of an experiment. Close it when done: it holds files."""

    def __init__(
        self, engine: Engine, table: Table, columns: Columns, numbers: Sequence[str], words: Sequence[str],
        notes: Sequence[str] = (), measured: Path | None = None,
    ) -> None:  # fmt: skip
        """`numbers` and `words`: names of n0, …, and of w0, …; `measured`: as of `doses`, unless others are named."""
        self.engine, self.columns = engine, columns
        self.numbers = {name: f"n{number}" for number, name in enumerate(numbers)}
        """Columns of the table by names in the file."""
        self.words = {name: f"w{number}" for number, name in enumerate(words)}
        self.notes = list(notes)
        """What was made of odd rows."""
        self.before, self.alone = 0, 0
        """Sessions from before their user had an arm, which have none; and those in an arm that are nobody's."""
        self.mapped: Mapping[str, int] | None = None
        """Users by arm, if a mapping assigned them, whether they came or not."""
        self._given, self._measured = table, measured
        self._seen: dict[str, int] | None = None
        self._arms: dict[str, int] | None = None

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all that was kept."""
        self.engine.close()

    @property
    def table(self) -> Table:
        """Rows that can count: what was watched is known, and whose it was and when, where the file has columns."""
        lacking = [name for name in ("watch", "user", "time") if self.seen().get(f"no_{name}")]
        return self._given.filter([self._given[name].notnull() for name in lacking]) if lacking else self._given

    @property
    def places(self) -> dict[str, str]:
        """Columns of the table by names in the file; one that is read as a number and as a word is a number here."""
        return self.words | self.numbers

    def place(self, column: str) -> str:
        """The column of the table that this one of the file is. ValueError: it was not read."""
        if column in ("watch", self.columns.watch):
            return "watch"
        own = {getattr(self.columns, name): name for name in ("user", "arm", "time", "stream", "block")}
        if (found := self.places.get(column) or own.get(column)) is None:
            raise ValueError(f"no column {column!r}; those that were read are {', '.join(self.places) or 'none'}")
        return found

    def word(self, column: str) -> str:
        """As `place`, of a column of text."""
        return self.words.get(column) or self.place(column)

    def scale(self, column: str) -> float:
        """What the table's values of this column are divided by."""
        place = self.place(column)
        return 1000.0 if place == "watch" or (place[0] == "n" and is_length(column)) else 1.0

    def arms(self) -> Mapping[str, int]:
        """Sessions that can count, by arm. ValueError: so many that these are no arms."""
        if self._arms is None:
            table = self.table.select("arm").drop_null()
            found = table.group_by("arm").agg(count=table.count())
            rows = self.engine.rows(found.order_by("arm").limit(MOST_ARMS + 1)).to_pylist()
            if len(rows) > MOST_ARMS:
                raise ValueError(f"column {self.columns.arm!r} has more than {MOST_ARMS} values: it does not tell arms")
            self._arms = {row["arm"]: row["count"] for row in rows}
        return self._arms

    def seen(self) -> Mapping[str, int]:
        """How many `rows` there are, and lack what (`no_watch`, …), and when they began (from `first` to `last`)."""
        if self._seen is None:
            given = self._given
            told = {name: given[name].count() for name in given.columns if name[0] != "w" or name == "watch"}
            times = {} if "time" not in given.columns else {"first": given.time.min(), "last": given.time.max()}
            (row,) = self.engine.rows(given.agg(rows=given.count(), **told, **times)).to_pylist()
            self._seen = {f"no_{name}": row["rows"] - row[name] for name in told}
            self._seen |= {name: row[name] or 0 for name in ("rows", *times)}
        return self._seen

    def unassigned(self) -> int:
        """Sessions without an arm, other than those from before their user had one."""
        return self.seen()["no_arm"] - self.before

    def lost(self) -> list[str]:
        """Notes on rows that do not count, and on values that are not known."""
        found, given, seen = list(self.notes), self._given.columns, self.seen()
        for name, what in (("watch", "length"), ("user", "user"), ("time", "time")):
            if name in given and (count := seen[f"no_{name}"]):
                found.append(f"{count:,} of {seen['rows']:,} rows are left out: no {what}")
        if self.before:
            found.append(f"{self.before:,} sessions began before their user was given an arm, and do not count")
        if self.alone:
            found.append(f"{self.alone:,} sessions are nobody's that is known: each counts as a user by itself, and "
                         "where people come back intervals are too narrow")  # fmt: skip
        for column, name in self.numbers.items():
            if count := seen[f"no_{name}"]:
                found.append(f"{column}: not known of {count:,} of {seen['rows']:,} rows, which add nothing to it")
        return found

    def trial(self, design: Design) -> Trial:
        """The experiment, counted. ValueError: the rows do not carry what the design needs."""
        return counting.trial(self, design)

    def doses(self, design: Design, measured: Path | None = None) -> tuple[Dose, ...]:
        """What each arm of the design was delivered; `measured`: a file of what the agent measured, or a folder of
        them (of facts it is known). BadTable: one is wrong."""
        from qoe_agent.viewers.tables.trials import doses

        return doses.doses(self, design, measured or self._measured)

    def past(self, design: Design | None = None) -> Trial:
        """All sessions as of one arm, "", by the metrics, caps, covariates and strata of a design that is planned."""
        import ibis

        table = self._given.mutate(arm=ibis.literal("", "string"))
        plain = Rows(self.engine, table, self.columns, tuple(self.numbers), tuple(self.words), self.notes)
        return plain.trial(replace(design or Design(""), control="", treatments=(), switchback=None))
