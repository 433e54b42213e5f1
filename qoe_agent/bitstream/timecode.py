"""SMPTE time codes in SEI: the time of day, without date or zone, in seconds since midnight.

H.264: pic_timing (payload type 1, §D.1.3), which only the VUI of the sequence parameter set makes readable (§E.1.1);
HEVC: time_code (payload type 136, H.265 §D.2.27), which says all itself but the frame rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent.bitstream import nal
from qoe_agent.bitstream.bits import Bits, OutOfBits
from qoe_agent.bitstream.dates import Instant
from qoe_agent.bitstream.described import Vui, signal
from qoe_agent.bitstream.h264 import CHROMA_PROFILES, reference_order, scaling_lists

if TYPE_CHECKING:
    from collections.abc import Iterable

PIC_TIMING, TIME_CODE = 1, 136
_CLOCKS = (1, 1, 1, 2, 2, 3, 3, 2, 3)
"""NumClockTS by pic_struct (table D-1)."""
_USUAL_RATE = 25.0
"""Where nobody says a frame rate: it only weighs the frame number."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a sequence parameter set says of pic_timing."""

    delays: int = 0
    """Bits of both delays before the picture structure."""
    structure: bool = False
    """pic_struct_present_flag: without it there is no clock."""
    offset: int = 24
    """Bits of the clock's time offset."""
    tick: float | None = None
    """Seconds in a tick of the time scale: a field."""


class Timecodes:
    """Of one track."""

    __slots__ = ("_codec", "_rate", "_timing")

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._codec = codec
        self._timing = _timing(nal.cut(codec, extradata)) if codec == "h264" and extradata else None
        self._rate = nal.describe(codec, extradata).frame_rate if codec == "hevc" and extradata else None

    def read(self, messages: Iterable[tuple[int, bytes]], data: bytes, framing: int) -> Instant | None:
        """The first whole clock among a packet's messages; `data` is the packet, for its parameter sets."""
        for kind, payload in messages:
            try:
                if self._codec == "h264" and kind == PIC_TIMING:
                    self._timing = _timing(nal.cut("h264", data, framing)) or self._timing
                    return _pic_timing(payload, self._timing) if self._timing else None
                if self._codec == "hevc" and kind == TIME_CODE:
                    self._rate = nal.describe("hevc", data, framing).frame_rate or self._rate
                    return _time_code(payload, self._rate or _USUAL_RATE)
            except OutOfBits:
                return None
        return None


def _timing(units: Iterable[bytes]) -> Timing | None:
    for unit in units:
        if unit[0] & 31 == nal.H264_SPS:
            try:
                return _usability(nal.unescape(unit[1:]))
            except OutOfBits:
                return None
    return None


def _usability(rbsp: bytes) -> Timing:
    """Through seq_parameter_set_data() to the VUI."""
    b = Bits(rbsp)
    profile = b.u(8)
    b.skip(16)
    b.ue()
    if profile in CHROMA_PROFILES:
        chroma = b.ue()
        b.skip(1 if chroma == 3 else 0)
        b.ue()
        b.ue()
        b.skip(1)
        if b.flag():
            scaling_lists(b, chroma)
    b.ue()
    reference_order(b)
    b.ue()
    b.ue()
    b.skip(1 if b.flag() else 2)
    if b.flag():
        for _ in range(4):
            b.ue()
    if not b.flag():
        return Timing()
    signal(b, Vui())
    tick = None
    if b.flag():
        units, scale = b.u(32), b.u(32)
        b.skip(1)
        tick = units / scale if scale else None
    delays, offset = 0, 24
    for _ in range(2):  # NAL, then VCL parameters: the same lengths in both (§E.2.2)
        if b.flag():
            delays, offset = _hrd(b)
    if delays:
        b.skip(1)
    return Timing(delays, b.flag(), offset, tick)


def _hrd(b: Bits) -> tuple[int, int]:
    """hrd_parameters(): bits of the two delays together, and of the time offset."""
    count = min(b.ue() + 1, 32)
    b.skip(8)
    for _ in range(count):
        b.ue()
        b.ue()
        b.skip(1)
    b.skip(5)
    delays = b.u(5) + b.u(5) + 2
    return delays, b.u(5)


def _pic_timing(payload: bytes, timing: Timing) -> Instant | None:
    b = Bits(payload)
    b.skip(timing.delays)
    if not timing.structure:
        return None
    structure = b.u(4)
    for _ in range(_CLOCKS[structure] if structure < len(_CLOCKS) else 0):
        if b.flag():
            b.skip(2)
            frame = (1 + b.flag()) * (timing.tick or 0.5 / _USUAL_RATE)
            b.skip(5)
            return _clock(b, 8, frame, timing.offset, timing.tick)
    return None


def _time_code(payload: bytes, rate: float) -> Instant | None:
    b = Bits(payload)
    for _ in range(b.u(2)):
        if b.flag():
            b.skip(1 + 5)
            return _clock(b, 9, 1.0 / rate, None, None)
    return None


def _clock(b: Bits, number: int, frame: float, offset: int | None, tick: float | None) -> Instant | None:
    """From full_timestamp_flag on; a clock that leaves out hours is none. `number`: bits of the frame's number."""
    full = b.flag()
    b.skip(2)
    frames = b.u(number)
    if full:
        seconds, minutes, hours = b.u(6), b.u(6), b.u(5)
    elif b.flag():
        seconds = b.u(6)
        if not b.flag():
            return None
        minutes = b.u(6)
        if not b.flag():
            return None
        hours = b.u(5)
    else:
        return None
    if seconds > 59 or minutes > 59 or hours > 23:
        return None
    shift = _signed(b, offset) * tick if offset and tick else 0.0
    return Instant(hours * 3600 + minutes * 60 + seconds + frames * frame + shift, frame)


def _signed(b: Bits, n: int) -> int:
    value = b.u(n)
    return value - (1 << n) if value >> (n - 1) else value
