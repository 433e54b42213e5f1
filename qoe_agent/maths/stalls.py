"""Keeps account of a player's stalls: which count, from when on, and for how much so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent.maths.late import Late

if TYPE_CHECKING:
    from qoe_agent.maths.playout import Event


STOOD = 0.5
"""Seconds for which the agent must have stood still for pieces to be late by more than that."""


@dataclass(slots=True)
class Dry:
    """One stall."""

    start: float
    start_pts: float
    end: float | None = None
    end_pts: float | None = None
    counted: float = 0.0
    """Seconds of it that were counted."""
    said: bool = False
    """Whether it was reported."""


class Stalls:
    """Feed the player's events and the Ticks.

    A stall is reported by the first Tick that finds it longer than `shortest` and than the agent itself stood still,
    with its true start, and counts while it lasts.
    """

    __slots__ = ("_count", "_dry", "_late", "_seconds", "_shortest")

    def __init__(self, shortest: float) -> None:
        self._shortest = shortest
        self._dry: list[Dry] = []
        self._late = Late()
        self._count = 0
        self._seconds = 0.0

    def event(self, event: Event) -> Dry | None:
        """What the player did; returns the reported stall that this ends."""
        if event.kind == "stall":
            self._dry.append(Dry(event.at, event.pts))
            return None
        dry = self._dry[-1] if self._dry else None
        if event.kind == "skip" or dry is None or dry.end is not None:
            return None
        dry.end = event.at
        dry.end_pts = event.pts if event.kind == "resume" else None
        if not dry.said and event.kind != "give_up":
            return None  # the next Tick says whether it counts
        self._report(dry, event.at)
        self._dry.remove(dry)
        return dry

    def tick(self, at: float, lag: float, piece: float = 0.0) -> list[Dry]:
        """Time has come to `at`; returns the stalls that are news: just opened, or begun and ended since.

        `piece`: seconds of media that are fetched at once; what appeared while the agent stood still is fetched then.
        """
        still = self._late.tick(lag)
        still += piece if still >= STOOD else 0.0
        news = []
        for dry in self._dry:
            until = at if dry.end is None else dry.end
            if dry.said:
                self._report(dry, until)
            elif until - dry.start > max(still, self._shortest):
                self._report(dry, until)
                news.append(dry)
        self._dry = [dry for dry in self._dry if dry.end is None]
        return news

    def counted(self) -> tuple[int, float]:
        """Stalls and seconds since it was last asked."""
        counted = self._count, self._seconds
        self._count, self._seconds = 0, 0.0
        return counted

    def _report(self, dry: Dry, until: float) -> None:
        self._count += not dry.said
        self._seconds += max(0.0, until - dry.start - dry.counted)
        dry.counted = max(dry.counted, until - dry.start)
        dry.said = True
