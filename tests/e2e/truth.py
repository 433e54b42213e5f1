"""What a viewer must have met: the agent's own player model, run on the publisher's packet log (DECISIONS 9)."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.maths.viewing import Viewing
from qoe_agent.model import Format, Opened, Playlist, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from qoe_agent.maths.playout import Event
    from qoe_agent.model import Packet

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A segment appeared in a playlist."""

    at: float
    sequence: int
    seconds: float
    target: float
    """The playlist's target duration then."""


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
    """Watches a playlist file: when each segment was listed, by looking fifty times a second."""

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
            lines = self._path.read_text().splitlines()
            said = {name: value for name, _, value in (line.partition(":") for line in lines)}
            if "#EXT-X-MEDIA-SEQUENCE" not in said:
                continue
            durations = [float(line[8:].rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
            first, target = int(said["#EXT-X-MEDIA-SEQUENCE"]), float(said["#EXT-X-TARGETDURATION"])
            at = clock.now()
            known = self.segments[-1].sequence if self.segments else -1
            for sequence, seconds in enumerate(durations, first):
                if sequence > known:
                    self.segments.append(Listed(at, sequence, seconds, target))


def hls(log: Sequence[Packet], segments: Sequence[Listed], served: Sequence[tuple[float, int]]) -> list[Span]:
    """The stalls of a viewer to whom the server sent the segments at the times in its access log."""
    viewing = Viewing("auto", PATIENCE)
    joined = served[0][0]
    viewing.take(Opened(joined, joined, "hls"))
    viewing.take(Format(joined, 0, "video", "h264"))
    viewing.take(Format(joined, 1, "audio", "aac"))
    ends = list(itertools.accumulate((each.seconds for each in segments), initial=log[0].pts or 0.0))
    known = {each.sequence: place for place, each in enumerate(segments)}
    for at, sequence in served:
        place = known[sequence]
        listed = [each for each in segments if each.at <= at]
        newest, target = listed[-1].sequence, segments[place].target
        viewing.take(Playlist(at, at, "media", "", target, sequence, newest - sequence + 1))
        for packet in log:
            if packet.pts is not None and ends[place] - 0.001 <= packet.pts < ends[place + 1] - 0.001:
                viewing.take(replace(packet, at=at))
        viewing.take(Segment(at, at, at, sequence, segments[place].seconds, 1, backlog=place < len(listed) - 1))
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
