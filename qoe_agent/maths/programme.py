"""What a stream was made of, second by second of its media: sizes, key frames, quantisers, sound, and what was wrong.

Seconds are numbered on a timeline of their own that goes on where timestamps jump or leave a hole, as playback does.
"""

from __future__ import annotations

from collections import deque
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.p1203 import Coded

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 100
"""Seconds that are remembered."""
HOLE = 3.0
"""A step of more seconds than this is no media."""
BACK = 1.0
"""Decoding times that run back by more begin anew."""
REACH = 10
"""Seconds either side of an instant that say what it is made of (P.1203's measurement window of 20 s)."""
ENOUGH = 3
"""Quantisers of non-I frames in a window that make a mean."""
DENSE = 0.5
"""Decoded quantisers a second that make a better mean than those of headers."""

BYTES, FRAMES, KEY_BYTES, KEYS, QP, QPS, BLOCK_QP, BLOCK_QPS, SOUND, BLACK, FREEZE, SILENCE, SYNC = range(13)
FAULTS = {"black": BLACK, "freeze": FREEZE, "silence": SILENCE, "sync": SYNC}


class Level(NamedTuple):
    """What does not change within a quality level."""

    codec: str
    pixels: int


class Around(NamedTuple):
    """What is known of an instant."""

    pictures: Coded | None
    sound: float
    """Bytes a second."""
    decoded: bool
    """The quantiser is of decoded macroblocks, not of headers."""


