"""Playlists and segments (HLS): how they are fetched, and whether the playlist keeps moving.

A live playlist must change within 1.5 target durations (RFC 8216 §6.2.1). It counts as stale from then on,
once a fetch after that moment has shown no change: a poll that merely came late accuses nobody. Nor does time in which
the agent itself stood still (`Tick.lag`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qoe_agent.model import (
    LOST_REASONS,
    Incident,
    Lost,
    Metric,
    Observation,
    Opened,
    Playlist,
    Sample,
    Segment,
    Tick,
)
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.model import Finding

TIMES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

PLAYLIST = Metric("qoe_playlist_fetch_seconds", "histogram", "Request to the whole playlist.", (), TIMES)
SEGMENT = Metric("qoe_segment_fetch_seconds", "histogram", "Request to a segment's last byte.", (), TIMES)
FIRST = Metric("qoe_segment_first_byte_seconds", "histogram", "Request to a segment's first byte.", (), TIMES)
PLAYLIST_ERRORS = Metric("qoe_playlist_errors_total", "counter", "Playlists that could not be had.", ("reason",))
SEGMENT_ERRORS = Metric(
    "qoe_segment_errors_total", "counter", "Segments that stayed broken or left the playlist unseen.", ("reason",)
)
AGE = Metric("qoe_playlist_age_seconds", "gauge", "Time since the playlist was last seen to change.")
SPEED = Metric(
    "qoe_segment_speed_ratio", "gauge", "Duration of the last segment over the time it took to fetch: below 1 "
    "a viewer runs dry.",
)  # fmt: skip
BACKWARDS = Metric(
    "qoe_media_sequence_backwards_total",
    "counter",
    "Times EXT-X-MEDIA-SEQUENCE decreased (RFC 8216 §6.2.2 forbids it).",
)

BROKEN = {
    "truncated": "the segment ends too early",
    "parse": "its bytes follow no syntax",
    "missed": "it left the playlist before it could be fetched",
}
"""What can be wrong with a segment beside LOST_REASONS."""
MOST_LISTS = 8
STALE = 1.5
"""Target durations until a playlist must have changed."""
UNSEEN = 3.0
"""Target durations without any fetch after which it counts as stale, seen or not."""
BLIND = 0.5
"""Lateness of the agent from which on it counts."""
FRESH = 60.0
"""Seconds that the last segment's speed is worth showing."""


@dataclass(slots=True)
class _List:
    """One media playlist."""

    key: str
    changed: float
    """When it was last seen to change."""
    target: float | None = None
    ended: bool = False
    sequence: int | None = None
    blind: float = 0.0
    """Seconds since then in which the agent looked at nothing."""

    def stale(self, now: float, patience: float) -> bool:
        """Whether it has not changed for `patience` target durations."""
        passed = now - self.changed - self.blind
        return bool(self.target) and not self.ended and passed > patience * (self.target or 0.0)


