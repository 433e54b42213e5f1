"""What the agent measured of streams by the minute, joined to the sessions that watched them.

Each measure becomes two curves over time for each stream (or rendition), a numerator and a denominator, of which the
integrals from a session's beginning to its end are wanted. Integrals up to each minute are laid on a dense grid, so
that a session needs two of its rows, found by equality: no join by overlapping times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.tables import files, schemas
from qoe_agent.viewers.tables.engines import DuckDB
from qoe_agent.viewers.tables.faults import BadTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from qoe_agent.viewers.lift.shapes import Floats
    from qoe_agent.viewers.tables.engines import Engine, Table

MINUTE_MS = 60_000
MEANS = ("height", "effective_height", "mos", "bytes_per_second")
STALLS = ("stalled_seconds", "watched_seconds")
HIGH = "_high"
HD = 720
MOST = 20_000_000
"""Rows of the grid."""


class Seen(NamedTuple):
    """Measures of streams."""

    streams: Table
    """name (a stream, or with its rendition: `named`), id, since and until (minutes since the epoch, one beyond)"""
    grid: Table
    """id, minute, and of each measure: integrals until its beginning and values in it."""
    measures: tuple[str, ...]


def high(name: str) -> str:
    """The measure of which share a height is HD."""
    return name + HIGH


def form() -> schemas.Form:
    """Of the lines that `viewers.measures` writes."""

    def missing(there: Any) -> tuple[str, str] | None:
        lack = next((each for each in ("stream", "at") if each not in there), None)
        return None if lack is None else (lack, "required: the minute of a stream that was measured")

    def rules(there: Any) -> list[schemas.Rule]:
        found = [schemas.of_time("at"), schemas.Rule("stream", "stream is null", "required")]
        return found + [schemas.Rule(each, f"{each}::double < 0 or not isfinite({each}::double)", "must be 0 or more")
                        for each in (*MEANS, *STALLS) if each in there]  # fmt: skip

    return schemas.Form(frozenset(("at", "seconds", *MEANS, *STALLS)), frozenset(["at"]), missing, rules)


def read(path: Path, engine: Engine) -> Seen | None:
    """Out of a file, or a folder of them; None: nothing was measured. BadTable: one is wrong."""
    paths = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    paths = [each for each in paths if not each.is_file() or each.stat().st_size > 0]
    if not paths:
        return None
    reader = DuckDB(engine.folder)
    try:
        found = files.staged(paths, reader, form(), "measured")
        table = reader.read(found.paths)
        there = [each for each in (*MEANS, *STALLS) if each in found.columns]
        rendition = table.rendition.cast("string") if "rendition" in found.columns else None
        name = table.stream.cast("string")
        name = name if rendition is None else rendition.isnull().ifelse(name, named(name, rendition))
        rows = reader.rows(table.select(*[table[each].cast("float64") for each in there], name=name,
                                        minute=(table["at"] / 60.0).floor().cast("int64")))  # fmt: skip
    finally:
        reader.close()
    if not rows.num_rows:
        return None
    values = {each: np.asarray(rows[each].to_numpy(zero_copy_only=False), np.float64) for each in there}
    names, place = np.unique(np.array(rows["name"].to_pylist(), dtype=object), return_inverse=True)
    minutes = np.asarray(rows["minute"].to_numpy(), np.int64)
    return _laid(path, [str(each) for each in names], place, minutes, curves(values), engine)


def named(stream: Any, rendition: Any) -> Any:
    """The name of a rendition of a stream."""
    return stream + "\x1f" + rendition


def curves(values: dict[str, Floats]) -> dict[str, tuple[Floats, Floats]]:
    """By measure: numerator and denominator of a second in each minute."""
    found: dict[str, tuple[Floats, Floats]] = {}
    for name in MEANS:
        if name in values:
            known = ~np.isnan(values[name])
            found[name] = np.where(known, values[name], 0.0), known.astype(float)
            if name.endswith("height"):
                found[high(name)] = (known & (np.nan_to_num(values[name]) >= HD)).astype(float), known.astype(float)
    if all(each in values for each in STALLS):
        stalled, watched = (values[each] for each in STALLS)
        known = ~np.isnan(stalled) & ~np.isnan(watched)
        found["stall_ratio"] = np.where(known, stalled, 0.0) / 60.0, np.where(known, watched, 0.0) / 60.0
    return found


def _laid(path: Path, names: Sequence[str], place: NDArray[np.int64], minutes: NDArray[np.int64],
          found: dict[str, tuple[Floats, Floats]], engine: Engine) -> Seen:  # fmt: skip
    """On the grid: a row a minute of each stream from the first that was measured to the one after the last."""
    import pyarrow as pa

    since, until = np.full(len(names), np.iinfo(np.int64).max), np.zeros(len(names), np.int64)
    np.minimum.at(since, place, minutes)
    np.maximum.at(until, place, minutes + 1)
    sizes = until - since + 1
    if sizes.sum() > MOST:
        raise BadTable(path, None, None, f"measures of at most {MOST:,} minutes of streams; there are {sizes.sum():,}")
    begin = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    at = begin[place] + minutes - since[place]
    seen = np.maximum(np.bincount(at, minlength=sizes.sum()), 1)  # several agents may measure the same
    columns: dict[str, Any] = {"id": np.repeat(np.arange(len(names)), sizes),
                               "minute": np.arange(sizes.sum()) - np.repeat(begin - since, sizes)}  # fmt: skip
    for name, pair in found.items():
        for side, values in zip(("above", "below"), pair, strict=True):
            now = np.bincount(at, values, sizes.sum()) / seen
            whole = np.cumsum(60.0 * now) - 60.0 * now
            columns[f"{side}_{name}"], columns[f"{side}_{name}_until"] = now, whole - np.repeat(whole[begin], sizes)
    streams = pa.table({"name": list(names), "id": np.arange(len(names)), "since": since, "until": until})
    return Seen(engine.put(streams, "streams"), engine.put(pa.table(columns), "grid"), tuple(found))


def joined(sessions: Table, seen: Seen) -> Table:
    """With `above_…` and `below_…` of each measure: integrals over the time that the session watched; null: unknown."""
    import ibis

    table = _identified(sessions, seen.streams)
    end = table.time + table.watch.floor().cast("int64")
    least, most = table.since * MINUTE_MS, table.until * MINUTE_MS
    table = table.mutate(from_ms=ibis.greatest(ibis.least(table.time, most), least),
                         until_ms=ibis.greatest(ibis.least(end, most), least))  # fmt: skip
    given = list(sessions.columns)
    for side in ("from", "until"):
        table = table.mutate(**{f"{side}_minute": _minute(table[f"{side}_ms"])})
        grid = seen.grid.rename({f"{side}_{column}": column for column in seen.grid.columns if column != "minute"})
        grid = grid.rename({f"of_{side}": "minute"})
        table = table.left_join(
            grid, (table.id == grid[f"{side}_id"]) & (table[f"{side}_minute"] == grid[f"of_{side}"])
        )
    found = {}
    for name in seen.measures:
        for part in ("above", "below"):
            begin, over = (_integral(table, side, f"{part}_{name}") for side in ("from", "until"))
            found[f"{part}_{name}"] = over - begin
    return table.select(*given, **found)


def _identified(table: Table, streams: Table) -> Table:
    """With the id of the rendition, or else of the stream, and from when to when it was measured."""
    import ibis

    known = streams.rename(of="name")
    if "rendition" not in table.columns:
        return table.left_join(known, table.stream == known.of)
    closer = streams.select(near="name")
    table = table.mutate(finest=named(table.stream, table.rendition))
    table = table.left_join(closer, table.finest == closer.near)
    table = table.mutate(measured_as=ibis.coalesce(table.near, table.stream))
    return table.left_join(known, table.measured_as == known.of)


def _minute(ms: Any) -> Any:
    return (ms.cast("float64") / float(MINUTE_MS)).floor().cast("int64")


def _integral(table: Table, side: str, name: str) -> Any:
    """Until a moment of the session."""
    seconds = (table[f"{side}_ms"] - table[f"{side}_minute"] * MINUTE_MS).cast("float64") / 1000.0
    return table[f"{side}_{name}_until"] + table[f"{side}_{name}"] * seconds
