"""When a picture was made, by a line through the stamps that were read; told only where stamps agree.

A stamp that is read may be wrong: by chance (a CRC-16 lets one random reading in 65536 pass), or because it is old
(an encoder short of bits leaves blocks as they were, and a valid stamp of an earlier picture stays). So:

1. Only the first sight of each stamp counts; a second sight is a picture or a block that was repeated.
2. They must lie on a line (see `stamp_line`): three of them, or, where old stamps are about, three that appeared under
   our eyes (the picture before was read and showed another), or a clear majority. The line holds from the first to
   the last of them and, where nothing was read since that contradicts it, a little beyond.
3. What contradicts it silences it at once. Three newer stamps that agree among themselves replace it (the source's
   clock was set), or six older ones (media time jumped).
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from qoe_agent.maths.stamp import COUNTERS
from qoe_agent.maths.stamp_line import DRIFT, FRAME, LEAST, SLACK, Line, Seen, drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

State: TypeAlias = Literal["read", "unreadable", "stale"]

KEPT = 256
"""First sights that a line goes through at most."""
DOUBTED = 32
"""First sights that are looked at where there is no line."""
WINDOW = 60.0
"""Seconds of media time over which they may lie."""
OLDER = 6
"""Stamps that must agree on a time older than the line before it is given up."""
BACK = 0.002
"""Seconds by which media time may go back (rounding); beyond that it began anew."""
UNEVEN = 0.3, 0.004
"""Share of a picture, and seconds, by which a picture may come off its time before a stamp has to confirm the line."""
AGAIN = 1.0
"""Seconds of media time after which the line is drawn anew."""


class Captured(NamedTuple):
    """When something was made."""

    at: float
    """Unix seconds of the clock that stamps."""
    uncertainty: float
    """Seconds by which it may be wrong, that clock taken for true."""


class Marks:
    """Pictures in presentation order in, capture times out."""

    def __init__(self) -> None:
        self.drops = 0
        """Source frames that never came, by the counter."""
        self.repeats = 0
        """Pictures that showed a source frame again."""
        self.line: Line | None = None
        """What the stamps agree on; it holds where `captured` answers."""
        self._on: deque[Seen] = deque(maxlen=KEPT)
        """First sights, since the last line ended."""
        self._against: deque[Seen] = deque(maxlen=DOUBTED)
        """First sights that are not on the line, since the last one that was."""
        self._sights: dict[tuple[int, int], int] = {}
        """How often each of the latest stamps was seen again."""
        self._read: tuple[int, int] | None = None
        """The stamp to count from."""
        self._since = 0
        """Pictures since then."""
        self._doubt: float | None = None
        """Media time from which on the line is not confirmed: contradicted, or media time made a leap."""
        self._pts: float | None = None
        self._shown = 0.0
        """Seconds from picture to picture."""
        self._fitted = 0.0
        """Media time of the last stamp when the line was drawn."""

    def feed(self, pts: float, stamp: tuple[int, int] | None, follows: bool = True) -> State:
        """Take a picture: its stamp (ms, counter), if that could be read; `follows`: none was left out before it."""
        self._step(pts, follows)
        before = self._read if follows and self._since == 0 else None
        self._count(stamp, follows)
        if stamp is None:
            return "unreadable"
        sure = before is not None and _plausible(before, stamp)
        seen = Seen(pts, *stamp, sure)
        if stamp in self._sights:
            self._sights[stamp] += 1
        else:
            self._sights[stamp] = 0
            if len(self._sights) > KEPT:
                del self._sights[next(iter(self._sights))]
            self._sight(seen)
        line = self.line
        return "stale" if line and line.off(seen) < -line.band - max(0.0, line.frame - self._shown) else "read"

    def see(self, pts: float | None, look: Sequence[Any] | None) -> State | None:
        """Take what the look `stamp` said of a picture; None while no stamp was found."""
        if look is None or pts is None:
            return None
        ms, counter, _, follows = look
        return self.feed(pts, None if ms is None else (ms, counter), follows)

    def restart(self) -> None:
        """Media time began anew."""
        self.line = self._read = self._pts = self._doubt = None
        self._on.clear()
        self._against.clear()
        self._sights.clear()

    def captured(self, pts: float) -> Captured | None:
        """When what is shown at `pts` was made; None where too little agrees."""
        line = self.line
        if line is None or (self._doubt is not None and (pts > line.last or pts >= self._doubt)):
            return None
        beyond = max(pts - line.last, line.first - pts, 0.0)
        return Captured(line.captured(pts), 0.0005 + line.scatter + DRIFT * beyond) if beyond <= line.reach else None

    def _step(self, pts: float, follows: bool) -> None:
        """Media time goes on."""
        step = 0.0 if self._pts is None else pts - self._pts
        if step < -BACK:
            self.restart()
        if self._doubt is None and (not follows or abs(step - self._shown) > UNEVEN[0] * self._shown + UNEVEN[1]):
            self._doubt = pts
        if follows and step > 0.0:
            frame = min(max(step, FRAME[0]), FRAME[1])
            self._shown += (frame - self._shown) * (0.1 if self._shown else 1.0)
        self._pts = pts

    def _sight(self, seen: Seen) -> None:
        """A stamp that was not seen before."""
        line = self.line
        if line is None:
            self._on.append(seen)
            if len(self._on) > DOUBTED:
                self._on.popleft()
            self._draw()
        elif abs(line.off(seen)) <= line.band:
            self._on.append(seen)
            self._against.clear()
            self.line, self._doubt = replace(line, last=seen.pts), None
            if len(self._on) < 2 * LEAST or seen.pts > self._fitted + AGAIN:
                self._draw()
        else:
            self._against.append(seen)
            self._doubt = seen.pts if self._doubt is None else self._doubt
            other = drawn(self._against, self._shown, self._stale)
            if other and other.marks >= (LEAST if other.captured(seen.pts) > line.captured(seen.pts) else OLDER):
                self._on = deque(self._against, maxlen=KEPT)
                self._against.clear()
                self.line, self._fitted, self._doubt = other, seen.pts, None

    @property
    def _stale(self) -> bool:
        """Stamps were seen more than once."""
        return any(self._sights.values())

    def _draw(self) -> None:
        while self._on[-1].pts - self._on[0].pts > WINDOW:
            self._on.popleft()
        self.line, self._fitted, self._doubt = drawn(self._on, self._shown, self._stale), self._on[-1].pts, None

    def _count(self, stamp: tuple[int, int] | None, follows: bool) -> None:
        """Source frames that were left out or shown again, between pictures that follow one another."""
        if not follows:
            self._read = None
        self._since += 1
        if stamp is None:
            return
        if self._read is None or not _plausible(self._read, stamp):
            self._read, self._since = stamp, 0
            return
        frames = (stamp[1] - self._read[1]) % COUNTERS
        self.drops += max(0, frames - self._since)
        self.repeats += max(0, self._since - frames)
        self._read, self._since = stamp, 0


def _plausible(before: tuple[int, int], now: tuple[int, int]) -> bool:
    """Whether so many frames may have passed in so much time."""
    seconds, frames = (now[0] - before[0]) / 1000, (now[1] - before[1]) % COUNTERS
    return now == before or 0 < frames * FRAME[0] <= seconds + SLACK <= min(frames + 1.0, WINDOW)
