"""When a picture was made, by a line through the stamps that were read; told only where stamps agree.

A stamp that is read may be wrong: by chance (a CRC-16 lets one random reading in 65536 pass), or because it is old
(an encoder short of bits leaves blocks as they were, and a valid stamp of an earlier picture stays). So:

1. Only the first sight of each stamp counts; a second sight is a picture or a block that was repeated.
2. Stamp time minus media time is constant but for drift. Where these offsets lie most densely is the line's level; of
   two levels as dense the later one, because an old stamp is always too old, never too new.
3. A line needs three stamps on it whose counters and times rise together; where old stamps are about, three that
   appeared under our eyes (the picture before was read and showed another), or a clear majority. It holds from the
   first to the last of them and, where nothing was read since that contradicts it, a little beyond.
4. What contradicts it silences it at once. Three newer stamps that agree among themselves replace it (the source's
   clock was set), or six older ones (media time jumped).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from qoe_agent.maths.stamp import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

State: TypeAlias = Literal["read", "unreadable", "stale"]

KEPT = 256
"""First sights that a line goes through at most."""
DOUBTED = 64
"""First sights that are looked at where there is no line."""
WINDOW = 60.0
"""Seconds of media time over which they may lie."""
LEAST = 3
"""Stamps that must agree."""
CROWD, SHARE = 8, 0.6
"""Stamps, and share of the first sights, that must agree where some were seen late and none is sure."""
OLDER = 6
"""Stamps that must agree on a time older than the line before it is given up."""
BACK = 0.5
"""Seconds by which media time may go back; beyond that it began anew."""
DRIFT = 0.002
"""Largest difference of the clocks' speeds."""
SPAN, MANY = 3.0, 16
"""Seconds and number of marks from which on their drift is estimated."""
AGAIN = 1.0
"""Seconds of media time after which the line is drawn anew."""
FRAME = (0.004, 0.1)
"""Shortest and longest duration of a frame that is believed, in seconds."""
SLACK = 0.002
"""Seconds beyond half a frame by which a stamp may lie off the line: rounded times."""
REACH = (2.0, 15.0)
"""Seconds beyond the last stamp that a line holds: three times their distance, within these."""


class Seen(NamedTuple):
    """A stamp and the media time of the picture that it was first seen on."""

    pts: float
    ms: int
    counter: int
    sure: bool = False
    """The picture before was read and showed another stamp: this one is not old."""


class Captured(NamedTuple):
    """When something was made."""

    at: float
    """Unix seconds of the clock that stamps."""
    uncertainty: float
    """Seconds by which it may be wrong, that clock taken for true."""


@dataclass(frozen=True, slots=True)
class Line:
    """Capture time over media time."""

    origin: float
    """Media time at which `at` holds."""
    at: float
    drift: float
    """Seconds by which capture time gains on media time in a second."""
    first: float
    last: float
    """Media time of the first and last stamp on it."""
    marks: int
    scatter: float
    """95 % of its stamps lie so close to it, in seconds."""
    band: float
    """Seconds by which a stamp on it may lie beside it."""
    reach: float
    """Seconds beyond the last stamp that it holds."""

    def captured(self, pts: float) -> float:
        """Unix seconds at which what is shown at `pts` was made."""
        return self.at + (pts - self.origin) * (1.0 + self.drift)

    def off(self, seen: Seen) -> float:
        """By how much a stamp is newer than the line says."""
        return seen.ms / 1000 - self.captured(seen.pts)


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
        self._pts: float | None = None
        self._shown = 0.0
        """Seconds from picture to picture."""
        self._fitted = 0.0
        """Media time of the last stamp when the line was drawn."""

    def feed(self, pts: float, stamp: tuple[int, int] | None, follows: bool = True) -> State:
        """Take a picture: its stamp (ms, counter), if that could be read; `follows`: none was left out before it."""
        if self._pts is not None and pts < self._pts - BACK:
            self.restart()
        if follows and self._pts is not None and pts > self._pts:
            step = min(max(pts - self._pts, FRAME[0]), FRAME[1])
            self._shown += (step - self._shown) * (0.1 if self._shown else 1.0)
        self._pts = pts
        sure = follows and self._since == 0 and self._read is not None
        self._count(stamp, follows)
        if stamp is None:
            return "unreadable"
        seen = Seen(pts, *stamp, sure)
        if stamp in self._sights:
            self._sights[stamp] += 1
        else:
            self._sights[stamp] = 0
            if len(self._sights) > KEPT:
                del self._sights[next(iter(self._sights))]
            self._sight(seen)
        return "stale" if self.line and self.line.off(seen) < -self.line.band else "read"

    def restart(self) -> None:
        """Media time began anew."""
        self.line = self._read = self._pts = None
        self._on.clear()
        self._against.clear()
        self._sights.clear()

    def captured(self, pts: float) -> Captured | None:
        """When what is shown at `pts` was made; None where too little agrees."""
        line = self.line
        if line is None or (self._against and pts > line.last):
            return None
        beyond = max(pts - line.last, line.first - pts, 0.0)
        return Captured(line.captured(pts), 0.0005 + line.scatter + DRIFT * beyond) if beyond <= line.reach else None

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
            self.line = replace(line, last=seen.pts)
            if len(self._on) < 2 * LEAST or seen.pts > self._fitted + AGAIN:
                self._draw()
        else:
            self._against.append(seen)
            other = drawn(self._against, self._shown, self._stale)
            if other and other.marks >= (LEAST if other.captured(seen.pts) > line.captured(seen.pts) else OLDER):
                self._on = deque(self._against, maxlen=KEPT)
                self._against.clear()
                self.line, self._fitted = other, seen.pts

    @property
    def _stale(self) -> bool:
        """Stamps were seen more than once."""
        return any(self._sights.values())

    def _draw(self) -> None:
        while self._on[-1].pts - self._on[0].pts > WINDOW:
            self._on.popleft()
        self.line, self._fitted = drawn(self._on, self._shown, self._stale), self._on[-1].pts

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


