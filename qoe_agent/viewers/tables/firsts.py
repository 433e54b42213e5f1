"""What level of a number each session began at, as an attribute that does not change within it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.viewers.tables.levels import SCALES, coded

if TYPE_CHECKING:
    from qoe_agent.viewers.tables.engines import Table


def with_first(sessions: Table, events: Table, name: str, column: str) -> Table:
    """`sessions` with the name of the level that events first told of each; null: none did."""
    import ibis

    known = events.filter(events[name].notnull()).select("sid", "t_ms", value=events[name])
    begun = known.group_by("sid").agg(since=known.t_ms.min()).select("since", of="sid")
    first = known.inner_join(begun, (known.sid == begun.of) & (known.t_ms == begun.since))
    first = first.group_by("of").agg(value=first.value.max())
    scale = SCALES[name]
    spelled = [(coded(first.value, scale) == number, level) for number, level in enumerate(scale.names)]
    told = first.select("of", **{column: ibis.cases(*spelled)})
    return sessions.left_join(told, sessions.sid == told.of).drop("of")
