"""What the packets of a video track give to suspect, without decoding: where it may pay to look at every picture.

Sizes are judged by the half second: a still or black picture costs an encoder next to nothing, so what its inter
frames need collapses against what they have needed lately; where rate control fills the gap by refining the still
picture (or by filler data, which does not count: H.264 §7.3.2.7, H.265 §7.3.2.8), sizes say nothing, and the
pictures must. In quiet material one frame larger than a whole half second was is news; in lively material a cut is
not, but three in a second are (flashes: ITU-R BT.1702 counts them so). Timestamps that jump, marks of the
transport and damage need no arithmetic. Typical is what the last 20 s were, so that what lasts becomes typical.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Reason: TypeAlias = Literal["", "small", "large", "time", "corrupt"]

SLOT = 0.5
"""Seconds of media that are judged together."""
SLOTS = 40
"""Slots that tell what is typical."""
KNOWN = 4
"""Slots that must have been seen before any size is odd."""
COLLAPSE, BELOW = 0.15, 0.5
"""Share of the median slot, and of the lowest tenth of all half seconds, below which half a second has collapsed."""
FEWEST = 3
"""Inter frames that a collapse takes."""
QUIET = 0.15
"""Share of the last key frame below which the median slot is quiet material."""
REFINED = 0.3
"""Seconds after a key frame in which its quiet picture is still being refined."""
FLASHES, CUT = 3, 0.5
"""So many inter frames of at least this share of the last key frame in a second are not cuts any more."""
TIMES_TYPICAL = 3.0
"""What such a frame is, measured in typical inter frames."""
JUMP = 0.5
"""Seconds that decoding time may skip, unless ten frames are longer."""
FILLER = b"\xff" * 8


class Suspicion:
    """Follows one track; every packet is answered with the reason to suspect, or nothing."""

    __slots__ = (
        "_inside", "_key", "_keyed", "_large", "_last", "_least", "_low", "_lows", "_median", "_slot", "_slots",
        "_step", "_sum",
    )  # fmt: skip

    def __init__(self) -> None:
        self._inside: deque[tuple[float, int]] = deque()
        """Inter frames of the last slot, by decoding time."""
        self._sum = 0
        self._slots: deque[float] = deque(maxlen=SLOTS)
        """What lately went into a slot."""
        self._lows: deque[float] = deque(maxlen=SLOTS)
        """The least that went into half a second of each, wherever it began."""
        self._least: float | None = inf
        """That of the slot which fills now; None: it collapsed."""
        self._slot: float | None = None
        """When the slot that fills now began."""
        self._median = self._low = 0.0
        self._key = 0
        """Size of the last key frame."""
        self._keyed: float | None = None
        """When it was to be decoded."""
        self._large: deque[float] = deque(maxlen=FLASHES)
        self._last: float | None = None
        self._step = 0.04

    def feed(self, media: float | None, size: int, *, key: bool, odd: bool) -> Reason:
        """Take a packet. `media`: its decoding time; `size`: without filler; `odd`: marked by the transport."""
        step, last = None, self._last
        if media is not None:
            step = None if last is None else media - last
            self._last = media
            if step is not None and 0.0 < step <= JUMP:
                self._step += 0.1 * (step - self._step)
        if media is None or (step is not None and not 0.0 <= step <= max(JUMP, 10 * self._step)):
            self._forget()
            return "time"
        if key:
            self._key, self._keyed = size, media
            return "corrupt" if odd else ""
        reason = self._sized(media, size)
        return "corrupt" if odd else reason

    def _forget(self) -> None:
        """Slots do not reach over a jump."""
        self._inside.clear()
        self._sum, self._slot, self._least = 0, None, inf
        self._large.clear()

    def _sized(self, media: float, size: int) -> Reason:
        inside = self._inside
        inside.append((media, size))
        self._sum += size
        while inside[0][0] <= media - SLOT + self._step / 2:
            self._sum -= inside.popleft()[1]
        if len(inside) < FEWEST:
            return ""
        reason = self._grown(media, size)
        if media - inside[0][0] >= SLOT - 1.8 * self._step:
            if self._collapsed():
                reason, self._least = "small", None
            elif self._least is not None:
                self._least = min(self._least, self._sum)
        if self._slot is None or media - self._slot >= SLOT - self._step / 2:
            self._close(media)
        return reason

    def _collapsed(self) -> bool:
        return len(self._lows) >= KNOWN and self._sum < min(COLLAPSE * self._median, BELOW * self._low)

    def _grown(self, media: float, size: int) -> Reason:
        if len(self._slots) < KNOWN or not self._key:
            return ""
        if self._median < QUIET * self._key:
            refines = self._keyed is not None and media - self._keyed < REFINED
            return "large" if size > self._median and not refines else ""
        frame = self._median * self._step / SLOT
        if size >= CUT * self._key and size >= TIMES_TYPICAL * frame:
            self._large.append(media)
            if len(self._large) == FLASHES and media - self._large[0] <= 1.0:
                return "large"
        return ""

    def _close(self, media: float) -> None:
        """The slot is full: it counts among the typical ones, and if nothing collapsed, among the low ones."""
        if self._slot is not None:
            self._slots.append(self._sum)
            self._median = _ranked(self._slots, 2)
            if self._least is not None and self._least < inf:
                self._lows.append(self._least)
                self._low = _ranked(self._lows, 10)
        self._slot, self._least = media, inf


def _ranked(values: Iterable[float], part: int) -> float:
    ordered = sorted(values)
    return float(ordered[len(ordered) // part])


def coded(data: bytes) -> int:
    """Bytes of a picture without the filler data at its end, which constant bit rates are made with."""
    if data[-16:].rstrip(b"\x80\0")[-8:] != FILLER:
        return len(data)
    return len(data.rstrip(b"\x80\0").rstrip(b"\xff"))
