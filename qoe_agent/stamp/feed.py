"""What is to be stamped: pictures and sound of whatever PyAV opens, or the built-in programme, in order of time."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, Protocol

import av
import numpy as np

from qoe_agent.demo.programme import Programme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

RATE = 48_000
"""Samples a second of all sound from here on."""
BLOCK = 960
"""Samples in a piece of sound: 20 ms."""
OPEN_TIMEOUT, READ_TIMEOUT = 15.0, 30.0
"""Seconds that an input may take to open, and to give its next packet."""
GUESSED_RATE = Fraction(30)
"""Pictures a second where an input does not say."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The feed's pictures; its sound is always stereo at 48 kHz."""

    width: int
    height: int
    rate: Fraction
    """Pictures a second, roughly: for encoders that want to know."""


@dataclass(slots=True)
class Piece:
    """A picture, or a stretch of sound."""

    kind: Literal["video", "audio"]
    pts: float
    """Seconds from the feed's start."""
    picture: Any = None
    """av.VideoFrame, yuv420p."""
    samples: NDArray[np.float32] | None = None
    """2 x n, full scale 1."""


class Feed(Protocol):
    """Pieces in order of time; sound may be missing."""

    shape: Shape

    def __iter__(self) -> Iterator[Piece]: ...

    def close(self) -> None: ...


def open_feed(source: str, loop: bool = False) -> Silenced:
    """Open an input (`test`: the built-in programme), with silence where it has no sound."""
    return Silenced(Programmed() if source == "test" else Opened(source, loop))


class Programmed:
    """The demo's programme, for ever."""

    def __init__(self) -> None:
        self._programme = Programme()
        self.shape = Shape(self._programme.width, self._programme.height, Fraction(self._programme.rate))

    def __iter__(self) -> Iterator[Piece]:
        for index in itertools.count():
            pts = index / self._programme.rate
            frame = av.VideoFrame.from_ndarray(self._programme.picture(index), format="yuv420p")
            yield Piece("video", pts, picture=frame)
            sound = self._programme.tone(index)
            for start in range(0, sound.shape[1], BLOCK):
                yield Piece("audio", pts + start / RATE, samples=sound[:, start : start + BLOCK])

    def close(self) -> None:
        """Nothing is open."""


class Opened:
    """A file or stream, its best picture and its best sound decoded; `loop` begins anew at its end."""

    def __init__(self, source: str, loop: bool) -> None:
        self._source, self._loop = source, loop
        self._container = self._open()
        video = self._container.streams.video[0] if self._container.streams.video else None
        if video is None:
            self._container.close()
            raise ValueError("the input has no pictures")
        even = video.codec_context.width & ~1, video.codec_context.height & ~1
        self.shape = Shape(*even, video.average_rate or video.guessed_rate or GUESSED_RATE)

    def __iter__(self) -> Iterator[Piece]:
        begins = 0.0
        while True:
            ends = begins
            for piece in self._once():
                piece.pts += begins
                ends = max(ends, piece.pts + (1 / self.shape.rate if piece.kind == "video" else BLOCK / RATE))
                yield piece
            if not self._loop or ends == begins:
                return
            begins = ceil(round(ends * float(self.shape.rate), 3)) / float(self.shape.rate)  # on the pictures' grid
            self._container.close()
            self._container = self._open()

    def close(self) -> None:
        """Let go of the input."""
        self._container.close()

    def _open(self) -> Any:
        return av.open(self._source, timeout=(OPEN_TIMEOUT, READ_TIMEOUT))

    def _once(self) -> Iterator[Piece]:
        container = self._container
        streams = [container.streams.best("video"), container.streams.best("audio")]
        streams = [stream for stream in streams if stream is not None]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE, frame_size=BLOCK)
        first: float | None = None
        for packet in container.demux(streams):
            for frame in packet.decode():
                if frame.time is None:
                    continue
                first = frame.time if first is None else first
                if isinstance(frame, av.VideoFrame):
                    size = {"width": self.shape.width, "height": self.shape.height}
                    yield Piece("video", frame.time - first, picture=frame.reformat(format="yuv420p", **size))
                    continue
                for sound in resampler.resample(frame):
                    pts = (sound.time or 0.0) - first
                    yield Piece("audio", pts, samples=sound.to_ndarray().astype(np.float32, copy=False))


class Silenced:
    """A feed put in order of time. Its sound is one unbroken run of samples, counted: holes are filled with silence,
    an input without sound gets nothing but silence (encoders and players want both)."""

    WINDOW = 0.6
    """Seconds by which pictures and sound of an input may lie apart in its order."""
    SLACK = 0.02
    """Seconds by which timestamps may differ from the count of samples: containers round them."""

    def __init__(self, feed: Feed) -> None:
        self._feed, self.shape = feed, feed.shape
        self._heard = 0
        """Samples so far."""

    def __iter__(self) -> Iterator[Piece]:
        pictures, sounds = deque[Piece](), deque[Piece]()
        for piece in self._feed:
            if piece.pts < 0:
                continue
            (pictures if piece.kind == "video" else sounds).append(piece)
            while pictures and (sounds or pictures[-1].pts - pictures[0].pts >= self.WINDOW):
                yield from self._next(pictures, sounds)
        while pictures or sounds:
            yield from self._next(pictures, sounds)

    def _next(self, pictures: deque[Piece], sounds: deque[Piece]) -> Iterator[Piece]:
        """The earlier of the two that wait."""
        if not pictures or (sounds and sounds[0].pts <= pictures[0].pts):
            yield from self._counted(sounds.popleft())
            return
        if not sounds:
            yield from self._silence(pictures[0].pts)
        yield pictures.popleft()

    def _counted(self, piece: Piece) -> Iterator[Piece]:
        """Sound, in its place by the count of samples; too early (an overlap) it is left out."""
        assert piece.samples is not None
        late = piece.pts - self._heard / RATE
        if late < -self.SLACK:
            return
        if late > self.SLACK:
            yield from self._silence(piece.pts)
        piece.pts = self._heard / RATE
        self._heard += piece.samples.shape[1]
        yield piece

    def _silence(self, until: float) -> Iterator[Piece]:
        """Nothing, in whole blocks, up to a media time."""
        while self._heard + BLOCK <= until * RATE:
            yield Piece("audio", self._heard / RATE, samples=np.zeros((2, BLOCK), np.float32))
            self._heard += BLOCK

    def close(self) -> None:
        """Let go of the input."""
        self._feed.close()
