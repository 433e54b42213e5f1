"""What a request holds, as events: CMCD, plain JSON, callbacks. Says what is wrong with what holds none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from qoe_agent.viewers import cmcd, cmcd_events, plain
from qoe_agent.viewers.events import event
from qoe_agent.viewers.ingest import callbacks
from qoe_agent.viewers.ingest.door import shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qoe_agent.config import Source
    from qoe_agent.viewers.events import ViewerEvent
    from qoe_agent.viewers.ingest.playing import Players
    from qoe_agent.viewers.pseudonyms import Ring

LARGEST = 2 << 20
"""Bytes of a body."""
LIMITS = cmcd.Limits(body=128 << 10, records=500)
"""Of CMCD, whose odd records take longer to read than they take to write: the worst body costs a tenth of a second."""
JSON = frozenset(
    ("application/json", "text/plain", "application/x-ndjson", "application/ndjson", "application/jsonl", "")
)
"""Content types of plain events; that of the beacon is text/plain, which browsers send without asking first."""
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Taken:
    """What came out of a request."""

    events: list[ViewerEvent] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    """By reason."""
    status: int = 204
    """What to answer once the events are stored."""
    text: str = ""
    told: bool = False
    """Whether a server sent it, which will say when a session ends."""


def reports(reading: cmcd.Reading, source: Source, now_ms: int, ring: Ring) -> Taken:
    """The events of CMCD reports. What cannot be used is left out by itself (CTA-5004-B §6)."""
    taken = Taken()
    for record in reading.records:
        said = cmcd_events.said(record, now_ms)
        if said is None:
            _reject(taken, "session")
        elif not shared(source, said["session"]):
            _reject(taken, "share")
        else:
            taken.events.append(event(said, source.name, record.mode, now_ms, ring))
    for reason in ("version", "many", "long"):  # whole reports; single keys are not counted
        if count := reading.dropped.get(reason, 0):
            _reject(taken, "version" if reason == "version" else "large", count)
    if not taken.events:
        if taken.rejected.get("share"):
            taken.status = 410
        elif "long" in reading.dropped:
            taken.status, taken.text = 413, "a report, or all of them, are too long"
        elif "version" not in reading.dropped:
            taken.status, taken.text = 400, "no CMCD report with a session id (sid) is in it"
            if not taken.rejected:
                _reject(taken, "malformed")
    return taken


def plain_events(body: bytes, source: Source, now_ms: int, ring: Ring) -> Taken:
    """The events of an object, a list, or one object a line."""
    taken = Taken()
    try:
        found, broken = _parsed(body)
    except ValueError:
        taken.status, taken.text = 400, "expected JSON: an event, a list of events, or one event a line"
        _reject(taken, "malformed")
        return taken
    if len(found) > plain.MOST:
        taken.status, taken.text = 413, f"at most {plain.MOST} events in one body"
        _reject(taken, "large", len(found))
        return taken
    events, faults = plain.read(found, source.name, now_ms, ring)
    taken.events = [each for each in events if shared(source, each.session)]
    _reject(taken, "share", len(events) - len(taken.events))
    _reject(taken, "malformed", len(found) - len(events) + len(broken))
    if faults or broken:
        told = [*map(str, faults), *(f"line {number}: not JSON" for number in broken)]
        taken.status = 200 if taken.events else 400
        taken.text = to_json({"stored": len(taken.events), "faults": told[: plain.MOST_FAULTS]}).decode()
    elif not taken.events:
        taken.status = 410
    return taken


def _parsed(body: bytes) -> tuple[list[Any], list[int]]:
    """The events as they came; lines that are no JSON. ValueError: there is nothing in it."""
    try:
        found = from_json(body)
    except ValueError:
        lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
        if len(lines) < 2:
            raise
        if len(lines) > plain.MOST:
            return lines, []
        good: list[Any] = []
        broken = []
        for number, line in lines:
            try:
                good.append(from_json(line))
            except ValueError:
                broken.append(number)
        if not good:
            raise
        return good, broken
    listed = found if isinstance(found, list) else [found]
    if not listed:
        raise ValueError("nothing in it")
    return listed, []


def called(
    what: str, body: bytes, content_type: str, query: Mapping[str, str], source: Source, playing: Players, now_ms: int,
    ring: Ring,
) -> Taken:  # fmt: skip
    """The events of a media server's callback."""
    taken = Taken(told=True)
    try:
        if what == "rtmp":
            found = callbacks.nginx(body, query, playing, now_ms)
        elif what == "srs":
            found = callbacks.srs(body, playing, now_ms)
        else:
            found = callbacks.mediamtx(body, content_type == FORM, playing, now_ms)
    except callbacks.Malformed as error:
        taken.status, taken.text = 400, str(error)
        _reject(taken, "malformed")
        return taken
    kept = [said for said in found if shared(source, said["session"])]
    taken.events = [event(said, source.name, what, now_ms, ring) for said in kept]
    _reject(taken, "share", len(found) - len(kept))
    return taken


def _reject(taken: Taken, reason: str, count: int = 1) -> None:
    if count > 0:
        taken.rejected[reason] = taken.rejected.get(reason, 0) + count


def kinds(events: Iterable[ViewerEvent]) -> dict[str, int]:
    """How many of each kind."""
    found: dict[str, int] = {}
    for each in events:
        found[each.kind] = found.get(each.kind, 0) + 1
    return found
