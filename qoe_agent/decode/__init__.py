"""Packets to Pictures and Sounds: decoding and the probes' looks, on threads of their own.

A lane is one thread; a stream stays on its lane, so its looks run in stream order. Key frames are decoded by
decoders that all streams of the same parameter sets share (packet, drain, flush: bit-exact for H.264 with B
frames and open GOPs, HEVC and AV1); a decoder that met an error is thrown away, so that one stream's damage
never colours another. When a lane is late, decoding is skipped and counted; packets never are.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import av

from qoe_agent import clock
from qoe_agent.bitstream import nal
from qoe_agent.decode.frames import Heard, stretches, view_of
from qoe_agent.decode.lanes import WAITING, Lane, Pool, open_decoder
from qoe_agent.model import CORRUPT, Damage, Format, Observation, Packet, Picture, Sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qoe_agent.probes import PictureLook, SoundLook

__all__ = ["Decoding", "Lane", "Pool"]

SOUND_BATCH = 1.0
"""Seconds of sound decoded at once."""
BURST = 2.0
"""Seconds of full decoding in a burst (policy adaptive)."""
BURST_EVERY = 30.0
"""Seconds from the start of one burst to that of the next."""
TICKS = 90_000
"""Time base of timestamps handed to decoders."""


@dataclass(frozen=True, slots=True)
class _Looks:
    """The looks of one connection, by the names of their probes."""

    pictures: Mapping[str, PictureLook]
    sounds: Mapping[str, SoundLook]


@dataclass(slots=True)
class _Track:
    """Decoding state of one track; touched by the lane's thread only."""

    format: Format
    framing: int
    looks: _Looks
    context: Any = None
    start: int | None = None
    """The run of packets that the decoder is in."""
    waiting: deque[tuple[int, float]] = field(default_factory=deque)
    """(pts in ticks, arrival) of packets given to the decoder, to name each frame's arrival."""
    follows: bool = False
    """The next picture out of the decoder follows the last one that the looks saw."""


