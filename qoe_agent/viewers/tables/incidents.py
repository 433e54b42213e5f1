"""Incidents that a probe saw: out of files, as a table, and which sessions they reached when."""

from __future__ import annotations

import csv
import json
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.plain import FIRST, LAST
from qoe_agent.viewers.shapes import Incident
from qoe_agent.viewers.tables.faults import BadTable
from qoe_agent.viewers.tables.levels import AFTER_INCIDENT_MS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from qoe_agent.viewers.tables.engines import Engine, Table

HIGHLIGHT = "highlight"
"""The kind of what is no incident: something that the content offers."""
NAMED = 5
"""Incidents that a note names."""
LONGEST = 366 * 86_400.0
SCOPES = ("cdn", "region", "rendition", "device", "network")
"""What an incident may be confined to."""
OPEN = 3600.0
"""Seconds for which an incident without an end counts at most: as far as costs look (`costing.AFTER`)."""
UNKNOWN_CODE = 1
"""Of the factor `incident`: it may have reached whose place is not known. Kinds come behind."""


def read(path: Path) -> list[Incident]:
    """The incidents in a file: JSON Lines, JSON (a list, or what `qoe-agent watch --json` prints) or CSV.

    Of several lines about one (id, stream, kind and start) the last holds; incidents of one id are told by `apart`.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise BadTable(path, None, None, error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise BadTable(path, None, None, "must be text in UTF-8") from None
    rows = _of_csv(text) if path.suffix.lower() == ".csv" else _of_json(path, text)
    found = [_incident(path, line, row, number) for number, (line, row) in enumerate(rows)]
    last = {(one.id, one.stream, one.kind, one.start): one for one in found}
    return sorted(last.values(), key=lambda one: (one.start, one.id))


def apart(found: Sequence[Incident]) -> tuple[list[Incident], list[str]]:
    """The incidents, each with an id of its own, and what was changed for it, in words."""
    taken, renamed, told = {one.id for one in found}, [], set[str]()
    for one in found:
        name = one.id
        if name in told:
            name = next(each for number in count(2) if (each := f"{one.id}#{number}") not in taken)
        taken.add(name)
        told.add(name)
        renamed.append(one._replace(id=name))
    changed = [new.id for old, new in zip(found, renamed, strict=True) if old.id != new.id]
    said = "several incidents have one id: all but the first are called " + ", ".join(changed[:NAMED])
    return renamed, [said + (" …" if len(changed) > NAMED else "")] if changed else []


def of_facts(folder: Path) -> list[Incident]:
    """What agents wrote into a folder of facts (`viewers.chronicle`): of each incident the last line holds.

    One that is still open, or that an agent could not close, lasted until it was last seen at least.
    """
    last: dict[str, tuple[Path, int, dict[str, Any]]] = {}
    for path in sorted((folder / "incidents").glob("*.jsonl")):
        for number, text in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            try:
                row = json.loads(text)
            except ValueError:  # it was being written when the machine stopped
                continue
            if isinstance(row, dict) and row.get("id"):
                row["end"] = row.get("end") or row.get("seen")
                last[str(row["id"])] = (path, number, row)
    found = [_incident(path, line, row, 0) for path, line, row in last.values()]
    return sorted(found, key=lambda one: (one.start, one.id))


def _of_csv(text: str) -> Iterator[tuple[int | None, Any]]:
    rows = csv.DictReader(text.splitlines())
    for row in rows:
        yield rows.line_num, {name: value for name, value in row.items() if name and value not in ("", None)}


def _of_json(path: Path, text: str) -> Iterator[tuple[int | None, Any]]:
    try:
        whole = json.loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError:
                    raise BadTable(path, number, None, "must be a JSON object") from None
        return
    if isinstance(whole, dict) and isinstance(whole.get("incidents"), list):
        stream = whole.get("stream")
        whole = [{"stream": stream, **one} if isinstance(one, dict) and stream else one for one in whole["incidents"]]
    if isinstance(whole, list):
        yield from ((None, one) for one in whole)
    else:
        yield 1 + text[: len(text) - len(text.lstrip())].count("\n"), whole


def _incident(path: Path, line: int | None, row: Any, number: int) -> Incident:
    def bad(key: str, expected: str) -> BadTable:
        return BadTable(path, line, key, expected if line is not None else f"incident {number + 1}: {expected}")

    if not isinstance(row, dict):
        raise bad("incident", "must be an object")
    for key in ("kind", "start"):
        if row.get(key) is None:
            raise bad(key, "required")
    start, end = _time(row, "start", bad), _time(row, "end", bad)
    if end is None and row.get("seconds") is not None and not row.get("open"):
        end = start + _number(row, "seconds", bad)
        if not 0 <= end - start <= LONGEST:
            raise bad("seconds", "must be from 0 to a year")
    if end is not None and end < start:
        raise bad("end", "must not be before start")
    return Incident(
        id=str(row.get("id") or f"{row['kind']}-{number + 1}"), kind=str(row["kind"]),
        stream=str(row.get("stream") or ""), start=start, end=end,
        severity=str(row.get("severity") or "warning"), scope=_scope(row, bad),
        content=_content(row, bad),
    )  # fmt: skip


def _number(row: dict[str, Any], key: str, bad: Any) -> float:
    try:
        value = float(row[key])
    except (TypeError, ValueError, OverflowError):
        raise bad(key, "must be a number") from None
    if not isfinite(value):
        raise bad(key, "must be a number")
    return value


def _time(row: dict[str, Any], key: str, bad: Any) -> Any:
    if row.get(key) is None:
        return None
    value = _number(row, key, bad)
    if not FIRST <= value <= LAST:
        raise bad(key, "must be a time in Unix seconds (2001 to 2100), not milliseconds")
    return value


def _scope(row: dict[str, Any], bad: Any) -> dict[str, str]:
    said = row.get("scope") or {}
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            said = None
    if not isinstance(said, dict) or any(key not in SCOPES for key in said):
        raise bad("scope", f"must be an object with keys among {', '.join(SCOPES)}")
    own = {key: row[key] for key in SCOPES if row.get(key)}
    return {key: str(value) for key, value in {**own, **said}.items() if value is not None}


def _content(row: dict[str, Any], bad: Any) -> tuple[float, float] | None:
    said = row.get("content")
    if said is None and row.get("content_start") is not None:
        said = [row["content_start"], row.get("content_end", row["content_start"])]
    if isinstance(said, str):
        said = said.strip("[] ").split(",")
    if said is None:
        return None
    if not isinstance(said, list) or len(said) != 2:
        raise bad("content", "must be two times in Unix seconds: begin and end in media time")
    low, high = (_time({"content": each}, "content", bad) for each in said)
    if low is None or high is None or high < low:
        raise bad("content", "must be two times in Unix seconds: begin and end in media time")
    return low, high


def lasted(one: Incident, open_ended: float = OPEN - AFTER_INCIDENT_MS / 1000) -> float:
    """Seconds; in the media, where it is known. `open_ended`: of those without an end."""
    seconds = open_ended if one.end is None else one.end - one.start
    return seconds if one.content is None else one.content[1] - one.content[0] or seconds


def reason(one: Incident, streams: Collection[str], has: Collection[str], places: Collection[str]) -> str:
    """Why nothing can be told of it, by what the data carry; empty: it can."""
    if lack := next((each for each in ("start", "stream") if each not in has), None):
        return f"cannot be known: the data have no {lack}"
    if not one.stream:
        return f"cannot be known: it names no stream, and {len(streams)} were watched"
    if one.stream not in streams:
        return f"cannot be known: nobody watched {one.stream}"
    if lacks := [key for key in one.scope if key not in places]:
        return f"cannot be known: it is confined by {' and '.join(lacks)}, which the data do not have"
    return ""


def table(found: Sequence[Incident], kinds: Sequence[str], engine: Engine) -> Table:
    """The incidents in the engine: stream, kind (its code), when, and their scope."""
    import pyarrow as pa

    def whole(values: list[float | None]) -> pa.Array:
        return pa.array([None if value is None else round(value * 1000) for value in values], pa.int64())

    columns: dict[str, pa.Array] = {
        "on_stream": pa.array([one.stream for one in found], pa.string()),
        "kind": pa.array([kinds.index(one.kind) + 1 + UNKNOWN_CODE for one in found], pa.int64()),
        "wall_from": whole([one.start for one in found]),
        "wall_until": whole([one.start + lasted(one._replace(content=None)) for one in found]),
        "media_from": whole([one.content and one.content[0] for one in found]),
        "media_until": whole([one.content and one.content[0] + lasted(one) for one in found]),
    }
    columns |= {f"on_{key}": pa.array([one.scope.get(key) for one in found], pa.string()) for key in SCOPES}
    return engine.put(pa.table(columns), "incidents")


def exposures(sessions: Table, incidents: Table, places: dict[str, str], typical_ms: int | None) -> Table:
    """Which sessions an incident reached: sid, from_ms and until_ms since their start, kind.

    What is in the media reaches a viewer as much later as he is behind. `places`: by scope the column of sessions that
    tells; whose place is not known may have been reached. `typical_ms`: how far behind are those who do not say it.
    """
    import ibis

    behind = ibis.coalesce(sessions.behind_ms, sessions.latency, ibis.literal(typical_ms, "int64"))
    who = sessions.select("sid", "stream", "start_ms", "hi_ms", *places.values(), behind=behind)
    joined = who.inner_join(incidents, who.stream == incidents.on_stream)
    media = joined.media_from.notnull() & joined.behind.notnull()
    begin = ibis.ifelse(media, joined.media_from + joined.behind, joined.wall_from) - joined.start_ms
    end = ibis.ifelse(media, joined.media_until + joined.behind, joined.wall_until) - joined.start_ms
    reached = (begin < joined.hi_ms) & (end + AFTER_INCIDENT_MS > 0)
    known = ibis.literal(True)
    for key in SCOPES:
        confined = joined[f"on_{key}"].notnull()
        if key in places:
            reached &= ~ibis.coalesce(joined[places[key]] != joined[f"on_{key}"], False)
            known &= ~confined | joined[places[key]].notnull()
        else:
            known &= ~confined
    return joined.filter(reached).select("sid", from_ms=begin, until_ms=end + AFTER_INCIDENT_MS,
                                         kind=ibis.ifelse(known, joined.kind, UNKNOWN_CODE))  # fmt: skip
