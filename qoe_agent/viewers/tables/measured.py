"""What probes measured of streams, minute by minute, laid beside the sessions that watched them.

Lines are those of `viewers.measures`. Several of a stream and minute are of several agents: their mean counts. What is
measured of a rendition counts for sessions known to play it; what is measured of the stream as a whole for the others,
and where the rendition was not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.viewers.measures import FOLDER, MINUTE
from qoe_agent.viewers.plain import FIRST, LAST
from qoe_agent.viewers.tables import files, schemas
from qoe_agent.viewers.tables.engines import listed, quoted
from qoe_agent.viewers.tables.levels import MEASURED, SCALES, STRETCH, coded
from qoe_agent.viewers.tables.sessions import Rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from qoe_agent.viewers.tables.engines import DuckDB, Engine, Table

MINUTE_MS = 1000 * MINUTE
SLOT_MS = 60 * MINUTE_MS
"""Sessions and measures meet hour by hour: no session is held against all measures of its stream."""
BLOCK_MS = 30 * MINUTE_MS
"""What befalls a stream befalls all who watch it then: so long a stretch of it is one witness."""
NUMBERS = {"effective_height": "lines", "av_offset": "seconds, above 0 where sound is late", "latency": "seconds"}
_APART = 389
"""Groups by which the stretches of one stream lie apart from those of the next: 1000 and this have no common factor."""
WORDS = ("stream", "rendition")
_MOST = {"effective_height": (1, 65_535), "av_offset": (-60, 60), "latency": (0, 86_400)}


class Measured(NamedTuple):
    """Sessions, and what changed while they watched."""

    sessions: Table
    """With `m_NAME` of each of MEASURED, and of STRETCH: its code when the session began."""
    changed: Mapping[str, Table]
    """By name: sid, t_ms, and the code from then on."""


class _Points(NamedTuple):
    """When a measure changes its level, by track and time; the last of a track is that it is not known any more."""

    track: NDArray[np.int64]
    at: NDArray[np.int64]
    code: NDArray[np.int64]


def missing(columns: Collection[str]) -> tuple[str, str] | None:
    """What the columns of a file of measures lack."""
    for name in ("stream", "at"):
        if name not in columns:
            return name, "required: a line is of a stream and a minute"
    if not set(MEASURED) & set(columns):
        return "effective_height", f"one of {', '.join(MEASURED)} is required"
    return None


def rules(columns: Collection[str]) -> list[schemas.Rule]:
    """What may be wrong with the values of a file of measures."""
    found = [schemas.Rule("stream", '"stream" is null', "required"), schemas.Rule("at", '"at" is null', "required"),
             schemas.of_time("at")]  # fmt: skip
    if "seconds" in columns:
        found.append(schemas.Rule("seconds", f'not "seconds" between 1 and {MINUTE}', f"must be from 1 to {MINUTE}"))
    for name, (least, most) in _MOST.items():
        if name in columns:
            found.append(schemas.Rule(name, f'not "{name}" between {least} and {most}',
                                      f"must be {NUMBERS[name]}, from {least} to {most}"))  # fmt: skip
    return found


FORM = schemas.Form(frozenset(("at", "seconds", *NUMBERS)), frozenset(("at",)), missing, rules)


def of_file(path: Path, reader: DuckDB) -> list[Path]:
    """A file of measures as Parquet. BadTable: it is wrong."""
    return files.staged([path], reader, FORM, "measures").paths


def of_facts(folder: Path, reader: DuckDB) -> list[Path]:
    """What agents wrote into a folder of facts, as Parquet; lines that a full disk tore are left out."""
    found = sorted((folder / FOLDER).glob("*.jsonl"))
    if not found:
        return []
    kinds = {**dict.fromkeys(WORDS, "VARCHAR"), **dict.fromkeys(("at", *NUMBERS), "DOUBLE")}
    typed = "{" + ", ".join(f"{quoted(name)}: '{kind}'" for name, kind in kinds.items()) + "}"
    target = reader.folder / "measures.parquet"
    reader.write(f"select * from read_json({listed(found)}, format = 'newline_delimited', columns = {typed}, "
                 f"ignore_errors = true) where stream is not null and \"at\" between {FIRST} and {LAST}",
                 target)  # fmt: skip
    return [target]


def measured(paths: Sequence[Path], sessions: Table, engine: Engine, rendition: str | None) -> Measured:
    """`sessions` beside the measures in Parquet files. `rendition`: the column of sessions that tells it."""
    table = engine.read(paths)
    watched = sessions.filter(sessions.stream.notnull()).select(on="stream").distinct()
    minutes = engine.keep(_minutes(table, watched), "minutes")
    tracks = _tracks(engine.rows(_known(minutes)), engine)
    points = {name: _points(engine, minutes, tracks, name) for name in MEASURED}
    kept = _tracked(sessions, tracks, rendition)
    for name, found in points.items():
        kept = _begun(kept, engine.put(_spans(found, len(SCALES[name].names)), f"spans_{name}"), name)
    kept = engine.keep(kept, "measured")
    return Measured(kept, {**_changed(kept, points, engine), STRETCH: _stretches(kept, engine)})


def _minutes(table: Table, watched: Table) -> Table:
    """By stream, rendition ("": the whole stream) and minute: codes of each of MEASURED, and how late it was seen."""
    rows = Rows(table, table.columns)
    values = {name: rows.whole(name) if name == "effective_height" else rows.ms(name) for name in NUMBERS}
    there = {name: value for name, value in values.items() if value is not None}
    rendition = rows.text("rendition")
    found = table.select(
        stream=rows.text("stream"), rendition=_nothing("string", "") if rendition is None else rendition.coalesce(""),
        minute=(rows.ms("at").cast("float64") / float(MINUTE_MS)).floor().cast("int64"), **there,
    )  # fmt: skip
    found = found.semi_join(watched, found.stream == watched.on)
    means = {name: found[name].cast("float64").mean().floor().cast("int64") for name in there}
    found = found.group_by("stream", "rendition", "minute").agg(**means)
    codes = {name: coded(found[name] if name in there else _nothing("int64"), SCALES[name]) for name in MEASURED}
    late = found.latency if "latency" in there else _nothing("int64")
    return found.select("stream", "rendition", "minute", late=late, **codes)


def _nothing(kind: str, value: str | None = None) -> Any:
    import ibis

    return ibis.null(kind) if value is None else ibis.literal(value, kind)


def _known(minutes: Table) -> Table:
    late = minutes.late.cast("float64").mean().floor().cast("int64")
    return minutes.group_by("stream", "rendition").agg(late=late)


def _tracks(found: pa.Table, engine: Engine) -> Table:
    """Streams as wholes, and renditions that were measured: `track`, and by how much the agent was behind live."""
    import pyarrow as pa

    late = {(row["stream"], row["rendition"]): row["late"] for row in found.to_pylist()}
    names = sorted({*late, *((stream, "") for stream, _ in late)})
    return engine.put(pa.table({
        "track": pa.array(range(len(names)), pa.int64()),
        "on_stream": pa.array([stream for stream, _ in names], pa.string()),
        "on_rendition": pa.array([rendition for _, rendition in names], pa.string()),
        "late": pa.array([late.get(name, late.get((name[0], ""))) for name in names], pa.int64()),
    }), "tracks")  # fmt: skip


def _points(engine: Engine, minutes: Table, tracks: Table, name: str) -> _Points:
    """When it changes its level; a minute of which nothing is known is a change, too."""
    unknown = len(SCALES[name].names)
    joined = minutes.filter(minutes[name] < unknown).inner_join(tracks, minutes.stream == tracks.on_stream)
    own = joined.rendition == joined.on_rendition
    joined = joined.filter(own | (joined.rendition == ""))
    found = joined.group_by("track", "minute").agg(
        own=joined[name].max(where=joined.rendition == joined.on_rendition), whole=joined[name].max()
    )
    found = found.select("track", "minute", code=found.own.coalesce(found.whole))
    order = {"group_by": found.track, "order_by": found.minute}
    found = found.mutate(before=found.code.lag().over(**order), since=found.minute.lag().over(**order),
                         then=found.minute.lead().over(**order))  # fmt: skip
    fresh = found.since.isnull() | (found.minute - found.since > 1) | (found.code != found.before)
    last = found.then.isnull() | (found.then - found.minute > 1)
    begins = found.filter(fresh).select("track", "code", at=found.minute * MINUTE_MS)
    ends = found.filter(last).select("track", code=found.code * 0 + unknown, at=(found.minute + 1) * MINUTE_MS)
    rows = engine.rows(begins.union(ends))
    track, at, code = (np.asarray(rows[each].to_numpy(), np.int64) for each in ("track", "at", "code"))
    order_of = np.lexsort((at, track))
    return _Points(track[order_of], at[order_of], code[order_of])


def _spans(found: _Points, unknown: int) -> pa.Table:
    """At what level it was from when until when, cut at full hours."""
    import pyarrow as pa

    known = np.flatnonzero(found.code != unknown)
    begin = found.at[known]
    end = found.at[known + 1] if len(known) else begin
    first, last = begin // SLOT_MS, (end - 1) // SLOT_MS
    times = last - first + 1
    row = np.repeat(np.arange(len(known)), times)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    return pa.table({"at_track": found.track[known][row], "at_slot": first[row] + turn, "from_ms": begin[row],
                     "until_ms": end[row], "code": found.code[known][row]})  # fmt: skip


def _tracked(sessions: Table, tracks: Table, rendition: str | None) -> Table:
    """Sessions with the `track` that they watched, and `clock_ms`: when they began by what the agent saw then.

    What is in the media reaches a viewer as much later than the agent as he is further behind live.
    """
    import ibis

    whole = tracks.filter(tracks.on_rendition == "").select(whole="track", of="on_stream", whole_late="late")
    joined = sessions.left_join(whole, sessions.stream == whole.of)
    track, late = joined.whole, joined.whole_late
    if rendition is not None:
        parts = tracks.select(part="track", part_of="on_stream", part_name="on_rendition", part_late="late")
        joined = joined.left_join(parts, [joined.stream == parts.part_of, joined[rendition] == parts.part_name])
        track, late = joined.part.coalesce(joined.whole), joined.part_late.coalesce(joined.whole_late)
    behind = joined.behind_ms.coalesce(joined.latency) - late
    clock = joined.start_ms - ibis.coalesce(behind, 0)
    found = joined.select(*sessions.columns, track=track, clock_ms=clock)
    stretch = (found.track * _APART + _slot(found.clock_ms, BLOCK_MS)) % 1000
    return found.mutate(slot=_slot(found.clock_ms), **{f"m_{STRETCH}": ibis.coalesce(stretch, found.bucket)})


def _slots(sessions: Table, length_ms: int, engine: Engine) -> Table:
    """Each slot of time in which a session watched a track: sid, track, clock_ms, until, slot."""
    import pyarrow as pa

    known = sessions.filter(sessions.track.notnull() & sessions.clock_ms.notnull())
    until, first = known.clock_ms + known.hi_ms, _slot(known.clock_ms, length_ms)
    known = known.select("sid", "track", "clock_ms", until=until, first=first, times=_slot(until, length_ms) - first)
    times = [row["times"] for row in engine.rows(known.select("times").distinct()).to_pylist()]
    reach = engine.put(pa.table({
        "of_times": pa.array([each for each in times for _ in range(each + 1)], pa.int64()),
        "turn": pa.array([turn for each in times for turn in range(each + 1)], pa.int64()),
    }), "reach")  # fmt: skip
    there = known.inner_join(reach, known.times == reach.of_times)
    there = there.select("sid", "track", "clock_ms", "until", "first", "turn")
    return there.mutate(slot=there.first + there.turn).drop("first", "turn")


def _stretches(sessions: Table, engine: Engine) -> Table:
    """When a session came into another stretch of its stream."""
    there = _slots(sessions, BLOCK_MS, engine)
    t_ms = there.slot * BLOCK_MS - there.clock_ms
    found = there.select("sid", "clock_ms", "until", t_ms=t_ms, **{STRETCH: (there.track * _APART + there.slot) % 1000})
    found = found.filter((found.t_ms > 0) & (found.clock_ms + found.t_ms < found.until))
    return engine.keep(found.select("sid", "t_ms", STRETCH), "stretches")


def _slot(time: Any, length_ms: int = SLOT_MS) -> Any:
    return (time.cast("float64") / float(length_ms)).floor().cast("int64")


def _begun(sessions: Table, spans: Table, name: str) -> Table:
    """With the code that it had when each session began."""
    there = sessions.track == spans.at_track, sessions.slot == spans.at_slot
    then = sessions.clock_ms >= spans.from_ms, sessions.clock_ms < spans.until_ms
    joined = sessions.left_join(spans, [*there, *then])
    return joined.select(*sessions.columns, **{f"m_{name}": joined.code.coalesce(len(SCALES[name].names))})


def _changed(sessions: Table, points: Mapping[str, _Points], engine: Engine) -> dict[str, Table]:
    """By measure: when it changed while a session watched."""
    import pyarrow as pa

    there, found = _slots(sessions, SLOT_MS, engine), {}
    for name, each in points.items():
        table = engine.put(pa.table({"track": each.track, "slot": each.at // SLOT_MS, "at_ms": each.at,
                                     "code": each.code}), f"points_{name}")  # fmt: skip
        met = there.inner_join(table, ["track", "slot"])
        met = met.filter((met.at_ms > met.clock_ms) & (met.at_ms < met.until))
        changes = met.select("sid", t_ms=met.at_ms - met.clock_ms, **{name: met.code})
        found[name] = engine.keep(changes, f"changed_{name}")
    return found
