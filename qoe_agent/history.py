"""The last hour of every stream, for pages: some measures each ten seconds, in the agent's own memory.

What is not known at a time is not there. A measure's values lie in one array of 4 bytes each, made when there is the
first of them; the times are common to all streams. It begins empty with the agent, and forgets a stream that is gone.
"""

from __future__ import annotations

import asyncio
from array import array
from math import inf, isnan, nan
from typing import TYPE_CHECKING, TypeAlias

from qoe_agent import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qoe_agent.board import Board
    from qoe_agent.known import Name
    from qoe_agent.sink import Key

    Reading: TypeAlias = Mapping[Name, tuple[float, int]]

STEP = 10.0
"""Seconds between two values."""
SLOTS = 360
"""Values of a measure that are kept: an hour."""
UP: Name = ("qoe_up", ())
CONNECTS: Name = ("qoe_connects_total", ())
"""Grows when a stream is back, whether it or its worker was gone."""
WATCHED: Name = ("qoe_watched_seconds_total", ())
STALLED: Name = ("qoe_stall_seconds_total", ())
STARTUP: Name = ("qoe_startup_seconds", ())
BYTES: tuple[Name, ...] = tuple(("qoe_received_bytes_total", (track,)) for track in ("video", "audio", "data"))
VIEWERS: Name = ("qoe_viewer_sessions", ())
EXITS: tuple[Name, ...] = tuple(
    ("qoe_viewer_exits_total", (state,))
    for state in ("starting", "playing", "stalled", "paused", "seeking", "waiting", "ended", "failed", "unknown")
)
METHODS = ("stamp", "sei", "rtcp", "prft", "act", "pdt", "onfi")
"""How capture times are known, in order of trust."""
GAUGES: Mapping[str, tuple[Name, ...]] = {
    "height": (("qoe_video_height_pixels", ()),),
    "width": (("qoe_video_width_pixels", ()),),
    "effective_height": (("qoe_effective_height_pixels", ("scaled",)), ("qoe_effective_height_pixels", ("detail",))),
    "frame_rate": (("qoe_frame_rate", ("measured",)), ("qoe_frame_rate", ("declared",))),
    "latency": tuple(("qoe_latency_seconds", (method, "transport")) for method in METHODS),
    "av_offset": (("qoe_av_offset_seconds", ("stamp",)), ("qoe_av_offset_seconds", ("events",))),
    "mos": (("qoe_mos", ("60s",)),),
    "loudness": (("qoe_loudness_lufs", ("short",)),),
    "viewers": (VIEWERS,),
}
"""Measures that are what a gauge says: the first of these that is there."""


def _bytes_per_second(before: Reading, now: Reading, seconds: float) -> float | None:
    """Bytes received a second, of all tracks; nothing where the stream was down or not watched for a part of it."""
    whole = _up(before) and _up(now) and not _increase(before, now, CONNECTS)[0]
    return sum(_increase(before, now, name)[0] for name in BYTES) / seconds if whole else None


def _stalled(before: Reading, now: Reading, seconds: float) -> float | None:
    """Seconds of stall, where there was playback that could stall."""
    return _increase(before, now, STALLED)[0] if _increase(before, now, WATCHED)[0] > 0.0 else None


def _startup(before: Reading, now: Reading, seconds: float) -> float | None:
    """Seconds from request to picture, on the mean of the joins that succeeded."""
    total, joins = _increase(before, now, STARTUP)
    return total / joins if joins else None


def _leaving(before: Reading, now: Reading, seconds: float) -> float | None:
    """Share of those who watch that leaves in a minute."""
    viewers = now.get(VIEWERS, (0.0, 0))[0]
    exits = sum(_increase(before, now, name)[0] for name in EXITS)
    return 60.0 * exits / seconds / viewers if viewers >= 1.0 and VIEWERS in before else None


def _increase(before: Reading, now: Reading, name: Name) -> tuple[float, int]:
    """By how much a counter grew: value and observations. One that is new, or fell, began at nothing."""
    value, count = now.get(name, (0.0, 0))
    was, counted = before.get(name, (0.0, 0))
    return (value, count) if value < was or count < counted else (value - was, count - counted)


GROWING: Mapping[str, Callable[[Reading, Reading, float], float | None]] = {
    "bytes_per_second": _bytes_per_second,
    "stalled": _stalled,
    "startup": _startup,
    "leaving": _leaving,
}
"""Measures of an interval."""
MEASURES = (*GAUGES, *GROWING)
_COUNTERS = (UP, CONNECTS, WATCHED, STALLED, STARTUP, *BYTES, VIEWERS, *EXITS)
NAMES = tuple(dict.fromkeys((*_COUNTERS, *(name for names in GAUGES.values() for name in names))))


