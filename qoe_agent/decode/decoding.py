"""One stream's way through its lane: which packets are decoded, and that late work is left out and counted."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from qoe_agent import clock
from qoe_agent.decode.adaptive import Adaptive, Schedule
from qoe_agent.decode.looks import Looks
from qoe_agent.decode.pictures import TOGETHER, Again, LeftOut, Pictures
from qoe_agent.decode.snapshots import Snapshot, Snapshots
from qoe_agent.decode.sounds import Hush, Sounds
from qoe_agent.decode.thrift import Thrift
from qoe_agent.maths.duty import Duty
from qoe_agent.maths.overload import HUSHED, PLAIN
from qoe_agent.model import Damage, Format, Observation, Packet, Picture
from qoe_agent.recorder import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qoe_agent.decode.lanes import Lane
    from qoe_agent.probes import PictureLook, SoundLook

SOUND_BATCH, LONGER, SPARING = 1.0, 2.0, 3.0
"""Seconds of sound decoded at once; and at most, where `flush` comes once a second, for all streams in a row: decoding
and looks then find their code and tables in the processor's cache, which is a third of their cost. In the policy
`keyframes` every other `flush` counts: half as many stretches, twice as long, take three quarters of the CPU."""
WAITING = 64
"""Jobs of one stream that may wait; what decodes several pictures in a row counts as so many."""


@dataclass(slots=True)
class _Seen:
    """A video track."""

    pictures: Pictures
    adaptive: Adaptive
    run: int = 0
    """Counts runs of packets decoded in full (policy all): each begins at a key frame, with a new decoder."""
    torn: bool = False
    """A packet of the run was left out: the rest of it cannot be decoded."""
    gathered: list[Packet] = field(default_factory=list)
    """Packets of the run that go to the lane together."""


class Decoding:
    """Called on the event loop, answers by `emit` on the event loop."""

    def __init__(
        self,
        lane: Lane,
        emit: Callable[[Observation], None],
        call: Callable[..., Any],
        *,
        pictures: Mapping[str, Callable[[], PictureLook | None]],
        sounds: Mapping[str, Callable[[], SoundLook | None]],
        policy: str = "keyframes",
        every: float = 5.0,
        phase: float = 0.0,
        name: str = "",
        snapshots: Snapshots | None = None,
    ) -> None:
        """`call`: runs a function on the event loop from any thread (loop.call_soon_threadsafe).

        `pictures`, `sounds`: by the probe's name, what makes its look (None: it has none any more); each connection
        gets new ones. `phase`: 0 to 1, where this stream's bursts lie among those of others. `name`: the stream's.
        `snapshots`: makes pictures for people of it; None: it may not be shown.
        """
        self._lane, self._emit, self._call = lane, emit, call
        self._mark = mark(name)
        self._make, self._snapshots = (pictures, sounds), snapshots
        self._looks = Looks.made(*self._make)
        self._policy, self._phase = policy, phase
        self._schedule, self._duty, self._thrift = Schedule(phase), Duty(), Thrift(lane, every, phase)
        self._video: dict[int, _Seen] = {}
        self._audio: dict[int, Sounds] = {}
        self._batch: dict[int, list[Packet]] = {}
        self._sound_batch, self._flushes = SOUND_BATCH, round(phase)
        self._missed: dict[int, Packet] = {}
        """The last packet of the sound that was left out."""
        self._busy, self._closed, self._idle = 0, False, asyncio.Event()
        self._idle.set()
        self.skipped = self._thrift.skipped
        """Decode work left out because the agent was late, by `thrift.KINDS`."""
        self.cpu = 0.0
        """CPU-seconds that it took."""

    @property
    def level(self) -> int:
        """How far the agent has fallen back (`maths.overload`)."""
        return self._lane.level

    def format(self, seen: Format) -> None:
        """A track was announced or changed."""
        self._flush_sound(seen.track)
        self._end(self._video.pop(seen.track, None))
        if seen.kind == "video":
            pictures = Pictures(self._lane, seen, self._looks, self._snapshots)
            adaptive = Adaptive(pictures, self._schedule, self._duty, self._thrift, self._picture)
            self._video[seen.track] = _Seen(pictures, adaptive)
        elif seen.kind == "audio":
            self._audio[seen.track] = Sounds(seen, self._looks, self._policy, self._phase, self._lane)
            self._missed.pop(seen.track, None)
        self._thrift.anew()

    def packet(self, seen: Packet) -> None:
        """Decode it, or not, as the policy says."""
        if not seen.data or self._policy == "none":  # to a decoder, no data is the end
            return
        if seen.kind == "audio":
            self._heard(seen)
            return
        track = self._video.get(seen.track)
        if track is None:
            return
        if self._policy == "adaptive":
            track.adaptive.packet(seen)
        elif self._policy == "all" and self._lane.level < PLAIN:
            self._run_on(track, seen)
        else:
            self._all_alone(track, seen)

    def flush(self) -> None:
        """A second has passed: what waits for more of its kind waits no longer."""
        sparing = self._policy == "keyframes" and self._lane.level < HUSHED
        self._sound_batch, self._flushes = SPARING if sparing else LONGER, self._flushes + 1
        for track in self._video.values():
            self._go_on(track)
        for index in () if sparing and self._flushes % 2 else list(self._batch):
            self._flush_sound(index)

    def reset(self) -> None:
        """The connection ended: what is half collected is decoded, decoders start anew."""
        for index in list(self._batch):
            self._flush_sound(index)
        for track in self._video.values():
            self._end(track)
        self._video.clear()
        self._audio.clear()
        self._missed.clear()
        self._thrift.anew()
        self._looks = Looks.made(*self._make)

    async def drained(self, timeout: float) -> None:
        """Wait until nothing is being decoded, at most `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)

    def close(self) -> None:
        """Nothing is emitted from here on."""
        self._closed = True
        self._video.clear()
        self._audio.clear()
        self._batch.clear()

    def _end(self, track: _Seen | None) -> None:
        """Nothing more comes of the track as it was."""
        if track is None:
            return
        if self._policy == "adaptive":
            track.adaptive.end()
        elif self._policy == "all":
            self._go_on(track)
            if not track.torn:
                self._picture(track.pictures.last)

    def _run_on(self, track: _Seen, seen: Packet) -> None:
        """Decode it after the others of its run, unless one of them was left out."""
        if track.torn:
            if not seen.key:
                self.skipped["picture"] += 1
                return
            track.torn = False
            track.run += 1
        track.gathered.append(seen)
        if len(track.gathered) >= TOGETHER:
            self._go_on(track)

    def _go_on(self, track: _Seen) -> None:
        """Decode what was gathered of the run."""
        packets, track.gathered = track.gathered, []
        if packets and not self._picture(partial(track.pictures.full, packets, track.run), len(packets)):
            track.torn = True

    def _all_alone(self, track: _Seen, seen: Packet) -> None:
        """Decode it if it is a key frame whose turn has come."""
        self._go_on(track)
        if seen.key and self._thrift.due(seen.at):
            track.torn = self._policy == "all"
            self._picture(partial(track.pictures.key_frame, seen))
        elif self._policy == "all":
            track.torn = True
            self.skipped["picture"] += 1

    def _heard(self, seen: Packet) -> None:
        if seen.track not in self._audio:
            return
        batch = self._batch.setdefault(seen.track, [])
        batch.append(seen)
        if seen.pts is None or batch[0].pts is None or not 0 <= seen.pts - batch[0].pts < self._sound_batch:
            self._flush_sound(seen.track)

    def _flush_sound(self, index: int) -> None:
        batch, track = self._batch.pop(index, None), self._audio.get(index)
        if not batch or not track:
            return
        if not self._thrift.hears(batch[0]):
            self._missed[index] = batch[-1]
        elif self._submit(partial(track.listen, batch, self._lane.level, self._missed.get(index))):
            self._missed.pop(index, None)
        else:
            self._missed[index] = batch[-1]
            self.skipped["sound"] += 1

    def _picture(self, job: Callable[[], Iterable[object]], number: int = 1) -> bool:
        """Have pictures decoded; if the lane is late, the next key frame is tried at once."""
        taken = self._submit(job, number)
        if not taken:
            self.skipped["picture"] += number
            self._thrift.again()
        return taken

    def _submit(self, job: Callable[[], Iterable[object]], number: int = 1) -> bool:
        """Have it done on the lane; False: the lane is late, and it is left out."""
        if self._busy >= WAITING or not self._lane.put(partial(self._work, job, number)):
            self._lane.refused += 1
            return False
        self._busy += number
        self._idle.clear()
        return True

    def _work(self, job: Callable[[], Iterable[object]], number: int) -> None:
        """On the lane's thread."""
        found: list[object] = []
        began = clock.thread_cpu()
        self._lane.note(self._mark)
        try:
            if not self._closed:
                found.extend(job())
        finally:
            used = clock.thread_cpu() - began
            self.cpu += used
            self._lane.cpu += used
            self._call(self._deliver, found, number)

    def _deliver(self, found: list[Any], number: int) -> None:
        self._busy -= number
        if not self._busy:
            self._idle.set()
        if self._closed:
            return
        for seen in found:
            if isinstance(seen, Snapshot):
                if self._snapshots:
                    self._snapshots.show(seen)
            elif isinstance(seen, LeftOut):
                self.skipped[seen.kind] += seen.number
            elif isinstance(seen, Again):
                self._thrift.again()
            elif isinstance(seen, Hush):
                for track in self._video.values() if self._policy == "adaptive" else ():
                    track.adaptive.hush()
            else:
                if isinstance(seen, Picture):
                    self._thrift.started = True
                elif isinstance(seen, Damage):
                    self._thrift.again()  # an undecodable key frame: try the very next one
                self._emit(seen)
