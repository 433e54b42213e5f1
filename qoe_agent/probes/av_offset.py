"""A/V offset: how late the sound is against the picture, as a viewer has it.

By the stamp, where picture and sound carry one: ten times a second, to a tenth of a millisecond as long as nobody
re-encodes. Else by events that both have, cuts and flashes with the onsets of sound: that needs every picture (`all`,
or the bursts of `adaptive`), and says nothing unless chance cannot explain it. Above 0 = sound late.

An event's picture is the first that shows it, so by events sound seems up to one picture early.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING, Literal

from qoe_agent.maths.due import Due
from qoe_agent.maths.lipsync import STANDARDS, Tolerance, agreement, within
from qoe_agent.maths.marks import Marks
from qoe_agent.maths.offset import offset
from qoe_agent.maths.onsets import Cuts, Onsets
from qoe_agent.maths.tone import SLOT
from qoe_agent.model import Lost, Metric, Observation, Opened, Picture, Sample, Segment, Sound, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.maths.view import View
    from qoe_agent.model import Finding

OFFSET = Metric(
    "qoe_av_offset_seconds", "gauge", "How late the sound is against the picture, above 0 = sound late, by stamp or by "
    "events that both have (events).", ("method",),
)  # fmt: skip
UNCERTAINTY = Metric(
    "qoe_av_offset_uncertainty_seconds", "gauge", "By how much that may be wrong: twice the standard error (stamp); "
    "half the width of what agrees, and half a picture (events).", ("method",),
)  # fmt: skip
SPREAD = Metric(
    "qoe_av_offset_spread_seconds",
    "gauge",
    "Standard deviation of single measurements around it (residual).",
    ("method",),
)
WORST = Metric(
    "qoe_av_offset_worst_seconds", "gauge", "The offset furthest from 0 of this connection: above 0 = sound late.",
    ("method",),
)  # fmt: skip
OUT = Metric(
    "qoe_av_out_of_tolerance_seconds_total", "counter", "Media time with sound further off than the standard allows: "
    "bt1359_detectability (early 45 ms, late 125 ms), bt1359_acceptability (90, 185), ebu_r37 (40, 60), atsc_is191 "
    "(15, 45).", ("standard",),
)  # fmt: skip
MEASURED = Metric(
    "qoe_av_measured_seconds_total", "counter", "Media time in which the A/V offset was known.", ("method",)
)

LATELY = 2.0
"""Seconds of marks that the gauge is the median of."""
ENOUGH = 5
"""Marks that this takes."""
WAIT = 15.0
"""Seconds that a mark in the sound waits for a picture's."""
WINDOW = 60.0
"""Seconds of events that are compared."""
FRESH = 12.0
"""Seconds without news after which the offset is no longer known."""
LONGEST = 10.0
"""Seconds for which one comparison of events may speak."""
PICTURE = 0.02
"""Half a picture of 25 a second: when an event was, between two pictures, nobody knows."""
OUTLIER = 0.02
"""Seconds from the median beyond which a mark was misheard."""


class Watch:
    """The look at pictures: True where a cut or flash begins."""

    def __init__(self) -> None:
        self._cuts = Cuts()

    def __call__(self, view: View) -> bool:
        return self._cuts.feed(view)


class Listen:
    """The look at sound: media times of its onsets, for pictures' cuts to be compared with."""

    when = "moving"

    def __init__(self) -> None:
        self._onsets = Onsets()

    def __call__(self, samples: NDArray[np.float32], rate: int, pts: float | None) -> list[float] | None:
        return None if pts is None else self._onsets.feed(samples, rate, pts)


@dataclass(slots=True)
class _Known:
    """The offset by one method."""

    at: float
    """On the agent's clock."""
    pts: float
    offset: float
    uncertainty: float
    spread: float | None


