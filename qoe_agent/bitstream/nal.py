"""What a video packet says without being decoded: key frame, parameter sets, SEI, the declared format.

NAL units: ITU-T H.264 §7.3.1 and Annex B, H.265 §7.3.1; avcC and hvcC: ISO/IEC 14496-15 §5.3.3, §8.3.3.
Nothing here raises on garbage: what cannot be read is not there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qoe_agent.bitstream import av1, h264, hevc
from qoe_agent.bitstream.bits import OutOfBits
from qoe_agent.bitstream.described import NOTHING, Described
from qoe_agent.model import IDR, KEY, RECOVERY

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = b"\0\0\1"
_ESCAPED = b"\0\0\3"

H264_IDR, H264_SEI, H264_SPS, H264_PPS = 5, 6, 7, 8
HEVC_VPS, HEVC_SPS, HEVC_PPS, HEVC_SEI, HEVC_SEI_SUFFIX = 32, 33, 34, 39, 40
_H264_SETS, _HEVC_SETS = (H264_SPS, H264_PPS), (HEVC_VPS, HEVC_SPS, HEVC_PPS)
_H264_HEADERS, _HEVC_HEADERS = (*_H264_SETS, H264_SEI), (*_HEVC_SETS, HEVC_SEI, HEVC_SEI_SUFFIX)
_RECOVERY_POINT = 6
"""payloadType of the recovery point SEI (H.264 §D.1.8)."""
_TAIL = 1024
"""Bytes at the end of a picture in which suffix SEI is sought."""


def units(data: bytes, framing: int) -> Iterator[tuple[int, int]]:
    """Where each NAL unit lies. `framing`: 0 for Annex B, else the size of the length before each unit."""
    return _lengths(data, framing) if framing else _start_codes(data)


def _lengths(data: bytes, framing: int) -> Iterator[tuple[int, int]]:
    at, end = 0, len(data)
    while at + framing < end:
        start = at + framing
        at = start + int.from_bytes(data[at:start], "big")
        if at > start < end:
            yield start, min(at, end)


def _start_codes(data: bytes) -> Iterator[tuple[int, int]]:
    at = data.find(_START)
    while at >= 0:
        start = at + 3
        at = data.find(_START, start)
        end = at if at >= 0 else len(data)
        while end > start and data[end - 1] == 0:  # trailing_zero_8bits, leading zero of the next code
            end -= 1
        if end > start:
            yield start, end


def heads(data: bytes, framing: int) -> Iterator[int]:
    """Where each NAL unit begins; a slice's end, which costs a search through all its bytes, is not looked for."""
    if framing:
        yield from (start for start, _ in _lengths(data, framing))
        return
    at = data.find(_START)
    while 0 <= at < len(data) - 3:
        yield at + 3
        at = data.find(_START, at + 3)


def unit_end(data: bytes, start: int, framing: int) -> int:
    """Where the unit that begins at `start` ends, trailing zeros included."""
    if framing:
        return start + int.from_bytes(data[start - framing : start], "big")
    end = data.find(_START, start)
    return end if end >= 0 else len(data)


def length_size(extradata: bytes, codec: str) -> int:
    """Bytes of the length before each NAL unit, out of avcC or hvcC; 0 for Annex B."""
    if codec == "h264" and len(extradata) >= 7 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    # Some writers leave configurationVersion of hvcC 0: libavcodec/hevc/hevcdec.c looks for a start code too.
    if codec == "hevc" and len(extradata) >= 23 and (extradata[0] or extradata[1] or extradata[2] > 1):
        return (extradata[21] & 3) + 1
    return 0


def unescape(unit: bytes) -> bytes:
    """A NAL unit without its emulation prevention bytes (H.264 §7.4.1.1)."""
    return unit.replace(_ESCAPED, b"\0\0") if _ESCAPED in unit else unit


