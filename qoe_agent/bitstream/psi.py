"""MPEG-TS tables: which PIDs carry what (ISO/IEC 13818-1 §2.4.4; stream types as in libavformat/mpegts.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.model import Kind

PAT_TABLE, PMT_TABLE, SPLICE_TABLE = 0x00, 0x02, 0xFC
LONGEST = 4096
"""Bytes that a private section may have; PAT and PMT end at 1024."""

_POLYNOMIAL = 0x04C11DB7


def _crc_table() -> tuple[int, ...]:
    table = []
    for i in range(256):
        value = i << 24
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return tuple(table)


_CRC = _crc_table()


def crc32(data: bytes) -> int:
    """CRC-32/MPEG-2; 0 over a section that carries its own."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _CRC[value >> 24 ^ byte]
    return value


class Sections:
    """Puts the sections of one PID together again; only whole ones come out."""

    __slots__ = ("_part",)

    def __init__(self) -> None:
        self._part: bytes | None = None

    def feed(self, payload: bytes, start: bool, intact: bool) -> list[bytes]:
        """Take a TS packet's payload. `intact`: nothing is missing before it."""
        found: list[bytes] = []
        if not intact:
            self._part = None
        if not start:
            if self._part is not None:
                self._part = self._take(self._part + payload, found, more=False)
            return found
        pointer = payload[0] if payload else 0
        if self._part is not None:
            self._take(self._part + payload[1 : 1 + pointer], found, more=False)
        self._part = self._take(payload[1 + pointer :], found, more=True)
        return found

    @staticmethod
    def _take(data: bytes, found: list[bytes], more: bool) -> bytes | None:
        """Move whole sections from `data` to `found`; what is left waits for the next packet."""
        while data and data[0] != 0xFF:
            if len(data) < 3:
                return data
            size = 3 + ((data[1] & 0x0F) << 8 | data[2])
            if size > LONGEST:
                return None
            if len(data) < size:
                return data
            found.append(data[:size])
            if not more:
                return None
            data = data[size:]
        return None


@dataclass(frozen=True, slots=True)
class Elementary:
    """One line of a PMT."""

    pid: int
    kind: Kind
    codec: str
    sections: bool = False
    """It travels as private sections, not as PES."""


@dataclass(frozen=True, slots=True)
class Programme:
    """A PMT."""

    number: int
    pcr_pid: int
    streams: tuple[Elementary, ...]


def pat(section: bytes) -> dict[int, int] | None:
    """Programme number and PMT PID of each programme; None when it is not a valid, current PAT."""
    if not _valid(section, PAT_TABLE):
        return None
    body = section[8:-4]
    pairs = (
        (int.from_bytes(body[i : i + 2], "big"), (body[i + 2] & 0x1F) << 8 | body[i + 3])
        for i in range(0, len(body) - 3, 4)
    )
    return {pid: number for number, pid in pairs if number}


def pmt(section: bytes) -> Programme | None:
    """What a PMT says; None when it is not a valid, current one."""
    if not _valid(section, PMT_TABLE) or len(section) < 16:
        return None
    end = len(section) - 4
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    format_id = _descriptors(section[12 : min(at, end)]).get(0x05, b"")[:4]
    streams: list[Elementary] = []
    while at + 5 <= end:
        pid = (section[at + 1] & 0x1F) << 8 | section[at + 2]
        after = at + 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
        streams.append(_elementary(pid, section[at], _descriptors(section[at + 5 : min(after, end)]), format_id))
        at = after
    pcr_pid = (section[8] & 0x1F) << 8 | section[9]
    return Programme(int.from_bytes(section[3:5], "big"), pcr_pid, tuple(streams))


def _valid(section: bytes, table: int) -> bool:
    """The right table, currently applicable, CRC correct."""
    return len(section) >= 12 and section[0] == table and section[5] & 1 == 1 and crc32(section) == 0


def _descriptors(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(data):
        after = at + 2 + data[at + 1]
        found.setdefault(data[at], data[at + 2 : after])
        at = after
    return found


_VIDEO = {
    0x01: "mpeg2video",
    0x02: "mpeg2video",
    0x10: "mpeg4",
    0x1B: "h264",
    0x20: "h264",
    0x21: "jpeg2000",
    0x24: "hevc",
    0x33: "vvc",
    0x42: "cavs",
    0xD1: "dirac",
    0xD2: "avs2",
    0xEA: "vc1",
}
_AUDIO = {
    0x03: "mp3",
    0x04: "mp3",
    0x0F: "aac",
    0x11: "aac_latm",
    0x1C: "aac",
    0x81: "ac3",
    0x84: "eac3",
    0x87: "eac3",
    0x8A: "dts",
}
_REGISTERED: dict[bytes, tuple[Kind, str]] = {
    b"AV01": ("video", "av1"),
    b"HEVC": ("video", "hevc"),
    b"VC-1": ("video", "vc1"),
    b"drac": ("video", "dirac"),
    b"Opus": ("audio", "opus"),
    b"AC-3": ("audio", "ac3"),
    b"EAC3": ("audio", "eac3"),
    b"DTS1": ("audio", "dts"),
    b"DTS2": ("audio", "dts"),
    b"DTS3": ("audio", "dts"),
    b"BSSD": ("audio", "s302m"),
    b"KLVA": ("data", "klv"),
    b"ID3 ": ("data", "timed_id3"),
}
_DESCRIBED: dict[int, tuple[Kind, str]] = {
    0x6A: ("audio", "ac3"),
    0x7A: ("audio", "eac3"),
    0x7B: ("audio", "dts"),
    0x7C: ("audio", "aac"),
    0x56: ("data", "dvb_teletext"),
    0x59: ("data", "dvb_subtitle"),
}


def _elementary(pid: int, stream_type: int, descriptors: dict[int, bytes], format_id: bytes) -> Elementary:
    if stream_type in _VIDEO:
        return Elementary(pid, "video", _VIDEO[stream_type])
    if stream_type in _AUDIO:
        return Elementary(pid, "audio", _AUDIO[stream_type])
    if stream_type == 0x86 and format_id == b"CUEI":
        return Elementary(pid, "data", "scte_35", sections=True)
    if stream_type in (0x05, 0x13):
        return Elementary(pid, "data", f"unknown:0x{stream_type:02x}", sections=True)
    if stream_type == 0x15:
        return Elementary(pid, "data", "timed_id3")
    if stream_type == 0x06:
        known = _REGISTERED.get(descriptors.get(0x05, b"")[:4])
        for tag, meaning in _DESCRIBED.items():
            known = known or (meaning if tag in descriptors else None)
        return Elementary(pid, *(known or ("data", "bin_data")))
    return Elementary(pid, "data", f"unknown:0x{stream_type:02x}")
