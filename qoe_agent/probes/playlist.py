"""Playlists and segments (HLS): how they are fetched, and whether the playlist keeps moving.

A live playlist must change within 1.5 target durations (RFC 8216 §6.2.1). It counts as stale from then on,
once a fetch after that moment has shown no change: a poll that merely came late accuses nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
SEGMENT_ERRORS = Metric("qoe_segment_errors_total", "counter", "Segments that stayed broken.", ("reason",))
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

STALE = 1.5
"""Target durations until a playlist must have changed."""
UNSEEN = 3.0
"""Target durations without any fetch after which it counts as stale, seen or not."""
FRESH = 60.0
"""Seconds that the last segment's speed is worth showing."""


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
    """Follows the media playlist of one rendition."""

    _changed: float | None = field(default=None, init=False, repr=False)
    """When the playlist was last seen to change."""
    _target: float | None = field(default=None, init=False, repr=False)
    _ended: bool = field(default=False, init=False, repr=False)
    _sequence: int | None = field(default=None, init=False, repr=False)
    _speed: tuple[float, float] | None = field(default=None, init=False, repr=False)
    """When, and how fast, the last segment came."""
    _counts: dict[tuple[str, str], int] = field(default_factory=dict, init=False, repr=False)
    _backwards: int = field(default=0, init=False, repr=False)
    _open: dict[str, Incident] = field(default_factory=dict, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterator[Finding]:
        if isinstance(seen, Playlist):
            yield from self._playlist(seen)
        elif isinstance(seen, Segment):
            yield from self._segment(seen)
        elif isinstance(seen, Tick):
            yield from self._tick(seen)
        elif isinstance(seen, Opened | Lost):
            for kind in tuple(self._open):
                yield from self._close(kind, seen.at)
            self._changed = self._target = self._sequence = self._speed = None
            self._ended = False
            if isinstance(seen, Lost):
                yield from self._counters()

    def _playlist(self, seen: Playlist) -> Iterator[Finding]:
        if seen.error:
            self._count("playlist", seen.error)
        else:
            yield Sample(PLAYLIST, max(0.0, seen.at - seen.requested))
        if seen.kind != "media":
            return
        if not seen.error:
            self._target = seen.target_duration or self._target
            self._ended = seen.ended
            if seen.media_sequence is not None:
                self._backwards += self._sequence is not None and seen.media_sequence < self._sequence
                self._sequence = seen.media_sequence
            if seen.changed or seen.ended or self._changed is None:
                yield from self._stale(seen.at, UNSEEN)
                yield from self._close("playlist_stale", seen.at)
                self._changed = seen.at
                return
        yield from self._stale(seen.at, STALE)

    def _stale(self, now: float, patience: float) -> Iterator[Finding]:
        """Open the incident if the playlist has not changed for `patience` target durations."""
        if self._changed is None or not self._target or self._ended or "playlist_stale" in self._open:
            return
        if now - self._changed > patience * self._target:
            detail = {"target_duration": self._target, "media_sequence": self._sequence}
            stale = Incident("playlist_stale", self._changed + STALE * self._target, None, "warning", detail=detail)
            self._open["playlist_stale"] = stale
            yield stale

    def _segment(self, seen: Segment) -> Iterator[Finding]:
        took = max(0.0, seen.at - seen.requested)
        if seen.first_byte is not None:
            yield Sample(FIRST, max(0.0, seen.first_byte - seen.requested))
        if not seen.error:
            yield Sample(SEGMENT, took)
            self._speed = (seen.at, seen.duration / took) if took > 0.0 and seen.duration > 0.0 else self._speed
            yield from self._close("segment_error", seen.at)
            return
        reason = self._count("segment", seen.error)
        was = self._open.get("segment_error")
        detail = {"reason": reason, "sequence": seen.sequence, "segments": 1}
        if was:
            detail = {**was.detail, "segments": was.detail["segments"] + 1}
        broken = Incident("segment_error", was.start if was else seen.requested, None, "warning", detail=detail)
        self._open["segment_error"] = broken
        yield broken

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        yield from self._counters()
        yield from self._stale(tick.at, UNSEEN)
        if self._changed is not None:
            yield Sample(AGE, None if self._ended else max(0.0, tick.at - self._changed))
        if self._speed is not None:
            yield Sample(SPEED, self._speed[1] if tick.at - self._speed[0] <= FRESH else None)

    def _close(self, kind: str, at: float) -> Iterator[Finding]:
        was = self._open.pop(kind, None)
        if was:
            yield Incident(kind, was.start, max(at, was.start), was.severity, detail=was.detail)

    def _count(self, what: str, error: str) -> str:
        reason = error if error in LOST_REASONS else "failed"
        self._counts[what, reason] = self._counts.get((what, reason), 0) + 1
        return reason

    def _counters(self) -> Iterator[Finding]:
        for (what, reason), count in self._counts.items():
            yield Sample(PLAYLIST_ERRORS if what == "playlist" else SEGMENT_ERRORS, count, (reason,))
        self._counts.clear()
        if self._sequence is not None or self._backwards:
            yield Sample(BACKWARDS, self._backwards)
            self._backwards = 0
