"""Snowplow: media events (version 2 of its media tracking), a JSON object a line, as plain events.

Either enriched events as the analytics SDKs write them (`event_name`, `contexts_…_media_session_1`), or events that
describe themselves (`unstruct_event` or the event itself with `schema` and `data`, `contexts` as a list of such).
Schemas: iglu:com.snowplowanalytics.snowplow.media/…, player also iglu:com.snowplowanalytics.snowplow/media_player.
What enrichment made of addresses (geo_*, ip_*) stays behind.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from qoe_agent.viewers.imports.reading import chosen_words, height, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.imports.reading import Lines

HEARTBEAT = 30
"""Seconds between pings where the session does not say."""
REMEMBERED = 200_000
"""Sessions that have not started yet."""
EVENTS: dict[str, tuple[str, str | None]] = {
    "ready_event": ("join", "starting"), "play_event": ("heartbeat", "playing"),
    "pause_event": ("heartbeat", "paused"), "buffer_start_event": ("stall", "stalled"),
    "buffer_end_event": ("heartbeat", "playing"), "seek_start_event": ("heartbeat", "seeking"),
    "seek_end_event": ("heartbeat", None), "quality_change_event": ("quality", None),
    "ping_event": ("heartbeat", None), "percent_progress_event": ("heartbeat", None),
    "error_event": ("heartbeat", None), "end_event": ("leave", "ended"),
}  # fmt: skip
"""Kind and state; other media events are signs of life."""
_SCHEMA = re.compile(r"iglu:com\.snowplowanalytics\.snowplow(?:\.media)?/([a-z_]+)/jsonschema/")
_ENRICHED = re.compile(
    r"(?:contexts|unstruct_event)_com_snowplowanalytics_snowplow(?:_media)?_([a-z_]+?)_[0-9]+(?:_.*)?"
)
_PLAYERS = ("player", "media_player")


def rows(lines: Lines, chosen: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Events of an export."""
    starting: OrderedDict[str, float] = OrderedDict()
    for row in lines.objects():
        name, about = _described(row)
        if not name.endswith("_event") or ("session" not in about and name not in EVENTS):
            lines.skip("no media event")
            continue
        session, player = about.get("session", {}), next((about[each] for each in _PLAYERS if each in about), {})
        if not session.get("mediaSessionId"):
            lines.bad("media session", "required: turn on media sessions in the tracker")
            continue
        times = ("derived_tstamp", "dvce_created_tstamp", "collector_tstamp", "dtm")
        column = next((each for each in times if row.get(each)), times[0])
        at = lines.time(column, _number(row.get(column)))
        if at is None:
            continue
        event = _event(name, row, about.get(name, {}), session, player) | {"at": at}
        _started(name, str(session["mediaSessionId"]), at, event, starting)
        attributes = chosen_words({**player, **row}, chosen)
        if found := lines.event(event | ({"attributes": attributes} if attributes else {})):
            yield found


def _number(value: object) -> object:
    return float(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _described(row: dict[str, Any]) -> tuple[str, dict[str, dict[str, Any]]]:
    """The name of the event, and its entities (and itself) by name."""
    about: dict[str, dict[str, Any]] = {}
    name = str(row.get("event_name") or "")
    for key, value in row.items():
        if match := _ENRICHED.fullmatch(key):
            inner = value[0] if isinstance(value, list) and value else value
            if isinstance(inner, dict):
                about[match[1]] = inner
    contexts = _opened(row.get("contexts"))
    found = [_opened(row.get("unstruct_event")), row, *(contexts if isinstance(contexts, list) else [])]
    for number, each in enumerate(found):
        schema, data = (each.get("schema"), each.get("data")) if isinstance(each, dict) else (None, None)
        if isinstance(schema, str) and (match := _SCHEMA.match(schema)):
            about[match[1]] = data if isinstance(data, dict) else {}
            name = name or (match[1] if number < 2 else "")
    return name, about


def _opened(value: Any) -> Any:
    """What is in the envelope of the tracker protocol, which may itself be JSON as text."""
    if isinstance(value, str):
        try:
            value = from_json(value)
        except ValueError:
            return None
    wrapped = isinstance(value, dict) and str(value.get("schema", "")).rpartition("/jsonschema/")[0]
    return value["data"] if wrapped and wrapped.endswith(("/unstruct_event", "/contexts")) else value


def _event(
    name: str, row: dict[str, Any], said: dict[str, Any], session: dict[str, Any], player: dict[str, Any]
) -> dict[str, Any]:
    kind, state = EVENTS.get(name, ("heartbeat", None))
    if state is None and kind == "heartbeat" and name != "error_event" and isinstance(player.get("paused"), bool):
        state = "paused" if player["paused"] else "playing"
    user, rate = row.get("user_id") or row.get("domain_userid") or row.get("uid"), said.get("bitrate")
    interval = session.get("pingInterval")
    return {
        "kind": kind, "session": str(session["mediaSessionId"]), "state": state,
        "cause": "ended" if kind == "leave" else None, "user": None if user is None else str(user),
        "stream": word(player.get("label") or row.get("app_id")),
        "error": word(said.get("errorCode") or said.get("errorName"), 64) if name == "error_event" else None,
        "height": height(said.get("newQuality") or player.get("quality")),
        "bytes_per_second": round(rate / 8) if isinstance(rate, (int, float)) and 0 < rate < 1e13 else None,
        "interval_seconds": float(interval if isinstance(interval, int) else HEARTBEAT),
        "device": word(row.get("dvce_type") or row.get("platform")),
    }  # fmt: skip


def _started(name: str, session: str, at: float, event: dict[str, Any], starting: OrderedDict[str, float]) -> None:
    """Waiting between ready and the first sign of playing is startup, not a stall."""
    if name == "ready_event":
        starting[session] = at
        if len(starting) > REMEMBERED:
            starting.popitem(last=False)
    elif session in starting:
        if name == "buffer_start_event":
            event |= {"kind": "heartbeat", "state": "starting"}
        elif name in ("buffer_end_event", "ping_event") and event["state"] == "playing":
            del starting[session]
