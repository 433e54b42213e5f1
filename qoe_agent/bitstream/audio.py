"""What sound declares about itself: rate, channels, profile, how long a packet lasts.

AAC: ISO/IEC 14496-3 §1.6.2 (AudioSpecificConfig), §1.A.2 (ADTS). Opus: RFC 6716 §3.1, RFC 7845 §5.1.
MPEG audio: ISO/IEC 11172-3 §2.4.1. Nothing here raises on garbage: it answers None.
"""

from __future__ import annotations

from dataclasses import dataclass

from qoe_agent.bitstream.bits import Bits, OutOfBits

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0)
# libavcodec/profiles.c
_PROFILES = {1: "Main", 2: "LC", 3: "SSR", 4: "LTP", 5: "HE-AAC", 23: "LD", 29: "HE-AACv2", 39: "ELD", 42: "xHE-AAC"}
_SBR, _PS, _ESCAPE = 5, 29, 31


_FRAME = 1024
"""Samples that an AAC access unit carries, before SBR doubles them."""


@dataclass(frozen=True, slots=True)
class _Config:
    """AudioSpecificConfig, as far as it says how the stream sounds."""

    object_type: int
    core_rate: int
    rate: int
    channels: int
    frame: int = _FRAME


def describe_aac(config: bytes) -> tuple[int, int, str | None] | None:
    """Sample rate as played, channels and FFmpeg's profile name out of an AudioSpecificConfig."""
    found = _specific_config(config)
    return (found.rate, found.channels, _PROFILES.get(found.object_type)) if found else None


def _specific_config(config: bytes) -> _Config | None:
    b = Bits(config[:64])
    try:
        kind, core = _object_type(b), _rate(b)
        channels = _CHANNELS[b.u(4)]
        rate = core
        if kind in (_SBR, _PS):
            rate = _rate(b)
            _object_type(b)
            channels = 2 if kind == _PS else channels
        frame = 960 if b.flag() else _FRAME  # frameLengthFlag of GASpecificConfig (§4.4.1)
    except OutOfBits:
        return None
    if not (core and rate and channels):
        return None
    if kind not in (_SBR, _PS):
        kind, rate, channels = _extension(b, kind, rate, channels)
    return _Config(kind, core, rate, channels, frame)


def _object_type(b: Bits) -> int:
    kind = b.u(5)
    return 32 + b.u(6) if kind == _ESCAPE else kind


def _rate(b: Bits) -> int:
    index = b.u(4)
    return b.u(24) if index == 15 else _RATES[index] if index < len(_RATES) else 0


def _extension(b: Bits, kind: int, rate: int, channels: int) -> tuple[int, int, int]:
    """SBR and PS as announced behind GASpecificConfig by the sync extensions 0x2b7 and 0x548 (§1.6.5)."""
    try:
        if b.flag():  # dependsOnCoreCoder
            b.skip(14)
        if b.flag() or b.u(11) != 0x2B7 or _object_type(b) != _SBR or not b.flag():
            return kind, rate, channels
        kind, rate = _SBR, _rate(b) or rate
        if b.u(11) == 0x548 and b.flag():
            return _PS, rate, 2
    except OutOfBits:
        pass  # the extension is optional, so is its end
    return kind, rate, channels


def describe_adts(header: bytes) -> tuple[int, int, str | None] | None:
    """The same out of an ADTS header."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    index, channels = header[2] >> 2 & 15, _CHANNELS[(header[2] & 1) << 2 | header[3] >> 6]
    if index >= len(_RATES) or not channels:
        return None
    return _RATES[index], channels, _PROFILES.get((header[2] >> 6) + 1)


def adts(config: bytes, size: int) -> bytes | None:
    """The ADTS header of an access unit of `size` bytes; None where ADTS cannot say what the configuration does."""
    found = _specific_config(config)
    layout = config[1] >> 3 & 15 if len(config) > 1 else 0
    if found is None or found.core_rate not in _RATES or not 1 <= layout <= 7:
        return None
    kind = 2 if found.object_type in (_SBR, _PS) else found.object_type
    if not 1 <= kind <= 4:
        return None
    head = 0xFFF1 << 40 | (kind - 1) << 38 | _RATES.index(found.core_rate) << 34 | layout << 30
    return (head | (size + 7) << 13 | 0x7FF << 2).to_bytes(7, "big")


def frame_duration(codec: str, config: bytes, data: bytes) -> float | None:
    """Seconds of sound in a packet; AAC without `config` is read as ADTS."""
    if codec == "aac":
        found = _specific_config(config) if config else None
        if found:
            return found.frame / found.core_rate
        described = describe_adts(data)
        return ((data[6] & 3) + 1) * _FRAME / described[0] if described else None
    if codec == "opus":
        return _opus(data)
    if codec in ("mp3", "mp2"):
        return _mpeg(data)
    return None


def _opus(data: bytes) -> float | None:
    """By the TOC byte (RFC 6716 §3.1): configuration gives the frame's size, code the number of frames."""
    if not data:
        return None
    config, code = data[0] >> 3, data[0] & 3
    if config < 12:
        each = (0.01, 0.02, 0.04, 0.06)[config & 3]
    elif config < 16:
        each = (0.01, 0.02)[config & 1]
    else:
        each = (0.0025, 0.005, 0.01, 0.02)[config & 3]
    if code == 3:
        return each * (data[1] & 63) if len(data) > 1 and data[1] & 63 else None
    return each * (2 if code else 1)


def _mpeg(data: bytes) -> float | None:
    """By the header: version (1, 2, 2.5), layer and sampling frequency."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer, index = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3), data[2] >> 2 & 3
    if version == 1 or layer == 4 or index == 3:
        return None
    rate = (44100, 48000, 32000)[index] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    return samples / rate