class _Stream:
    """What is kept of one stream."""

    __slots__ = ("before", "latest", "values")

    def __init__(self) -> None:
        self.before: Reading | None = None
        """Counters at the last time."""
        self.latest: dict[str, float] = {}
        """Measures of an interval, and the startup of the latest joins while the stream is up."""
        self.values: dict[str, array[float]] = {}


class History:
    """Reads the board. All is called on the event loop."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._times = array("d", [nan]) * SLOTS
        self._next = 0
        """The slot of the next values."""
        self._at: float | None = None
        self._streams: dict[Key, _Stream] = {}

    async def run(self) -> None:
        """Take values until cancelled."""
        due = clock.now()
        while True:
            self.take(clock.now())
            due = max(due + STEP, clock.now())
            await asyncio.sleep(due - clock.now())

    def measures(self) -> tuple[str, ...]:
        """What there may be of a stream."""
        return MEASURES

    def take(self, now: float) -> None:
        """Note every stream's values."""
        seconds = None if self._at is None else now - self._at
        if seconds is not None and seconds <= 0.0:
            return
        slot, self._next, self._at = self._next, (self._next + 1) % SLOTS, now
        self._times[slot] = now
        readings = self._board.readings(NAMES)
        for key in self._streams.keys() - readings.keys():
            del self._streams[key]
        for key, found in readings.items():
            stream = self._streams.setdefault(key, _Stream())
            reading = {name: one for name, one in zip(NAMES, found, strict=True) if one is not None}
            grown = _grown(stream.before, reading, seconds)
            kept = {"startup": stream.latest["startup"]} if "startup" in stream.latest and _up(reading) else {}
            stream.before, stream.latest = {name: reading[name] for name in _COUNTERS if name in reading}, kept | grown
            self._note(stream, slot, _gauges(reading) | grown)

    def of(self, key: Key, measure: str) -> list[tuple[float, float]]:
        """When (agent time) and what, the oldest first; empty where nothing is known."""
        return self.since(key, measure, -inf)

    def streams(self) -> tuple[Key, ...]:
        """Those of which there is anything."""
        return tuple(self._streams)

    def since(self, key: Key, measure: str, at: float) -> list[tuple[float, float]]:
        """As `of`, from a time on."""
        stream = self._streams.get(key)
        values = stream.values.get(measure) if stream else None
        if values is None:
            return []
        found, slot = [], self._next
        for _ in range(SLOTS):
            slot = (slot or SLOTS) - 1
            if not self._times[slot] >= at:
                break
            if not isnan(values[slot]):
                found.append((self._times[slot], values[slot]))
        return found[::-1]

    def now(self, key: Key) -> dict[str, float]:
        """What is known now: states as they are, what is of an interval as it was in the last one."""
        found = self._board.readings(NAMES, key).get(key)
        if found is None:
            return {}
        reading = {name: one for name, one in zip(NAMES, found, strict=True) if one is not None}
        stream = self._streams.get(key)
        latest = stream.latest if stream and UP in reading else {}
        down = () if _up(reading) else ("bytes_per_second", "startup")
        return _gauges(reading) | {measure: value for measure, value in latest.items() if measure not in down}

    @staticmethod
    def _note(stream: _Stream, slot: int, found: Mapping[str, float]) -> None:
        for measure, values in stream.values.items():
            values[slot] = found.get(measure, nan)
        for measure in found.keys() - stream.values.keys():
            values = stream.values[measure] = array("f", [nan]) * SLOTS
            values[slot] = found[measure]


def _up(reading: Reading) -> bool:
    return UP in reading and reading[UP][0] > 0.0


def _gauges(reading: Reading) -> dict[str, float]:
    chosen = {measure: next((n for n in names if n in reading), None) for measure, names in GAUGES.items()}
    return {measure: reading[name][0] for measure, name in chosen.items() if name is not None}


def _grown(before: Reading | None, reading: Reading, seconds: float | None) -> dict[str, float]:
    """The measures of the interval; of a stream's first one, which began at some time, only what joins took."""
    if before is None or seconds is None:
        found = {"startup": _startup({}, reading, 0.0)}
    else:
        found = {measure: told(before, reading, seconds) for measure, told in GROWING.items()}
    return {measure: value for measure, value in found.items() if value is not None}
