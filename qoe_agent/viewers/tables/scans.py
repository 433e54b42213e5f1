"""Person-time and exits: one scan of the sessions in which nothing changes, and beside it those of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.tables import cells, segments

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from qoe_agent.viewers.tables.engines import Engine, Table


class Wanted(NamedTuple):
    """What is counted by: codes of factors, f0, f1, …"""

    static: tuple[str, ...]
    """Of these `people` has the codes."""
    begin: Mapping[str, int | str]
    """Of these the codes change: what they are at the beginning, a code or a column of `people`."""
    startup: Mapping[str, int]
    """Which of the static ones is known from the first picture on only, and its code until then."""
    states: int
    """How many there may be."""

    @property
    def codes(self) -> list[str]:
        """In order."""
        return [f"f{number}" for number in range(len(self.static) + len(self.begin))]


def counted(engine: Engine, people: Table, pieces: Table | None, wanted: Wanted) -> tuple[pa.Table, pa.Table, int]:
    """Person-time, exits (as `assembly.assembled` wants them), and how many changes these tell apart.

    `people`: sid, bucket, cause, lo_ms, hi_ms, startup, static codes; `pieces`: segments of those in whom codes change.
    """
    still = people if pieces is None else people.anti_join(pieces, "sid")
    time, exits = _steady(engine, still, wanted)
    if pieces is None:
        return time, exits, 0
    order, static = wanted.codes, list(wanted.static)
    spans = segments.spans(people, pieces, [*static, "startup"], wanted.begin)
    for code, unknown in wanted.startup.items():
        spans = cells.from_picture(spans, code, unknown)
    changed = engine.rows(cells.person_time(spans, order))
    gone = segments.gone(people, pieces, static, wanted.begin)
    after = [f"{code}s{change}" for change in range(cells.CHANGES + 1) for code in order]
    left = engine.rows(cells.exits(gone, after, changes=cells.CHANGES, states=wanted.states))
    return _both(time, changed), _both(_widened(exits, order), left), cells.CHANGES


def _steady(engine: Engine, still: Table, wanted: Wanted) -> tuple[pa.Table, pa.Table]:
    """Of sessions that keep their codes: what their exits tell gives their person-time, too."""
    codes: dict[str, Any] = {name: still[name] for name in wanted.static} | segments.steady(still, wanted.begin)
    ended = still.select("bucket", "cause", "lo_ms", "hi_ms", **{f"{name}s0": code for name, code in codes.items()})
    exits = engine.rows(cells.exits(ended, [f"{name}s0" for name in wanted.codes], changes=0, states=wanted.states))
    time = cells.from_start(exits, len(wanted.codes))
    for code, unknown in wanted.startup.items():
        rows = still.select("bucket", "lo_ms", "startup", **codes)
        time = cells.moved(time, engine.rows(cells.waits(rows, wanted.codes)), code, unknown)
    return time, exits


def _widened(exits: pa.Table, codes: list[str]) -> pa.Table:
    """Exits without changes, as if there had been some when they were over."""
    columns = {name: exits[name] for name in ("bucket", "cause", "count", "b0", "c0")}
    for change in range(cells.CHANGES + 1):
        columns |= {f"{code}s{change}": exits[f"{code}s0"] for code in codes}
        columns |= {f"b{change + 1}": exits["b1"], f"c{change + 1}": exits["c1"]}
    import pyarrow as pa

    return pa.table(columns)


def _both(one: pa.Table, other: pa.Table) -> pa.Table:
    """The rows of the one and the other."""
    import pyarrow as pa

    return pa.concat_tables([one, other.select(one.column_names)], promote_options="permissive")
