"""What a player holds of one track: stretches of media on one continuous timeline.

Timestamps that jump are moved so that media goes on where it stopped, as mpegts.js's remuxer does; a hole that
arrival explains (packets were lost) stays a hole.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

EPSILON = 1e-5
"""Seconds that count as nothing: doubles of Unix time resolve 0.2 µs."""
NEARBY = 1.0
"""Seconds within which one track's jump is taken to be the other's."""
OVERDUE = 1.0
"""A hole is one if arrival paused for half of it, give or take this much; else timestamps jumped."""
LONGEST = 1.0
"""No frame is taken to last longer than this."""


class Track:
    """The media of one track as it arrives. Places are on the player's timeline: timestamp + `shift`."""

    VANISHED: ClassVar[float] = 1.0
    """A track this far behind another one, in media seconds, no longer holds it up."""

    __slots__ = ("_duration", "_last", "_lead", "_seen", "_steps", "fresh", "keyed", "kind", "ranges", "shift")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.keyed = False
        """Whether decoding has begun on this connection."""
        self.fresh = True
        """No frame came on this connection yet."""
        self.shift = 0.0
        self.ranges: deque[list[float]] = deque()
        """[begin, end] of what can be played without a hole, in the order of the timeline."""
        self._last = 0.0  # decoding time of the newest frame, placed
        self._seen = 0.0  # when it came
        self._lead = 0.0  # least presentation − decoding time
        self._duration = 0.0
        self._steps: deque[float] = deque(maxlen=9)

    @property
    def begins(self) -> float:
        """Where the newest stretch begins."""
        return self.ranges[-1][0]

    @property
    def end(self) -> float:
        """Where the newest media ends."""
        return self.ranges[-1][1]

    def after(self, head: float) -> float | None:
        """Where the media behind the next hole after `head` begins; None if there is none."""
        return next((begin for begin, _ in self.ranges if begin > head + EPSILON), None)

    def forget_short(self, head: float) -> None:
        """What lies between two holes after `head` was not enough to play: it never will be."""
        while len(self.ranges) > 1 and head + EPSILON < self.ranges[-2][0]:
            del self.ranges[-2]

    def prune(self, head: float) -> None:
        """Forget what lies before the stretch that holds `head`."""
        while len(self.ranges) > 1 and self.ranges[1][0] <= head + EPSILON:
            self.ranges.popleft()

    def stretch(self, begin: float) -> None:
        """Take it that media from `begin` on is there as well."""
        self.ranges[0][0] = min(self.ranges[0][0], begin)

    def covers(self, head: float) -> float | None:
        """Up to where this track can be played from `head` on; None if it has nothing there."""
        for begin, end in reversed(self.ranges):
            if begin <= head + EPSILON:
                return end if end >= head - EPSILON else None
        return None

    def follows(self) -> float | None:
        """The decoding time, in the stream's own terms, of a frame that carries none."""
        return self._last + self._duration - self.shift if self.ranges and self._duration else None

    def fits(self, at: float, when: float, tolerance: float) -> bool:
        """Whether media time `when` at `at` lies on the timeline known so far."""
        return abs((when + self.shift - self._last) - (at - self._seen)) <= tolerance

    def rejoin(self, when: float, pts: float | None, max_gap: float) -> None:
        """The next frame is the first of a connection: it may lie before, at or beyond the end."""
        self.fresh = False
        self._lead = 0.0 if pts is None else pts - when
        place = when + self.shift
        begin = place + self._lead
        if not self.ranges or begin > self.end + max_gap:
            self.ranges.append([begin, begin])
        self._last = place - self._duration

    def take(
        self,
        at: float,
        when: float,
        pts: float | None,
        max_gap: float,
        broken: bool,
        others: Mapping[int, Track],
    ) -> float:
        """A frame with decoding time `when`, in order of arrival; returns its presentation's place."""
        place = when + self.shift
        step = place - self._last
        if not -max_gap <= step <= self._duration + max_gap:
            begin = when if pts is None else pts
            if step > 0 and not broken and at - self._seen >= step / 2 - OVERDUE:
                self.ranges.append([begin + self.shift, begin + self.shift])
            else:
                self._jump(when, others)
            place = when + self.shift
            self._lead = begin - when
        else:
            if 0.0 < step <= LONGEST:
                self._learn(step)
            if pts is not None and pts - when < self._lead:
                self._lead = pts - when
        if place > self._last:
            self._last = place
        self._seen = at
        end = place + self._lead + self._duration
        newest = self.ranges[-1]
        if end > newest[1]:
            newest[1] = end
        return place if pts is None else pts + self.shift

    def _jump(self, when: float, others: Mapping[int, Track]) -> None:
        """Timestamps jumped: go on where media stopped, by the shift of the other track if that jumped alike."""
        expected = self._last + self._duration
        for other in others.values():
            if other is not self and other.ranges and abs(when + other.shift - expected) <= NEARBY:
                self.shift = other.shift
                break
        else:
            self.shift = expected - when
        self._last = min(self._last, when + self.shift)

    def _learn(self, step: float) -> None:
        """The median of recent steps is how long a frame lasts."""
        self._steps.append(step)
        if abs(step - self._duration) > 0.1 * self._duration:
            self._duration = sorted(self._steps)[len(self._steps) // 2]
