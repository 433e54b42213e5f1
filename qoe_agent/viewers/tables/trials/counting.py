"""An experiment as a Trial: which products of its design are needed, and their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers.lift.shapes import Trial
from qoe_agent.viewers.tables.levels import spelled
from qoe_agent.viewers.tables.trials import amounts, moments, units
from qoe_agent.viewers.tables.trials.groups import Packs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Design, Floats, Moments
    from qoe_agent.viewers.tables.engines import Table
    from qoe_agent.viewers.tables.trials.amounts import Wanted
    from qoe_agent.viewers.tables.trials.rows import Rows


def chosen(rows: Rows, design: Design) -> dict[int, str]:
    """The arms of the design by their codes. ValueError: one of them has no sessions."""
    there = list(rows.arms())
    named = [design.control, *design.treatments]
    for name in named:
        if name not in there:
            listed = ", ".join(there) or "none"
            raise ValueError(f"no arm {name!r} in column {rows.columns.arm!r}; it has {listed}")
    return {there.index(name): name for name in (named if design.treatments else there)}


def coded(rows: Rows) -> Table:
    """Sessions that can count, with the code of their arm as `code`; without those that have none."""
    table = rows.table.filter(rows.table.arm.notnull())
    return table.mutate(code=spelled(table.arm, list(rows.arms())))


def trial(rows: Rows, design: Design) -> Trial:
    """As `Rows.trial` says."""
    wanted = amounts.wanted(design)
    if lack := amounts.lacking(rows, wanted.amounts):
        raise ValueError(lack)
    names = chosen(rows, design)
    return Counting(rows, design, wanted, names).trial()


class Counting:
    """One design's sums."""

    def __init__(self, rows: Rows, design: Design, wanted: Wanted, names: Mapping[int, str]) -> None:
        self._rows, self._engine, self._design, self._wanted, self._names = rows, rows.engine, design, wanted, names
        self._scales = np.array([amounts.scale(rows, one) for one in wanted.amounts])
        self._packs = Packs(rows, (*design.segments, *design.strata))
        self._sessions = coded(rows)
        self._notes = list(rows.lost())

    def trial(self) -> Trial:
        """All of it."""
        kept = self._units()
        ours = kept.filter(kept.low == kept.high, kept.low.isin(list(self._names)))
        several = self._engine.rows(kept.filter(kept.culprit.notnull()).count().name("several").as_table())
        assigned, sessions = self._by_arm(ours)
        complete = self._filled(ours)
        lengths, watched = self._lengths(kept, several.to_pylist()[0]["several"])
        return Trial(
            unit="user" if self._rows.columns.user else "session", arms=self._moments(complete, []).get((), {}),
            assigned=assigned, pending=dict.fromkeys(self._names.values(), 0), sessions=sessions, lengths=lengths,
            watched=watched, units=moments.histogram(self._engine, complete, "low", "watched", self._names)[0],
            several=several.to_pylist()[0]["several"], unassigned=self._rows.seen()["no_arm"],
            groups=self._groups(complete), notes=tuple(self._notes),
        )  # fmt: skip

    def _units(self) -> Table:
        if not self._rows.columns.user:
            return units.of_sessions(self._rows, self._sessions, self._wanted.amounts, self._packs)
        unit_cap = self._design.cap_unit != "session"
        found = units.of_users(self._rows, self._sessions, self._wanted.amounts, self._packs, unit_cap)
        return self._engine.keep(found, "units")

    def _by_arm(self, kept: Table) -> tuple[dict[str, int], dict[str, int]]:
        """How many units, and sessions of theirs."""
        found = kept.group_by("low").agg(units=kept.count(), sessions=kept.sessions.sum())
        rows = {self._names[row["low"]]: row for row in self._engine.rows(found).to_pylist()}
        none = {"units": 0, "sessions": 0}
        units_, sessions = ({name: int(rows.get(name, none)[what]) for name in self._names.values()} for what in none)
        return units_, sessions

    def _filled(self, kept: Table) -> Table:
        """With the mean of a covariate where a unit's is not known: it then explains nothing of that unit."""
        before = {f"x{place}": one.column for place, one in enumerate(self._wanted.amounts) if one.before}
        if not before:
            return kept
        known = {name: kept[name].mean() for name in before} | {f"{name}_none": kept[name].isnull().sum()
                                                                for name in before}  # fmt: skip
        (row,) = self._engine.rows(kept.agg(**known)).to_pylist()
        for name, column in before.items():
            if row[f"{name}_none"]:
                self._notes.append(f"{column}: not known of {row[f'{name}_none']:,} units: these have its mean")
        return kept.mutate(**{name: kept[name].coalesce(row[name] or 0.0) for name in before})

    def _moments(self, kept: Table, columns: Sequence[str]) -> dict[tuple[str, ...], dict[str, Moments]]:
        """By the values of columns of words, then by arm."""
        codes = {f"k{number}": self._packs.code(kept, column) for number, column in enumerate(columns)}
        found: dict[tuple[str, ...], dict[str, Moments]] = {}
        each = moments.moments(self._engine, kept.mutate(**codes), ["low", *codes], self._wanted, self._scales)
        for (arm, *places), made in sorted(each.items()):
            values = tuple(self._packs.levels(column)[place] for column, place in zip(columns, places, strict=True))
            found.setdefault(values, {})[self._names[arm]] = made
        return found

    def _groups(self, kept: Table) -> dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Moments]]]:
        keys = dict.fromkeys([*[(column,) for column in self._design.segments], tuple(self._design.strata)])
        return {key: self._moments(kept, key) for key in keys if key}

    def _lengths(self, kept: Table, several: int) -> tuple[dict[str, NDArray[np.int64]], dict[str, Floats]]:
        """Of sessions that count."""
        table = self._sessions
        if several:
            culprits = kept.filter(kept.culprit.notnull()).select(of="culprit")
            table = table.mutate(name=table.user.cast("string"))
            table = table.anti_join(culprits, table.name == culprits.of)
        return moments.histogram(self._engine, table, "code", "watch", self._names)