def flags(codec: str, data: bytes, framing: int, key: bool | None = None) -> int:
    """KEY, IDR and RECOVERY of a packet, by its headers; `key` (what the transport says) where they are mute."""
    found: int | None = None
    if codec == "h264":
        found = _h264_flags(data, framing)
    elif codec == "hevc":
        found = _hevc_flags(data, framing)
    elif codec == "av1":
        frame = av1.key_frame(data)
        if frame is not None:
            found = (KEY | IDR if frame[1] else KEY) if frame[0] else 0
    return found if found is not None else KEY if key else 0


def _h264_flags(data: bytes, framing: int) -> int | None:
    """A recovery point that is exact at once (recovery_frame_cnt 0) counts as a key frame.

    libavcodec/h264_parser.c calls every recovery point a key frame, also those of intra refresh, from which
    no whole picture can be had for `recovery_frame_cnt` frames; those are RECOVERY only.
    """
    if 0 < framing < len(data) and 1 <= data[framing] & 31 <= 4 and any(data[:framing]):
        return 0  # most packets are one slice: answer at once
    recovery = 0
    for start in heads(data, framing):
        kind = data[start] & 31
        if kind == H264_IDR:
            return KEY | IDR | recovery
        if 1 <= kind <= 4:
            return recovery
        if kind == H264_SEI:
            unit = data[start + 1 : unit_end(data, start, framing)].rstrip(b"\0")
            for payload_type, payload in _messages(unit):
                if payload_type == _RECOVERY_POINT and payload:
                    recovery = RECOVERY | KEY if payload[0] & 0x80 else RECOVERY  # ue(v) of 0 is a set bit
    return None


def _hevc_flags(data: bytes, framing: int) -> int | None:
    """IRAP pictures are NAL types 16 to 23 (H.265 table 7-1), IDR 19 and 20."""
    for start in heads(data, framing):
        kind = data[start] >> 1 & 63
        if kind < 32:
            if not 16 <= kind <= 23:
                return 0
            return KEY | IDR if kind in (19, 20) else KEY | RECOVERY
    return None


def parameter_sets(codec: str, data: bytes, framing: int) -> bytes:
    """The VPS, SPS and PPS of a packet one after the other (AV1: the sequence header); empty if it has none."""
    if codec == "av1":
        return b"".join(data[s:e] for kind, s, e in av1.obus(data) if kind == av1.SEQUENCE_HEADER)
    if codec == "h264":
        sets = (data[s:e] for s, e in units(data, framing) if data[s] & 31 in _H264_SETS)
    elif codec == "hevc":
        sets = (data[s:e] for s, e in units(data, framing) if data[s] >> 1 & 63 in _HEVC_SETS)
    else:
        return b""
    return b"".join(sets)


def headers(codec: str, data: bytes, framing: int) -> bytes:
    """A packet without its pictures: parameter sets and SEI alone (AV1: sequence header, metadata), framed alike."""
    if codec == "av1":
        kept = (av1.SEQUENCE_HEADER, av1.METADATA)
        return b"".join(av1.obu(kind, data[s:e]) for kind, s, e in av1.obus(data) if kind in kept)
    found = []
    for start, end in units(data, framing) if codec in ("h264", "hevc") else ():
        kind = data[start] & 31 if codec == "h264" else data[start] >> 1 & 63
        if kind in (_H264_HEADERS if codec == "h264" else _HEVC_HEADERS):
            found.append((end - start).to_bytes(framing, "big") if framing else b"\0" + _START)
            found.append(data[start:end])
    return b"".join(found)


def sei(codec: str, data: bytes, framing: int) -> list[tuple[int, bytes]]:
    """The SEI messages of a packet: payload type, payload without emulation prevention.

    Slices are passed over unread. Behind them HEVC may have more (suffix SEI): sought in the last bytes alone.
    """
    if codec == "h264":
        sliced = 0 < framing < len(data) and 1 <= data[framing] & 31 <= 5  # most packets are one slice: answer at once
        return [] if sliced else _h264_sei(data, framing)
    return _hevc_sei(data, framing) if codec == "hevc" else []


