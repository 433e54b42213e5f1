"""One track's packets to stretches of sound and their looks, on a decode thread."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import cv2

from qoe_agent import clock
from qoe_agent.decode.frames import Heard, stretches
from qoe_agent.decode.lanes import open_decoder
from qoe_agent.decode.pictures import TICKS, LeftOut, describe, handed
from qoe_agent.maths.overload import BURSTLESS, PLAIN
from qoe_agent.model import Damage, Sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.decode.lanes import Lane
    from qoe_agent.decode.looks import Looks
    from qoe_agent.model import Format, Packet
    from qoe_agent.probes import SoundLook

QUIET = 10 ** (-60 / 20)
"""Magnitude below which sound is quiet."""
HUSH = 0.5
"""Seconds of quiet at the end of a stretch that are a silence beginning."""

BURST, BURST_EVERY = 4.0, 30.0
"""Seconds of sound that dear looks hear, and from one such burst to the next."""

LAYOUTS = {1: "mono", 2: "stereo"}
"""By number of channels; others are taken as they come."""


class Hush(NamedTuple):
    """Silence began."""

    pts: float | None


class Bursts:
    """Which stretches of sound dear looks hear: the first, and then some of every half minute."""

    __slots__ = ("_began", "_phase")

    def __init__(self, phase: float) -> None:
        """`phase`: 0 to 1, spreads the streams of a fleet."""
        self._phase = phase
        self._began: float | None = None

    def due(self, pts: float | None) -> bool:
        """Whether a stretch that begins at `pts` lies in a burst; sound without times always does."""
        if pts is None:
            return True
        if self._began is None or pts < self._began:
            self._began = pts
        passed = pts - self._began
        return passed < BURST or (passed - self._phase * BURST_EVERY) % BURST_EVERY < BURST


class Sounds:
    """An audio track of one connection."""

    def __init__(
        self, form: Format, looks: Looks, policy: str = "all", phase: float = 0.0, lane: Lane | None = None
    ) -> None:
        """`lane`: whose decoders are used where several streams may use one; None: it has its own."""
        self.format, self.looks = form, looks
        self._policy, self._bursts, self._lane = policy, Bursts(phase), lane
        self._context: Any = None
        self._plain = False
        """All that its decoder remembers of a packet is what overlaps with the next: it need not keep one."""
        self._before: Packet | None = None
        """The last packet."""
        self._quiet = False
        """The last stretch ended quiet."""

    def listen(
        self, batch: list[Packet], level: int = 0, missed: Packet | None = None
    ) -> Iterator[Damage | Sound | Hush | LeftOut]:
        """Decode some packets; a stretch without a gap is one Sound. `level`: how far the worker has fallen back;
        `missed`: the last of the packets before these if they were left out."""
        heard: list[Heard] = []
        try:
            context = self._decoder(missed)
        except (av.FFmpegError, ValueError) as error:
            yield Damage(batch[0].at, batch[0].track, "decode", len(batch), describe(error))
            return
        for seen in batch:
            try:
                frames = context.decode(handed(seen))
            except (av.FFmpegError, ValueError) as error:
                yield Damage(seen.at, seen.track, "decode", 1, describe(error))
                continue
            heard += [Heard(seen.at, frame) for frame in frames]
        self._learn(context, batch[-1], heard)
        for at, ticks, rate, samples in stretches(heard, TICKS):
            pts = None if ticks is None else ticks / TICKS
            was, self._quiet = self._quiet, _ends_quiet(samples, rate)
            if self._quiet and not was:
                yield Hush(pts)
            burst = self._bursts.due(pts)
            wanted = {name: look for name, look in self.looks.sounds.items() if self._hears(look, burst, 0)}
            asked = {name: look for name, look in wanted.items() if not level or self._hears(look, burst, level)}
            if len(asked) < len(wanted):
                yield LeftOut(1, "look")
            looks = {name: look(samples, rate, pts) for name, look in asked.items()}
            channels, n = samples.shape
            yield Sound(at, batch[0].track, pts, n / rate, rate, channels, clock.now(), looks)

    def _decoder(self, missed: Packet | None) -> Any:
        """A decoder in the state in which the packet before leaves it: sound overlaps with that."""
        shared = self._plain and self._lane is not None
        if self._lane is not None and shared:
            context, before = self._lane.listener(self.format, _opened), missed or self._before
        else:
            context, before = self._context or _opened(self.format), missed
            self._context = context
        if shared or before:
            context.flush_buffers()
        if before:
            with contextlib.suppress(av.FFmpegError, ValueError):
                context.decode(handed(before))
        return context

    def _learn(self, context: Any, last: Packet, heard: list[Heard]) -> None:
        """AAC-LC without SBR needs no decoder of its own, which has 0.7 MB (libavcodec, aac)."""
        self._before = last
        if heard and self._lane is not None and not self._plain and self.format.codec == "aac":
            rate = heard[-1].frame.sample_rate
            if context.profile == "LC" and rate == self.format.sample_rate:
                self._plain, self._context = True, None

    def _hears(self, look: SoundLook, burst: bool, level: int) -> bool:
        when = getattr(look, "when", "always")
        whole = self._policy == "all" and level < PLAIN
        burst = burst and level < BURSTLESS
        if when == "moving":
            return self._policy != "keyframes" and level < PLAIN
        if when == "bursts":
            return burst or whole
        return when == "always" or burst or (level < PLAIN and bool(getattr(look, "keen", False)))


def _opened(form: Format) -> Any:
    """A decoder; PCM and G.711 do not say in their data what they are."""
    context = open_decoder(form.codec, form.extradata)
    if form.sample_rate:
        context.sample_rate = form.sample_rate
    if form.channels:
        context.layout = LAYOUTS.get(form.channels, f"{form.channels}c")
    return context


def _ends_quiet(samples: NDArray[np.float32], rate: int) -> bool:
    tail = samples[:, -int(HUSH * rate) :]
    return tail.shape[1] >= int(HUSH * rate) > 0 and cv2.norm(tail, cv2.NORM_INF) < QUIET
