"""An experiment as a Trial: which products of its design are needed, and their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.lift.shapes import Amount, Trial
from qoe_agent.viewers.tables.levels import spelled
from qoe_agent.viewers.tables.trials import amounts, blocks, groups, moments, tenure, units
from qoe_agent.viewers.tables.trials.groups import Packs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Design, Moments
    from qoe_agent.viewers.tables.engines import Column, Table
    from qoe_agent.viewers.tables.trials.amounts import Wanted
    from qoe_agent.viewers.tables.trials.rows import Rows

STEPS = 60
"""Of time, in which units enter, at most."""
TOGETHER = 3
"""Columns of segments that are counted at once."""


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
    table = rows.table.filter(rows.table.arm.notnull()) if rows.seen()["no_arm"] else rows.table
    return table.mutate(code=spelled(table.arm, list(rows.arms())).cast("int16"))


def trial(rows: Rows, design: Design) -> Trial:
    """As `Rows.trial` says."""
    wanted = amounts.wanted(design)
    if lack := amounts.lacking(rows, design, wanted.amounts):
        raise ValueError(lack)
    names = chosen(rows, design)
    if design.switchback is not None or rows.columns.block:
        return blocks.trial(rows, coded(rows), design, wanted, names)
    return Counting(rows, design, wanted, names).trial()


class Counting:
    """One design's sums."""

    def __init__(self, rows: Rows, design: Design, wanted: Wanted, names: Mapping[int, str]) -> None:
        self._rows, self._engine, self._design, self._wanted, self._names = rows, rows.engine, design, wanted, names
        self._columns = amounts.columns(rows, wanted.amounts)
        self._first = amounts.wanted(design, first=True)
        self._packs = Packs(rows, (*design.segments, *design.strata))
        self._users, self._timed = rows.columns.user is not None, rows.columns.time is not None
        self._window = round(1000 * design.window) if design.window is not None and self._users else None
        self._notes = rows.lost()
        self._sessions = coded(rows)
        if self._users and self._timed:
            self._sessions = self._dated()

    def _dated(self) -> Table:
        given = self._sessions
        firsts = given.group_by("user").agg(first=given.time.min(), low=given.code.min(), high=given.code.max())
        self._firsts = self._engine.keep(firsts, "firsts")
        return units.dated(given, self._firsts, self._window, clipped=self._design.cap_unit == "window")

    def trial(self) -> Trial:
        """All of it."""
        kept = self._units()
        self._steady(kept)
        one_arm = (kept.low == kept.high) & kept.low.isin(list(self._names))
        assigned, _ = self._by_arm(kept.filter(one_arm))
        complete = kept.filter(one_arm & self._over(kept.first)) if self._window is not None else kept.filter(one_arm)
        entered, sessions = self._by_arm(complete)
        several = self._count(kept.filter(kept.culprit.notnull()))
        lengths, watched = moments.histogram(self._engine, self._counting(kept, several), "code", "watch", self._names)
        complete = self._filled(complete)
        return Trial(
            unit="user" if self._users else "session", arms=self._arms(complete), assigned=assigned,
            pending={name: assigned[name] - entered[name] for name in assigned}, sessions=sessions, lengths=lengths,
            watched=watched, units=moments.histogram(self._engine, complete, "low", "watched", self._names)[0],
            several=several, unassigned=self._rows.unassigned(), alone=self._rows.alone, groups=self._groups(complete),
            entered=self._entered(complete) if self._timed else (), tenure=self._tenure(),
            shared=blocks.shared(self._rows, self._sessions, self._names), notes=tuple(self._notes),
            capped=self._capped(complete),
        )  # fmt: skip

    def _capped(self, complete: Table) -> Mapping[str, NDArray[np.int64]]:
        """As `Trial.capped`."""
        cap = self._design.caps[0]
        known = self._columns.get(Amount("watch", cap))
        if known is None or cap is None or not self._users or self._design.cap_unit != "session":
            return {}
        return moments.histogram(self._engine, complete, "low", known[0], self._names)[0]

    def _over(self, first: Column) -> Column:
        """Whether the window of who began then is over."""
        return first + (self._window or 0) <= self._rows.seen()["last"]

    def _units(self) -> Table:
        if not self._users:
            return units.of_sessions(self._rows, self._sessions, self._wanted.amounts, self._packs)
        unit_cap = self._design.cap_unit != "session"
        found = units.of_users(self._rows, self._sessions, self._wanted.amounts, self._packs, unit_cap)
        return self._engine.keep(found, "units")

    def _steady(self, kept: Table) -> None:
        """ValueError: users' groups vary, and times do not tell which was the first."""
        if "varies" in kept.columns and self._count(kept.filter(kept.varies == 1)):
            columns = (*self._design.segments, *self._design.strata)
            self._notes += groups.vary(self._rows, self._sessions, columns, self._count(kept))

    def _count(self, table: Table) -> int:
        return int(self._engine.rows(table.count().name("count").as_table()).to_pylist()[0]["count"])

    def _by_arm(self, kept: Table) -> tuple[dict[str, int], dict[str, int]]:
        """How many units, and sessions of theirs."""
        found = kept.group_by("low").agg(units=kept.count(), sessions=kept.sessions.sum())
        rows = {self._names[row["low"]]: row for row in self._engine.rows(found).to_pylist()}
        none = {"units": 0, "sessions": 0}
        first, second = ({name: int(rows.get(name, none)[what]) for name in self._names.values()} for what in none)
        return first, second

    def _filled(self, kept: Table) -> Table:
        """With the mean of a covariate where a unit's is not known: it then explains nothing of that unit."""
        before = {name: one.column for one, (name, _) in self._columns.items() if one.before}
        if not before:
            return kept
        told = {name: kept[name].mean() for name in before} | {f"{name}_known": kept[name].count() for name in before}
        (row,) = self._engine.rows(kept.agg(units=kept.count(), **told)).to_pylist()
        for name, column in before.items():
            if lacking := row["units"] - row[f"{name}_known"]:
                self._notes.append(f"{column}: not known of {lacking:,} units, which have its mean")
        return kept.mutate(**{name: kept[name].coalesce(row[name] or 0.0) for name in before})

    def _counting(self, kept: Table, several: int) -> Table:
        """The sessions that count: of users in one arm, whose windows are over."""
        table = self._sessions
        if "inside" in table.columns:
            counts = (table.low == table.high) & table.inside
            return table.filter(counts & self._over(table.first) if self._window is not None else counts)
        if not several:
            return table
        culprits = kept.filter(kept.culprit.notnull()).select(of="culprit")
        table = table.mutate(name=table.user.cast("string"))
        return table.anti_join(culprits, table.name == culprits.of)

    def _moments(self, kept: Table, keys: Sequence[str], wanted: Wanted) -> dict[tuple[int, ...], Moments]:
        return moments.moments(self._engine, kept, ["low", *keys], wanted, self._columns)

    def _arms(self, kept: Table) -> dict[str, Moments]:
        return {self._names[arm]: made for (arm,), made in sorted(self._moments(kept, [], self._wanted).items())}

    def _groups(self, kept: Table) -> dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Moments]]]:
        """Of segments the first metric alone; of strata all."""
        found: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Moments]]] = {}
        columns = list(dict.fromkeys(self._design.segments))
        for begin in range(0, len(columns), TOGETHER):
            some = columns[begin : begin + TOGETHER]
            each = self._by_codes(kept, some, self._first)
            found |= {(column,): self._spelled(each, some, [column]) for column in some}
        if strata := tuple(self._design.strata):
            found[strata] = self._spelled(self._by_codes(kept, strata, self._wanted), strata, strata)
        return found

    def _by_codes(self, kept: Table, columns: Sequence[str], wanted: Wanted) -> dict[tuple[int, ...], Moments]:
        codes = {f"k{number}": self._packs.code(kept, column) for number, column in enumerate(columns)}
        return self._moments(kept.mutate(**codes), list(codes), wanted)

    def _spelled(self, each: Mapping[tuple[int, ...], Moments], columns: Sequence[str],
                 keys: Sequence[str]) -> dict[tuple[str, ...], dict[str, Moments]]:  # fmt: skip
        """By the values of some of the columns, then by arm."""
        found: dict[tuple[str, ...], dict[str, Moments]] = {}
        for (arm, *codes), made in sorted(each.items()):
            values = tuple(self._packs.levels(key)[codes[columns.index(key)]] for key in keys)
            arms = found.setdefault(values, {})
            name = self._names[arm]
            arms[name] = arms[name] + made if name in arms else made
        return dict(sorted(found.items()))

    def _entered(self, kept: Table) -> tuple[tuple[float, dict[str, Moments]], ...]:
        """By when windows were over, or units began."""
        (span,) = self._engine.rows(kept.agg(first=kept.first.min(), last=kept.first.max())).to_pylist()
        if span["first"] is None:
            return ()
        width = (span["last"] - span["first"]) // STEPS + 1
        step = ((kept.first - span["first"]).cast("float64") / float(width)).floor().cast("int64")
        found: dict[int, dict[str, Moments]] = {}
        for (arm, place), made in sorted(self._moments(kept.mutate(step=step), ["step"], self._first).items()):
            found.setdefault(place, {})[self._names[arm]] = made
        begin = span["first"] + (self._window or 0)
        return tuple(((begin + (place + 1) * width) / 1000.0, arms) for place, arms in sorted(found.items()))

    def _tenure(self) -> tuple[tuple[int, dict[str, Moments]], ...]:
        if not (self._users and self._timed):
            return ()
        return tenure.days(self._rows, self._sessions, self._firsts, self._design, self._names)
