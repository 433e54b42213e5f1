"""Headers of sound frames that carry their own length: where each ends and how long it sounds.

ADTS: ISO/IEC 13818-7 §6.2; MPEG audio: ISO/IEC 11172-3 §2.4.1.3; AC-3, E-AC-3: ETSI TS 102 366 §4.3, §E.1.2;
Opus in MPEG-TS: ETSI TS 103 491 §B (control header), as libavcodec/opus/parser.c reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.bitstream.audio import frame_duration

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_HEADER = 9
"""Bytes that decide about any of them (Opus: unless its packet is longer than 1 kB)."""

TICKS = 90000

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_MPEG_RATES = (44100, 48000, 32000)
_MPEG1 = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_MPEG2 = {
    1: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_AC3_KBIT = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES = (48000, 44100, 32000)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
_EAC3_BLOCKS = (1, 2, 3, 6)


class Header(NamedTuple):
    """One frame's."""

    size: int
    ticks: float
    """Duration in 90 kHz ticks."""
    header: int = 7
    stripped: int = 0
    """Leading bytes that the transport put in front and that are no part of the frame."""
    dependent: bool | None = None
    """E-AC-3: it belongs to the frame before it. None where frames stand alone."""
    codec: str = ""
    rate: int | None = None
    channels: int | None = None


def adts(data: bytes, at: int) -> Header | None:
    """AAC in ADTS."""
    if len(data) - at < 7 or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return None
    index = data[at + 2] >> 2 & 15
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if index >= len(_RATES) or size < 7:
        return None
    return Header(size, ((data[at + 6] & 3) + 1) * 1024 * TICKS / _RATES[index])


def mpeg(data: bytes, at: int) -> Header | None:
    """MPEG audio, layers 1 to 3."""
    if len(data) - at < 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    index, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return None
    hertz = _MPEG_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = (_MPEG1 if version == 3 else _MPEG2)[layer][index] * 1000
    padding = data[at + 2] >> 1 & 1
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    size = (12 * bits // hertz + padding) * 4 if layer == 1 else samples // 8 * bits // hertz + padding
    channels = 1 if data[at + 3] >> 6 == 3 else 2
    return Header(size, samples * TICKS / hertz, 4, 0, None, f"mp{layer}", hertz, channels)


def ac3(data: bytes, at: int) -> Header | None:
    """AC-3 and E-AC-3."""
    if len(data) - at < 8 or data[at] != 0x0B or data[at + 1] != 0x77:
        return None
    identity = data[at + 5] >> 3
    rate = data[at + 4] >> 6
    if identity <= 10:
        code = data[at + 4] & 63
        if rate == 3 or code >= 2 * len(_AC3_KBIT):
            return None
        kbit, hertz = _AC3_KBIT[code >> 1], _AC3_RATES[rate]
        words = (kbit * 2, kbit * 320 // 147 + (code & 1), kbit * 3)[rate]
        mode = data[at + 6] >> 5
        mixes = (2 if mode & 1 and mode != 1 else 0) + (2 if mode & 4 else 0) + (2 if mode == 2 else 0)
        lfe = (data[at + 6] << 8 | data[at + 7]) >> (12 - mixes) & 1
        ticks = 1536 * TICKS / (hertz >> max(identity, 8) - 8)
        return Header(words * 2, ticks, 8, 0, False, "ac3", hertz, _AC3_CHANNELS[mode] + lfe)
    if identity > 16 or data[at + 2] >> 6 == 3:
        return None
    half = data[at + 4] >> 4 & 3
    if rate == 3 and half == 3:
        return None
    hertz = _AC3_RATES[half] // 2 if rate == 3 else _AC3_RATES[rate]
    blocks = 6 if rate == 3 else _EAC3_BLOCKS[half]
    size = (((data[at + 2] & 7) << 8 | data[at + 3]) + 1) * 2
    channels = _AC3_CHANNELS[data[at + 4] >> 1 & 7] + (data[at + 4] & 1)
    ticks = blocks * 256 * TICKS / hertz
    return Header(size, ticks, 8, 0, data[at + 2] >> 6 == 1, "eac3", hertz, channels)


def opus(data: bytes, at: int) -> Header | None:
    """An Opus packet behind its control header."""
    if len(data) - at < 3 or data[at] != 0x7F or data[at + 1] & 0xE0 != 0xE0:
        return None
    flags, body, size = data[at + 1], at + 2, 0
    while body < len(data):
        size += data[body]
        body += 1
        if data[body - 1] != 255:
            break
    body += (2 if flags & 0x10 else 0) + (2 if flags & 0x08 else 0)
    if flags & 0x04:
        body += 1 + (data[body] if body < len(data) else 0)
    seconds = frame_duration("opus", b"", data[body : body + 2])
    return Header(body - at + size, (seconds or 0.0) * TICKS, body - at, body - at, None, "opus", 48000)


HEADERS: dict[str, tuple[Callable[[bytes, int], Header | None], bytes]] = {
    "aac": (adts, b"\xff"),
    "mp3": (mpeg, b"\xff"),
    "ac3": (ac3, b"\x0b\x77"),
    "eac3": (ac3, b"\x0b\x77"),
    "opus": (opus, b"\x7f"),
}
