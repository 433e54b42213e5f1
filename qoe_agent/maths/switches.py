"""Where the first picture after a change lies on the player's timeline, and when the last one before it was shown.

For a viewing (`maths.viewing`) in which some packets are the first of something new: another size, codec or source.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.maths.screen import Screen
from qoe_agent.maths.viewing import Viewing

if TYPE_CHECKING:
    from qoe_agent.maths.playout import Event
    from qoe_agent.maths.screen import Shown

CHANGES = ("resolution", "codec", "source")
"""What may be new; of several the first is told."""
_SHIFT = 16
"""The bits of a packet's flags from this one on tell what is new with it."""


def flagged(flags: int, change: str) -> int:
    """The flags of a packet that is the first after `change`."""
    return flags | 1 << _SHIFT + CHANGES.index(change)


def change_of(flags: int) -> str:
    """What is new with a packet; empty: nothing."""
    return next((change for n, change in enumerate(CHANGES) if flags >> _SHIFT + n & 1), "")


class Mark(NamedTuple):
    """The first picture after a change."""

    at: float
    """When it was there."""
    place: float
    """Its presentation time on the player's timeline."""
    change: str


class Display(Screen):
    """A screen that remembers when a show that ended had shown its last picture."""

    __slots__ = ("_added", "ended")

    def __init__(self) -> None:
        super().__init__()
        self._added: float | None = None
        self.ended: float | None = None
        """When the last picture of the show that ended was shown; None while one is on, and where nobody waits."""

    def add(self, place: float, there: float) -> None:
        """A picture to be shown at `place` is there to be shown."""
        self._added = place
        super().add(place, there)

    def added(self) -> float | None:
        """Where the picture lies that was added since this was last asked."""
        added, self._added = self._added, None
        return added

    def event(self, event: Event) -> list[Shown]:
        """What the player did; returns the pictures shown before it. A show that ends is played to its end."""
        rest = self._last_due(event.at) if event.kind == "stop" else None
        shown = super().event(event)
        if event.kind in ("stop", "give_up"):
            self.ended = rest
        return shown

    def _last_due(self, at: float) -> float | None:
        """When the last of the pictures that were there by `at` is shown, or was; None if none was yet."""
        places = [place for place, there in zip(self._places, self._there, strict=True) if there <= at]
        if self._playing_from is None or not places:
            return self._last
        return max(self._playing_from + max(places) - self._from, self._last or 0.0)


class Turning(Viewing):
    """A viewing that notes the first pictures after changes."""

    __slots__ = ("_change", "display", "marks")

    def __init__(self, player: str, give_up: float) -> None:
        self.display = Display()
        super().__init__(player, give_up, self.display)
        self._change = ""
        self.marks: deque[Mark] = deque(maxlen=16)
        """Those that were not shown yet."""

    def _media(self, at: float, track: int, kind: str, pts: float | None, dts: float | None, flags: int) -> None:
        super()._media(at, track, kind, pts, dts, flags)
        place = self.display.added()
        if flags >> _SHIFT:  # hardly ever
            self._change = change_of(flags) or self._change
        if self._change and place is not None:
            self.marks.append(Mark(at, place, self._change))
            self._change = ""
