"""Who was there and who left around incidents, in steps of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.shapes import Timeline
from qoe_agent.viewers.tables.incidents import lasted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Incident
    from qoe_agent.viewers.tables.engines import Engine, Table


class Window(NamedTuple):
    """A span of time of a stream around incidents."""

    number: int
    stream: str
    begin_ms: int
    end_ms: int
    """A whole number of steps later."""


class Grid(NamedTuple):
    """One window in steps: by place (values of the scopes' keys) the rows watching, risk, exits, orders."""

    window: Window
    rows: dict[tuple[str | None, ...], NDArray[np.float64]]


def span(incident: Incident, before: float, after: float, *, content: bool) -> tuple[float, float]:
    """The time of interest, by the clock of the media or of the wall."""
    low = incident.content[0] if content and incident.content is not None else incident.start
    return low - before, low + lasted(incident, open_ended=0.0) + after


def windows(spans: Iterable[tuple[str, float, float]], step_ms: int) -> list[Window]:
    """Spans of time by stream, those that overlap made one."""
    found: list[Window] = []
    for stream, low, high in sorted(spans):
        begin, end = int(low * 1000), int(high * 1000)
        last = found[-1] if found else None
        if last and last.stream == stream and begin <= last.end_ms:
            begin = last.begin_ms
            end = max(end, last.end_ms)
            found.pop()
        steps = -(-(end - begin) // step_ms)
        found.append(Window(len(found), stream, begin, begin + steps * step_ms))
    return found


def grids(
    engine: Engine, sessions: Table, orders: Table | None, spans: Sequence[Window], places: Sequence[str], step_ms: int,
    hazards: Sequence[tuple[float, float]] = (),
) -> list[Grid]:  # fmt: skip
    """`sessions`: stream, places, start_ms, lo_ms, hi_ms (Unix), gone (0 or 1); `orders`: stream, places, at_ms.

    `hazards`: exits a second by time watched, each from so many seconds on; none: no risk is counted.
    """
    table = _table(engine, spans)
    joined = sessions.inner_join(table, sessions.stream == table.on_stream)
    joined = joined.filter((joined.start_ms < joined.w1) & (joined.hi_ms >= joined.w0))
    joined = engine.keep(joined.drop("stream", "on_stream"), "watched")
    points = _presence(joined, places, hazards).union(_leaving(joined, places))
    if orders is not None:
        bought = orders.inner_join(table, orders.stream == table.on_stream)
        bought = bought.filter((bought.at_ms >= bought.w0) & (bought.at_ms < bought.w1))
        points = points.union(_points(bought, places, bought.at_ms, orders=1.0))
    slot = ((points.t - points.w0).cast("float64") / float(step_ms)).floor().cast("int64")
    rest = (points.w0 + (slot + 1) * step_ms - points.t).cast("float64")
    marked = points.select("window", *places, "people", "risk", "weight", "exits", "orders", slot=slot, rest=rest)
    sums = {"exits": marked.exits.sum(), "orders": marked.orders.sum()}
    for name in ("people", "risk", "weight"):
        sums |= {name: marked[name].sum(), f"{name}_rest": (marked[name] * marked.rest).sum()}
    found = engine.rows(marked.group_by("window", *places, "slot").agg(**sums))
    return _dense(found, spans, places, step_ms)


def _table(engine: Engine, spans: Sequence[Window]) -> Table:
    import pyarrow as pa

    return engine.put(pa.table({
        "window": pa.array([each.number for each in spans], pa.int64()),
        "on_stream": pa.array([each.stream for each in spans], pa.string()),
        "w0": pa.array([each.begin_ms for each in spans], pa.int64()),
        "w1": pa.array([each.end_ms for each in spans], pa.int64()),
    }), "windows")  # fmt: skip


def _points(rows: Table, places: Sequence[str], t: Any, **values: Any) -> Table:
    """Moments at which something changes: how many people are there, how fast they leave; or happens."""
    import ibis

    told = {name: ibis.literal(0.0, "float64") for name in ("people", "risk", "weight", "exits", "orders")}
    told |= {
        name: value if hasattr(value, "cast") else ibis.literal(value, "float64") for name, value in values.items()
    }
    found = rows.select("window", "w0", "w1", *places, t=t, **told)
    return found.filter(found.t < found.w1).drop("w1")


def _presence(rows: Table, places: Sequence[str], hazards: Sequence[tuple[float, float]]) -> Table:
    """One more from the start, one less from the middle of when it may have left; risk changes with time watched."""
    import ibis

    middle = ((rows.lo_ms + rows.hi_ms).cast("float64") / 2.0).floor().cast("int64")
    rows = rows.mutate(middle=middle)
    found = _points(rows, places, ibis.greatest(rows.start_ms, rows.w0), people=1.0)
    before, last = 0.0, ibis.literal(0.0, "float64")
    for seconds, hazard in hazards:
        reached = rows.start_ms + round(seconds * 1000)
        last = ibis.ifelse(reached < rows.middle, hazard, last)
        found = found.union(_points(rows.filter(reached < rows.middle), places, ibis.greatest(reached, rows.w0),
                                    risk=hazard - before))  # fmt: skip
        before = hazard
    return found.union(_points(rows, places, ibis.greatest(rows.middle, rows.w0), people=-1.0, risk=-last))


def _leaving(rows: Table, places: Sequence[str]) -> Table:
    """Exits: at once where their moment is known, else evenly over their interval."""
    import ibis

    left = rows.filter(rows.gone == 1)
    known = left.filter((left.lo_ms == left.hi_ms) & (left.lo_ms >= left.w0))
    wide = left.filter((left.lo_ms < left.hi_ms) & (left.hi_ms > left.w0) & (left.lo_ms < left.w1))
    rate = 1.0 / (wide.hi_ms - wide.lo_ms).cast("float64")
    begin = _points(wide, places, ibis.greatest(wide.lo_ms, wide.w0), weight=rate)
    return _points(known, places, known.lo_ms, exits=1.0).union(begin).union(
        _points(wide, places, wide.hi_ms, weight=-rate))  # fmt: skip


def _dense(found: pa.Table, spans: Sequence[Window], places: Sequence[str], step_ms: int) -> list[Grid]:
    columns = {name: found[name].to_numpy() for name in found.column_names if name not in places}
    where = list(zip(*[found[name].to_pylist() for name in places], strict=True)) or [()] * found.num_rows
    ids: dict[tuple[int, tuple[str | None, ...]], int] = {}
    groups = np.array([ids.setdefault((window, place), len(ids))
                       for window, place in zip(columns["window"].tolist(), where, strict=True)], np.int64)  # fmt: skip
    order = np.argsort(groups, kind="stable")
    cuts = np.searchsorted(groups[order], np.arange(len(ids) + 1))
    grids = [Grid(each, {}) for each in spans]
    for (number, place), group in ids.items():
        rows = order[cuts[group] : cuts[group + 1]]
        steps = (spans[number].end_ms - spans[number].begin_ms) // step_ms
        grids[number].rows[place] = _steps({name: value[rows] for name, value in columns.items()}, steps, step_ms)
    return grids


def _steps(points: Mapping[str, NDArray[Any]], steps: int, step_ms: int) -> NDArray[np.float64]:
    """(4, steps): person-seconds, risk, exits, orders."""

    def by_step(name: str) -> NDArray[np.float64]:
        return np.bincount(points["slot"], points[name].astype(np.float64), steps).astype(np.float64)

    def running(name: str) -> NDArray[np.float64]:
        change = by_step(name)
        return (np.cumsum(change) - change) * step_ms + by_step(f"{name}_rest")

    exits = running("weight") + by_step("exits")
    there = [np.maximum(running(name) / 1000.0, 0.0) for name in ("people", "risk")]
    return np.stack([*there, np.maximum(exits, 0.0), by_step("orders")])


def timeline(grid: Grid, low: float, high: float, step: float, scope: Mapping[int, str], **facts: Any) -> Timeline:
    """What of a grid lies between two times. `scope`: by the place of a key what it must be. Whose place is not known
    may have been in scope or not, and is in neither row."""
    first = int((low * 1000 - grid.window.begin_ms) // (step * 1000))
    steps = max(1, int(np.ceil((high - low) / step)))
    sums = np.zeros((2, 4, steps))
    for place, rows in grid.rows.items():
        outside = any(place[key] not in (None, value) for key, value in scope.items())
        if not outside and any(place[key] is None for key in scope):
            continue
        part = rows[:, first : first + steps]
        sums[int(outside), :, : part.shape[1]] += part
    start = grid.window.begin_ms / 1000 + first * step
    risk = sums[:, 1] if sums[:, 1].any() else None
    return Timeline(grid.window.stream, start, step, sums[:, 0], sums[:, 2], sums[:, 3], risk=risk, **facts)
