"""How live outputs are laid on one clock, the source's: by stamp, by the playlists' dates, or by what pictures show.

The first output's clock is the source's unless stamps or dates say another. Of every other output, what is to be added
to its media time is followed over time, so that drift and jumps are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from qoe_agent.compare.aligning import lags
from qoe_agent.compare.live import windows
from qoe_agent.maths.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.aligning.lags import Lag
    from qoe_agent.compare.live.taking import Taken
    from qoe_agent.compare.shapes import Floats

Method: TypeAlias = Literal["stamp", "program date-time", "content"]

DECIDED = 6.0
"""Seconds of pictures of every output after which it is decided whether stamps are there."""
NEAR = 0.06
"""Seconds within which two windows agree."""
AGREE = 2
"""Windows that must agree before a lag is believed, at first and after every jump."""
APART = 2.0
"""Seconds from one window to the next."""
JUMP = 0.2
"""Seconds from one estimate to the next between which nothing is drawn."""
PATIENCE = 25.0
"""Seconds of pictures after which dates in playlists have to do, where pictures do not tell."""
SMOOTH = 5
"""Estimates whose median counts."""
LOOPS = 42.0
"""Seconds that must not repeat before a lag is kept through pictures that do, or believed after pictures that did."""
ONWARD = 20.0
"""Seconds for which drift is taken to go on where pictures do not tell."""


@dataclass(slots=True)
class Laid:
    """One output's way to the source's clock."""

    places: list[float] = field(default_factory=list)
    """Media times, rising …"""
    shifts: list[float] = field(default_factory=list)
    """… and what is added there."""
    likeness: float | None = None
    """Of the latest window, by content."""
    slope: float = 0.0
    """Drift behind the last place: what the shift grows by in a second."""

    def add(self, media: float, shift: float) -> None:
        """What is added at a place; none that lies before the last is taken."""
        if not self.places or media > self.places[-1]:
            self.places.append(media)
            self.shifts.append(shift)

    @property
    def known(self) -> bool:
        """Whether it can be laid."""
        return bool(self.places)

    def source(self, media: Floats) -> Floats:
        """Media times by the source's clock."""
        places, shifts = np.array(self.places), np.array(self.shifts)
        right = np.clip(np.searchsorted(places, media), 0, len(places) - 1)
        left = np.clip(right - 1, 0, len(places) - 1)
        span = places[right] - places[left]
        steady = (np.abs(shifts[right] - shifts[left]) <= JUMP) & (span > 0) & (span < 300.0)
        share = np.where(steady, np.clip((media - places[left]) / np.where(span > 0, span, 1.0), 0.0, 1.0), 0.0)
        nearer = np.where(np.abs(places[right] - media) <= np.abs(media - places[left]), shifts[right], shifts[left])
        drawn = shifts[left] + share * (shifts[right] - shifts[left])
        onward = self.slope * np.clip(media - places[-1], 0.0, ONWARD)
        return np.asarray(media + np.where(steady, drawn, nearer) + onward)

    def media(self, source: float) -> float:
        """The media time at a time of the source, by the estimate nearest to it."""
        if not self.places:
            return source
        n = bisect_left([p + s for p, s in zip(self.places, self.shifts, strict=True)], source)
        n = min(max(n, 0), len(self.places) - 1)
        guess = source - self.shifts[n]
        return source - (float(self.source(np.array([guess]))[0]) - guess)


@dataclass(slots=True)
class _Trail:
    """What content has said of one output lately."""

    windows: list[tuple[float, float]] = field(default_factory=list)
    """Where windows lay, by media time, and their shifts; those that agree with the last."""
    answers: Counter[str] = field(default_factory=Counter)
    sure: bool = False
    last: float = float("-inf")
    """Media time at the end of the last window."""
    since: float | None = None
    """Media time from which nothing has repeated."""
    loops: int = 0
    """Windows that were there before, less than `LOOPS` from one to the next …"""
    looped: float = float("-inf")
    """… and the media time of the last."""

    def early(self, place: float) -> bool:
        """Whether a loop may have been too long to be seen."""
        return self.since is None or place - self.since < LOOPS


