"""A/V skew in timestamps: how sound and picture lie to one another in the container. Nothing is decoded.

Four numbers, of the first video and the first audio track, in decoding time (reordering is no skew):

- skew: newest audio time − newest video time of what has arrived, as far as interleaving does not explain it.
  Each second that difference covers a range (a TS packs many sound frames into one PES packet, a file whole
  chunks); where the range holds 0 the skew is 0, else it is the end next to 0; the median of ten seconds.
  Above 0 = sound late: where an encoder sends both as it captures them, sound of that instant bears the later
  time and is played that much too late. A muxer that sorts by time hides such an offset.
- interleave: the largest distance of neighbouring audio and video packets in ten seconds: what a player must
  hold to play both, whatever the sign.
- drift: the slope over time of the middle of that range, audio seconds a second (regression of audio time
  against arrival minus that of video time): above 0 the sound's clock is fast and sound gets later.
- start offset: first audio pts − first video pts, above 0 = sound begins later.

True lip-sync needs content whose relation is known: that is another measurement.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.maths.window import slope
from qoe_agent.model import BACKLOG, Lost, Metric, Observation, Opened, Packet, Sample, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.model import Finding

SKEW = Metric(
    "qoe_av_skew_seconds", "gauge", "Newest audio time minus newest video time of what has arrived, beyond what "
    "interleaving explains (timestamps only, median of 10 s): above 0 = sound late.",
)  # fmt: skip
INTERLEAVE = Metric(
    "qoe_av_interleave_seconds", "gauge", "Largest distance in decoding time of neighbouring audio and video "
    "packets in 10 s.",
)  # fmt: skip
DRIFT = Metric(
    "qoe_av_drift_ratio", "gauge", "Seconds per second that audio timestamps gain on video timestamps over up to 10 "
    "minutes: above 0 = sound gets later.",
)  # fmt: skip
START = Metric(
    "qoe_av_start_offset_seconds", "gauge", "First audio time minus first video time of the connection: above 0 = "
    "sound begins later.",
)  # fmt: skip

APART = 60.0
"""Tracks whose times differ by more seconds have no timeline in common: nothing is said."""
BREAK = 10.0
"""A step back of more seconds begins another timeline."""
OFTEN = 0.5
"""Least seconds between two samples of the skew."""
FRESH = 30.0
"""Seconds without a sample after which nothing is known."""
BLOCK = 20.0
"""Seconds of arrival in a point of the regression."""
STEP = 0.5
"""Seconds by which two points differ when the timeline was edited: the regression starts anew."""
FEWEST = 6
"""Points until a slope is worth telling."""


class _Side:
    """What is known of the sound, or of the picture."""

    __slots__ = ("came", "first", "newest", "track")

    def __init__(self) -> None:
        self.track: int | None = None
        self.first: float | None = None
        self.newest: float | None = None
        self.came = False
        """Whether anything came since the last sample."""


@probe(SKEW, INTERLEAVE, DRIFT, START, sees=(Opened, Packet, Tick, Lost))
@dataclass(slots=True)
class Skew:
    """Opening bursts are left out: their tracks arrive in no live order."""

    _video: _Side = field(default_factory=_Side, init=False, repr=False)
    _audio: _Side = field(default_factory=_Side, init=False, repr=False)
    _latest: _Side | None = field(default=None, init=False, repr=False)
    """Whose packet came before this one."""
    _widest: float = field(default=0.0, init=False, repr=False)
    """Largest distance of neighbours since the last sample."""
    _range: tuple[float, float] | None = field(default=None, init=False, repr=False)
    """Least and greatest of newest audio time − newest video time since the last sample."""
    _samples: deque[tuple[float, float, float]] = field(
        default_factory=lambda: deque(maxlen=10), init=False, repr=False
    )
    """When, skew, widest."""
    _block: list[tuple[float, float]] = field(default_factory=list, init=False, repr=False)
    """When, and the middle of the range, of the regression's next point."""
    _points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=30), init=False, repr=False)
    _drift: float | None = field(default=None, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            self._take(seen)
        elif isinstance(seen, Tick):
            return self._tick(seen)
        elif isinstance(seen, Opened | Lost):
            self._video, self._audio, self._latest, self._widest = _Side(), _Side(), None, 0.0
            self._range = None
            self._samples.clear()
            self._block.clear()
            self._points.clear()
            self._drift = None
        return ()

    def _take(self, seen: Packet) -> None:
        kind, time = seen.kind, seen.pts if seen.dts is None else seen.dts
        if time is None or kind == "data":
            return
        mine, other = (self._video, self._audio) if kind == "video" else (self._audio, self._video)
        if mine.track is None:
            mine.track, mine.first = seen.track, seen.pts
        if mine.track != seen.track or seen.flags & BACKLOG:
            return
        newest = mine.newest
        if newest is None or time > newest or time < newest - BREAK:
            mine.newest = newest = time
        mine.came = True
        if other.newest is not None:
            self._compare(newest - other.newest if mine is self._audio else other.newest - newest)
            if self._latest is other and self._widest < abs(time - other.newest) <= APART:
                self._widest = abs(time - other.newest)
        self._latest = mine

    def _compare(self, apart: float) -> None:
        if -APART <= apart <= APART:
            known = self._range
            if known is None:
                self._range = apart, apart
            elif apart < known[0]:
                self._range = apart, known[1]
            elif apart > known[1]:
                self._range = known[0], apart

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        self._sample(tick.at)
        sound, picture = self._audio, self._video
        if sound.first is None or picture.first is None:
            return
        offset = sound.first - picture.first
        yield Sample(START, offset if abs(offset) <= APART else None)
        known = bool(self._samples) and tick.at - self._samples[-1][0] <= FRESH
        yield Sample(SKEW, median(skew for _, skew, _ in self._samples) if known else None)
        yield Sample(INTERLEAVE, max(widest for _, _, widest in self._samples) if known else None)
        yield Sample(DRIFT, self._drift if known else None)

    def _sample(self, now: float) -> None:
        """Note by how much the newest times differed, if both sides have moved."""
        if not (self._audio.came and self._video.came) or self._range is None:
            return
        if self._samples and now - self._samples[-1][0] < OFTEN:
            return
        least, greatest = self._range
        self._samples.append((now, max(least, 0.0) + min(greatest, 0.0), self._widest))
        self._audio.came = self._video.came = False
        self._range, self._widest = None, 0.0
        self._block.append((now, (least + greatest) / 2))
        if now - self._block[0][0] >= BLOCK:
            self._regress()

    def _regress(self) -> None:
        """Another point: the middle of the block."""
        point = median(at for at, _ in self._block), median(middle for _, middle in self._block)
        self._block.clear()
        if self._points and abs(point[1] - self._points[-1][1]) > STEP:
            self._points.clear()
        self._points.append(point)
        self._drift = slope(self._points) if len(self._points) >= FEWEST else None
