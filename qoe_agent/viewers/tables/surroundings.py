"""Timelines of many incidents in few scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.tables.incidents import SCOPES
from qoe_agent.viewers.tables.timelines import grids, span, timeline, windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.viewers.shapes import Incident, Timeline
    from qoe_agent.viewers.tables.engines import Engine, Table
    from qoe_agent.viewers.tables.timelines import Grid, Window


class Around(NamedTuple):
    """What is there to be counted around incidents."""

    engine: Engine
    sessions: Table
    places: Mapping[str, str]
    """Columns of attributes by their names."""
    events: Table | None
    """Among which are orders."""
    typical_ms: int | None
    """How far behind viewers are that do not say it."""

    hazards: Sequence[tuple[float, float]] = ()
    """Exits a second by time watched, each from so many seconds on."""

    def timelines(self, found: Sequence[Incident], before: float, after: float, step: float) -> dict[str, Timeline]:
        """Around each incident, by its id; their scopes are of `places`. What is in the media is counted by the media's
        clock, if viewers know it."""
        by_media = [one for one in found if one.content is not None and self.typical_ms is not None]
        by_wall = [one for one in found if one not in by_media]
        result: dict[str, Timeline] = {}
        for content, group in ((False, by_wall), (True, by_media)):
            if group:
                result |= self._of(group, before, after, step, content=content)
        return result

    def _of(self, found: Sequence[Incident], before: float, after: float, step: float,
            *, content: bool) -> dict[str, Timeline]:  # fmt: skip
        keys = [key for key in SCOPES if any(key in one.scope for one in found)]
        columns = [self.places[key] for key in keys]
        spans = {one.id: span(one, before, after, content=content) for one in found}
        step_ms = max(1, round(step * 1000))
        wanted = windows(((one.stream, *spans[one.id]) for one in found), step_ms)
        people, orders = self._moved(columns, content=content)
        laid = grids(self.engine, people, orders, wanted, columns, step_ms, self.hazards)
        heartbeat = self._heartbeat(wanted)
        result = {}
        for one in found:
            low, high = spans[one.id]
            grid = _around(laid, one.stream, low, high)
            if grid.rows:
                scope = {keys.index(key): value for key, value in one.scope.items()}
                result[one.id] = timeline(grid, low, high, step_ms / 1000, scope, heartbeat=heartbeat,
                                                    clock="content" if content else "wall")  # fmt: skip
        return result

    def _moved(self, columns: Sequence[str], *, content: bool) -> tuple[Table, Table | None]:
        """Sessions and orders by Unix time; by the media's clock everybody is earlier by how far he is behind."""
        import ibis

        rows = self.sessions.filter(self.sessions.start_ms.notnull())
        behind = ibis.coalesce(rows.behind_ms, rows.latency, ibis.literal(self.typical_ms or 0, "int64"))
        start = rows.start_ms - behind if content else rows.start_ms
        moved = rows.select("sid", "stream", *columns, start_ms=start, lo_ms=start + rows.lo_ms,
                            hi_ms=start + rows.hi_ms, gone=(rows.cause >= 0).cast("int64"))  # fmt: skip
        people = moved.drop("sid")
        if self.events is None:
            return people, None
        bought = self.events.filter(self.events.kind == "order").select("sid", "t_ms")
        joined = bought.inner_join(moved, "sid")
        return people, joined.select("stream", *columns, at_ms=joined.start_ms + joined.t_ms)

    def _heartbeat(self, windows: Sequence[Window]) -> float:
        """Seconds: nine of ten exits' intervals on these streams are no longer."""
        rows = self.sessions
        left = rows.filter((rows.cause >= 0) & rows.stream.isin(sorted({each.stream for each in windows})))
        lengths = left.select(length=left.hi_ms - left.lo_ms)
        counted = self.engine.rows(lengths.group_by("length").agg(count=lengths.count())).to_pylist()
        total, reached = sum(row["count"] for row in counted), 0
        for row in sorted(counted, key=lambda row: row["length"]):
            reached += row["count"]
            if reached >= 0.9 * total:
                return float(row["length"]) / 1000
        return 0.0


def _around(grids: Sequence[Grid], stream: str, low: float, high: float) -> Grid:
    """The one that holds this span of time."""
    for grid in grids:
        window = grid.window
        if window.stream == stream and window.begin_ms <= low * 1000 and high * 1000 - 1 <= window.end_ms:
            return grid
    raise LookupError(stream)
