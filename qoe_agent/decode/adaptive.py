"""Which packets of a track are decoded: every key frame, and everything where it may pay. On the event loop.

A group of pictures is held by reference until the next has begun. Its key frame goes to the lane together with the
first packets after it (see `backwards`), which looks at the key frame and says whether it wants everything; if so,
or if the packets are suspicious (`maths.suspicion`), or for two seconds in thirty, packets follow as they come.
Nothing is lost when the lane is late: it reads the group as far as it has come whenever it gets there; what is left
out when that goes on is said in `maths.overload`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.decode.backwards import Backwards, Told
from qoe_agent.decode.gop import Gop
from qoe_agent.maths.overload import PLAIN
from qoe_agent.maths.suspicion import Suspicion, coded
from qoe_agent.model import CORRUPT, DISCONTINUITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qoe_agent.decode.pictures import Pictures
    from qoe_agent.decode.thrift import Thrift
    from qoe_agent.maths.duty import Duty
    from qoe_agent.model import Packet

BURST = 2.0
"""Seconds of media decoded in full on schedule."""
BURST_EVERY = 30.0
"""Seconds from the start of one burst to that of the next."""
LASTS = 1.0
"""Seconds of media for which a suspicion holds."""
APART = 2.0
"""Seconds of media between two groups that begin sooner than they should."""
HUSHES = 20.0
"""Seconds of media between two silences that give to suspect: speech has pauses."""


class Schedule:
    """When the next burst is due. `phase`: 0 to 1, spreads the streams of a fleet."""

    __slots__ = ("_due", "_phase")

    def __init__(self, phase: float) -> None:
        self._phase = phase
        self._due: float | None = None

    def begins(self, at: float) -> bool:
        """Whether a burst begins with a key frame that came now."""
        if self._due is None:
            self._due = at + self._phase * BURST_EVERY
        if at < self._due:
            return False
        self._due += BURST_EVERY * ((at - self._due) // BURST_EVERY + 1)
        return True


class Adaptive:
    """One video track of one connection."""

    def __init__(
        self,
        pictures: Pictures,
        schedule: Schedule,
        duty: Duty,
        thrift: Thrift,
        submit: Callable[[Callable[[], Iterator[object]]], bool],
    ) -> None:
        """`schedule`, `duty`, `thrift`: the stream's; they outlast connections."""
        self._lane = Backwards(pictures, duty)
        self._schedule, self._thrift, self._submit = schedule, thrift, submit
        self._suspicion = Suspicion()
        self._gop: Gop | None = None
        self._before: Gop | None = None
        self._media: float | None = None
        """Decoding time of the latest packet."""
        self._until: float | None = None
        """Packets are suspicious until this decoding time."""
        self._hushed: float | None = None
        """Decoding time of the last silence that gave to suspect."""
        self._soon: float | None = None
        """The last key frame that began a group sooner than groups should."""
        self._burst: float | None = None
        """A burst lasts until this presentation time."""

    def packet(self, seen: Packet) -> None:
        """Take the next packet of the track."""
        self._media = seen.pts if seen.dts is None else seen.dts
        odd = seen.flags & (CORRUPT | DISCONTINUITY) != 0
        reason = self._suspicion.feed(self._media, coded(seen.data), key=seen.key, odd=odd)
        if seen.key and (self._gop is None or self._gop.begins_anew(seen) or self._spared(seen)):
            self._turn()
        gop = self._gop
        if gop is None:
            return  # nothing decodes before the first key frame
        gop.append(seen)
        if reason:
            self._suspect(small=reason == "small")
        if not gop.handed:
            count = gop.twins()
            if count is not None:
                self._hand(gop, count)
        elif (self._lane.running or self._suspicious) and self._thrift.level < PLAIN:
            self._on(gop, seen)

    def hush(self) -> None:
        """Silence began."""
        media = self._media
        if media is not None and (self._hushed is None or not 0.0 <= media - self._hushed < HUSHES):
            self._hushed = media
            self._suspect(small=False)

    def end(self) -> None:
        """The connection is over: what is held is looked at if it was to be."""
        gop = self._gop
        if gop is None:
            return
        if not gop.handed:
            self._hand(gop, gop.twins() or 1)
        if self._thrift.level < PLAIN:
            self._submit(partial(self._lane.end, gop, gop.small or gop.odd))
        self._gop = self._before = None

    @property
    def _suspicious(self) -> bool:
        return self._until is not None and self._media is not None and self._media < self._until

    def _suspect(self, *, small: bool) -> None:
        if self._gop is not None:
            self._gop.small |= small
            self._gop.odd |= not small
        self._until = None if self._media is None else self._media + LASTS

    def _spared(self, key: Packet) -> bool:
        """Whether a key frame soon after another is a rare one, as at a cut, and begins a group all the same."""
        if key.pts is None or (self._soon is not None and 0.0 <= key.pts - self._soon < APART):
            return False
        self._soon = key.pts
        return True

    def _turn(self) -> None:
        """A key frame begins another group."""
        if self._gop is not None and not self._gop.handed:
            self._hand(self._gop, 1)
        self._before, self._gop = self._gop, Gop()

    def _hand(self, gop: Gop, count: int) -> None:
        """Its key frame, with the first packets after it, goes to the lane."""
        first, before = gop.packets[0], self._before
        if self._schedule.begins(first.at) and first.pts is not None and self._thrift.burst():
            self._burst = first.pts + BURST
        burst = self._burst is not None and first.pts is not None and first.pts < self._burst
        told = Told(before is not None and before.odd, before is not None and before.small, self._suspicious, burst)
        whole = before if before is not None and before.whole and gop.pts > before.pts else None
        gop.handed, self._before = True, None
        if self._thrift.affords(first.at):
            plain = self._thrift.level >= PLAIN
            self._submit(partial(self._lane.key, gop, count, whole, told, clock.now(), plain))

    def _on(self, gop: Gop, seen: Packet) -> None:
        """More of a group that is decoded in full; a burst ends after its time, also within a group."""
        rests = not gop.whole
        if self._burst is not None and seen.pts is not None and seen.pts >= self._burst:
            self._burst, rests = None, True
        if rests or not self._lane.pending:
            self._lane.pending = True
            wish = self._suspicious and (gop.small or gop.odd)
            if not self._submit(partial(self._lane.more, gop, wish, rests, clock.now())):
                self._lane.pending = False
