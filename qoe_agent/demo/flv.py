"""Writes FLV (Adobe Flash Video File Format 10.1, annex E): H.264 and AAC from an encoder."""

from __future__ import annotations

from qoe_agent.bitstream import nal

FILE_HEADER = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
"""Version 1, audio and video, no previous tag."""
_AUDIO, _VIDEO = 8, 9
_SPS, _PPS = 7, 8


def tag(kind: int, milliseconds: int, body: bytes) -> bytes:
    """One tag with its trailing size (E.4.1)."""
    stamp = milliseconds & 0xFFFFFFFF
    head = bytes([kind]) + len(body).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big")
    whole = head + bytes([stamp >> 24]) + bytes(3) + body
    return whole + len(whole).to_bytes(4, "big")


def audio_header(config: bytes, milliseconds: int) -> bytes:
    """The AudioSpecificConfig, before the first sound."""
    return tag(_AUDIO, milliseconds, b"\xaf\x00" + config)


def audio(payload: bytes, milliseconds: int) -> bytes:
    """One AAC frame."""
    return tag(_AUDIO, milliseconds, b"\xaf\x01" + payload)


def video_header(annex_b: bytes, milliseconds: int) -> bytes:
    """The decoder configuration (ISO/IEC 14496-15 §5.3.3) out of a key frame; empty if it has no parameter sets."""
    sets = [annex_b[start:end] for start, end in nal.units(annex_b, 0)]
    sps = [unit for unit in sets if unit and unit[0] & 31 == _SPS]
    pps = [unit for unit in sets if unit and unit[0] & 31 == _PPS]
    if not sps or not pps:
        return b""
    config = b"\x01" + sps[0][1:4] + b"\xff\xe1" + len(sps[0]).to_bytes(2, "big") + sps[0]
    config += b"\x01" + len(pps[0]).to_bytes(2, "big") + pps[0]
    return tag(_VIDEO, milliseconds, b"\x17\x00\x00\x00\x00" + config)


def video(annex_b: bytes, milliseconds: int, key: bool) -> bytes:
    """One picture, its NAL units length-prefixed, shown when decoded (no B frames)."""
    units = [annex_b[start:end] for start, end in nal.units(annex_b, 0)]
    body = b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)
    return tag(_VIDEO, milliseconds, (b"\x17" if key else b"\x27") + b"\x01\x00\x00\x00" + body)
