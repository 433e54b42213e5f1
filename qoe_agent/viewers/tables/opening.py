"""From files or facts to an audience."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.tables import (
    endings,
    engines,
    events,
    files,
    leaving_out,
    measured,
    schemas,
    sessionising,
    sessions,
)
from qoe_agent.viewers.tables import incidents as reported
from qoe_agent.viewers.tables.audience import Audience, Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from qoe_agent.viewers.shapes import Without
    from qoe_agent.viewers.tables.engines import Engine, Table

AT_ONCE = 40_000_000
"""Rows whose names are looked at together."""
REPEATED = "{:,} rows are there twice, alike in all columns: each counts once"


class Asked(NamedTuple):
    """What is joined, and who is left out; as `tables.open_files` says."""

    engine: str
    incidents: Path | None
    measures: Path | None
    without: Without


def of_files(paths: Sequence[Path], asked: Asked) -> Audience:
    """As `tables.open_files` says."""
    met = reported.read(asked.incidents) if asked.incidents is not None else []
    with counting(asked.engine) as counter, reading(counter) as reader:
        found = files.staged(paths, reader)
        beside = measured.of_file(asked.measures, reader) if asked.measures is not None else []
        rows = counter.read(found.paths)
        if schemas.is_events(found.columns):
            places = [each for each in events.PLACES if each in found.columns]
            audience = _told(events.of_rows(rows, found.columns, counter), counter,
                             [*places, *sessions.attributes(found.columns)], asked.without)  # fmt: skip
        else:
            names = sessions.attributes(found.columns)
            told = sessions.of_rows(rows, found.columns, counter)
            left = leaving_out.of_sessions(told, names, asked.without, counter)
            alone, repeated = once(counter.keep(left.rows, "sessions"), counter, apart=bool(met or beside))
            audience = Audience(counter, alone, names)
            audience.notes += [*left.notes, *[REPEATED.format(repeated)] * bool(repeated)]
        audience.meet(met)
        audience.measure(beside)
        return audience


def of_facts(folder: Path, asked: Asked) -> Audience:
    """As `tables.open_facts` says."""
    met = reported.read(asked.incidents) if asked.incidents is not None else reported.of_facts(folder)
    with counting(asked.engine) as counter, reading(counter) as reader:
        given = asked.measures
        beside = measured.of_facts(folder, reader) if given is None else measured.of_file(given, reader)
        with snapshot(folder, counter, reader) as (rows, names):
            audience = _told(events.of_facts(rows, names), counter, [*events.PLACES, *names], asked.without)
        audience.meet(met)
        audience.measure(beside)
        return audience


@contextmanager
def snapshot(folder: Path, counter: Engine, reader: engines.DuckDB) -> Iterator[tuple[Table, list[str]]]:
    """The rows of the facts in a folder, while the context lasts, and names of their attributes."""
    import pyarrow.parquet as pq

    from qoe_agent.viewers.facts import reading as facts

    with facts.snapshot(folder) as taken:
        logged = reader.folder / "logged.parquet"
        pq.write_table(taken.logged, logged)
        paths = [*taken.files, logged]
        keys = reader.raw.execute(
            "select distinct unnest(map_keys(attributes)) as key from "
            f"read_parquet({engines.listed(paths)}) order by key limit 32"
        ).fetchall()
        yield counter.read(paths), [str(row[0]) for row in keys]


def once(kept: Table, counter: Engine, *, apart: bool = False) -> tuple[Table, int]:
    """The sessions without those that are another's copy, and how many these were. `apart`: several sessions of one
    name are told apart."""
    if not any(_several(each, counter) for each in _parts(kept, counter)):
        return kept, 0
    alone = counter.keep(sessions.apart(kept.distinct()) if apart else kept.distinct(), "once")
    before, after = (
        counter.rows(each.count().name("rows").as_table()).to_pylist()[0]["rows"] for each in (kept, alone)
    )
    return alone, before - after


def _parts(kept: Table, counter: Engine) -> Iterator[Table]:
    """Few enough rows at a time to hold their names; copies are in one part, because they have one user's bucket."""
    rows = counter.rows(kept.count().name("rows").as_table()).to_pylist()[0]["rows"]
    parts = 1 + rows // AT_ONCE if "bucket" in kept.columns else 1
    for part in range(parts):
        yield kept.filter(kept.bucket % parts == part) if parts > 1 else kept


def _several(rows: Table, counter: Engine) -> bool:
    """Whether several of these have one name."""
    named = rows.group_by("sid").agg(count=rows.count())
    several = named.filter(named["count"] > 1)
    return bool(counter.rows(several.count().name("several").as_table()).to_pylist()[0]["several"])


@contextmanager
def counting(engine: str) -> Iterator[Engine]:
    """The engine, closed again if something goes wrong."""
    counter = engines.opened(engine)
    try:
        yield counter
    except BaseException:
        counter.close()
        raise


@contextmanager
def reading(counter: Engine) -> Iterator[engines.DuckDB]:
    """What reads and checks files: always DuckDB."""
    if isinstance(counter, engines.DuckDB):
        yield counter
        return
    reader = engines.DuckDB(counter.folder)
    try:
        yield reader
    finally:
        reader.close()


def of_events(
    timed: Table, counter: Engine, attributes: Sequence[str]
) -> tuple[Table, Table, Table, Table | None, bool]:
    """Sessions out of events with their times; these, stalls, and sessions whose stalls are not known; whether players
    tell states."""
    rows = counter.keep(timed, "events")
    begun = counter.keep(sessionising.stalls(rows), "stalls")
    changing = [f"a{number}" for number, name in enumerate(attributes) if name in events.CHANGING]
    people = counter.keep(sessionising.sessions(rows, counter, changing), "silent")
    ended = endings.endings(counter, people, sessionising.interval(rows, counter))
    people = endings.without_ended(counter, people, ended)
    known = sessionising.heard(rows, counter)
    silent = sessionising.silent(rows, counter, known)
    kept = counter.keep(sessionising.with_stalls(people, begun, sessionising.hidden(rows), silent), "sessions")
    return kept, rows, begun, silent, known.states


def _told(found: Table, counter: Engine, attributes: Sequence[str], without: Without) -> Audience:
    left = leaving_out.of_events(events.timed(found), attributes, without, counter)
    kept, rows, begun, silent, speaks = of_events(left.rows, counter, attributes)
    kinds = {row["kind"] for row in counter.rows(rows.select("kind").distinct()).to_pylist()}
    told = Told(rows, begun, frozenset(kinds | ({"state"} if speaks else set())), silent)
    audience = Audience(counter, kept, attributes, told)
    audience.notes += left.notes
    return audience
