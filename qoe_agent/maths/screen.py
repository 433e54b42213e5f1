"""When the player shows each picture: frames and the player's events in, render times out."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qoe_agent.maths.playout import Event

MOST = 2500
"""Pictures that may wait to be shown: 40 s at 60 a second; a file read at full speed would pile up more."""


class Shown(NamedTuple):
    """A picture came on screen."""

    at: float
    place: float
    """Its presentation time on the player's timeline."""
    since: float
    """When the picture before it came."""
    step: float
    """How much later than that one it is meant to be shown."""
    stalled: float
    """Seconds between the two for which the player was dry."""


class Screen:
    """`add` pictures as they come, then report events in order, then `show` up to the playhead."""

    __slots__ = ("_dry_from", "_from", "_last", "_place", "_places", "_playing_from", "_stalled", "_there")

    def __init__(self) -> None:
        self._places = array("d")  # pictures that wait, in the order in which they are to be shown
        self._there = array("d")  # since when each can be
        self._playing_from: float | None = None  # wall time at which `_from` was shown; None while it stands
        self._from = 0.0
        self._dry_from: float | None = None
        self._last: float | None = None
        self._place = 0.0
        self._stalled = 0.0

    @property
    def place(self) -> float:
        """Presentation time of the picture on screen."""
        return self._place

    def add(self, place: float, there: float) -> None:
        """A picture to be shown at `place` is there to be shown."""
        places = self._places
        if not places or place >= places[-1]:
            places.append(place)
            self._there.append(there)
        else:
            position = bisect_right(places, place)
            places.insert(position, place)
            self._there.insert(position, there)
        if len(places) > MOST:
            del places[0], self._there[0]

    def event(self, event: Event) -> list[Shown]:
        """What the player did; returns the pictures shown before it."""
        shown = self.show(event.media - event.skipped) if event.kind not in ("play", "resume") else []
        if event.kind in ("play", "resume") or (event.kind == "skip" and self._playing_from is not None):
            if self._dry_from is not None:
                self._stalled += event.at - self._dry_from
                self._dry_from = None
            self._playing_from, self._from = event.at, event.media
        elif event.kind == "stall":
            self._playing_from, self._dry_from = None, event.at
        elif event.kind in ("give_up", "stop"):
            self._playing_from = self._dry_from = self._last = None
            self._stalled = 0.0
            self._forget(event.at)
        return shown

    def _forget(self, before: float) -> None:
        """The pictures that were there by then will not be shown."""
        kept = [(place, there) for place, there in zip(self._places, self._there, strict=True) if there > before]
        self._places, self._there = array("d", (p for p, _ in kept)), array("d", (t for _, t in kept))

    def show(self, to: float) -> list[Shown]:
        """The pictures that came on screen until the playhead reached `to`."""
        began, first = self._playing_from, self._from
        if began is None:
            return []
        shown = []
        used = 0
        for place, there in zip(self._places, self._there, strict=True):
            if place >= to:
                break
            used += 1
            if place < first or (self._last is not None and place <= self._place):
                continue  # skipped, or too late behind a newer one
            at = max(there, began + place - first)
            if self._last is not None:
                shown.append(Shown(at, place, self._last, place - self._place, self._stalled))
                self._stalled = 0.0
            self._last, self._place = at, place
        del self._places[:used], self._there[:used]
        return shown

    def still(self, at: float) -> tuple[float, float] | None:
        """Since when the picture stands, and for how much of that the player was dry; None with nothing shown."""
        if self._last is None:
            return None
        return self._last, self._stalled + (at - self._dry_from if self._dry_from is not None else 0.0)
