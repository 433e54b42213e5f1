"""One track's packets to pictures and their looks, on a decode thread: key frames alone, or everything."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import av

from qoe_agent import clock
from qoe_agent.bitstream import nal
from qoe_agent.decode.frames import view_of
from qoe_agent.decode.lanes import open_decoder
from qoe_agent.model import CORRUPT, Damage, Picture

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from qoe_agent.decode.lanes import Lane
    from qoe_agent.decode.looks import Looks
    from qoe_agent.decode.snapshots import Snapshot, Snapshots
    from qoe_agent.maths.view import View
    from qoe_agent.model import Format, Packet

TICKS = 90_000
"""Time base of timestamps handed to decoders."""
WAITING = 64
"""Packets whose pictures may still be in a decoder."""
TOGETHER = 4
"""Pictures of a run that each look sees in a row: its code and its state stay in the processor's cache meanwhile."""


class LeftOut(NamedTuple):
    """Something was not decoded, or not looked at, because the lane was late."""

    number: int
    kind: str
    """See `thrift.KINDS`."""


class Again(NamedTuple):
    """Something began with a key frame that was decoded by itself: the very next one tells whether it lasts."""


class Frame(NamedTuple):
    """A decoded picture, and what its packet said."""

    frame: Any
    at: float
    pts: float | None
    aspect: float = 1.0
    """Of its pixels, width to height."""


class Run:
    """Decodes every packet from a key frame on; pictures come out in presentation order."""

    __slots__ = ("_context", "_waiting")

    def __init__(self, form: Format) -> None:
        self._context = open_decoder(form.codec, form.extradata)
        self._waiting: dict[int, tuple[float, float]] = {}
        """(arrival, pts) of packets given to the decoder, by pts in ticks."""

    def feed(self, seen: Packet) -> list[Frame]:
        """The next packet; raises what the decoder raises."""
        packet = handed(seen)
        if seen.pts is not None:
            self._waiting[packet.pts] = seen.at, seen.pts
            if len(self._waiting) > WAITING:
                del self._waiting[next(iter(self._waiting))]
        return [self._named(frame, seen.at) for frame in self._context.decode(packet)]

    def drain(self) -> list[Frame]:
        """The pictures that the decoder still holds; it takes nothing after that."""
        if not self._waiting:
            return []
        last = next(reversed(self._waiting.values()))[0]
        with contextlib.suppress(av.FFmpegError):
            return [self._named(frame, last) for frame in self._context.decode(None)]
        return []

    def _named(self, frame: Any, otherwise: float) -> Frame:
        known = self._waiting.pop(frame.pts, None)
        if known is not None:
            return Frame(frame, *known, aspect(self._context))
        return Frame(frame, otherwise, None if frame.pts is None else frame.pts / TICKS, aspect(self._context))


class Pictures:
    """A video track of one connection."""

    def __init__(self, lane: Lane, form: Format, looks: Looks, snapshots: Snapshots | None = None) -> None:
        self.format, self.looks = form, looks
        self._lane, self._snapshots = lane, snapshots
        self._framing = nal.length_size(form.extradata, form.codec)
        self._run: Run | None = None
        self._start: int | None = None
        self.follows = False
        """The next picture follows the last one that the looks saw."""

    def key_frame(self, seen: Packet) -> Iterator[Damage | Picture | Snapshot | Again]:
        """A key frame by itself."""
        frames = yield from self.alone([seen])
        for frame in frames[:1]:
            self.follows = False
            yield from self.show([self.next(frame)], key=True)
            if self.looks.began:
                yield Again()

    def alone(self, packets: list[Packet]) -> Generator[Damage, None, list[Frame]]:
        """The pictures of a key frame and perhaps some packets after it, by a decoder that others use too."""
        first, form = packets[0], self.format
        which = form.codec, form.extradata, nal.parameter_sets(form.codec, first.data, self._framing)
        out: list[Frame] = []
        try:
            context = self._lane.shared(*which)
            frames = []
            for seen in packets:
                frames += context.decode(handed(seen))
            frames += context.decode(None)
            context.flush_buffers()
        except (av.FFmpegError, ValueError) as error:
            self._lane.discard()
            yield Damage(first.at, first.track, "decode", 1, describe(error))
            return out
        if not frames:
            yield Damage(first.at, first.track, "decode", 1, "the key frame gave no picture")
        if not frames or first.flags & CORRUPT or any(frame.is_corrupt for frame in frames):
            self._lane.discard()
        times = {round(seen.pts * TICKS): seen for seen in packets if seen.pts is not None}
        for frame in frames:
            seen = times.get(frame.pts, first)
            out.append(Frame(frame, seen.at, seen.pts, aspect(context)))
        return out

    def full(self, packets: list[Packet], run: int) -> Iterator[Damage | Picture | Snapshot]:
        """The next packets of a run of all packets; another `run` is another decoder."""
        if run != self._start:
            self._run, self._start, self.follows = None, run, False
        shown: list[tuple[Frame, View]] = []
        for seen in packets:
            try:
                if self._run is None:
                    if not seen.key:
                        continue
                    self._run = Run(self.format)
                shown += [self.next(frame) for frame in self._run.feed(seen)]
            except (av.FFmpegError, ValueError) as error:
                yield from self.show(shown)
                shown = []
                self._run, self.follows = None, False
                yield Damage(seen.at, seen.track, "decode", 1, describe(error))
        yield from self.show(shown)

    def last(self) -> Iterator[Damage | Picture | Snapshot]:
        """The pictures that a full decoder still holds when its stream ends."""
        if self._run is not None:
            yield from self.show([self.next(frame) for frame in self._run.drain()])

    def view(self, frame: Frame) -> View:
        """A decoded picture as the looks see it."""
        return view_of(frame.frame, frame.pts, follows=self.follows)

    def next(self, frame: Frame) -> tuple[Frame, View]:
        """The same, of one that will be shown; what looks share is made while the picture is near."""
        view = self.view(frame)
        if self.looks.pictures:
            _ = view.tiny
        self.follows = True
        return frame, view

    def show(self, shown: list[tuple[Frame, View]], *, key: bool = False) -> Iterator[Damage | Picture | Snapshot]:
        """Have the looks look at pictures, one look after the other; now and then one is for people, too."""
        said: list[dict[str, Any]] = [{} for _ in shown]
        for name, look in self.looks.pictures.items():
            for told, (_, view) in zip(said, shown, strict=True):
                told[name] = look(view)
        index, now = self.format.track, clock.now()
        for told, ((frame, at, pts, pixels), view) in zip(said, shown, strict=True):
            if frame.is_corrupt:
                yield Damage(at, index, "decode", 1, "the decoder flagged the picture as corrupt")
            coded = key or bool(frame.key_frame)
            yield Picture(at, index, pts, frame.width, frame.height, frame.format.name, coded, now, told)
            if self._snapshots and (taken := self._snapshots.take(frame, at, view, pixels, self._lane.fault)):
                yield taken


def aspect(context: Any) -> float:
    """Of the pixels that the decoder gives, width to height; those that are not to be believed are square."""
    said = context.sample_aspect_ratio
    return float(said) if said and 0.25 <= said <= 4 else 1.0


def handed(seen: Packet) -> Any:
    """A packet as decoders take it, its time in TICKS."""
    packet: Any = av.Packet(seen.data)
    packet.pts = None if seen.pts is None else round(seen.pts * TICKS)
    return packet


def describe(error: Exception) -> str:
    """FFmpeg's words for what went wrong."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
