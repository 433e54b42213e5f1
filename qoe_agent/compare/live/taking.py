"""What is kept of one live output while it is compared: its pictures' fingerprints, and numbers by media time.

Media time goes on over reconnects and restarts: each timeline of its own is an epoch, laid far behind the last, so that
no two places are one. What is older than the horizon is let go of; packets are kept in a ring, for crops and for full
reference.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.maths.viewing import SEGMENTED, Viewing
from qoe_agent.model import BACKLOG, Format, Joined, Lost, Opened, Packet, Picture, Segment, Tick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View
    from qoe_agent.model import Observation
    from qoe_agent.ring import Ring

LOOK = "compare"
"""Name of the look that is ours."""
HORIZON = 120.0
"""Seconds of media for which single pictures and numbers are kept."""
LEAP = 10.0
"""Seconds by which media time may go on without a timeline of its own."""
BACK = 1.0
"""Seconds by which it may go back: decoding order, rounding."""
APART = 20.0
"""Seconds from one epoch to the next, besides the time that passed."""
POINTS = 200_000
"""Numbers that are kept at most, where no picture comes and nothing grows old."""
GIVE_UP = 30.0
"""Seconds of a stall after which the viewer is gone."""


class Told(NamedTuple):
    """What our look says of a picture."""

    print: NDArray[np.uint8]
    """Its luma in 18 rows of 32."""
    qp: float | None
    """Mean quantiser of its macroblocks."""


class Look:
    """A fingerprint and a mean quantiser of every picture."""

    __slots__ = ()

    def __call__(self, view: View) -> Told:
        """Of one picture."""
        blocks = view.qp
        return Told(view.tiny.copy(), None if blocks is None or not blocks.size else float(blocks.mean()))


class Shown(NamedTuple):
    """A decoded picture."""

    media: float
    """Media time, over epochs."""
    print: NDArray[np.uint8]
    stamp: tuple[int, int] | None
    """Unix milliseconds and counter that are burnt in, as read."""


class Point(NamedTuple):
    """A number at a place in media time."""

    media: float
    name: str
    value: float


class Dated(NamedTuple):
    """A place whose wall clock the stream tells."""

    media: float
    time: float
    """Unix seconds."""


@dataclass(slots=True)
class Taken:
    """One output. Feed it every observation of its session; the owner empties nothing."""

    name: str
    ring: Ring
    shown: deque[Shown] = field(default_factory=deque)
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=POINTS))
    dated: deque[Dated] = field(default_factory=lambda: deque(maxlen=256))
    formats: dict[str, Format] = field(default_factory=dict)
    """The first track of each kind."""
    protocol: str = ""
    startup: float | None = None
    """Seconds from the first request to the first picture."""
    pictures: int = 0
    pulls: int = 0
    lost: Lost | None = None
    """Why the last pull ended; None while one is under way."""
    size: tuple[int, int] | None = None
    """Of the last picture."""
    epoch: int = 0
    """Timelines that ended …"""
    begun: float = float("-inf")
    """… and the media time from which the present one counts."""
    newest: float = float("-inf")
    """The latest media time of a picture."""
    _base: float = 0.0
    """What is added to a time stamp."""
    _last: tuple[float, float] | None = None
    """The latest time stamp of video, and when it came."""
    _staged: list[float] = field(default_factory=list)
    """Media times of video whose segment is not complete yet."""
    _viewing: Viewing = field(default_factory=lambda: Viewing("auto", GIVE_UP))
    _stalled: float = 0.0

    def take(self, seen: Observation) -> None:
        """One observation."""
        if isinstance(seen, Packet):
            self._packet(seen)
        elif isinstance(seen, Picture):
            self._picture(seen)
        elif isinstance(seen, Segment):
            self._segment(seen)
        elif isinstance(seen, Format):
            self.formats.setdefault(seen.kind, seen)
            if self.formats[seen.kind].track == seen.track:
                self.formats[seen.kind] = seen
                self.ring.format(seen)
        elif isinstance(seen, Opened):
            self._opened(seen)
        elif isinstance(seen, Joined):
            self.startup = seen.startup if self.startup is None else self.startup
        elif isinstance(seen, Lost):
            self.lost = seen
        self._viewing.take(seen)
        self._viewing.events.clear()
        if isinstance(seen, Tick):
            self._tick(seen)

    def note(self, name: str, value: float, media: float | None = None) -> None:
        """A number at a place; at the newest picture, if no other."""
        place = self.newest if media is None else media
        if place > float("-inf"):
            self.points.append(Point(place, name, value))

    def place(self, pts: float) -> float:
        """A time stamp of the latest epoch as media time."""
        return pts + self._base

    def _opened(self, seen: Opened) -> None:
        self.pulls += 1
        self.protocol, self.lost = seen.protocol, None
        self.formats.clear()
        self._staged.clear()

    def _packet(self, seen: Packet) -> None:
        track = self.formats.get(seen.kind)
        if track is None or track.track != seen.track or seen.pts is None:
            return
        self.ring.append(seen)
        if seen.kind == "video":
            self._follow(seen.pts if seen.dts is None else seen.dts, seen.at)
            media = self.place(seen.pts)
            if self.protocol in SEGMENTED:
                self._staged.append(media)
            elif not seen.flags & BACKLOG:
                self.note("playable", seen.at, media)
            self.note("video", seen.size, media)
            if seen.key:
                self.note("keys", 1.0, media)
        elif self._last is not None:
            self.note("audio", seen.size, self.place(seen.pts))

    def _follow(self, time: float, at: float) -> None:
        """Media time goes on, or begins anew: an epoch behind all that was."""
        last = self._last
        if last is not None and not -BACK <= time - last[0] <= LEAP + at - last[1]:
            begins = self.place(last[0]) + max(at - last[1], 0.0) + APART
            self._base, self.begun, self.epoch = begins - time, begins - BACK, self.epoch + 1
            self.ring.clear()
        self._last = time, at

    def _segment(self, seen: Segment) -> None:
        """What it brought can be played now."""
        if not self._staged:
            return
        for media in () if seen.backlog else self._staged:
            self.note("playable", seen.at, media)
        if seen.program_date_time is not None:
            self.dated.append(Dated(min(self._staged), seen.program_date_time))
        self._staged.clear()

    def _picture(self, seen: Picture) -> None:
        told: Any = seen.looks.get(LOOK)
        video = self.formats.get("video")
        if told is None or seen.pts is None or video is None or video.track != seen.track or self._last is None:
            return
        media = self.place(seen.pts)
        mark = seen.looks.get("stamp")
        stamp = None if mark is None or mark[0] is None else (mark[0], mark[1])
        self.shown.append(Shown(media, told.print, stamp))
        self.pictures += 1
        self.newest = max(self.newest, media)
        self.size = seen.width, seen.height
        self.note("frames", 1.0, media)
        self.note("height", seen.height, media)
        if told.qp is not None:
            self.note("qp", told.qp, media)
            if not seen.key:
                self.note("qp_inter", told.qp, media)
        for name, value in (seen.looks.get("sharpness") or {}).items():
            if value is not None and name in ("blur", "blocks", "noise"):
                self.note(name, value / seen.height if name == "blur" else value, media)
        self._forget()

    def _tick(self, seen: Tick) -> None:
        playout = self._viewing.playout
        stalled = playout.seconds["stalled"]
        place = self.place(playout.raw(playout.playhead))
        if stalled > self._stalled:
            self.note("stalled", stalled - self._stalled, place)
        self._stalled = stalled
        if playout.state == "playing":
            self.note("playing", playout.now, place)

    def _forget(self) -> None:
        while self.shown and self.shown[0].media < self.newest - HORIZON:
            self.shown.popleft()
        while self.points and self.points[0].media < self.newest - HORIZON:
            self.points.popleft()