def drawn(marks: Sequence[Seen], shown: float, stale: bool = False) -> Line | None:
    """The line through first sights in order of media time; None where too few agree.

    `shown`: seconds from picture to picture; `stale`: some stamps were seen more than once.
    """
    if len(marks) < LEAST:
        return None
    base, start = marks[0].ms, marks[0].pts
    pts = np.array([m.pts - start for m in marks])
    made = np.array([(m.ms - base) / 1000 for m in marks])
    counters = np.array([m.counter for m in marks])
    offsets = made - pts
    frame = _frame(made, counters)
    band = max(frame, shown) / 2 + SLACK
    drift, on = 0.0, _dense(offsets, band)
    long = pts[-1] >= SPAN and len(pts) >= MANY
    if long and on.sum() < len(pts):
        half = len(pts) // 2
        slope = np.median(offsets[half:]) - np.median(offsets[:half])
        slope = float(slope / (np.median(pts[half:]) - np.median(pts[:half])))
        other = _dense(offsets - slope * pts, band)
        if abs(slope) <= DRIFT and other.sum() > on.sum():
            drift, on = slope, other
    on[on] = _rising(made[on], counters[on], frame)
    sure = np.array([m.sure for m in marks])
    enough = LEAST if on.all() and not stale else max(CROWD, SHARE * len(on))
    if on.sum() < enough and (on & sure).sum() < LEAST:
        return None
    at, level = float(pts[on].mean()), float(offsets[on].mean())
    if pts[on][-1] - pts[on][0] >= SPAN and on.sum() >= MANY:
        apart = pts[on] - at
        drift = float(np.clip((apart * offsets[on]).sum() / (apart**2).sum(), -DRIFT, DRIFT))
    left = np.abs(offsets[on] - level - drift * (pts[on] - at))
    reach = min(max(3 * float(np.median(np.diff(pts[on]))), REACH[0]), REACH[1])
    first, last = (float(v) + start for v in pts[on][[0, -1]])
    made_at = base / 1000 + at + level
    return Line(start + at, made_at, drift, first, last, int(on.sum()), float(np.quantile(left, 0.95)), band, reach)


def _frame(made: Floats, counters: NDArray[np.int64]) -> float:
    """Seconds between source frames."""
    frames = np.diff(counters) % COUNTERS
    steps = np.diff(made)
    fine = (frames > 0) & (frames < COUNTERS // 2) & (steps > 0)
    each = float(np.median(steps[fine] / frames[fine])) if fine.any() else 0.0
    return min(max(each, FRAME[0]), FRAME[1])


def _dense(offsets: Floats, band: float) -> NDArray[np.bool_]:
    """Which offsets lie around where most do; of two such places the later one."""
    order = np.sort(offsets)
    many = np.searchsorted(order, order + band / 2, side="right") - np.arange(len(order))
    core = len(order) - 1 - int(many[::-1].argmax())
    level = float(order[core : core + many[core]].mean())
    for _ in range(2):
        level = float(offsets[np.abs(offsets - level) <= band].mean())
    return np.asarray(np.abs(offsets - level) <= band)


def _rising(made: Floats, counters: NDArray[np.int64], frame: float) -> NDArray[np.bool_]:
    """Which marks agree with the one before or the one after on how many frames passed in the time between."""
    frames, steps = np.diff(counters) % COUNTERS, np.diff(made)
    fine = (frames > 0) & (steps > 0) & (steps < 3 * frame * frames) & (steps > frame * frames / 3)
    agree = np.zeros(len(made), np.bool_)
    agree[1:] |= fine
    agree[:-1] |= fine
    return agree
