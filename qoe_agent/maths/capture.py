"""When media was captured, by what a stream says of it: a line of slope one through its marks against PTS.

For marks that come as bare times; stamps in the picture carry a counter as well (see `marks`). A mark that is off the
line is in doubt, and so is all media after the last mark on the line, until later marks decide: back on the line it was
wrong; enough of them that agree with one another begin a new line, which holds from the first of them on (the
encoder's clock was set, or its media stood still). Clocks that drift are followed because only the marks of the last
ten seconds count.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from qoe_agent.maths.marks import Captured

WINDOW = 10.0
"""Seconds of media whose marks make the line …"""
FEWEST = 5
"""… or so many marks, where they are rarer."""
MOST = 256
REFRESH = 16
"""Marks after which the line is worked out anew while nobody asks."""
BEFORE = 2.0
"""Seconds before the first mark of all for which the line holds too."""
REACH = (1.0, 20.0)
"""Seconds behind the last mark for which it holds: the marks' usual distance and a half, within these."""


class Line:
    """Marks in, capture times out."""

    __slots__ = (
        "_added",
        "_first",
        "_level",
        "_marks",
        "_need",
        "_resolution",
        "_rivals",
        "_spread",
        "_time",
        "_tolerance",
        "last",
    )

    def __init__(self, tolerance: float, need: int = 1) -> None:
        """`tolerance`: seconds off the line that are still on it; `need`: marks that must agree before anything is
        said."""
        self._tolerance, self._need = tolerance, need
        self.restart()

    def restart(self) -> None:
        """Media time began anew."""
        self._marks: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._rivals: list[tuple[float, float]] = []
        self._time: float | None = None
        self._resolution = 0.0
        self._first = 0.0
        self._level = self._spread = 0.0
        self._added = 0
        self.last: float | None = None
        """Media time up to which marks agree; None: nothing is known."""

    def add(self, pts: float, time: float, resolution: float) -> None:
        """The media at `pts` was captured at `time`, a multiple of `resolution`. A time repeated is an old one."""
        if time == self._time:
            return
        mark, self._time, self._resolution = (pts, time - pts), time, resolution
        if self.last is None:
            self._rival(mark, self._need)
        elif abs(mark[1] - self._level) <= self._tolerance:
            self._rivals.clear()
            self._marks.append(mark)
            self.last = max(self.last, pts)
            self._added += 1
            if self._added >= REFRESH:
                self._refresh()
        else:
            self._rival(mark, max(3, self._need))

    def captured(self, pts: float) -> Captured | None:
        """When the media at `pts` was captured; None where the marks do not say."""
        last = self.last
        if last is None or pts < self._first:
            return None
        if self._added:
            self._refresh()
        if pts > last and (self._rivals or pts - last > self._reach()):
            return None
        return Captured(pts + self._level, self._resolution / 2 + self._spread)

    def _reach(self) -> float:
        marks = self._marks
        usual = (marks[-1][0] - marks[0][0]) / (len(marks) - 1) if len(marks) > 1 else REACH[1]
        return min(max(REACH[0], 1.5 * usual), REACH[1])

    def _rival(self, mark: tuple[float, float], need: int) -> None:
        """A mark that is on no line yet; `need` of them that agree make one."""
        if self._rivals and abs(mark[1] - self._rivals[-1][1]) > self._tolerance:
            self._rivals.clear()
        self._rivals.append(mark)
        if len(self._rivals) >= need:
            fresh = self.last is None
            self._first = min(pts for pts, _ in self._rivals) - (BEFORE if fresh else 0.0)
            self._marks = deque(self._rivals, maxlen=MOST)
            self._rivals.clear()
            self.last = max(pts for pts, _ in self._marks)
            self._refresh()

    def _refresh(self) -> None:
        marks = self._marks
        since = (self.last or 0.0) - WINDOW
        while len(marks) > FEWEST and marks[0][0] < since:
            marks.popleft()
        offsets = [offset for _, offset in marks]
        self._level, self._added = median(offsets), 0
        residuals = sorted(abs(offset - self._level) for offset in offsets)
        self._spread = residuals[int(0.95 * (len(residuals) - 1))]


def nearest(time: float, seen: float, period: float, earliest: float, latest: float) -> float | None:
    """`time`, known but for multiples of `period`, such that it lies `earliest` to `latest` seconds before `seen`."""
    before = (seen - time - earliest) % period + earliest
    return seen - before if before <= latest else None
