"""How long something holds, seen picture by picture: from the first that shows it to the first that does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from qoe_agent.model import Incident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qoe_agent.model import Severity

SLACK = 0.004
"""Containers round to milliseconds; pictures are due on their own grid."""
STEP = 0.2
"""Pictures at most so many seconds apart follow one another; a longer step is a hole in what was seen."""


@dataclass(slots=True)
class Stretch:
    """Something that holds."""

    what: str
    start: float
    """Agent clock: the first picture that shows it."""
    start_pts: float | None
    within: float | None
    """Seconds since the picture before: the onset lies somewhere in them; None where there was none."""
    end: float
    """The last picture that shows it; once it is over, the first that does not."""
    end_pts: float | None
    pictures: int = 1
    opened: bool = False
    """It has lasted for long enough."""
    over: bool = False
    ended_within: float | None = None
    """Seconds between the last picture that showed it and the first that did not."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What its owner wants to remember of it."""
    _told: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        if self.start_pts is not None and self.end_pts is not None:
            return self.end_pts - self.start_pts
        return self.end - self.start

    def grown(self) -> float:
        """Seconds that it has lasted since this was last asked."""
        more = max(0.0, self.seconds - self._told)
        self._told += more
        return more

    def incident(self, severity: Severity = "warning") -> Incident:
        """As it stands: open, or over."""
        end, pts = (self.end, self.end_pts) if self.over else (None, None)
        detail = {"pictures": self.pictures, "onset_within": self.within, **self.facts}
        if self.ended_within is not None:
            detail["end_within"] = self.ended_within
        return Incident(self.what, self.start, end, severity, "", self.start_pts, pts, detail)


class Lasting:
    """Follows one thing that may hold, or one of several that exclude one another."""

    __slots__ = ("_ended", "_last", "_last_pts", "_least", "_step", "now")

    def __init__(self, least: dict[str, float]) -> None:
        """`least`: what may hold, and for how many seconds it must."""
        self._least = least
        self.now: Stretch | None = None
        """What holds at present."""
        self._last: float | None = None
        self._last_pts: float | None = None
        self._step, self._ended = 0.0, -inf

    def see(self, what: str, at: float, pts: float | None, before: float = 0.0) -> Iterator[Stretch]:
        """Take the next picture (`what` is empty: nothing holds) at its time on the agent's clock; `before`: seconds
        for which it had held by then.

        Yields a stretch when it has lasted long enough, and when such a one is over.
        """
        gap = None if self._last is None else max(0.0, at - self._last)
        if pts is not None and self._last_pts is not None:
            gap = max(0.0, pts - self._last_pts)
        if gap is not None and gap <= STEP:
            self._step = gap
        if self.now and what != self.now.what:
            self.now.ended_within = gap
            yield from self._finish(*self._even(at, pts))
        self._last, self._last_pts = at, pts
        if not what:
            return
        if self.now is None:
            before = max(0.0, min(before, at - self._ended))
            start = None if pts is None else pts - before
            self.now = Stretch(what, at - before, start, None if before else gap, at, pts)
        else:
            self.now.end, self.now.end_pts = self._even(at, pts)
            self.now.pictures += 1
        if not self.now.opened and self._enough(self.now.seconds + self._step, what):
            self.now.opened = True
            yield self.now

    def stop(self) -> Iterator[Stretch]:
        """No more is known: what holds ended with its last picture."""
        if self.now:
            pts = self.now.end_pts
            yield from self._finish(self.now.end + self._step, None if pts is None else pts + self._step)
        self._last = self._last_pts = None

    def _even(self, at: float, pts: float | None) -> tuple[float, float | None]:
        """As far from the start on the agent's clock as in media time."""
        now = self.now
        if now and pts is not None and now.start_pts is not None:
            return now.start + max(0.0, pts - now.start_pts), pts
        return (max(at, now.end) if now else at), pts

    def _finish(self, end: float, pts: float | None) -> Iterator[Stretch]:
        now, self.now = self.now, None
        if now is None:
            return
        shown = now.seconds + self._step
        now.end, now.end_pts, self._ended = end, pts, end
        if now.opened or self._enough(min(now.seconds, shown) if now.pictures == 1 else now.seconds, now.what):
            now.opened = now.over = True
            yield now

    def _enough(self, seconds: float, what: str) -> bool:
        """Whether what was shown for so long may have lasted the minimum: pictures are whole, so up to one less.

        One key picture of a fade shows that it was dark then, not that it was until the next; two show that it lasts.
        """
        return seconds > self._least[what] - max(SLACK, self._step - SLACK)