def _h264_sei(data: bytes, framing: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for start in heads(data, framing):
        kind = data[start] & 31
        if 1 <= kind <= 5:  # H.264 §7.4.1.2.3: SEI goes before the first slice
            break
        if kind == H264_SEI:
            found += _messages(data[start + 1 : unit_end(data, start, framing)].rstrip(b"\0"))
    return found


def _hevc_sei(data: bytes, framing: int) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    tail = 0
    for start in heads(data, framing):
        kind = data[start] >> 1 & 63
        if kind < 32 and not framing:
            tail = max(start, len(data) - _TAIL)
            break
        if kind in (HEVC_SEI, HEVC_SEI_SUFFIX):
            found += _messages(data[start + 2 : unit_end(data, start, framing)].rstrip(b"\0"))
    if tail:
        for start, end in _start_codes(data[tail:]):
            if data[tail + start] >> 1 & 63 == HEVC_SEI_SUFFIX:
                found += _messages(data[tail + start + 2 : tail + end])
    return found


def _messages(unit: bytes) -> Iterator[tuple[int, bytes]]:
    """sei_message() after sei_message() (H.264 §7.3.2.3); a cut one is left out."""
    rbsp = unescape(unit)
    at, end = 0, len(rbsp)
    while at + 2 <= end and rbsp[at:] != b"\x80":
        numbers = [0, 0]
        for i in (0, 1):
            while at < end and rbsp[at] == 255:
                numbers[i] += 255
                at += 1
            if at >= end:
                return
            numbers[i] += rbsp[at]
            at += 1
        if at + numbers[1] > end:
            return
        yield numbers[0], rbsp[at : at + numbers[1]]
        at += numbers[1]


def describe(codec: str, extradata: bytes, framing: int = 0) -> Described:
    """What avcC, hvcC, av1C or a packet with parameter sets declares; empty on garbage.

    `framing` is that of a packet; configuration records are recognised by themselves when it is 0.
    """
    if codec == "av1":
        return av1.describe(extradata)
    if codec == "h264":
        return _h264_describe(cut(codec, extradata, framing))
    if codec == "hevc":
        return _hevc_describe(cut(codec, extradata, framing))
    return NOTHING


def cut(codec: str, data: bytes, framing: int = 0) -> list[bytes]:
    """The NAL units of avcC, hvcC or a packet, told apart as `describe` does."""
    if not framing and length_size(data, codec):
        return _avcc(data) if codec == "h264" else _hvcc(data)
    return [data[start:end] for start, end in units(data, framing)]


def _h264_describe(sets: list[bytes]) -> Described:
    for unit in sets:
        if unit[0] & 31 == H264_SPS:
            try:
                return h264.sps(unescape(unit[1:]))
            except OutOfBits:
                continue
    return NOTHING


def _hevc_describe(sets: list[bytes]) -> Described:
    rate, found = None, NOTHING
    for unit in sets:
        kind = unit[0] >> 1 & 63
        try:
            if kind == HEVC_VPS:
                rate = hevc.vps_rate(unescape(unit[2:]))
            elif kind == HEVC_SPS and found is NOTHING:
                found = hevc.sps(unescape(unit[2:]))
        except OutOfBits:
            continue
    # libavcodec/hevc/hevcdec.c: the VPS's timing goes before the SPS's
    return replace(found, frame_rate=rate) if rate and found is not NOTHING else found


def _records(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """`count` NAL units, each after its 16-bit length."""
    found = []
    for _ in range(count):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > at + 2 and end <= len(data):
            found.append(data[at + 2 : end])
        at = end
    return found, at


def _avcc(data: bytes) -> list[bytes]:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1)."""
    found, at = _records(data, 6, data[5] & 31)
    return found + _records(data, at + 1, data[at])[0] if at < len(data) else found


def _hvcc(data: bytes) -> list[bytes]:
    """HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1)."""
    found: list[bytes] = []
    at = 23
    for _ in range(data[22]):
        if at + 3 > len(data):
            break
        more, at = _records(data, at + 3, int.from_bytes(data[at + 1 : at + 3], "big"))
        found += more
    return found
