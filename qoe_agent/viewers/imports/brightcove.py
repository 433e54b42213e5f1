"""Brightcove's research dataset (Teixeira, Zhang, Reznik, MMSys 2021): one CSV row a player event, as sessions.

The rows have no time: a session is as long as what it viewed and what it waited. Figures are since the event before.
Only the first file of an event has a header. A session's rows may lie anywhere in its file: about 300 bytes a session
are held until the file's end.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.imports.reading import chosen_words, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.viewers.imports.reading import Lines

COLUMNS = (
    "session", "seq", "device_type", "device_os", "browser", "player", "player_width", "player_height",
    "rendition_indicated_bps", "rendition_width", "rendition_height", "rendition_framerate", "video_codec",
    "video_codec_profile", "format", "segment_duration", "video_seconds_viewed", "forward_buffer_seconds",
    "rebuffering_seconds", "rebuffering_count", "media_bytes_transferred", "measured_bps",
)  # fmt: skip
WORDS = {"device_type": "device", "device_os": "os", "browser": "browser", "player": "player", "format": "format",
         "video_codec": "codec"}  # fmt: skip


class _Session:
    """What is known of a session so far."""

    __slots__ = ("count", "heights", "viewed", "waited", "words")

    def __init__(self, words: dict[str, str]) -> None:
        self.viewed, self.waited, self.count = 0.0, 0.0, 0
        self.heights: dict[int, float] = {}
        self.words = words

    def row(self, name: str, stream: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "session": name, "stream": stream, "watch_seconds": round(self.viewed + self.waited, 3),
            "stalls": self.count, "stall_seconds": round(self.waited, 3), **self.words,
        }  # fmt: skip
        if self.heights:
            found["height"] = max(self.heights, key=self.heights.__getitem__)
        return found


def rows(lines: Lines, chosen: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Sessions in one file of the dataset; its height is the one that it viewed the longest."""
    sessions: dict[str, _Session] = {}
    for row in lines.records(_unheaded(lines), list(COLUMNS)):
        viewed = lines.number("video_seconds_viewed", row["video_seconds_viewed"])
        waited = lines.number("rebuffering_seconds", row["rebuffering_seconds"])
        count = lines.number("rebuffering_count", row["rebuffering_count"])
        height = lines.number("rendition_height", row["rendition_height"])
        if not row["session"]:
            lines.bad("session", "required")
            continue
        known = sessions.get(row["session"])
        if known is None:
            words = {name: word(row[column]) for column, name in WORDS.items()}
            given = {name: value for name, value in words.items() if value} | chosen_words(row, chosen)
            known = sessions[row["session"]] = _Session(given)
        known.viewed += viewed or 0.0
        known.waited += waited or 0.0
        known.count += int(count or 0)
        if height:
            known.heights[int(height)] = known.heights.get(int(height), 0.0) + (viewed or 0.0)
    stream = lines.path.name.partition("_playback_statistics")[0].partition(".")[0]
    for name, known in sessions.items():
        yield known.row(name, stream)


def _unheaded(lines: Lines) -> Iterator[list[str]]:
    """Rows without the header, where there is one."""
    for number, row in enumerate(csv.reader(lines.texts())):
        if number or [name.strip().lower() for name in row[:2]] != ["session", "seq"]:
            yield row
