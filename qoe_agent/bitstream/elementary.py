"""Elementary streams: PES payloads in, coded pictures and sound frames out, as libavformat's parsers cut them.

Where a picture ends: libavcodec/h264_parser.c, libavcodec/hevc/parser.c; which timestamp is whose:
libavcodec/parser.c (the PES's timestamps belong to the first frame that begins in it, ISO/IEC 13818-1
§2.4.3.7); timestamps between them by the frames' durations, as libavformat/demux.c does for sound.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qoe_agent.bitstream import sound
from qoe_agent.model import CORRUPT, DISCONTINUITY

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 16 << 20
"""Bytes of one picture; what grows longer is cut."""

_START = b"\0\0\1"
_H264_BOUNDARY = frozenset((6, 7, 8, 9))
_HEVC_BOUNDARY = frozenset((*range(32, 38), 39, *range(41, 45), *range(48, 56)))


@dataclass(slots=True)
class Pes:
    """The payload of one PES packet (or the part of it that has come), with its timestamps (90 kHz, unwrapped)."""

    data: bytes
    pts: int | None
    dts: int | None
    flags: int
    arrivals: list[tuple[int, float]]
    """Byte counts of the payload and when they were there."""
    start: int = 0
    """Where it begins in the elementary stream."""


@dataclass(slots=True)
class Frame:
    """One coded picture or sound frame."""

    data: bytes
    pts: float | None
    dts: float | None
    """In 90 kHz ticks."""
    flags: int
    at: float
    head: int
    """Bytes before the first slice's header ends (pictures), of the header (sound)."""


@dataclass(slots=True)
class Stream:
    """What all elementary streams share: which frame gets whose timestamps and arrival."""

    _buffer: bytes = b""
    _base: int = 0
    """Where the buffer begins in the elementary stream."""
    _pes: deque[Pes] = field(default_factory=deque)
    _last: int = -1
    """Where the latest frame began."""

    def push(self, pes: Pes) -> list[Frame]:
        """Take the next payload; what is complete comes out."""
        pes.start = self._base + len(self._buffer)
        self._pes.append(pes)
        self._buffer += pes.data
        frames = self._cut(pes.start, final=False)
        if len(self._buffer) > LIMIT:
            frames += self.flush()
        return frames

    def flush(self) -> list[Frame]:
        """The stream ends here: what is left comes out."""
        frames = self._cut(self._base + len(self._buffer), final=True)
        self._base += len(self._buffer)
        self._buffer = b""
        self._pes.clear()
        return frames

    def _cut(self, resumed: int, final: bool) -> list[Frame]:
        raise NotImplementedError

    def _frame(self, begin: int, end: int, resumed: int, head: int) -> Frame:
        """The frame at [begin, end) of the buffer. `resumed`: where the parser stood when it saw it begin."""
        first, after = self._base + begin, self._base + end
        stamp, flags, at = None, 0, 0.0
        for pes in self._pes:
            if self._last < pes.start <= max(first, resumed):
                stamp = pes
            if pes.start < after:
                flags |= pes.flags & CORRUPT
                size = after - pes.start
                at = next((at for upto, at in pes.arrivals if upto >= size), pes.arrivals[-1][1])
        self._last = first
        while len(self._pes) > 1 and self._pes[1].start <= after:
            self._pes.popleft()
        data = self._buffer[begin:end]
        if stamp is None:
            return Frame(data, None, None, flags, at, head)
        return Frame(data, stamp.pts, stamp.dts, flags | stamp.flags & DISCONTINUITY, at, head)

    def _drop(self, count: int) -> None:
        self._buffer = self._buffer[count:]
        self._base += count


@dataclass(slots=True)
class Whole(Stream):
    """Every PES packet is a frame."""

    def _cut(self, resumed: int, final: bool) -> list[Frame]:
        size = len(self._buffer)
        if not size:
            return []
        frames = [self._frame(0, size, resumed, size)]
        self._drop(size)
        return frames