class Programme:
    """Feed packets in order of arrival; marks may come later, by media time."""

    __slots__ = ("_base", "_faulty", "_last", "_level", "_levels", "_seconds", "first", "sounding", "watched")

    def __init__(self) -> None:
        self._seconds: deque[list[float]] = deque()
        self._levels: deque[Level | None] = deque()
        self._level: Level | None = None
        self._base: float | None = None
        self._last = 0.0
        self.first = 0
        """The oldest second that is remembered."""
        self._faulty = dict.fromkeys(FAULTS, 0.0)
        """Seconds of each fault in what is no longer remembered."""
        self.sounding = False
        """There is a sound track: a second without any of it is silent."""
        self.watched: set[str] = set()
        """Faults that somebody looks for."""

    def anew(self) -> Programme:
        """Another one, of the same stream."""
        other = Programme()
        other.level(self._level)
        other.sounding = self.sounding
        return other

    @property
    def whole(self) -> int:
        """Seconds before this are complete, as far as their pictures go."""
        return self.first + max(0, len(self._seconds) - 1)

    @property
    def rate(self) -> float | None:
        """Pictures in the last complete second."""
        return self._seconds[-2][FRAMES] if len(self._seconds) > 1 else None

    def level(self, level: Level | None) -> None:
        """From now on pictures are like this."""
        self._level = level

    def place(self, media: float | None) -> float | None:
        """Where on the timeline a timestamp lies; None before there is one."""
        return None if media is None or self._base is None or not isfinite(media) else media - self._base

    def picture(self, media: float, size: int, key: bool) -> None:
        """A video packet, by its decoding time."""
        if self._base is None:
            self._base, self._last = media - self.first, media
        step = media - self._last
        if not -BACK <= step <= HOLE:
            self._base += step
        self._last = media
        number = int(media - self._base)
        if number >= self.first + len(self._seconds):
            self._open(number)
        second = self._seconds[-1]
        second[BYTES] += size
        second[FRAMES] += 1
        if key:
            second[KEY_BYTES] += size
            second[KEYS] += 1

    def _open(self, number: int) -> None:
        while self.first + len(self._seconds) <= number:
            self._seconds.append([0.0] * 13)
            self._levels.append(self._level)
        while len(self._seconds) > KEPT:
            old = self._seconds.popleft()
            self._levels.popleft()
            self.first += 1
            for fault in FAULTS:
                self._faulty[fault] += self._wrong(old, fault)

    def heard(self, media: float | None, size: int) -> None:
        """Bytes of sound."""
        if not self._seconds or not size:
            return
        place = self.place(media)
        at = len(self._seconds) - 1 if place is None else int(place) - self.first
        self._seconds[at if 0 <= at < len(self._seconds) else -1][SOUND] += size

    def quantiser(self, qp: float, media: float | None = None) -> None:
        """Of a non-I picture: out of a header just read, or (`media`) of a picture decoded."""
        if not self._seconds:
            return
        if media is None:
            self._seconds[-1][QP] += qp
            self._seconds[-1][QPS] += 1
            return
        place = self.place(media)
        at = -1 if place is None else int(place) - self.first
        if 0 <= at < len(self._seconds):
            self._seconds[at][BLOCK_QP] += qp
            self._seconds[at][BLOCK_QPS] += 1

    def mark(self, fault: str, begin: float, end: float) -> None:
        """Something was wrong between two presentation times."""
        start, stop = self.place(begin), self.place(end)
        if start is None or stop is None:
            return
        self._mark(FAULTS[fault], start, stop)

    def mark_lately(self, fault: str, seconds: float) -> None:
        """Something was wrong in the newest media."""
        end = float(self.first + len(self._seconds))
        self._mark(FAULTS[fault], end - seconds, end)

    def _mark(self, column: int, start: float, stop: float) -> None:
        start, stop = max(start, float(self.first)), min(stop, float(self.first + len(self._seconds)))
        while start < stop:
            number = int(start)
            until = min(stop, number + 1.0)
            second = self._seconds[number - self.first]
            second[column] = min(1.0, second[column] + until - start)
            start = until

    def shares(self, begin: int, end: int, *, ever: bool = False) -> dict[str, float]:
        """By fault that is looked for, its share of the seconds from `begin` to `end`; `ever`: since the beginning."""
        rows = [self._seconds[n - self.first] for n in self._known(begin, end)]
        count = end - begin
        if count <= 0:
            return {}
        before = self._faulty if ever else dict.fromkeys(FAULTS, 0.0)
        return {
            fault: min(1.0, (before[fault] + sum(self._wrong(row, fault) for row in rows)) / count)
            for fault in FAULTS
            if fault in self.watched or (fault == "silence" and self.sounding)
        }

    def around(self, number: int) -> Around | None:
        """What the 20 s around a second are made of, as far as they are of its quality level; None if unknown."""
        if not self.first <= number < self.whole:
            return None
        level = self._levels[number - self.first]
        begin = end = number
        while begin > max(self.first, number - REACH) and self._levels[begin - 1 - self.first] == level:
            begin -= 1
        while end + 1 < min(self.whole, number + REACH) and self._levels[end + 1 - self.first] == level:
            end += 1
        rows = [self._seconds[n - self.first] for n in range(begin, end + 1)]
        return _around([sum(column) for column in zip(*rows, strict=True)], len(rows), level)

    def _wrong(self, row: list[float], fault: str) -> float:
        return 1.0 if fault == "silence" and self.sounding and not row[SOUND] else row[FAULTS[fault]]

    def alike(self, one: int, other: int) -> bool:
        """Whether two seconds are of one quality level."""
        known = all(self.first <= n < self.first + len(self._seconds) for n in (one, other))
        return known and self._levels[one - self.first] == self._levels[other - self.first]

    def _known(self, begin: int, end: int) -> range:
        return range(max(begin, self.first), min(end, self.first + len(self._seconds)))


def _around(sums: Sequence[float], count: int, level: Level | None) -> Around:
    sound = sums[SOUND] / count
    if level is None or not sums[FRAMES]:
        return Around(None, sound, False)
    others = sums[FRAMES] - sums[KEYS]
    intra = None
    if sums[KEYS] and others and sums[BYTES] > sums[KEY_BYTES]:
        intra = (sums[KEY_BYTES] / sums[KEYS]) / ((sums[BYTES] - sums[KEY_BYTES]) / others)
    qp, decoded = None, False
    if sums[BLOCK_QPS] >= max(ENOUGH, DENSE * count):
        qp, decoded = sums[BLOCK_QP] / sums[BLOCK_QPS], True
    elif sums[QPS] >= ENOUGH:
        qp = sums[QP] / sums[QPS]
    pictures = Coded(level.codec, level.pixels, sums[FRAMES] / count, sums[BYTES] / count, intra, qp)
    return Around(pictures, sound, decoded)
