"""Makes the programme in real time, with its faults, and writes down what truly left it and when."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qoe_agent import clock
from qoe_agent.demo.encoder import LEAD_IN, Coded, Encoder
from qoe_agent.demo.faults import FaultKind, Injected, Schedule
from qoe_agent.demo.programme import Programme
from qoe_agent.maths import stamp, tone

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    import numpy as np
    from numpy.typing import NDArray

REMEMBERED = 1000
"""Injected faults that are kept."""
LOGGED = 20_000
"""Frames in the log: more than ten minutes."""


IN_MEDIA: tuple[FaultKind, ...] = ("resolution_drop", "silence", "black", "standing")
"""Faults of the pictures and the sound, not of their delivery."""
PLACE = stamp.Place("top-right", 36.0)
"""Where the stamp is."""


def _planes(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
    """Luma and chroma of a planar YUV 4:2:0 picture, to be drawn into."""
    height, width = picture.shape[0] * 2 // 3, picture.shape[1]
    return picture[:height], list(picture[height:].reshape(2, height // 2, width // 2))


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that left."""

    at: float
    pts: float


@dataclass(slots=True)
class _Place:
    """How far the broadcast is."""

    index: int = 0
    pause: float = 0.0
    """Seconds that the media clock stood so far."""


class Studio:
    """`run` encodes and hands out frames until `stop`: give it a thread. One studio makes one broadcast."""

    def __init__(self, deliver: Callable[[Coded, bytes], None], programme: Programme | None = None) -> None:
        self.programme = programme or Programme()
        self.schedule = Schedule()
        """May be replaced at any time; faults count from `started`."""
        self.injected: deque[Injected] = deque(maxlen=REMEMBERED)
        """What truly went wrong."""
        self.sent: deque[Sent] = deque(maxlen=LOGGED)
        """The latest frames, in order."""
        self.started = 0.0
        """When the first frame was due."""
        self._picture: NDArray[np.uint8] | None = None
        """The last that was drawn."""
        self._deliver = deliver
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let `run` return after the frame in hand; it may be called from any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Broadcast. Raises what the encoder or the delivery raises."""
        encoder = Encoder(self.programme, key_every=self.programme.rate)
        place = _Place()
        self.started = clock.now()
        try:
            while self._ready(place):
                coded = self._encode(
                    encoder, place.index, self.started + place.pause + place.index / self.programme.rate
                )
                self._deliver(coded, encoder.sequence)
                self.sent.append(Sent(clock.now(), self._pts(place.index)))
                place.index += 1
        finally:
            encoder.close()

    def _ready(self, place: _Place) -> bool:
        """Wait until the next frame is due, or longer where nothing is to be sent; False: stopped."""
        due = self.started + place.pause + place.index / self.programme.rate
        self._stopping.wait(max(0.0, due - clock.now()))
        faults = self.schedule.now(due - self.started)
        kind: FaultKind = "stall" if "stall" in faults else "burst"
        if kind in faults and clock.now() < (ends := self.started + faults[kind]):  # else catching up after a burst
            pts = self._pts(place.index)
            self.injected.append(Injected(kind, due, None, pts, pts))
            self._stopping.wait(ends - clock.now())
            self.injected[-1] = replace(self.injected[-1], end=clock.now())
            if kind == "stall":
                place.pause += clock.now() - due
        return not self._stopping.is_set()

    def _encode(self, encoder: Encoder, index: int, due: float) -> Coded:
        """Frame `index`, which is made at `due`: its stamp says so."""
        at, pts = clock.now(), self._pts(index)
        faults = self.schedule.now(at - self.started)
        for kind in IN_MEDIA:
            self._note(kind, kind in faults, at, pts)
        sound = self.programme.tone(index, "silence" in faults)
        made = clock.wall(due)
        if "standing" not in faults or self._picture is None:
            self._picture = self._draw(index, made, faults)
        picture = self._picture
        if "silence" not in faults:
            tone.write(sound, round(made, 3), self.programme.sample_rate)
        return encoder.frame(index, picture, sound)

    def _draw(self, index: int, made: float, faults: Container[FaultKind]) -> NDArray[np.uint8]:
        picture = self.programme.picture(index, 2 if "resolution_drop" in faults else 1)
        luma, chroma = _planes(picture)
        if "black" in faults:
            luma[:], chroma[0][:], chroma[1][:] = 16, 128, 128
        else:
            stamp.draw(luma, chroma, round(made * 1000), index, PLACE)
        return picture

    def _note(self, kind: FaultKind, on: bool, at: float, pts: float) -> None:
        """Write down where a fault in the pictures or the sound begins and ends."""
        place = next((i for i, fault in enumerate(self.injected) if fault.kind == kind and fault.end is None), None)
        if on and place is None:
            self.injected.append(Injected(kind, at, None, pts))
        elif not on and place is not None:
            self.injected[place] = replace(self.injected[place], end=at, end_pts=pts)

    def _pts(self, index: int) -> float:
        return LEAD_IN + index / self.programme.rate