@dataclass(slots=True)
class Pictures(Stream):
    """H.264, HEVC, MPEG-2: a picture ends where the next one's first unit begins."""

    codec: str = "h264"
    _scanned: int = 0
    _found: bool = False
    """A slice of the current picture was seen."""
    _macroblock: int = 0
    _head: int = 0
    _resumed: int = 0

    def _cut(self, resumed: int, final: bool) -> list[Frame]:
        look = {"h264": self._h264, "hevc": self._hevc}.get(self.codec, self._mpeg2)
        zero = self.codec != "mpeg2video"  # zero_byte belongs to the unit that follows (H.264 §B.1.1)
        buffer, frames, begin = self._buffer, [], 0
        at = buffer.find(_START, self._scanned)
        while at >= 0:
            slice_begins, boundary = look(buffer, at, final)
            if slice_begins is None:
                break
            if boundary and self._found:
                end = at - 1 if zero and at > begin and not buffer[at - 1] else at
                frames.append(self._frame(begin, end, self._resumed, self._head - begin))
                begin, self._found, self._resumed = end, False, resumed
            if slice_begins and not self._found:
                self._found, self._head = True, at + 16
            at = buffer.find(_START, at + 3)
        self._scanned = at if at >= 0 else max(len(buffer) - 2, begin)
        if final and begin < len(buffer):
            frames.append(self._frame(begin, len(buffer), self._resumed, self._head - begin))
            begin, self._found = len(buffer), False
        if begin:
            self._drop(begin)
        self._scanned = 0 if final else self._scanned - begin
        self._head -= begin
        return frames

    def _h264(self, buffer: bytes, at: int, final: bool) -> tuple[bool | None, bool]:
        """Whether a slice begins at this start code (None: more bytes needed), and whether a picture may."""
        room = len(buffer) - at
        if room < 4:
            return (False if final else None), False
        kind = buffer[at + 3] & 31
        if kind in _H264_BOUNDARY:
            return False, True
        if kind not in (1, 2, 5):
            return False, False
        first = _golomb(buffer[at + 4 : at + 9])
        if first is None:
            return (False if final or room >= 9 else None), False
        starts = first <= self._macroblock
        self._macroblock = first
        return True, starts

    def _hevc(self, buffer: bytes, at: int, final: bool) -> tuple[bool | None, bool]:
        if len(buffer) - at < 6:
            return (False if final else None), False
        kind = buffer[at + 3] >> 1 & 63
        if buffer[at + 3] & 1 or buffer[at + 4] >> 3:  # nuh_layer_id > 0
            return False, False
        if kind in _HEVC_BOUNDARY:
            return False, True
        first = (kind <= 9 or 16 <= kind <= 21) and bool(buffer[at + 5] & 0x80)
        return first, first

    def _mpeg2(self, buffer: bytes, at: int, final: bool) -> tuple[bool | None, bool]:
        """Start codes 01 to AF are slices (ISO/IEC 13818-2 table 6-1)."""
        if len(buffer) - at < 4:
            return (False if final else None), False
        slices = 0x01 <= buffer[at + 3] <= 0xAF
        return slices, not slices


def _golomb(data: bytes) -> int | None:
    """ue(v) at the beginning of `data`; None when it does not end within."""
    if data and data[0] & 0x80:
        return 0
    bits = len(data) * 8
    value = int.from_bytes(data, "big")
    zeros = bits - value.bit_length()
    if 2 * zeros + 1 > bits:
        return None
    return (value >> bits - 2 * zeros - 1) - 1


@dataclass(slots=True)
class Sounds(Stream):
    """Frames that carry their own length: ADTS, MPEG audio, AC-3, Opus."""

    header: Callable[[bytes, int], sound.Header | None] = sound.adts
    sync: bytes = b"\xff"
    junk: int = 0
    """Bytes passed over since this was last set to 0."""
    _next: float | None = None
    """Timestamp of the next frame, as the durations say."""

    def _cut(self, resumed: int, final: bool) -> list[Frame]:
        frames: list[Frame] = []
        at, size = 0, len(self._buffer)
        while at < size:
            found = self.header(self._buffer, at)
            if found is None:
                if size - at < sound.LONGEST_HEADER and not final and self._buffer[at : at + 1] == self.sync[:1]:
                    break
                after = self._buffer.find(self.sync, at + 1)
                after = after if after >= 0 else size if final else max(at + 1, size - len(self.sync) + 1)
                self.junk += after - at
                at = after
                continue
            end = at + found.size
            if end > size and not final:
                break
            if found.dependent is not None and not final and not self._joined(end):
                break
            while found.dependent is not None and (more := self.header(self._buffer, end)) and more.dependent:
                end += more.size
            frames.append(self._sound(at, min(end, size), resumed, found, end > size))
            at = end
        self._drop(min(at, size))
        if final:
            self._next = None
        return frames

    def _joined(self, end: int) -> bool:
        """Whether it is known that no dependent frame follows the one that ends here (E-AC-3)."""
        while (more := self.header(self._buffer, end)) is not None and more.dependent:
            end += more.size
        return end + sound.LONGEST_HEADER <= len(self._buffer)

    def _sound(self, begin: int, end: int, resumed: int, found: sound.Header, cut: bool) -> Frame:
        frame = self._frame(begin, end, 0, found.header)
        if cut:
            frame.flags |= CORRUPT
        if frame.pts is None:
            frame.pts = frame.dts = self._next
        if frame.pts is not None:
            self._next = frame.pts + found.ticks
        if found.stripped:
            frame.data = frame.data[found.stripped :]
        return frame


def stream(codec: str) -> Stream:
    """The parser for a codec's elementary stream."""
    if codec in ("h264", "hevc", "mpeg2video"):
        return Pictures(codec=codec)
    if codec in sound.HEADERS:
        header, sync = sound.HEADERS[codec]
        return Sounds(header=header, sync=sync)
    return Whole()
