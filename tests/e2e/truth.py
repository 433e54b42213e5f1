"""What a viewer must have met: the agent's own player model, run on the publisher's packet log (DECISIONS 9)."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qoe_agent.maths.viewing import Viewing
from qoe_agent.model import DISCONTINUITY, Format, Opened, Playlist, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from qoe_agent.maths.playout import Event
    from qoe_agent.model import Packet

PATIENCE = 30.0
TARGET = 1.0
"""Target duration of one-second fragments."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment appeared in a playlist."""

    at: float
    sequence: int


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.end - self.start


def rtmp(log: Iterable[Packet], joined: float) -> list[Span]:
    """The stalls of a viewer who joined an RTMP stream at `joined`."""
    viewing = Viewing("auto", PATIENCE)
    viewing.take(Opened(joined, joined, "rtmp"))
    viewing.take(Format(joined, 0, "video", "h264"))
    viewing.take(Format(joined, 1, "audio", "aac"))
    for packet in log:
        if packet.at >= joined:
            viewing.take(replace(packet))
    return spans(viewing.events)


class Listing:
    """Watches a playlist file fifty times a second: when each segment was listed, by the time the file was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="listing")
        self.segments: list[Listed] = []

    def __enter__(self) -> Listing:
        self._thread.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopping.wait(0.02):
            if not self._path.exists():
                continue
            with self._path.open() as file:
                at, lines = os.fstat(file.fileno()).st_mtime_ns / 1e9, file.read().splitlines()
            said = {name: value for name, _, value in (line.partition(":") for line in lines)}
            if "#EXT-X-MEDIA-SEQUENCE" not in said:
                continue
            first = int(said["#EXT-X-MEDIA-SEQUENCE"])
            known = self.segments[-1].sequence if self.segments else -1
            listed = range(first, first + sum(line.startswith("#EXTINF:") for line in lines))
            self.segments += [Listed(at, sequence) for sequence in listed if sequence > known]


def fragments(shows: Sequence[Sequence[Packet]], seconds: float = 1.0) -> list[list[Packet]]:
    """The packets as nginx cuts them: at the first key frame `seconds` into a fragment, and where a show begins."""
    found: list[list[Packet]] = []
    for number, show in enumerate(shows):
        began: float | None = None
        for packet in show:
            pts = packet.pts or 0.0
            if packet.kind == "video" and packet.key and (began is None or pts - began > seconds - 0.01):
                began = pts
                found.append([])
            if began is not None:
                first = number > 0 and began == pts
                found[-1].append(replace(packet, flags=packet.flags | DISCONTINUITY) if first else packet)
    return found


def hls(
    shows: Sequence[Sequence[Packet]], segments: Sequence[Listed], served: Sequence[tuple[float, int, float]]
) -> list[Span]:
    """The stalls of a viewer to whom the server sent segments and playlists at the times in its access log."""
    viewing = Viewing("auto", PATIENCE)
    joined = served[0][0]
    viewing.take(Opened(joined, joined, "hls"))
    viewing.take(Format(joined, 0, "video", "h264"))
    viewing.take(Format(joined, 1, "audio", "aac"))
    cut = fragments(shows)
    for at, sequence, told in served:
        newest = max(each.sequence for each in segments if each.at <= told)
        viewing.take(Playlist(at, at, "media", "", TARGET, sequence, newest - sequence + 1))
        for packet in cut[sequence]:
            viewing.take(replace(packet, at=at))
        seconds = (cut[sequence][-1].pts or 0.0) - (cut[sequence][0].pts or 0.0) + 0.04
        viewing.take(Segment(at, at, at, sequence, seconds, 1, backlog=sequence < newest))
    return spans(viewing.events)


def spans(events: Iterable[Event]) -> list[Span]:
    """The stalls among a player's events that ended."""
    found, begun = [], None
    for event in events:
        if event.kind == "stall":
            begun = event.at
        elif begun is not None:
            found.append(Span(begun, event.at))
            begun = None
    return found
