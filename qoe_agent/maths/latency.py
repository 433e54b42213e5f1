"""How late media is: what became playable when, against when it was captured, for one source of capture times."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Protocol

from qoe_agent.maths.window import slope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.marks import Captured, Marks

FRESH = 30.0
"""Seconds without a mark, or without anything that a mark confirms, after which nothing is known."""
KEPT = 600
"""Arrivals and playheads that wait for a mark to confirm what was captured when: 10 s at 60 a second."""
SLACK = 0.005
"""Seconds from the future that are no matter: containers round times to a millisecond."""
SUSPECT = 10.0
"""Seconds for which nothing is believed after capture times lay in the future."""
FIRM = 3
"""Ticks with capture times in the future that make it a matter to report."""
BLOCK = 20.0
"""Seconds of latencies in a point of the drift."""
POINTS = (4, 30)
"""Points until a drift is worth telling, and at most."""
STEP = 2.0
"""Seconds by which neighbouring points differ when latency leapt: its drift is measured anew."""


class Source(Protocol):
    """Says when media was captured."""

    @property
    def last(self) -> float | None:
        """Media time up to which it is sure; None: it knows nothing."""
        ...

    def captured(self, pts: float) -> Captured | None:
        """When the media at `pts` was captured, where it can tell."""
        ...

    def restart(self) -> None:
        """Media time began anew."""
        ...


class Stamps:
    """A line through stamps, as a Source."""

    __slots__ = ("captured", "marks", "restart")

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.captured, self.restart = marks.captured, marks.restart

    @property
    def last(self) -> float | None:
        """Media time of the last stamp that fits."""
        return self.marks.line.last if self.marks.line else None


class Reading(NamedTuple):
    """What is known at a Tick, in seconds; None: unknown."""

    transport: float | None = None
    playout: float | None = None
    startup: float | None = None
    uncertainty: float | None = None
    error: float | None = None
    """How far capture times lie in the future, where more than can be: some clock is wrong."""


class Drift:
    """Seconds per second that a latency grows, over up to ten minutes."""

    __slots__ = ("_block", "_points", "value")

    def __init__(self) -> None:
        self._block: list[tuple[float, float]] = []
        self._points: deque[tuple[float, float]] = deque(maxlen=POINTS[1])
        self.value: float | None = None

    def add(self, at: float, latency: float) -> None:
        """Another latency."""
        self._block.append((at, latency))
        if at - self._block[0][0] < BLOCK:
            return
        point = median(at for at, _ in self._block), median(latency for _, latency in self._block)
        self._block.clear()
        if self._points and abs(point[1] - self._points[-1][1]) > STEP:
            self._points.clear()
        self._points.append(point)
        self.value = slope(self._points) if len(self._points) >= POINTS[0] else None


class Latency:
    """One source's marks, and what arrived and was shown; a Reading each Tick."""

    __slots__ = (
        "_arrivals", "_eager", "_error", "_errors", "_marked", "_playheads", "_playout", "_since", "_source", "_start",
        "_startup", "_suspect", "_told", "_transport", "_uncertainty", "drift",
    )  # fmt: skip

    def __init__(self, source: Source, *, eager: bool) -> None:
        """`eager`: marks are few and beforehand; what follows them needs no confirmation by a later one."""
        self._source, self._eager = source, eager
        self._marked = self._told = self._suspect = float("-inf")
        self._errors, self._error, self._since = 0, 0.0, 0.0
        self.restart()

    def restart(self) -> None:
        """Media time began anew."""
        self._source.restart()
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._playheads: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._start: tuple[float, float] | None = None
        self._transport: float | None = None
        self._playout: float | None = None
        self._startup: float | None = None
        self._uncertainty: float | None = None
        self.drift = Drift()

    @property
    def failing(self) -> float | None:
        """Since when capture times have lain in the future, where that is firm."""
        return self._since if self._errors >= FIRM else None

    def marked(self, at: float) -> None:
        """The source has heard something at `at`."""
        self._marked = max(at, self._marked)

    def began(self, at: float, pts: float) -> None:
        """Playing began at `at` with the media at `pts`."""
        self._start, self._startup = (at, pts), None

    def moved(self, arrivals: Iterable[tuple[float, float]], shown: tuple[float, float] | None) -> None:
        """What was the newest media when, and where the playhead is at some time (None: nothing is being played)."""
        self._arrivals.extend(arrivals)
        if shown is not None:
            self._playheads.append(shown)
        else:
            self._playheads.clear()
            self._playout = None

    def known(self, at: float) -> bool:
        """Whether marks still come."""
        return at - self._marked <= FRESH

    def read(self, at: float, unix: float, uncertainty: float | None) -> Reading:
        """What is known at the agent's time `at`; `unix`, `uncertainty`: as a Tick has them."""
        arrived = self._confirmed(self._arrivals)
        if arrived:
            late, doubt = median(when + unix - capture.at for when, capture in arrived), arrived[-1][1].uncertainty
            self._uncertainty = None if uncertainty is None else doubt + uncertainty
            self._judge(at, late, doubt + (uncertainty or 0.0))
        shown = self._confirmed(self._playheads)
        if shown:
            self._playout = shown[-1][0] + unix - shown[-1][1].at
        if self._start is not None and (capture := self._capture(self._start[1])) is not None:
            self._startup, self._start = max(0.0, self._start[0] + unix - capture.at), None
        if at - self._suspect <= SUSPECT:
            return Reading(error=self._error)
        self._errors = 0
        if at - self._told > FRESH or self._transport is None:
            return Reading()
        return Reading(max(0.0, self._transport), self._playout, self._startup, self._uncertainty)

    def _judge(self, at: float, late: float, doubt: float) -> None:
        self._transport, self._told = late, at
        if late < -doubt - SLACK:
            if at - self._suspect > SUSPECT:
                self._errors, self._since = 0, at
            self._suspect, self._errors, self._error = at, self._errors + 1, -late
        else:
            self.drift.add(at, late)

    def _capture(self, pts: float) -> Captured | None:
        last = self._source.last
        return self._source.captured(pts) if last is not None and (self._eager or pts <= last) else None

    def _confirmed(self, waiting: deque[tuple[float, float]]) -> list[tuple[float, Captured]]:
        """Those whose capture time is known now; the others wait."""
        found: list[tuple[float, Captured]] = []
        last = self._source.last
        while waiting and last is not None:
            at, pts = waiting[0]
            capture = self._capture(pts)
            if capture is not None:
                found.append((at, capture))
            elif pts > last:
                break
            waiting.popleft()
        return found
