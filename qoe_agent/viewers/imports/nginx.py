"""Access logs of nginx with CMCD in the query or the headers, as plain events.

Two shapes, told apart line by line: the JSON log format of `configs/viewers`, with the keys `t` (end of the request),
`rt` (its length), `uri`, `q` (the argument CMCD), `hr`, `ho`, `hs`, `hn` (the headers CMCD-Request, -Object, -Status,
-Session); and the combined format, whose request line carries the query. Of addresses, agents and the rest of the
query nothing is read. Players that report without `cid` watch the folder that their request was for.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from qoe_agent.viewers import cmcd, cmcd_events
from qoe_agent.viewers.imports.reading import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.cmcd import Reading
    from qoe_agent.viewers.imports.reading import Lines

COMBINED = re.compile(r'\S+ \S+ .*?\[([^\]]+)\] "([A-Z]+) (\S+)[^"]*" [0-9]{3} ')
HEADERS = {"hr": "CMCD-Request", "ho": "CMCD-Object", "hs": "CMCD-Status", "hn": "CMCD-Session"}
SECONDS = {
    "at_ms": "at", "media_ms": "media_at", "startup_ms": "startup_seconds", "stall_ms": "stall_seconds",
    "stalled_total_ms": "stalled_total_seconds", "latency_ms": "latency_seconds", "interval_ms": "interval_seconds",
}  # fmt: skip
_NOTHING = (None, "", "-")


def rows(lines: Lines, chosen: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Events of a log; what reports nothing is passed over."""
    del chosen  # custom keys of CMCD are attributes anyway
    for text in lines.texts():
        request = _of_json(lines, text) if text.lstrip().startswith("{") else _of_combined(lines, text)
        if request is None:
            continue
        at, path, reading = request
        if not reading.records:
            lines.skip("a request without CMCD" if not reading.dropped else "CMCD that cannot be read")
            continue
        fields = cmcd_events.said(reading.records[0], round(at * 1000))
        if fields is None:
            lines.skip("CMCD without a session (sid)")
            continue
        event = {SECONDS.get(name, name): value / 1000 if name in SECONDS else value for name, value in fields.items()}
        event.setdefault("at", at)
        event.setdefault("stream", word(path.rpartition("/")[0] or path))
        if found := lines.event(event):
            yield found


def _of_json(lines: Lines, text: str) -> tuple[float, str, Reading] | None:
    try:
        row = from_json(text)
    except ValueError:
        lines.bad("", "must be a JSON object on a line of its own (log_format escape=json)")
        return None
    at = lines.time("t", row.get("t"))
    if at is None:
        return None
    took = 0.0 if row.get("rt") in _NOTHING else lines.number("rt", row["rt"])
    if took is None:
        return None
    began = round(at - took, 3)
    headers = [(name, str(row[key])) for key, name in HEADERS.items() if row.get(key) not in _NOTHING]
    query = row.get("q")
    reading = cmcd.from_headers(headers) if headers else cmcd.from_argument("" if query in _NOTHING else str(query))
    return began, str(row.get("uri") or ""), reading


def _of_combined(lines: Lines, text: str) -> tuple[float, str, Reading] | None:
    match = COMBINED.match(text)
    if match is None:
        lines.bad("", "must be a line of the combined log format, or a JSON object of ours")
        return None
    try:
        at = datetime.strptime(match[1], "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        lines.bad("time", "must be as in [31/Jan/2026:12:00:00 +0000]")
        return None
    path, _, query = match[3].partition("?")
    return at, path, cmcd.from_query(query)
