"""From files or facts to an audience."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qoe_agent.viewers.tables import endings, engines, events, files, measured, schemas, sessionising, sessions
from qoe_agent.viewers.tables import incidents as reported
from qoe_agent.viewers.tables.audience import Audience, Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from qoe_agent.viewers.tables.engines import Engine, Table

AT_ONCE = 40_000_000
"""Rows whose names are looked at together."""
REPEATED = "{:,} rows are there twice, alike in all columns: each counts once"


def of_files(paths: Sequence[Path], engine: str, incidents: Path | None, measures: Path | None = None) -> Audience:
    """As `tables.open_files` says."""
    met = reported.read(incidents) if incidents is not None else []
    with counting(engine) as counter, reading(counter) as reader:
        found = files.staged(paths, reader)
        beside = measured.of_file(measures, reader) if measures is not None else []
        rows = counter.read(found.paths)
        if schemas.is_events(found.columns):
            places = [each for each in events.PLACES if each in found.columns]
            audience = _told(events.of_rows(rows, found.columns, counter), counter,
                             [*places, *sessions.attributes(found.columns)])  # fmt: skip
        else:
            kept = counter.keep(sessions.of_rows(rows, found.columns, counter), "sessions")
            alone, repeated = once(kept, counter, apart=bool(met or beside))
            audience = Audience(counter, alone, sessions.attributes(found.columns))
            if repeated:
                audience.notes.append(REPEATED.format(repeated))
        audience.meet(met)
        audience.measure(beside)
        return audience


def of_facts(folder: Path, engine: str, incidents: Path | None, measures: Path | None = None) -> Audience:
    """As `tables.open_facts` says."""
    met = reported.read(incidents) if incidents is not None else reported.of_facts(folder)
    with counting(engine) as counter, reading(counter) as reader:
        beside = measured.of_facts(folder, reader) if measures is None else measured.of_file(measures, reader)
        with snapshot(folder, counter, reader) as (rows, names):
            audience = _told(events.of_facts(rows, names), counter, [*events.PLACES, *names])
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
    found: Table, counter: Engine, attributes: Sequence[str]
) -> tuple[Table, Table, Table, Table | None, bool]:
    """Sessions out of events; these with their times, stalls, and sessions whose stalls are not known; whether players
    tell states."""
    rows = counter.keep(events.timed(found), "events")
    begun = counter.keep(sessionising.stalls(rows), "stalls")
    changing = [f"a{number}" for number, name in enumerate(attributes) if name in events.CHANGING]
    people = counter.keep(sessionising.sessions(rows, counter, changing), "silent")
    ended = endings.endings(counter, people, sessionising.interval(rows, counter))
    people = endings.without_ended(counter, people, ended)
    known = sessionising.heard(rows, counter)
    silent = sessionising.silent(rows, counter, known)
    kept = counter.keep(sessionising.with_stalls(people, begun, sessionising.hidden(rows), silent), "sessions")
    return kept, rows, begun, silent, known.states


def _told(found: Table, counter: Engine, attributes: Sequence[str]) -> Audience:
    kept, rows, begun, silent, speaks = of_events(found, counter, attributes)
    kinds = {row["kind"] for row in counter.rows(rows.select("kind").distinct()).to_pylist()}
    told = Told(rows, begun, frozenset(kinds | ({"state"} if speaks else set())), silent)
    return Audience(counter, kept, attributes, told)
