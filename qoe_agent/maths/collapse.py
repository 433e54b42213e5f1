"""Where the pictures' coded size collapses: what a standing picture costs an encoder, seen without decoding.

Of a picture that stands still the encoder skips nearly all: most pictures between key frames shrink at once to a
fraction of what they were. Some need not (rate control spends what it saves on refinement, in reference pictures), so
the median over half a second tells; and the small ones, in order of presentation, tell when it began and ended.
Encoders that fill up to a constant rate show nothing.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.ranks import Ranks

if TYPE_CHECKING:
    from collections.abc import Iterable

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
EARLY, GOPS, LIKE = 0.95, 6, (0.4, 2.2)
"""Of the longest of the last groups of pictures: a key frame that comes sooner shows another scene, if its size as a
share of the last one's is not within these. Encoders are also asked for key frames: by ad markers, by new viewers."""
TWICE = 0.5
"""Seconds within which two that come sooner show another scene whatever their sizes: a fade ends, and a cut."""
WHOLE, LARGER, REFINES = 0.8, 1.5, 0.5
"""Of the last key frame: another picture in a fall that is as large, so many seconds after it, shows another scene;
before then, while what was coded badly is refined, only one that is larger by so much."""
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
    """It began with another scene: a cut to something that stands still."""


class Collapse:
    """Feed it the packets of a video track in the order of decoding."""

    __slots__ = (
        "_cut", "_early", "_few", "_gops", "_held", "_key", "_last", "_lately", "_levels", "_open", "_recent", "_sizes",
        "_times", "_was",
    )  # fmt: skip

    def __init__(self) -> None:
        self._held: list[tuple[float, int, bool]] = []
        self._levels = Ranks(LEVEL)
        self._recent: deque[tuple[float, int]] = deque()
        """(media time, size) of packets between key frames, of the last second."""
        self._times: deque[float] = deque()
        """Media times of those of the last half second,"""
        self._lately = Ranks()
        """and their sizes."""
        self._few = Ranks(FEW)
        """Sizes of the last, while a fall lasts."""
        self._open: Fall | None = None
        """The fall that lasts, as it began but for `until`."""
        self._sizes = Ranks(LEVEL)
        """Its last sizes."""
        self._gops: deque[float] = deque(maxlen=GOPS)
        """Seconds between key frames."""
        self._key: tuple[float, int] | None = None
        """Media time and size of the last,"""
        self._early = False
        """and whether it came sooner than due."""
        self._cut = -inf
        """Media time of the last picture that showed another scene."""
        self._last: float | None = None
        self._was: deque[Fall] = deque(maxlen=16)
        """Falls that are over, the latest last."""

    def add(self, pts: float | None, dts: float | None, size: int, key: bool) -> None:
        """The next packet."""
        if pts is None:
            return
        insort(self._held, (pts, size, key))
        due = pts if dts is None else dts
        while self._held and (self._held[0][0] <= due or len(self._held) > WAITING):
            self._shown(*self._held.pop(0))

    @property
    def falls(self) -> list[Fall]:
        """All that are remembered, the latest last, which may last still."""
        return [*self._was, self._told(self._open)] if self._open else list(self._was)

    def latest(self) -> Fall | None:
        """The last fall, with those before it that were merely interrupted (refinement, a key frame) as one."""
        if not self._was:
            return self._open and self._told(self._open)
        *falls, last = self.falls
        for fall in reversed(falls):
            if last.cut or fall.end is None or last.start - fall.end > JOINED:
                break
            last = last._replace(start=fall.start, level=fall.level, cut=fall.cut)
        return last

    def _shown(self, pts: float, size: int, key: bool) -> None:
        last, self._last = self._last, pts
        if last is not None and not 0.0 <= pts - last <= 2.0:
            self._restart()
        if self._another(pts, size, key=key):
            self._cut = pts
            if self._open:
                self._over(pts)
                self._keep(())
        if key:
            return
        recent = self._recent
        recent.append((pts, size))
        while recent[0][0] < pts - 2 * WINDOW:
            recent.popleft()
        self._enters(pts, size)
        if self._open:
            self._goes_on(self._open, pts, size)
            return
        if len(self._lately) >= FEWEST and len(self._levels) >= 2 * FEWEST:
            level = self._levels.median
            if self._lately.median <= SMALL * level:
                self._falls(pts, level)
                return
        if len(recent) > FEWEST:
            self._levels.add(recent[-FEWEST][1])

    def _another(self, pts: float, size: int, *, key: bool) -> bool:
        """Whether this picture's place or size says that it shows another scene."""
        before = self._key
        if not key:
            if self._open is None or before is None:  # what moves may cost as much all the time
                return False
            return size >= (WHOLE if pts - before[0] >= REFINES else LARGER) * before[1]
        self._key = pts, size
        if before is None or pts <= before[0]:
            return False
        twice, passed = self._early, pts - before[0]
        self._early = early = len(self._gops) == GOPS and passed < EARLY * max(self._gops)
        self._gops.append(passed)
        return early and ((twice and passed < TWICE) or not LIKE[0] <= size / max(1, before[1]) <= LIKE[1])

    def _enters(self, pts: float, size: int) -> None:
        """The last half second moves on."""
        times, lately = self._times, self._lately
        times.append(pts)
        lately.add(size)
        while times[0] <= pts - WINDOW:
            times.popleft()
            lately.drop()

    def _restart(self) -> None:
        if self._open:
            self._over(self._open.until)
        self._keep(())
        self._levels.clear()
        self._gops.clear()
        self._key, self._early = None, False

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
        cut = max(before[-3:], default=0) > SPIKE * self._levels.at(0.95) or self._cut > began - JOINED
        self._sizes.clear()
        self._few.clear()
        for _, size in recent[-FEW:]:
            self._few.add(size)
        for at, size in recent:
            if at >= began:
                self._sizes.add(size)
        self._open = Fall(began, None, pts, level, 0.0, cut)

    def _goes_on(self, fall: Fall, pts: float, size: int) -> None:
        self._sizes.add(size)
        self._few.add(size)
        if size <= SMALL * fall.level:
            self._open = fall._replace(until=pts)
        if self._few.median > AGAIN * fall.level:
            small = [at for at, s in self._recent if s <= SMALL * fall.level]
            after = [one for one in self._recent if small and one[0] > small[-1]]
            self._over(after[0][0] if after else pts)
            self._keep(after)

    def _over(self, end: float) -> None:
        if self._open:
            self._was.append(self._told(self._open)._replace(end=end))
        self._open = None

    def _told(self, fall: Fall) -> Fall:
        return fall._replace(size=self._sizes.median)

    def _keep(self, recent: Iterable[tuple[float, int]]) -> None:
        """Forget all but these of the last packets."""
        self._recent = deque(recent)
        self._times.clear()
        self._lately.clear()
        for pts, size in self._recent:
            self._enters(pts, size)