@probe(
    PLAYLIST, SEGMENT, FIRST, PLAYLIST_ERRORS, SEGMENT_ERRORS, AGE, SPEED, BACKWARDS,
    sees=(Opened, Playlist, Segment, Tick, Lost),
    incidents={
        "playlist_stale": "the playlist did not change in time",
        "segment_error": "segments could not be fetched or read, until one could again",
    },
)  # fmt: skip
@dataclass(slots=True)
class PlaylistProbe:
    """Follows the media playlists of one rendition: of its pictures, and of its sound where that has its own."""

    _lists: dict[int, _List] = field(default_factory=dict, init=False, repr=False)
    _late: list[tuple[_List, float]] = field(default_factory=list, init=False, repr=False)
    """Playlists that were not asked for in time, and when they were seen to have changed: the next Tick says why."""
    _speed: tuple[float, float] | None = field(default=None, init=False, repr=False)
    """When, and how fast, the last segment came."""
    _counts: dict[tuple[Metric, str], int] = field(default_factory=dict, init=False, repr=False)
    _backwards: int | None = field(default=None, init=False, repr=False)
    _open: dict[tuple[str, str], Incident] = field(default_factory=dict, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterator[Finding]:
        if isinstance(seen, Playlist):
            yield from self._playlist(seen)
        elif isinstance(seen, Segment):
            yield from self._segment(seen)
        elif isinstance(seen, Tick):
            yield from self._tick(seen)
        elif isinstance(seen, Opened | Lost):
            for which in tuple(self._open):
                yield from self._close(which, seen.at)
            self._lists.clear()
            self._late.clear()
            self._speed = None
            if isinstance(seen, Lost):
                yield from self._counters()

    def _playlist(self, seen: Playlist) -> Iterator[Finding]:
        if seen.error:
            self._count(PLAYLIST_ERRORS, seen.error)
        else:
            yield Sample(PLAYLIST, max(0.0, seen.at - seen.requested))
        known = self._lists.get(seen.track)
        if seen.kind != "media" or (known is None and (seen.error or len(self._lists) >= MOST_LISTS)):
            return
        if known is None:
            known = self._lists[seen.track] = _List(_key(seen.track), seen.at)
        if seen.error:
            yield from self._stale(known, seen.at, STALE)
            return
        known.target = seen.target_duration or known.target
        known.ended = seen.ended
        self._ordered(known, seen.media_sequence)
        if not (seen.changed or seen.ended):
            yield from self._stale(known, seen.at, STALE)
            return
        if known.stale(seen.at, UNSEEN) and ("playlist_stale", known.key) not in self._open:
            self._late.append((replace(known), seen.at))
        yield from self._close(("playlist_stale", known.key), seen.at)
        known.changed, known.blind = seen.at, 0.0

    def _ordered(self, known: _List, sequence: int | None) -> None:
        if sequence is not None:
            self._backwards = (self._backwards or 0) + (known.sequence is not None and sequence < known.sequence)
            known.sequence = sequence

    def _stale(self, known: _List, now: float, patience: float) -> Iterator[Finding]:
        """Open the incident if the playlist has not changed for `patience` target durations."""
        which = "playlist_stale", known.key
        if which in self._open or known.target is None or not known.stale(now, patience):
            return
        detail = {"target_duration": known.target, "media_sequence": known.sequence}
        began = known.changed + STALE * known.target
        self._open[which] = Incident("playlist_stale", began, None, "warning", known.key, detail=detail)
        yield self._open[which]

    def _segment(self, seen: Segment) -> Iterator[Finding]:
        which = "segment_error", _key(seen.track)
        took = seen.at - seen.requested
        if seen.first_byte is not None:
            yield Sample(FIRST, max(0.0, seen.first_byte - seen.requested))
        if not seen.error:
            yield Sample(SEGMENT, max(0.0, took))
            if took > 0.0 and seen.duration > 0.0 and not which[1]:
                self._speed = seen.at, seen.duration / took
            yield from self._close(which, seen.at)
            return
        reason = self._count(SEGMENT_ERRORS, seen.error)
        was = self._open.get(which)
        detail = {"reason": reason, "sequence": seen.sequence, "segments": 1}
        if was:
            detail = {**was.detail, "segments": was.detail["segments"] + 1}
        start = was.start if was else seen.requested
        self._open[which] = Incident(which[0], start, None, "warning", which[1], detail=detail)
        yield self._open[which]

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        yield from self._counters()
        blind = tick.lag if tick.lag >= BLIND else 0.0
        for late, changed in self._late:
            late.blind += blind
            yield from self._stale(late, changed, UNSEEN)
            yield from self._close(("playlist_stale", late.key), changed)
        self._late.clear()
        for known in self._lists.values():
            known.blind += min(blind, max(0.0, tick.at - known.changed))
            yield from self._stale(known, tick.at, UNSEEN)
        if self._lists:
            ages = [max(0.0, tick.at - known.changed) for known in self._lists.values() if not known.ended]
            yield Sample(AGE, max(ages, default=None))
        if self._speed is not None:
            yield Sample(SPEED, self._speed[1] if tick.at - self._speed[0] <= FRESH else None)

    def _close(self, which: tuple[str, str], at: float) -> Iterator[Finding]:
        was = self._open.pop(which, None)
        if was:
            yield replace(was, end=max(at, was.start))

    def _count(self, metric: Metric, error: str) -> str:
        word = error.partition(":")[0]
        reason = word if word in LOST_REASONS or (metric is SEGMENT_ERRORS and word in BROKEN) else "failed"
        self._counts[metric, reason] = self._counts.get((metric, reason), 0) + 1
        return reason

    def _counters(self) -> Iterator[Finding]:
        for (metric, reason), count in self._counts.items():
            yield Sample(metric, count, (reason,))
        self._counts.clear()
        if self._backwards is not None:
            yield Sample(BACKWARDS, self._backwards)
            self._backwards = 0


def _key(track: int) -> str:
    """The incident key of a playlist and its segments: empty for the pictures', which is the only one mostly."""
    return f"track {track}" if track else ""
