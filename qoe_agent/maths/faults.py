"""When the programme was not there: black or frozen pictures, silent sound, in media time, as looks saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.maths.programme import Programme
    from qoe_agent.maths.quiet import Run

APART = 12.0
"""Seconds that two faulty pictures may lie apart, with none seen between them, and be one spell."""
SEAM = 0.5
"""Seconds between two silent runs that are one."""
SILENT = 2.0
"""Seconds of silence below which it is a pause."""


class Marks:
    """Writes spells into a programme."""

    __slots__ = ("_last", "_programme", "_silent", "_until")

    def __init__(self, programme: Programme) -> None:
        self._programme = programme
        self._last: dict[str, float] = {}
        """Media time of the last picture, by the fault that it showed."""
        self._until: dict[str, float] = {}
        """Marked so far."""
        self._silent: tuple[float, float] | None = None
        """Begin and end of the latest silence."""

    def picture(self, fault: str, pts: float, *, shown: bool, since: float | None = None) -> None:
        """A picture that shows the fault (`since` an earlier time, where that is known), or does not."""
        self._programme.watched.add(fault)
        last = self._last.pop(fault, None)
        if not shown:
            return
        self._last[fault] = pts
        if since is None:
            since = last if last is not None and 0.0 < pts - last <= APART else pts
        self._mark(fault, since, pts)

    def sound(self, pts: float, rate: int, runs: Sequence[Run]) -> None:
        """A stretch of sound and its silent runs, in samples."""
        self._programme.watched.add("silence")
        for start, end, _ in runs:
            begin, finish = pts + start / rate, pts + end / rate
            if self._silent is not None and abs(begin - self._silent[1]) <= SEAM:
                begin = self._silent[0]
            self._silent = begin, finish
            if finish - begin >= SILENT:
                self._mark("silence", begin, finish)

    def _mark(self, fault: str, begin: float, end: float) -> None:
        until = self._until.get(fault)
        if until is not None and begin < until <= end:
            begin = until
        self._until[fault] = end
        self._programme.mark(fault, begin, end)
