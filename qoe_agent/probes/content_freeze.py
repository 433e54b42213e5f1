"""Content freezes: the picture stands still though frames flow; and frames that only repeat the one before.

Where every picture is decoded, the picture itself tells (`maths.standstill`), to the frame. Where pictures lie apart,
they tell that it stands still, and the packets' sizes (`maths.collapse`) that this is a break with motion, when it
began and when it ended; `basis` in the incident's detail says which: `pictures`, `packets`, or both.

A stream that stands still most of the time (slides, product stills, a static camera) is not frozen by standing still;
it is if its sound, which was there, fell silent as the picture came to a halt.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.following import Following
from qoe_agent.maths.frozen import Found, Frozen
from qoe_agent.maths.stillness import Seen, Stillness, read
from qoe_agent.model import Incident, Lost, Metric, Observation, Opened, Packet, Picture, Sample, Segment, Sound, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

FREEZES = Metric(
    "qoe_content_freezes_total", "counter", "Times the picture stood still though frames flowed (gaps between frames "
    "are qoe_freezes_total).",
)  # fmt: skip
FROZEN = Metric("qoe_content_freeze_seconds_total", "counter", "Media time in which the picture stood still.")
REPEATED = Metric(
    "qoe_repeated_frames_total", "counter", "Frames that repeat the one before while the picture moves: dropped at "
    "the source (all: every one; adaptive: in what was decoded).",
)  # fmt: skip
UNIQUE = Metric(
    "qoe_unique_frame_rate", "gauge", "Frames per second that are not repeats, over the last 10 s of decoded motion; "
    "absent while nothing moves.",
)  # fmt: skip
STILL = Metric(
    "qoe_still_ratio", "gauge", "Share of the last half minute or so in which the picture stood still without being "
    "frozen; a slide show is near 1.",
)  # fmt: skip

WIDE = 10
"""Seconds of motion that the frame rate is taken over."""
SEAM = 0.05
"""Seconds by which a freeze may begin before the one before it ended."""


LEAST = 32
"""Rows and columns below which a picture is not compared."""


class Look:
    """The look: what stands still, and since when."""

    def __init__(self, minimum: float, mask: list[list[float]]) -> None:
        self._stillness = Stillness(minimum, mask)

    @property
    def alert(self) -> bool:
        """Wants every picture."""
        return self._stillness.alert

    @property
    def moves(self) -> bool:
        """The last picture that was seen is known to be none that stands still."""
        return self._stillness.moves

    def suspects(self, view: View) -> bool:
        """Wants the pictures between the last one and this."""
        return min(view.luma.shape) >= LEAST and self._stillness.suspects(view.small)

    def __call__(self, view: View) -> Seen | None:
        if view.pts is None or min(view.luma.shape) < LEAST:
            return None
        plane = view.small.copy() if view.small is view.luma else view.small
        return self._stillness.see(plane, view.pts, key=view.key, follows=view.follows)


@probe(
    FREEZES, FROZEN, REPEATED, UNIQUE, STILL,
    sees=(Opened, Packet, Picture, Segment, Sound, Tick, Lost),
    incidents={"content_freeze": "the picture stands still though frames flow: a break with its motion before"},
    picture=lambda probe: Look(probe.minimum, probe.mask),
)  # fmt: skip
@dataclass(slots=True)
class ContentFreeze:
    """Follows the first video track."""

    minimum: float = 0.5
    """Seconds from which on a standing picture is a freeze, where every picture is decoded."""
    mask: list[list[float]] = field(default_factory=list)
    """What to overlook, such as a burnt-in clock: [left, top, width, height] as fractions of the picture, each."""

    _following: Following = field(default_factory=Following, init=False, repr=False)
    _lag: float = field(default=0.0, init=False, repr=False)
    """The agent's clock minus media time, had all been delivered evenly."""
    _frozen: Frozen = field(init=False, repr=False)
    _open: Incident | None = field(default=None, init=False, repr=False)
    _now: Found | None = field(default=None, init=False, repr=False)
    _closed: float | None = field(default=None, init=False, repr=False)
    """Media time at which the last freeze ended."""
    _rate: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=WIDE), init=False, repr=False)
    """(new pictures, seconds) of motion, a second of it each."""
    _share: float | None = field(default=None, init=False, repr=False)
    _counts: dict[Metric, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._frozen = self._afresh()

    def _afresh(self) -> Frozen:
        """What judges another connection or timeline."""
        return Frozen()

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            if seen.kind == "video" and self._following.track == seen.track:
                return self._packet(seen)
        elif isinstance(seen, Picture):
            return self._picture(seen)
        elif isinstance(seen, Sound):
            self._listen(seen)
        elif isinstance(seen, Tick):
            return self._tick()
        elif isinstance(seen, Segment):
            self._following.segment(seen)
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen)
        return ()

    def _listen(self, seen: Sound) -> None:
        look: Any = seen.looks.get("audio")
        if look and seen.pts is not None and seen.sample_rate > 0:
            self._frozen.hush.take(seen.pts, seen.sample_rate, look[1], look[2])

    def _restart(self, seen: Opened | Lost) -> Iterator[Finding]:
        yield from self._close()
        yield from self._counters()
        self._following.restart(seen)
        self._share = self._closed = None
        self._frozen = self._afresh()
        self._rate.clear()

    def _packet(self, seen: Packet) -> Iterable[Finding]:
        self._frozen.packet(seen.pts, seen.dts, seen.size, seen.key)
        return self._follow() if seen.key and self._frozen.sparse else ()

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        if seen.pts is None or not self._following.takes(seen):
            return
        if self._following.broken(seen):
            yield from self._close()
            self._closed, self._frozen = None, self._afresh()
        self._lag = self._following.when(seen) - seen.pts
        look = read(seen.looks.get("content_freeze"))
        self._frozen.picture(seen.pts, look)
        if look:
            self._tally(look)
            yield from self._follow()

    def _tally(self, look: Seen) -> None:
        if look.repeats:
            self._add(REPEATED, look.repeats)
        self._share = look.share
        if look.motion <= 0:
            return
        if not self._rate or self._rate[-1][1] >= 1.0:
            self._rate.append((look.fresh, look.motion))
        else:
            fresh, seconds = self._rate[-1]
            self._rate[-1] = fresh + look.fresh, seconds + look.motion

    def _follow(self) -> Iterator[Finding]:
        """Open, extend or close, as the last picture and the packets have it."""
        found = self._frozen.now()
        if found is None:
            yield from self._close()
            return
        if self._now is None:
            if self._closed is not None and found.start < self._closed - SEAM:
                return
            self._now = found._replace(until=found.start)
            self._open = Incident(
                "content_freeze", found.start + self._lag, None, "warning", "", found.start, None, found.detail
            )
            self._add(FREEZES, 1)
            yield self._open
        until = max(found.until, self._now.until)
        self._add(FROZEN, until - self._now.until)
        self._now = found._replace(start=self._now.start, until=until)

    def _close(self) -> Iterator[Finding]:
        """The freeze, if there is one, is over."""
        was, now = self._open, self._now
        self._open = self._now = None
        if was is None or now is None:
            return
        end = max(self._frozen.end(now), now.start)
        self._add(FROZEN, max(0.0, end - now.until))
        self._closed = end
        yield replace(was, end=was.start + end - now.start, end_pts=end, detail=now.detail)

    def _add(self, metric: Metric, count: float) -> None:
        self._counts[metric] = self._counts.get(metric, 0.0) + count

    def _tick(self) -> Iterator[Finding]:
        yield from self._counters()
        if self._following.track is None:
            return
        fresh, seconds = (sum(each) for each in zip(*self._rate, strict=True)) if self._rate else (0, 0.0)
        yield Sample(UNIQUE, fresh / seconds if seconds >= 1.0 else None)
        yield Sample(STILL, self._share)

    def _counters(self) -> Iterator[Finding]:
        for metric in (FREEZES, FROZEN, REPEATED):
            yield Sample(metric, self._counts.get(metric, 0.0))
        self._counts.clear()