class Decoding:
    """One stream's way through its lane: called on the event loop, answers by `emit` on the event loop."""

    def __init__(
        self,
        lane: Lane,
        emit: Callable[[Observation], None],
        call: Callable[..., Any],
        *,
        pictures: Mapping[str, Callable[[], PictureLook]],
        sounds: Mapping[str, Callable[[], SoundLook]],
        policy: str = "keyframes",
        every: float = 5.0,
    ) -> None:
        """`call`: runs a function on the event loop from any thread (loop.call_soon_threadsafe).

        `pictures`, `sounds`: by the probe's name, what makes its look; each connection gets new ones.
        """
        self._lane, self._emit, self._call = lane, emit, call
        self._make = pictures, sounds
        self._looks = self._new_looks()
        self._policy, self._every = policy, every
        self._tracks: dict[int, _Track] = {}
        self._sound: dict[int, list[Packet]] = {}
        self._next_picture = 0.0
        self._burst_began = -BURST_EVERY
        self._run = 0
        """Counts runs of packets decoded in full: each begins at a key frame, with a new decoder."""
        self._torn: set[int] = set()
        """Tracks of whose run a packet was left out: the rest of it cannot be decoded."""
        self._busy = 0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.skipped = {"picture": 0, "sound": 0}
        """Decode work left out because the agent was late."""

    def format(self, seen: Format) -> None:
        """A track was announced or changed."""
        self._flush_sound(seen.track)
        framing = nal.length_size(seen.extradata, seen.codec) if seen.kind == "video" else 0
        self._tracks[seen.track] = _Track(seen, framing, self._looks)
        self._next_picture = 0.0

    def packet(self, seen: Packet) -> None:
        """Decode it, or not, as the policy says."""
        track = self._tracks.get(seen.track)
        if track is None or not seen.data:  # to a decoder, no data is the end
            return
        if seen.kind == "video":
            if self._policy == "all" or (self._policy == "adaptive" and self._bursting(seen)):
                self._run_on(track, seen)
            elif seen.key and seen.at >= self._next_picture:
                self._next_picture = seen.at + self._every
                self._submit("picture", lambda: self._key_frame(track, seen))
        elif seen.kind == "audio":
            batch = self._sound.setdefault(seen.track, [])
            batch.append(seen)
            if seen.pts is None or batch[0].pts is None or not 0 <= seen.pts - batch[0].pts < SOUND_BATCH:
                self._flush_sound(seen.track)

    def reset(self) -> None:
        """The connection ended: what is half collected is decoded, decoders start anew."""
        for track in list(self._sound):
            self._flush_sound(track)
        for held in self._tracks.values():
            if held.format.kind == "video" and self._policy != "keyframes":
                self._submit("picture", functools.partial(self._last, held))
        self._tracks.clear()
        self._torn.clear()
        self._next_picture = 0.0
        self._looks = self._new_looks()

    async def drained(self, timeout: float) -> None:
        """Wait until nothing is being decoded, at most `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout)

    def close(self) -> None:
        """Nothing is emitted from here on."""
        self._closed = True
        self._tracks.clear()
        self._sound.clear()

    def _new_looks(self) -> _Looks:
        pictures, sounds = self._make
        return _Looks({n: make() for n, make in pictures.items()}, {n: make() for n, make in sounds.items()})

    def _bursting(self, seen: Packet) -> bool:
        if seen.key and seen.at >= self._burst_began + BURST_EVERY:
            self._burst_began = seen.at
            self._run += 1
        return seen.at < self._burst_began + BURST

    def _run_on(self, track: _Track, seen: Packet) -> None:
        """Decode it after the others of its run, unless one of them was left out."""
        if seen.track in self._torn:
            if not seen.key:
                self.skipped["picture"] += 1
                return
            self._torn.discard(seen.track)
            self._run += 1
        run = self._run
        if not self._submit("picture", lambda: self._full(track, seen, run)):
            self._torn.add(seen.track)

    def _flush_sound(self, index: int) -> None:
        batch, track = self._sound.pop(index, None), self._tracks.get(index)
        if batch and track:
            self._submit("sound", lambda: self._listen(track, batch))

    def _submit(self, kind: str, job: Callable[[], Iterator[Observation]]) -> bool:
        """Have it done on the lane; False: the lane is late, and it is left out."""

        def run() -> None:
            found: list[Observation] = []
            try:
                if not self._closed:
                    found += job()
            finally:
                self._call(self._deliver, found)

        if self._busy >= WAITING // 4 or not self._lane.put(run):
            self.skipped[kind] += 1
            if kind == "picture":
                self._next_picture = 0.0
            return False
        self._busy += 1
        self._idle.clear()
        return True

    def _deliver(self, found: list[Observation]) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()
        if self._closed:
            return
        for seen in found:
            if isinstance(seen, Damage):
                self._next_picture = 0.0  # an undecodable key frame: try the very next one
            self._emit(seen)

    # On the lane's thread from here on.

    def _key_frame(self, track: _Track, seen: Packet) -> Iterator[Observation]:
        form = track.format
        which = form.codec, form.extradata, nal.parameter_sets(form.codec, seen.data, track.framing)
        try:
            context = self._lane.shared(*which)
            frames = context.decode(av.Packet(seen.data)) + context.decode(None)
            context.flush_buffers()
        except (av.FFmpegError, ValueError) as error:
            self._lane.discard(*which)
            yield Damage(seen.at, seen.track, "decode", 1, describe(error))
            return
        if not frames:
            yield Damage(seen.at, seen.track, "decode", 1, "the key frame gave no picture")
        if not frames or seen.flags & CORRUPT or any(frame.is_corrupt for frame in frames):
            self._lane.discard(*which)
        for frame in frames[:1]:
            track.follows = False
            yield from self._look(frame, track, seen.at, seen.pts, True)

    def _full(self, track: _Track, seen: Packet, run: int) -> Iterator[Observation]:
        try:
            if run != track.start:
                track.context, track.start, track.follows = None, run, False
                track.waiting.clear()
            if track.context is None:
                if not seen.key:
                    return
                track.context = open_decoder(track.format.codec, track.format.extradata)
            packet = av.Packet(seen.data)
            if seen.pts is not None:
                packet.pts = round(seen.pts * TICKS)
                track.waiting.append((packet.pts, seen.at))
            frames = track.context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            track.context, track.follows = None, False
            track.waiting.clear()
            yield Damage(seen.at, seen.track, "decode", 1, describe(error))
            return
        for frame in frames:
            at = _arrival(track.waiting, frame.pts, seen.at)
            pts = None if frame.pts is None else frame.pts / TICKS
            yield from self._look(frame, track, at, pts, frame.key_frame)

    def _last(self, track: _Track) -> Iterator[Observation]:
        """The pictures that a full decoder still holds when its stream ends."""
        if track.context is None or not track.waiting:
            return
        with contextlib.suppress(av.FFmpegError):
            for frame in track.context.decode(None):
                at = _arrival(track.waiting, frame.pts, track.waiting[-1][1] if track.waiting else clock.now())
                pts = None if frame.pts is None else frame.pts / TICKS
                yield from self._look(frame, track, at, pts, frame.key_frame)

    def _look(self, frame: Any, track: _Track, at: float, pts: float | None, key: bool) -> Iterator[Damage | Picture]:
        index = track.format.track
        if frame.is_corrupt:
            yield Damage(at, index, "decode", 1, "the decoder flagged the picture as corrupt")
        looks: dict[str, Any] = {}
        if track.looks.pictures:
            view = view_of(frame, pts, follows=track.follows)
            looks = {name: look(view) for name, look in track.looks.pictures.items()}
        track.follows = True
        yield Picture(at, index, pts, frame.width, frame.height, frame.format.name, key, clock.now(), looks)

    def _listen(self, track: _Track, batch: list[Packet]) -> Iterator[Observation]:
        heard: list[Heard] = []
        try:
            if track.context is None:
                track.context = open_decoder(track.format.codec, track.format.extradata)
        except (av.FFmpegError, ValueError) as error:
            yield Damage(batch[0].at, batch[0].track, "decode", len(batch), describe(error))
            return
        for seen in batch:
            packet = av.Packet(seen.data)
            packet.pts = None if seen.pts is None else round(seen.pts * TICKS)
            try:
                frames = track.context.decode(packet)
            except (av.FFmpegError, ValueError) as error:
                yield Damage(seen.at, seen.track, "decode", 1, describe(error))
                continue
            heard += [Heard(seen.at, frame) for frame in frames]
        for at, ticks, rate, samples in stretches(heard, TICKS):
            pts = None if ticks is None else ticks / TICKS
            looks = {name: look(samples, rate, pts) for name, look in track.looks.sounds.items()}
            channels, n = samples.shape
            yield Sound(at, batch[0].track, pts, n / rate, rate, channels, clock.now(), looks)


def _arrival(waiting: deque[tuple[int, float]], pts: int | None, otherwise: float) -> float:
    """The arrival of the packet with this pts; forgets older ones."""
    for n, (ticks, at) in enumerate(waiting):
        if ticks == pts:
            del waiting[n]
            return at
    while len(waiting) > 64:
        waiting.popleft()
    return otherwise


def describe(error: Exception) -> str:
    """FFmpeg's words for what went wrong."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