class Laying:
    """Outputs laid on each other; `step` about once a second."""

    def __init__(self, taken: Sequence[Taken]) -> None:
        """The first of them keeps its own clock, where only content tells."""
        self._taken = taken
        self.laid = [Laid() for _ in taken]
        self.method: Method | None = None
        self.rounds = 0
        """How often what had been found was taken back."""
        self._marks = [Marks() for _ in taken]
        self._marked = [float("-inf")] * len(taken)
        self._trails = [_Trail() for _ in taken]

    @property
    def ready(self) -> bool:
        """Whether all can be laid on each other."""
        return self.method is not None and all(each.known for each in self.laid)

    def step(self) -> None:
        """Take account of what has come."""
        self._read()
        seconds = min(self._spans())
        stamped = all(marks.line is not None for marks in self._marks)
        if self.method is None and seconds >= 1.0 and stamped:
            self.method = "stamp"
        if self.method == "stamp":
            self._by_stamp()
        elif seconds >= DECIDED and self.method in (None, "content"):
            self._by_content()
            dated = all(each.dated for each in self._taken)
            if self.method is None and seconds >= PATIENCE and dated:
                self.method = "program date-time"
        if self.method == "program date-time":
            self._by_dates()

    def why_not(self) -> str:
        """Why outputs cannot be laid on each other, in words; empty while there is no reason to think so."""
        for taken, laid, trail in zip(self._taken[1:], self.laid[1:], self._trails[1:], strict=True):
            if laid.known or not trail.answers:
                continue
            most = trail.answers.most_common(1)[0][0]
            pair = f"{taken.name} and {self._taken[0].name}"
            if most == "unlike":
                return (f"{pair} do not show the same within {min(self._spans()):.0f} s: pictures are alike by "
                        f"{laid.likeness or 0.0:.2f} at best (of 1); where one is further behind, watch for longer"
                        )  # fmt: skip
            if most == "repeats":
                return f"{pair} fit each other in more than one place: what they show repeats; a stamp would tell"
            if most == "still":
                return f"{pair} show too little that moves to be laid on each other; a stamp would tell"
        return ""

    def lag(self, n: int) -> float | None:
        """Seconds by which media times of output `n` are ahead of the source's clock, at its latest picture."""
        laid = self.laid[n]
        return laid.shifts[-1] if laid.known else None

    def _spans(self) -> list[float]:
        return [each.shown[-1].media - each.shown[0].media if each.shown else 0.0 for each in self._taken]

    def _read(self) -> None:
        """Stamps of new pictures."""
        for n, taken in enumerate(self._taken):
            fresh = [seen for seen in taken.shown if seen.media > self._marked[n]]
            for seen in sorted(fresh, key=lambda one: one.media):
                if seen.stamp is not None or self._marks[n].line is not None:
                    self._marks[n].feed(seen.media, seen.stamp)
                self._marked[n] = seen.media

    def _by_stamp(self) -> None:
        for taken, marks, laid in zip(self._taken, self._marks, self.laid, strict=True):
            media = taken.newest
            captured = marks.captured(media)
            if captured is not None:
                laid.add(media, captured.at - media)

    def _by_dates(self) -> None:
        for taken, laid in zip(self._taken, self.laid, strict=True):
            last = list(taken.dated)[-SMOOTH:]
            laid.add(last[-1].media, median(each.time - each.media for each in last))

    def _by_content(self) -> None:
        first = self._taken[0]
        if not self.laid[0].known:
            self.laid[0].add(0.0, 0.0)
        for taken, laid, trail in zip(self._taken[1:], self.laid[1:], self._trails[1:], strict=True):
            if trail.sure and trail.early(taken.newest) and self._looping(taken, taken.newest, laid.likeness or 0.0):
                trail.loops, trail.looped = trail.loops + 1, taken.newest
                self._take_back(laid, trail)
            shift = trail.windows[-1][1] if trail.sure else None
            ends = min(taken.newest, first.newest - shift - windows.AROUND) if shift is not None else taken.newest
            if ends < trail.last + APART:
                continue
            if shift is None:
                place, lag = windows.searched(taken, first)
            else:
                place, lag = ends, windows.followed(taken, first, ends, shift)
            trail.last = ends
            self._hear(taken, laid, trail, place, lag)
        if all(trail.sure for trail in self._trails[1:]):
            self.method = "content"

    def _hear(self, taken: Taken, laid: Laid, trail: _Trail, place: float, lag: Lag) -> None:
        """What a window says."""
        if lag.answer == "short":
            return
        if self._repeats(taken, trail, place, lag):
            lag = lag._replace(answer="repeats")
            if trail.early(place):
                self._take_back(laid, trail)
        elif trail.since is None:
            trail.since = place
        trail.answers[lag.answer] += 1
        laid.likeness = lag.likeness
        if lag.answer != "found":
            if lag.answer == "unlike" and trail.sure:
                trail.sure, trail.windows = False, []  # it jumped, or they no longer show the same
            return
        if trail.windows and abs(trail.windows[-1][1] - lag.seconds) > NEAR:
            trail.windows = []
            trail.sure = False
        trail.windows.append((place, lag.seconds))
        if len(trail.windows) >= AGREE:
            trail.sure, trail.last = True, place  # it is followed from there, though pictures far later have come
            shift, laid.slope = windows.drawn(trail.windows[-SMOOTH:], place, laid.slope)
            laid.add(place, shift)

    def _repeats(self, taken: Taken, trail: _Trail, place: float, lag: Lag) -> bool:
        """Whether a window says nothing, because either output has shown before what it shows, or did lately."""
        if lag.answer not in ("found", "repeats"):
            return False
        if lag.answer == "repeats" or self._looping(taken, place, lag.likeness):
            trail.loops, trail.looped = trail.loops + 1, taken.newest
            return True
        if taken.newest - trail.looped > LOOPS:
            trail.loops = 0
        return trail.loops >= AGREE and not trail.sure

    def _looping(self, taken: Taken, place: float, likeness: float) -> bool:
        """Whether one of two outputs shows what it has shown before."""
        first = self._taken[0]
        ends = [(taken, place), (first, first.newest)]
        if taken.newest > place:
            ends.append((taken, taken.newest))
        return any(lags.repeated(windows.grid(one, end - windows.REACH, end), likeness) for one, end in ends)

    def _take_back(self, laid: Laid, trail: _Trail) -> None:
        """What was found may lie in another round of a loop."""
        self.rounds += trail.sure
        trail.sure, trail.windows, trail.since, self.method = False, [], None, None
        laid.places.clear()
        laid.shifts.clear()
        laid.slope = 0.0
        trail.answers = Counter()
