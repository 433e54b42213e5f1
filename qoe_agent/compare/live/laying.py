"""How live outputs are laid on one clock, the source's: by stamp, by the playlists' dates, or by what pictures show.

The first output's clock is the source's unless stamps or dates say another. Of every other output, what is to be added
to its media time is followed over time, so that drift and jumps are.
"""

from __future__ import annotations

from collections import Counter
from math import floor, inf, isfinite
from statistics import median
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from qoe_agent.compare.aligning import lags
from qoe_agent.compare.live import windows
from qoe_agent.compare.live.laid import JUMP, Laid
from qoe_agent.compare.live.trail import LOOPS, Trail
from qoe_agent.maths.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.compare.aligning.lags import Lag
    from qoe_agent.compare.live.taking import Taken

Method: TypeAlias = Literal["stamp", "program date-time", "content"]

DECIDED = 6.0
"""Seconds of pictures of every output after which it is decided whether stamps are there."""
NEAR = 0.06
"""Seconds within which two windows agree."""
SLIP = 0.1
"""Seconds by which a window may lie off what was expected and not be a jump: where little moves, drift shows late."""
AGREE = 2
"""Windows that must agree before a lag is believed, at first and after every jump."""
APART = 2.0
"""Seconds from one window to the next."""
PATIENCE = 25.0
"""Seconds of pictures after which dates in playlists have to do, where pictures do not tell."""
SMOOTH = 5
"""Estimates whose median counts."""
LEAST = 0.01
"""Seconds that stamps may be off a line from one estimate to the next, besides drift."""
DOUBT = 1.5
"""Seconds before the end of the last window that fitted from which nothing is known, once one does not."""
BEFORE = 6.0
"""Seconds before the first window of all for which it is taken to have lain there."""
HELD = 200.0
"""Seconds for which estimates are kept."""


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
        self._trails = [Trail() for _ in taken]

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

    @property
    def repeats(self) -> bool:
        """Whether something was seen that had been shown before."""
        return any(trail.loops for trail in self._trails)

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

    def doubts(self) -> list[str]:
        """Why what was found by content may lie a round of a loop off; none: there is no sign of it."""
        if self.method != "content":
            return []
        first, told = self._taken[0], []
        for taken, trail in zip(self._taken[1:], self._trails[1:], strict=True):
            seen = 0.0 if trail.since is None else taken.newest - trail.since
            if trail.loops:
                told.append(f"what {first.name} and {taken.name} show repeats: they may be laid a round of it off")
            elif seen < LOOPS:
                told.append(f"{first.name} and {taken.name} were seen for {max(seen, 0.0):.0f} s only: if what they "
                            "show repeats after more than that, they may be laid a round of it off")  # fmt: skip
        return told

    def lag(self, n: int) -> float | None:
        """Seconds by which media times of output `n` are ahead of the source's clock, at its latest picture."""
        laid = self.laid[n]
        return laid.shifts[-1] if laid.known else None

    def checked(self, n: int) -> float:
        """Second of the source before which it has been looked at whether output `n` lies there."""
        laid = self.laid[n]
        if laid.until == inf:
            return inf
        found = float(laid.source(np.array([laid.until]))[0])
        return floor(found) if isfinite(found) else -inf

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
            captured = marks.captured(taken.newest)
            if captured is not None:
                self._onto(laid, taken.newest, captured.at - taken.newest, LEAST)

    def _by_dates(self) -> None:
        for taken, laid in zip(self._taken, self.laid, strict=True):
            last = list(taken.dated)[-SMOOTH:]
            self._onto(laid, last[-1].media, median(each.time - each.media for each in last), JUMP)

    def _onto(self, laid: Laid, place: float, shift: float, most: float) -> None:
        """An estimate; where it is another than the last, nobody knows which one holds between them."""
        if laid.known and place > (last := laid.places[-1]):
            if abs(shift - laid.shifts[-1]) > most + windows.STEEPEST * (place - last):
                laid.lose(last)
            laid.find(place, shift)
        laid.add(place, shift)

    def _by_content(self) -> None:
        first = self._taken[0]
        if not self.laid[0].known:
            self.laid[0].add(0.0, 0.0)
        for taken, laid, trail in zip(self._taken[1:], self.laid[1:], self._trails[1:], strict=True):
            epochs = taken.epoch, first.epoch
            if not laid.known:
                laid.lose(-inf)
            if trail.epochs != epochs:  # a timeline of its own lies somewhere else
                self._lose(laid, trail, trail.good)
                trail.epochs, trail.was = epochs, None
            if trail.sure and trail.early(taken.newest) and self._looping(taken, taken.newest, laid.likeness or 0.0):
                trail.loops, trail.looped = trail.loops + 1, taken.newest
                self._take_back(laid, trail)
            shift = trail.expected(taken.newest, laid.slope) if trail.sure else None
            ends = min(taken.newest, first.newest - shift - windows.AROUND) if shift is not None else taken.newest
            if ends < trail.last + APART:
                continue
            place, lag = self._sought(taken, trail, ends, shift)
            trail.last = ends
            self._hear(taken, laid, trail, place, lag)
        if all(trail.sure for trail in self._trails[1:]):
            self.method = "content"

    def _sought(self, taken: Taken, trail: Trail, ends: float, shift: float | None) -> tuple[float, Lag]:
        """Where it was, if it was anywhere; else anywhere."""
        first = self._taken[0]
        if shift is not None:
            return windows.followed(taken, first, ends, shift)
        if trail.was is not None:
            ends = min(ends, first.newest - trail.was - windows.AROUND)
            place, lag = windows.followed(taken, first, ends, trail.was)
            if lag.answer in ("found", "still"):
                return place, lag
        return windows.searched(taken, first)

    def _hear(self, taken: Taken, laid: Laid, trail: Trail, place: float, lag: Lag) -> None:
        """What a window says."""
        if lag.answer == "short":
            return
        if self._repeats(taken, trail, place, lag):
            lag = lag._replace(answer="repeats")
            if trail.early(max(place, taken.newest)):
                self._take_back(laid, trail)
        elif trail.since is None:
            trail.since = place
        trail.answers[lag.answer] += 1
        laid.likeness = lag.likeness
        if lag.answer == "unlike" and trail.sure:
            self._lose(laid, trail, trail.good - DOUBT)  # it jumped, or they no longer show the same
        elif lag.answer == "found":
            self._found(laid, trail, place, lag.seconds)
        elif trail.sure:
            laid.until = place

    def _found(self, laid: Laid, trail: Trail, place: float, seconds: float) -> None:
        """A window lies somewhere."""
        off = abs(trail.expected(place, laid.slope) - seconds) if trail.windows else 0.0
        if off > NEAR:
            if trail.sure and off > SLIP:
                self._lose(laid, trail, trail.good - DOUBT)
            trail.windows = []
        trail.windows = [*trail.windows[1 - SMOOTH :], (place, seconds)]
        if len(trail.windows) < AGREE and not trail.sure:
            return
        shift, laid.slope = windows.drawn(trail.windows, place, laid.slope)
        if not trail.sure:
            begins = trail.windows[0][0] - windows.LENGTH + (windows.EDGE if trail.good > -inf else -BEFORE)
            laid.find(begins, shift - laid.slope * (place - begins))
        trail.was = None
        trail.sure, trail.good = True, place
        trail.last = place + windows.EDGE  # it is followed from there, though later pictures have come
        laid.until = place
        laid.add(place, shift)
        laid.forget(place - HELD)

    def _lose(self, laid: Laid, trail: Trail, media: float) -> None:
        """Where it lies is not known from there on."""
        if trail.sure:
            laid.lose(media)
            trail.was = trail.expected(trail.good, laid.slope)
        trail.sure, trail.windows, laid.slope = False, [], 0.0

    def _repeats(self, taken: Taken, trail: Trail, place: float, lag: Lag) -> bool:
        """Whether a window says nothing, because either output has shown before what it shows, or did lately."""
        if lag.answer not in ("found", "repeats"):
            return False
        if lag.answer == "found" and trail.was is not None and abs(lag.seconds - trail.was) <= SLIP:
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

    def _take_back(self, laid: Laid, trail: Trail) -> None:
        """What was found may lie in another round of a loop."""
        self.rounds += trail.sure
        trail.sure, trail.windows, trail.since, trail.was, self.method = False, [], None, None, None
        laid.clear()
        trail.answers = Counter()
