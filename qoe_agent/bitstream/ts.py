"""MPEG transport streams: bytes in, packets out, one for one as libavformat's demuxer gives them.

ISO/IEC 13818-1 for the syntax; libavformat/mpegts.c for what happens where streams bend it (when a PES
packet is complete, in which order packets come out, what is marked corrupt). Two things differ on purpose:
a TS packet sent twice (§2.4.3.3 allows it) is taken once, and sound between frames is dropped as damage.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from qoe_agent.bitstream import psi
from qoe_agent.bitstream.track import Track
from qoe_agent.maths.timeline import Unwrap
from qoe_agent.model import Damage

if TYPE_CHECKING:
    from qoe_agent.model import Observation

SIZE = 188
SYNC = 0x47
_STRIDES = (188, 192, 204)
"""Plain; with a time code in front (M2TS); with Reed-Solomon parity behind."""
_DECIDE = 2 * max(_STRIDES) + 1
"""Bytes needed to tell whether a sync byte is one: two more must follow at one of the strides."""
_HEADS = {stride: Struct(f">I{stride - 4}x") for stride in _STRIDES}
_HELD = 4096
"""TS packets kept from before the first PMT."""
_PROGRAMMES = 64
_TRACKS = 256
_NULL = 0x1FFF
_MANY = 65536
"""Bytes without synchronisation that are worth a word of their own."""


class Ts:
    """One transport stream, however it is cut into pieces."""

    __slots__ = (
        "_counters",
        "_held",
        "_out",
        "_pcr",
        "_programmes",
        "_rest",
        "_sections",
        "_skipped",
        "_stride",
        "_tables",
        "_tracks",
        "_unwrap",
    )

    def __init__(self, unwrap: Unwrap | None = None) -> None:
        """`unwrap`: of the timeline that this transport stream shares with others."""
        self._rest = b""
        self._stride = 0
        self._skipped = 0
        self._unwrap = unwrap or Unwrap(1 << 33)
        self._tracks: dict[int, Track] = {}
        """By PID, in the order of their indices; those of a PMT of the past stay."""
        self._programmes: dict[int, psi.Programme | None] = {}
        """By the PID of their PMT."""
        self._sections: dict[int, psi.Sections] = {0: psi.Sections()}
        self._tables: dict[int, bytes] = {}
        """The section that was last understood, by PID: most are repetitions."""
        self._counters: dict[int, int] = {}
        """Continuity counters of the PIDs that carry sections."""
        self._pcr: dict[int, int] = {}
        self._held: list[tuple[bytes, float]] | None = []
        self._out: list[Observation] = []

    def feed(self, data: bytes, at: float) -> list[Observation]:
        """Take the next bytes, which arrived `at`."""
        self._pump(self._rest + data if self._rest else data, at, final=False)
        out, self._out = self._out, []
        return out

    def flush(self, at: float) -> list[Observation]:
        """The byte stream ends here (another may follow): what is unfinished comes out."""
        self._pump(self._rest, at, final=True)
        self._rest, self._stride = b"", 0
        self._counters.clear()
        self._sections = {pid: psi.Sections() for pid in self._sections}
        for _, track in sorted(self._tracks.items()):
            track.end(self._out)
        for track in sorted(self._tracks.values(), key=lambda track: track.index):
            track.flush(self._out)
        out, self._out = self._out, []
        return out

    def _pump(self, data: bytes, at: float, final: bool) -> None:
        position = 0
        while True:
            if not self._stride:
                found = self._search(data, position, final)
                self._skip(found - position, at, final)
                position = found
                if not self._stride:
                    break
            position = self._run(data, position, at)
            if self._stride:
                if final and position + SIZE <= len(data) and data[position] == SYNC:
                    self._one(data, position, at)
                    position += SIZE
                break
        self._rest = data[position:]

    def _skip(self, count: int, at: float, final: bool) -> None:
        """Count bytes that are no TS packets; say so when they end, or once they are many."""
        self._skipped += count
        while self._skipped >= _MANY:
            self._skipped -= _MANY
            self._out.append(Damage(at, None, "parse", 1, f"{_MANY} bytes without synchronisation"))
        if self._stride or final:
            if self._skipped not in (0, self._stride - SIZE):  # a time code in front is no gap
                self._out.append(Damage(at, None, "parse", 1, f"{self._skipped} bytes without synchronisation"))
            self._skipped = 0

    def _search(self, data: bytes, position: int, final: bool) -> int:
        """Where TS packets begin again; sets the stride when it is known."""
        while True:
            position = data.find(b"G", position)  # the sync byte
            if position < 0:
                return len(data)
            if position + _DECIDE > len(data) and not final:
                return position
            for stride in _STRIDES:
                follow = [p for p in (position + stride, position + 2 * stride) if p < len(data)]
                if all(data[p] == SYNC for p in follow) and position + SIZE <= len(data):
                    self._stride = stride
                    return position
            position += 1

    def _run(self, data: bytes, position: int, at: float) -> int:
        """Take whole TS packets from `position` on; ends behind them, or where synchronisation is lost."""
        stride, tracks = self._stride, self._tracks
        count = (len(data) - position) // stride
        stop = position + count * stride
        heads = _HEADS[stride].iter_unpack(memoryview(data)[position:stop])
        for here, (head,) in zip(range(position, stop, stride), heads, strict=True):
            track = tracks.get(head >> 8 & 0x1FFF)
            if track is not None and head == track.expect and track.room > 184:
                track.expect = head - 15 if head & 15 == 15 else head + 1
                if track.at != at:
                    track.mark()
                    track.at = at
                track.room -= 184
                track.parts.append(data[here + 4 : here + 188])
            elif head >> 24 != SYNC:
                self._stride = 0
                return here
            elif head & 0x1FFF00 != 0x1FFF00:
                self._packet(head, data, here, at)
        return stop

    def _one(self, data: bytes, here: int, at: float) -> None:
        self._packet(int.from_bytes(data[here : here + 4], "big"), data, here, at)

    def _packet(self, head: int, data: bytes, here: int, at: float) -> None:
        """A TS packet that is not just the next piece of a PES packet."""
        pid = head >> 8 & 0x1FFF
        afc = head >> 4 & 3
        if not afc or pid == _NULL:
            return
        payload, broken = here + 4, False
        if afc & 2:
            length = data[payload]
            broken = length > 0 and data[payload + 1] & 0x80 != 0
            if length >= 7 and data[payload + 1] & 0x10:
                self._pcr[pid] = int.from_bytes(data[payload + 2 : payload + 7], "big") >> 7
            payload += 1 + length
            if broken:
                self._break(pid)
        body = data[payload : here + SIZE] if afc & 1 and payload < here + SIZE else b""
        track = self._tracks.get(pid)
        if track is not None and pid not in self._sections:
            if track.counted(head, body, broken, at, self._out) and body:
                track.feed(body, head & 0x400000 != 0, at, self._out)
        elif pid in self._sections:
            self._section(pid, head, body, broken, at)
        elif self._held is not None and len(self._held) < _HELD:
            self._held.append((data[here : here + SIZE], at))

    def _break(self, pid: int) -> None:
        """A discontinuity of the system time base (§2.4.3.5): it concerns all that share the clock."""
        for programme in self._programmes.values():
            if programme and programme.pcr_pid == pid:
                for stream in programme.streams:
                    if stream.pid in self._tracks:
                        self._tracks[stream.pid].broken = True
        if pid in self._tracks:
            self._tracks[pid].broken = True

    def _section(self, pid: int, head: int, body: bytes, broken: bool, at: float) -> None:
        if not body:
            return
        last, counter = self._counters.get(pid), head & 15
        self._counters[pid] = counter
        intact = last is None or broken or counter == (last + 1 & 15)
        if not intact and counter == last:
            return  # sent twice
        for section in self._sections[pid].feed(body, head & 0x400000 != 0, intact):
            if pid in self._tracks:
                self._splice(pid, section, at)
            elif self._tables.get(pid) != section:
                self._table(pid, section, at)

    def _splice(self, pid: int, section: bytes, at: float) -> None:
        """A section that is content (SCTE 35)."""
        if self._tracks[pid].codec != "scte_35" or section[0] != psi.SPLICE_TABLE or psi.crc32(section):
            return
        clocks = (p.pcr_pid for p in self._programmes.values() if p and any(s.pid == pid for s in p.streams))
        self._tracks[pid].section(section, self._pcr.get(next(clocks, pid)), at, self._out)

    def _table(self, pid: int, section: bytes, at: float) -> None:
        if pid == 0:
            programmes = psi.pat(section)
            if programmes is None:
                return
            for pmt_pid in list(programmes)[:_PROGRAMMES]:
                if pmt_pid not in self._tracks and pmt_pid not in self._programmes:
                    self._programmes[pmt_pid] = None
                    self._sections[pmt_pid] = psi.Sections()
        else:
            programme = psi.pmt(section)
            if programme is None:
                return
            self._programmes[pid] = programme
            self._take(programme)
        self._tables[pid] = section
        if pid and self._held is not None:
            self._replay()

    def _take(self, programme: psi.Programme) -> None:
        """A PMT, new or changed: tracks keep their index as long as their PID lives."""
        for stream in programme.streams:
            known = self._tracks.get(stream.pid)
            if known is not None:
                if known.codec != stream.codec:
                    known.end(self._out)
                    known.flush(self._out)
                    known.become(stream)
            elif len(self._tracks) < _TRACKS and (stream.sections or stream.pid not in self._sections):
                self._tracks[stream.pid] = Track(len(self._tracks), stream, self._unwrap)
                if stream.sections:
                    self._sections[stream.pid] = psi.Sections()

    def _replay(self) -> None:
        """Now it is known what was in the packets that came before the first PMT."""
        held, self._held = self._held or [], None
        for packet, at in held:
            self._one(packet, 0, at)