@probe(
    OFFSET, UNCERTAINTY, SPREAD, WORST, OUT, MEASURED,
    sees=(Opened, Picture, Sound, Segment, Tick, Lost),
    incidents={"av_out_of_sync": "sound is earlier or later than the picture by more than viewers put up with"},
    picture=lambda _: Watch(),
    sound=lambda _: Listen(),
)  # fmt: skip
@dataclass(slots=True)
class AvOffset:
    """Compares the first video track with the first audio track."""

    tolerance: Literal["bt1359_detectability", "bt1359_acceptability", "ebu_r37", "atsc_is191"] = "bt1359_detectability"
    """Beyond this standard's limits an incident opens; it is critical beyond bt1359_acceptability."""
    lasting: float = 2.0
    """Seconds out of tolerance that make an incident."""

    _marks: Marks = field(default_factory=Marks, init=False, repr=False)
    _waiting: deque[tuple[float, float, float]] = field(default_factory=deque, init=False, repr=False)
    """Marks in the sound whose picture is not known yet: (agent time, pts, time told)."""
    _single: deque[tuple[float, float]] = field(default_factory=deque, init=False, repr=False)
    """(pts, offset) of the latest marks."""
    _events: tuple[deque[float], deque[float]] = field(
        default_factory=lambda: (deque(), deque()), init=False, repr=False
    )
    """Cuts and onsets lately."""
    _spoke: float | None = field(default=None, init=False, repr=False)
    """Media time of the last comparison of events."""
    _known: dict[str, _Known] = field(default_factory=dict, init=False, repr=False)
    _worst: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _out: dict[str, float] = field(default_factory=lambda: defaultdict(float), init=False, repr=False)
    _measured: dict[str, float] = field(default_factory=lambda: defaultdict(float), init=False, repr=False)
    _shown: set[str] = field(default_factory=set, init=False, repr=False)
    _tolerance: Tolerance = field(init=False, repr=False)
    _tracks: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _due: Due = field(default_factory=Due, init=False, repr=False)
    _dead: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        self._tolerance = Tolerance(self.tolerance, self.lasting)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Picture):
            if not self._dead and self._tracks.setdefault("video", seen.track) == seen.track:
                return self._picture(seen)
        elif isinstance(seen, Sound):
            if not self._dead and self._tracks.setdefault("audio", seen.track) == seen.track:
                return self._sound(seen)
        elif isinstance(seen, Segment):
            self._due.segment(seen.duration)
        elif isinstance(seen, Tick):
            return self._tick(seen)
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen)
        return ()

    def _restart(self, seen: Opened | Lost) -> Iterator[Finding]:
        yield from self._tolerance.close(seen.at, None)
        self._dead = isinstance(seen, Lost)
        if self._dead:
            yield from self._counters()
        self._marks, self._due, self._spoke = Marks(), Due(), None
        for kept in (self._waiting, self._single, *self._events, self._known, self._worst, self._tracks):
            kept.clear()

    def _picture(self, seen: Picture) -> Iterator[Finding]:
        self._marks.see(seen.pts, seen.looks.get("stamp"))
        yield from self._settle()
        if seen.looks.get("av_offset") and seen.pts is not None:
            _remember(self._events[0], seen.pts)

    def _sound(self, seen: Sound) -> Iterator[Finding]:
        if seen.pts is None:
            return
        ends = seen.pts + seen.duration
        due = self._due.when(seen.at, ends)
        for pts, time in seen.looks.get("stamp") or ():
            self._waiting.append((due - (ends - pts), pts, time))
        for onset in seen.looks.get("av_offset") or ():
            _remember(self._events[1], onset)
        yield from self._settle()
        yield from self._compare(due, ends)

    def _settle(self) -> Iterator[Finding]:
        """Marks in the sound whose picture is known by now. Before the first picture on the line nothing is: there the
        source may have stood still."""
        while self._waiting:
            (at, pts, time), line = self._waiting[0], self._marks.line
            early = line is not None and pts < line.first
            found = None if early else self._believed(pts, offset(pts, time, self._marks))
            if found is None and not early and 0.0 <= self._waiting[-1][1] - pts < WAIT:
                return
            self._waiting.popleft()
            if found is not None:
                yield from self._mark(at, pts, found)

    def _believed(self, pts: float, found: float | None) -> float | None:
        """A sudden change counts once a picture that was shown later agrees: the source's clock may have been set."""
        line, known = self._marks.line, self._known.get("stamp")
        if found is None or line is None or known is None or abs(found - known.offset) <= OUTLIER:
            return found
        return found if pts <= line.last else None

    def _mark(self, at: float, pts: float, found: float) -> Iterator[Finding]:
        single = self._single
        if single and not 0.0 <= pts - single[-1][0] <= LATELY:
            single.clear()
        single.append((pts, found))
        while single[0][0] < pts - LATELY:
            single.popleft()
        if len(single) < ENOUGH:
            return
        middle = median(one for _, one in single)
        good = [one for _, one in single if abs(one - middle) <= OUTLIER]
        spread = pstdev(good) if len(good) > 1 else 0.0
        doubt = 2 * spread / max(1, len(good)) ** 0.5
        yield from self._told("stamp", SLOT, _Known(at, pts, fmean(good) if good else middle, doubt, spread))

    def _compare(self, at: float, pts: float) -> Iterator[Finding]:
        """Do events agree, now that sound is known up to `pts`? Asked once a second."""
        if self._spoke is not None and 0.0 <= pts - self._spoke < 1.0:
            return
        passed = 0.0 if self._spoke is None else min(max(pts - self._spoke, 0.0), LONGEST)
        self._spoke = pts
        for events in self._events:
            while events and not 0.0 <= pts - events[0] <= WINDOW:
                events.popleft()
        cuts = [cut for cut in self._events[0] if cut < pts - 1.0]
        found = agreement(cuts, list(self._events[1])) if cuts else None
        if found is None:
            self._known.pop("events", None)
            return
        known = _Known(at, pts, found.offset, found.uncertainty + PICTURE, None)
        yield from self._told("events", passed, known)

    def _told(self, method: str, seconds: float, known: _Known) -> Iterator[Finding]:
        """The offset by `method` is known anew, `seconds` of media after the last time."""
        self._known[method] = known
        if abs(known.offset) > abs(self._worst.get(method, 0.0)):
            self._worst[method] = known.offset
        self._measured[method] += seconds
        if method == "events" and self._fresh("stamp", known.pts):
            return
        for standard in STANDARDS:
            if not within(known.offset, standard):
                self._out[standard] += seconds
        yield from self._tolerance.judge(known.at, known.pts, known.offset, method, known.uncertainty)

    def _fresh(self, method: str, pts: float) -> bool:
        known = self._known.get(method)
        return known is not None and abs(pts - known.pts) <= FRESH

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        yield from self._counters()
        if self._dead:
            return
        for method, known in list(self._known.items()):
            if tick.at - known.at > FRESH:
                del self._known[method]
                if not self._known:
                    yield from self._tolerance.close(known.at, known.pts)
        for method in sorted(self._shown | set(self._known)):
            now = self._known.get(method)
            yield Sample(OFFSET, now.offset if now else None, (method,))
            yield Sample(UNCERTAINTY, now.uncertainty if now else None, (method,))
            yield Sample(SPREAD, now.spread if now else None, (method,))
            yield Sample(WORST, self._worst.get(method), (method,))
        self._shown = set(self._known)

    def _counters(self) -> Iterator[Finding]:
        if self._measured:
            for standard in STANDARDS:
                yield Sample(OUT, self._out[standard], (standard,))
        for method, seconds in self._measured.items():
            yield Sample(MEASURED, seconds, (method,))
        self._out.clear()
        self._measured.clear()


def _remember(events: deque[float], pts: float) -> None:
    """Keep an event in order of time; media time that went back begins anew."""
    if events and pts < events[-1]:
        events.clear()
    events.append(pts)
