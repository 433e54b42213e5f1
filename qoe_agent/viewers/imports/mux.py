"""Mux Data: the daily CSV export of video views, one row a view, as rows of sessions.

Columns by name (docs.mux.com, "Export raw video view data"; order and number differ between versions). Lengths are
milliseconds, times UTC. `watch_time` holds startup and rebuffering, not pauses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.imports.reading import chosen_words, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.imports.reading import Lines

NEEDED = ("view_id", "view_start", "watch_time")
WORDS = {
    "cdn": "cdn", "country": "country", "continent_code": "continent", "viewer_device_category": "device",
    "viewer_connection_type": "network", "viewer_os_family": "os", "operating_system": "os", "browser": "browser",
    "player_software": "player", "stream_type": "stream_type", "sub_property_id": "sub_property",
}  # fmt: skip
"""Columns that become attributes."""
_YES = ("true", "t", "1")
_FAILURES = ("playback_failure", "video_startup_failure")
_ERRORS = ("player_error_code", "error_type_id", "error_type")


def rows(lines: Lines, chosen: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Sessions in a daily export."""
    for row in lines.table(NEEDED):
        start, seconds = (
            lines.time("view_start", row["view_start"]),
            lines.number("watch_time", row["watch_time"], 1000),
        )
        if start is None or seconds is None:
            if start is not None and row["watch_time"] == "":
                lines.skip("watch_time: empty")
            continue
        found: dict[str, Any] = {
            "session": row["view_id"], "user": row.get("viewer_user_id") or row.get("mux_viewer_id") or None,
            "stream": word(row.get("live_stream_id") or row.get("video_id") or row.get("video_title")),
            "start": start, "watch_seconds": seconds, "end": _end(lines, row, start, seconds),
            "cause": "failed" if _failed(row) else None,
            "startup_seconds": lines.number("video_startup_time", row.get("video_startup_time"), 1000),
            "stalls": _whole(lines.number("rebuffer_count", row.get("rebuffer_count"))),
            "stall_seconds": lines.number("rebuffer_duration", row.get("rebuffer_duration"), 1000),
            "height": _whole(lines.number("player_source_height", row.get("player_source_height"))) or None,
            "latency_seconds": lines.number("live_stream_latency", row.get("live_stream_latency"), 1000),
            "arm": word(row.get("experiment_name")),
        }  # fmt: skip
        if row.get("exit_before_video_start", "").lower() in _YES:
            found["startup_seconds"] = None
        found |= {name: word(row[column]) for column, name in WORDS.items() if row.get(column)}
        found |= chosen_words(row, chosen)
        yield {name: value for name, value in found.items() if value is not None}


def _end(lines: Lines, row: dict[str, str], start: float, seconds: float) -> float:
    """When it was left. Views are exported once they are over."""
    end = lines.time("view_end", row.get("view_end"), needed=False)
    return max(end, start) if end is not None else round(start + seconds, 3)


def _failed(row: dict[str, str]) -> bool:
    """Whether an error ended it. Exports before version 2 only name errors."""
    said = [row[name].lower() for name in _FAILURES if row.get(name)]
    if said:
        return any(each in _YES for each in said)
    return any(row.get(name) not in (None, "", "0") for name in _ERRORS)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
