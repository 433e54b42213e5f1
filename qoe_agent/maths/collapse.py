"""Where the pictures' coded size collapses: what a standing picture costs an encoder, seen without decoding.

Of a picture that stands still the encoder skips nearly all: most pictures between key frames shrink at once to a
fraction of what they were. Some need not (rate control spends what it saves on refinement, in reference pictures), so
the median over half a second tells; and the small ones, in order of presentation, tell when it began and ended.
Encoders that fill up to a constant rate show nothing.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from statistics import median
from typing import NamedTuple

WINDOW = 0.5
"""Seconds of packets whose median is taken."""
FEWEST = 5
"""Packets between key frames in that."""
SMALL = 0.15
"""Of the level: so small is the median in a collapse, and so small are the pictures by which its ends are found."""
AGAIN = 0.8
"""Of the level: so large are half of the last few when it is over."""
FEW = 5
LEVEL = 75
"""Packets whose median is the level."""
SPIKE = 4.0
"""Times the largest of the last packets (but for one in twenty): a cut."""
JOINED = 0.6
"""Seconds by which a fall may be interrupted."""
WAITING = 64
"""Packets held back to be put in order."""


class Fall(NamedTuple):
    """A stretch of packets that are small, in media time."""

    start: float
    """Of the first small one."""
    end: float | None
    """One picture after the last; None while it lasts."""
    until: float
    """Of the last small one so far."""
    level: float
    """Bytes of the median packet between key frames before it."""
    size: float
    """And in it."""
    cut: bool
    """It began with a picture larger than any lately: a cut to something that stands still."""
    keys: int
    """Key frames in it."""
    alike: bool
    """Those are of nearly one size."""


class Collapse:
    """Feed it the packets of a video track in the order of decoding."""

    __slots__ = ("_held", "_keys", "_last", "_level", "_levels", "_recent", "_sizes", "falls")

    def __init__(self) -> None:
        self._held: list[tuple[float, int, bool]] = []
        self._levels: deque[int] = deque(maxlen=LEVEL)
        self._recent: deque[tuple[float, int]] = deque(maxlen=512)
        """(media time, size) of packets between key frames, of the last half second and some."""
        self._level = 0.0
        self._keys: list[int] = []
        self._sizes: deque[int] = deque(maxlen=LEVEL)
        self._last: float | None = None
        self.falls: deque[Fall] = deque(maxlen=8)
        """The latest last; the last may be open."""

    def add(self, pts: float | None, dts: float | None, size: int, key: bool) -> None:
        """The next packet."""
        if pts is None:
            return
        insort(self._held, (pts, size, key))
        due = pts if dts is None else dts
        while self._held and (self._held[0][0] <= due or len(self._held) > WAITING):
            self._shown(*self._held.pop(0))

    def _shown(self, pts: float, size: int, key: bool) -> None:
        last, self._last = self._last, pts
        if last is not None and not 0.0 <= pts - last <= 2.0:
            self._restart()
        fall = self.falls[-1] if self.falls and self.falls[-1].end is None else None
        if key:
            if fall:
                self._keys.append(size)
            return
        recent = self._recent
        recent.append((pts, size))
        while recent[0][0] < pts - 2 * WINDOW:
            recent.popleft()
        if fall:
            self._goes_on(fall, pts, size)
            return
        lately = [s for at, s in recent if at > pts - WINDOW]
        if len(lately) >= FEWEST and len(self._levels) >= 2 * FEWEST:
            level = median(self._levels)
            if median(lately) <= SMALL * level:
                self._falls(pts, level)
                return
        if len(recent) > FEWEST:
            self._levels.append(recent[-FEWEST][1])

    def _restart(self) -> None:
        if self.falls and self.falls[-1].end is None:
            self.falls[-1] = self.falls[-1]._replace(end=self.falls[-1].until)
        self._recent.clear()
        self._levels.clear()

    def _falls(self, pts: float, level: float) -> None:
        """Find where it began: after the last three large ones in a row."""
        recent, large, began = list(self._recent), 0, pts
        for at, size in reversed(recent):
            if size > SMALL * level:
                large += 1
                if large >= 3:
                    break
            else:
                began, large = at, 0
        before = [size for at, size in recent if at < began]
        usual = sorted(self._levels)[int(0.95 * len(self._levels))]
        cut = max(before[-3:], default=0) > SPIKE * usual
        self._level, self._keys = level, []
        self._sizes.clear()
        self._sizes.extend(size for at, size in recent if at >= began)
        self.falls.append(Fall(began, None, pts, level, median(self._sizes), cut, 0, True))

    def _goes_on(self, fall: Fall, pts: float, size: int) -> None:
        self._sizes.append(size)
        lately = [s for _, s in self._recent][-FEW:]
        alike = not self._keys or max(self._keys) <= 1.25 * min(self._keys)
        until = pts if size <= SMALL * fall.level else fall.until
        fall = fall._replace(until=until, size=median(self._sizes), keys=len(self._keys), alike=alike)
        if median(lately) > AGAIN * fall.level:
            small = [at for at, s in self._recent if s <= SMALL * fall.level]
            after = [at for at, _ in self._recent if small and at > small[-1]]
            fall = fall._replace(end=after[0] if after else pts)
            self._recent = deque((one for one in self._recent if small and one[0] > small[-1]), maxlen=512)
        self.falls[-1] = fall

    def latest(self) -> Fall | None:
        """The last fall, with those before it that were merely interrupted (refinement, a key frame) as one."""
        if not self.falls:
            return None
        last = self.falls[-1]
        for fall in reversed(list(self.falls)[:-1]):
            if fall.end is None or last.start - fall.end > JOINED:
                break
            keys, alike = last.keys + fall.keys, last.alike and fall.alike
            last = last._replace(start=fall.start, level=fall.level, cut=fall.cut, keys=keys, alike=alike)
        return last
