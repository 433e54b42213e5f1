"""One PID of a transport stream: TS payloads in, PES packets put together, coded frames out as Packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.bitstream import elementary, nal
from qoe_agent.bitstream.announce import Announcer
from qoe_agent.model import CORRUPT, DISCONTINUITY, KEY, WRAPPED, Damage, Packet

if TYPE_CHECKING:
    from qoe_agent.bitstream import psi
    from qoe_agent.maths.timeline import Unwrap
    from qoe_agent.model import Observation

PES_LIMIT = 204800
"""Payload bytes after which an unfinished PES packet is passed on (libavformat: max_packet_size)."""

_TICKS = 90000
_PERIOD = 1 << 33
_PLAIN = frozenset((0xBC, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF))
"""stream_ids whose PES packets have no optional header (ISO/IEC 13818-1 §2.4.3.6)."""
_PADDING = 0xBE
_SKIP, _HEADER, _PAYLOAD = range(3)


class Track:
    """What is known of one PID, and the PES packet that is being put together."""

    __slots__ = (
        "_announcer",
        "_bounded",
        "_dts",
        "_epoch",
        "_flags",
        "_header",
        "_marks",
        "_pts",
        "_scrambled",
        "_size",
        "_state",
        "_stream",
        "_unwrap",
        "at",
        "broken",
        "codec",
        "expect",
        "index",
        "kind",
        "parts",
        "room",
    )

    def __init__(self, index: int, stream: psi.Elementary, unwrap: Unwrap) -> None:
        self.index = index
        self._unwrap = unwrap
        self._epoch: int | None = None
        self.expect = 0
        """The four header bytes of a TS packet that just continues; 0 while the counter is unknown."""
        self.broken = False
        """The transport announced a break: the next PES packet begins after it."""
        self._scrambled = False
        self._state = _SKIP
        self._header = b""
        self.at = 0.0
        self.become(stream)
        self._reset()

    def become(self, stream: psi.Elementary) -> None:
        """Take on what the PMT says."""
        self.kind, self.codec = stream.kind, stream.codec
        self._stream = elementary.stream(stream.codec)
        self._announcer = Announcer(self.index, stream)

    def _reset(self) -> None:
        self.parts: list[bytes] = []
        self._marks: list[tuple[int, float]] = []
        self._pts: int | None = None
        self._dts: int | None = None
        self._flags = 0
        self._bounded = False
        self._size = self.room = 0

    def mark(self) -> None:
        """What has come so far came at `at`."""
        if self.room < self._size:
            self._marks.append((self._size - self.room, self.at))

    def counted(self, head: int, body: bytes, broken: bool, at: float, out: list[Observation]) -> bool:
        """Check a TS packet's continuity counter and error flags; whether its payload is to be taken."""
        expect, counter = self.expect, head & 15
        self.expect = head & 0xFF3FFF00 | 0x10 | (counter + 1 & 15)
        if expect and not broken:
            last = expect - 1 & 15
            if head & 0x10 and counter == last and self._repeats(head, body):
                return False
            if counter != (expect & 15 if head & 0x10 else last):
                self._flags |= CORRUPT
                out.append(Damage(at, self.index, "corrupt", 1, "continuity counter"))
        if head & 0x800000:
            self._flags |= CORRUPT
            out.append(Damage(at, self.index, "corrupt", 1, "transport error indicator"))
        if head & 0xC0 and body:
            if not self._scrambled:
                out.append(Damage(at, self.index, "parse", 1, "scrambled"))
            self._scrambled = True
            return False
        return True

    def _repeats(self, head: int, body: bytes) -> bool:
        """Whether this TS packet is the one before, sent twice."""
        if self.parts:
            return body.endswith(self.parts[-1])
        return self._state == _SKIP and not head & 0x400000

    def feed(self, body: bytes, start: bool, at: float, out: list[Observation]) -> None:
        """Take the payload of a TS packet."""
        completed = False
        if start:
            completed = self._begin(out)
        if self._state == _PAYLOAD:
            self._append(body, at, completed, out)
        elif self._state == _HEADER:
            self._header += body
            rest = self._open()
            if rest:
                self._append(rest, at, completed, out)

    def _begin(self, out: list[Observation]) -> bool:
        """A PES packet begins; whether that completed the one before."""
        completed = bool(self.parts)
        if completed:
            self._finish(out)
        self._reset()
        if self.broken:
            self._flags, self.broken = DISCONTINUITY, False
        self._state, self._header = _HEADER, b""
        return completed

    def _open(self) -> bytes:
        """Read the PES header once it is complete; returns the payload behind it (§2.4.3.7)."""
        head = self._header
        if len(head) < 6:
            return b""
        if head[:3] != b"\0\0\1" or head[3] == _PADDING:
            self._state, self._header = _SKIP, b""
            return b""
        length, size = int.from_bytes(head[4:6], "big"), 6
        if head[3] not in _PLAIN:
            size = 9 + head[8] if len(head) >= 9 else 9
            if len(head) < size:
                return b""
            stamps = head[7] >> 6
            if stamps & 2 and size >= 14:
                self._pts = self._dts = _clock(head, 9)
            if stamps == 3 and size >= 19:
                self._dts = _clock(head, 14)
        self._state, self._header = _PAYLOAD, b""
        self._bounded = length + 6 > size
        self._size = self.room = length + 6 - size if self._bounded else PES_LIMIT
        return head[size:]

    def _append(self, body: bytes, at: float, completed: bool, out: list[Observation]) -> None:
        if self.parts and len(body) > self.room:
            self._finish(out)
            self._bounded, completed = False, True
            self._size = self.room = PES_LIMIT
        elif not self.parts:
            body = body[: self.room]
        if self.at != at:
            self.mark()
            self.at = at
        self.parts.append(body)
        self.room -= len(body)
        if self._bounded and not self.room and not completed:
            self._finish(out)
            self._state = _SKIP

    def _finish(self, out: list[Observation]) -> None:
        """The PES packet, or all of it that came, goes to the elementary stream's parser."""
        flags = self._flags | (CORRUPT if self._bounded and self.room else 0)
        self._marks.append((self._size - self.room, self.at))
        pts, dts = self._unwrapped()
        pes = elementary.Pes(b"".join(self.parts), pts, dts, flags, self._marks)
        self._reset()
        for frame in self._stream.push(pes):
            self._emit(frame, out)
        self._complain(out)

    def _unwrapped(self) -> tuple[int | None, int | None]:
        """PTS and DTS on the timeline that all tracks of the transport stream share."""
        if self._pts is None or self._dts is None:
            return None, None
        dts = self._unwrap(self._dts)
        return dts + (self._pts - self._dts + _PERIOD // 2) % _PERIOD - _PERIOD // 2, dts

    def _complain(self, out: list[Observation]) -> None:
        if isinstance(self._stream, elementary.Sounds) and self._stream.junk:
            detail = f"{self._stream.junk} bytes between {self.codec} frames"
            out.append(Damage(self.at, self.index, "corrupt", 1, detail))
            self._stream.junk = 0

    def section(self, data: bytes, pcr: int | None, at: float, out: list[Observation]) -> None:
        """A private section is a packet, timed by the programme's clock (as libavformat does)."""
        pts = None if pcr is None else self._unwrap(pcr)
        self._emit(elementary.Frame(data, pts, pts, 0, at, len(data)), out)

    def whole(self, pes: elementary.Pes, out: list[Observation]) -> None:
        """A stretch of the elementary stream that begins and ends with a frame."""
        self.at = pes.arrivals[-1][1]
        for frame in self._stream.push(pes):
            self._emit(frame, out)
        self.flush(out)

    def end(self, out: list[Observation]) -> None:
        """No more TS packets: pass on what there is of the PES packet."""
        if self.parts:
            self._finish(out)
        self._reset()
        self.expect, self._state, self._header = 0, _SKIP, b""

    def flush(self, out: list[Observation]) -> None:
        """No more PES packets: what the elementary stream's parser holds is the last frame."""
        for frame in self._stream.flush():
            self._emit(frame, out)
        self._complain(out)

    def _emit(self, frame: elementary.Frame, out: list[Observation]) -> None:
        flags = frame.flags
        if self.kind != "video":
            flags |= KEY
        elif self.codec in ("h264", "hevc"):
            flags |= nal.flags(self.codec, frame.data[: frame.head], 0)
        else:
            flags |= _key(self.codec, frame.data[: frame.head])
        if frame.dts is not None:
            epoch = int(frame.dts // _PERIOD)
            if self._epoch is not None and epoch > self._epoch:
                flags |= WRAPPED
            self._epoch = epoch
        found = self._announcer.see(frame, flags)
        if found:
            out.append(found)
        pts = None if frame.pts is None else frame.pts / _TICKS
        dts = None if frame.dts is None else frame.dts / _TICKS
        out.append(Packet(frame.at, self.index, self.kind, pts, dts, flags, len(frame.data), frame.data))


def _clock(data: bytes, at: int) -> int:
    """A 33-bit PTS or DTS with its marker bits."""
    high, middle, low = data[at], data[at + 1] << 8 | data[at + 2], data[at + 3] << 8 | data[at + 4]
    return (high >> 1 & 7) << 30 | (middle >> 1) << 15 | low >> 1


def _key(codec: str, data: bytes) -> int:
    """Key flag of the codecs that have no NAL units."""
    if codec == "av1":
        return nal.flags("av1", data, 0)
    if codec == "mpeg2video":  # picture_header: I pictures (ISO/IEC 13818-2 §6.2.3)
        picture = data.find(b"\0\0\1\0")
        return KEY if 0 <= picture < len(data) - 5 and data[picture + 5] >> 3 & 7 == 1 else 0
    return 0
