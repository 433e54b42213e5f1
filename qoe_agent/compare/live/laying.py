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
from qoe_agent.maths.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.aligning.lags import Grid, Lag
    from qoe_agent.compare.live.taking import Shown, Taken
    from qoe_agent.compare.shapes import Floats

Method: TypeAlias = Literal["stamp", "program date-time", "content"]

DECIDED = 6.0
"""Seconds of pictures of every output after which it is decided whether stamps are there."""
REACH = 60.0
"""Seconds of pictures in which another output's are looked for."""
AROUND = 1.5
"""Seconds to either side of what is known, in which it is followed."""
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
STEADY, STEEPEST = 1e-3, 0.02
"""Drift that is not told from none over so few windows, and the most that is believed."""
LOOPS = 42.0
"""Seconds that must not repeat before a lag is kept through pictures that do."""


@dataclass(slots=True)
class Laid:
    """One output's way to the source's clock."""

    places: list[float] = field(default_factory=list)
    """Media times, rising …"""
    shifts: list[float] = field(default_factory=list)
    """… and what is added there."""
    likeness: float | None = None
    """Of the latest window, by content."""

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
        return np.asarray(media + np.where(steady, drawn, nearer))

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
    """Windows on end that were there before."""


class Laying:
    """Outputs laid on each other; `step` about once a second."""

    def __init__(self, taken: Sequence[Taken]) -> None:
        """The first of them keeps its own clock, where only content tells."""
        self._taken = taken
        self.laid = [Laid() for _ in taken]
        self.method: Method | None = None
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
            shift = trail.windows[-1][1] if trail.sure else None
            ends = min(taken.newest, first.newest - shift - AROUND) if shift is not None else taken.newest
            if ends < trail.last + APART:
                continue
            if shift is None:
                place, lag = _searched(taken, first)
            else:
                place, lag = ends, _followed(taken, first, ends, shift)
            trail.last = ends
            self._hear(taken, laid, trail, place, lag)
        if all(trail.sure for trail in self._trails[1:]):
            self.method = "content"

    def _hear(self, taken: Taken, laid: Laid, trail: _Trail, place: float, lag: Lag) -> None:
        """What a window says."""
        if lag.answer == "short":
            return
        if lag.answer == "found" and self._repeats(taken, laid, trail, place, lag):
            lag = lag._replace(answer="repeats")
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
            trail.sure = True
            laid.add(place, _drawn(trail.windows[-SMOOTH:], place))

    def _repeats(self, taken: Taken, laid: Laid, trail: _Trail, place: float, lag: Lag) -> bool:
        """Whether a window says nothing because it was shown before; a lag found within a loop is taken back."""
        if not lags.repeated(_grid(taken, place - REACH, place), lag.likeness):
            trail.since = place if trail.since is None else trail.since
            trail.loops = 0
            return False
        trail.loops += 1
        if trail.loops >= AGREE and (trail.since is None or place - trail.since < LOOPS):
            trail.sure, trail.windows, trail.since, self.method = False, [], None, None
            laid.places.clear()
            laid.shifts.clear()
            trail.answers = Counter({"repeats": 1})
        return True


def _drawn(windows: Sequence[tuple[float, float]], place: float) -> float:
    """The shift at a place, by the line through windows' middles (Theil and Sen: medians, so no one window decides)."""
    half = lags.WINDOW * lags.STEP / 2
    slopes = [
        (after[1] - before[1]) / (after[0] - before[0])
        for n, before in enumerate(windows)
        for after in windows[n + 1 :]
        if after[0] > before[0]
    ]
    slope = median(slopes) if len(windows) > 2 and slopes else 0.0
    slope = slope if STEADY < abs(slope) < STEEPEST else 0.0
    return median(seconds + slope * (place - at + half) for at, seconds in windows)


def _grid(taken: Taken, begin: float, end: float) -> Grid:
    shown = sorted((seen for seen in taken.shown if begin <= seen.media <= end), key=_media)
    if not shown:
        return lags.gridded(np.empty(0), np.empty((0, 18, 32), np.uint8))
    return lags.gridded(np.array([seen.media for seen in shown]), np.stack([seen.print for seen in shown]))


def _media(seen: Shown) -> float:
    return seen.media


def _searched(taken: Taken, first: Taken) -> tuple[float, Lag]:
    """Wherever it may lie: the latest of the one in all of the other, and the other way round; the place, the lag."""
    length = lags.WINDOW * lags.STEP + 2.5
    one = lags.find(_grid(taken, taken.newest - length, taken.newest), _grid(first, first.newest - REACH, first.newest))
    if one.answer == "found":
        return taken.newest, one
    other = lags.find(
        _grid(first, first.newest - length, first.newest), _grid(taken, taken.newest - REACH, taken.newest)
    )
    other = other._replace(seconds=-other.seconds)
    if other.answer == "found":
        return first.newest - other.seconds, other
    return taken.newest, max(one, other, key=lambda lag: lag.likeness)


def _followed(taken: Taken, first: Taken, ends: float, shift: float) -> Lag:
    """Near where it was."""
    length = lags.WINDOW * lags.STEP + 2.5
    theirs = _grid(first, ends + shift - length - AROUND, ends + shift + AROUND)
    return lags.find(_grid(taken, ends - length, ends), theirs)
