"""What the body of an FLV audio or video tag says: codec, track, kind of content, where the payload lies.

Sources: Adobe FLV 10.1 annex E; codec id 12 = HEVC as the Chinese CDNs use it; Enhanced RTMP v2
(veovera.org) for the extended headers. Codec names are FFmpeg's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VIDEO_CODECS = {
    2: "flv1",
    3: "flashsv",
    4: "vp6f",
    5: "vp6a",
    6: "flashsv2",
    7: "h264",
    8: "h263",
    9: "mpeg4",
    12: "hevc",
}
_WITH_PACKET_TYPE = {7, 9, 12}
AUDIO_CODECS = {
    0: "pcm_s16le",
    1: "adpcm_swf",
    2: "mp3",
    3: "pcm_s16le",
    4: "nellymoser",
    5: "nellymoser",
    6: "nellymoser",
    7: "pcm_alaw",
    8: "pcm_mulaw",
    10: "aac",
    11: "speex",
    14: "mp3",
}
_AAC = 10
_FIXED_RATES = {4: 16000, 5: 8000, 7: 8000, 8: 8000, 11: 16000, 14: 8000}
FOURCCS = {
    b"avc1": "h264",
    b"hvc1": "hevc",
    b"vvc1": "vvc",
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4a": "aac",
    b"Opus": "opus",
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b".mp3": "mp3",
    b"fLaC": "flac",
}
_WITH_COMPOSITION = {b"avc1", b"hvc1", b"vvc1"}

_KEY_FRAME, _GENERATED_KEY_FRAME, _COMMAND = 1, 4, 5
_EX_AUDIO = 9
_START, _FRAMES, _END, _FRAMES_X, _METADATA, _MODEX = 0, 1, 2, 3, 4, 7
_MULTITRACK_VIDEO, _MULTITRACK_AUDIO = 6, 5
_ONE_TRACK, _MANY_CODECS = 0, 2


def claimed_codec(value: object) -> str | None:
    """The codec that onMetaData's `videocodecid` claims: a codec id, or a FourCC as number or text; None if none."""
    if isinstance(value, str):
        return FOURCCS.get(value.encode("latin-1", "replace"))
    if not isinstance(value, float) or not 0 < value < 1 << 32:
        return None
    return VIDEO_CODECS.get(int(value)) or FOURCCS.get(int(value).to_bytes(4, "big"))


class Truncated(Exception):
    """The body ends before its own header does."""


@dataclass(slots=True)
class Body:
    """One track's part of a tag."""

    what: Literal["config", "frame", "end", "other"]
    codec: str
    data: bytes
    number: int = 0
    """The track's number among its kind (multitrack); 0 otherwise."""
    offset: float = 0.0
    """Presentation minus decoding time in milliseconds."""
    shift: float = 0.0
    """Milliseconds to add to both times (the nanoseconds of ModEx)."""
    key: bool = False
    sample_rate: int | None = None
    channels: int | None = None


def video(body: bytes) -> list[Body]:
    """The parts of a video tag; none in command frames. Raises Truncated."""
    if not body:
        return []
    head = body[0]
    if head & 0x80:
        return _extended(body, True)
    frame, codec = head >> 4, head & 15
    key = frame in (_KEY_FRAME, _GENERATED_KEY_FRAME)
    if frame == _COMMAND:
        return []
    name = VIDEO_CODECS.get(codec) or f"unknown:flv-video-{codec}"
    if codec not in _WITH_PACKET_TYPE:
        return [Body("frame", name, body[1:], key=key)]
    if len(body) < 5:
        if len(body) > 1 and body[1] == _END:
            return [Body("end", name, b"")]
        raise Truncated
    if body[1] == 1:
        return [Body("frame", name, body[5:], 0, _signed24(body, 2), 0.0, key)]
    return [Body("config" if body[1] == 0 else "end" if body[1] == _END else "other", name, body[5:])]


def audio(body: bytes) -> list[Body]:
    """The parts of an audio tag. Raises Truncated."""
    if not body:
        return []
    head = body[0]
    codec = head >> 4
    if codec == _AAC:
        if len(body) < 2:
            raise Truncated
        return [Body("frame" if body[1] else "config", "aac", body[2:], key=True)]
    if codec == _EX_AUDIO:
        return _extended(body, False)
    name = AUDIO_CODECS.get(codec) or f"unknown:flv-audio-{codec}"
    if codec in (0, 3) and not head & 2:
        name = "pcm_u8"
    rate = _FIXED_RATES.get(codec) or 44100 >> (3 - (head >> 2 & 3))
    channels = 1 if codec in (4, 5, 11) else (head & 1) + 1
    return [Body("frame", name, body[1:], key=True, sample_rate=rate, channels=channels)]


def _extended(body: bytes, is_video: bool) -> list[Body]:
    """ExVideoTagHeader and ExAudioTagHeader, which differ only in numbers."""
    kind, at, shift = _modex(body)
    frame = body[0] >> 4 & 7 if is_video else _KEY_FRAME
    if is_video and frame == _COMMAND and kind != _METADATA:
        return []
    mode, fourcc = None, b""
    if kind == (_MULTITRACK_VIDEO if is_video else _MULTITRACK_AUDIO):
        mode, kind = _byte(body, at) >> 4, body[at] & 15
        at += 1
    if mode != _MANY_CODECS:
        fourcc, at = _bytes(body, at, 4)
    bodies: list[Body] = []
    while True:
        number, end = 0, len(body)
        if mode == _MANY_CODECS:
            fourcc, at = _bytes(body, at, 4)
        if mode is not None:
            number = _byte(body, at)
            at += 1
            if mode != _ONE_TRACK:
                size, at = _bytes(body, at, 3)
                end = at + int.from_bytes(size, "big")
        if end > len(body):
            raise Truncated
        part = _part(body[at:end], kind, fourcc, is_video)
        part.number, part.shift = number, shift
        part.key = frame in (_KEY_FRAME, _GENERATED_KEY_FRAME)
        bodies.append(part)
        at = end
        if at >= len(body):
            return bodies


def _modex(body: bytes) -> tuple[int, int, float]:
    """The kind of packet behind all ModEx prefixes, where it goes on, and the time shift that they carry."""
    kind, at, shift = body[0] & 15, 1, 0.0
    while kind == _MODEX:
        size = _byte(body, at) + 1
        at += 1
        if size == 256:
            wide, at = _bytes(body, at, 2)
            size = int.from_bytes(wide, "big") + 1
        data, at = _bytes(body, at, size)
        if _byte(body, at) >> 4 == 0 and size >= 3:  # TimestampOffsetNano
            shift = int.from_bytes(data[:3], "big") / 1e6
        kind = body[at] & 15
        at += 1
    return kind, at, shift


def _part(data: bytes, kind: int, fourcc: bytes, is_video: bool) -> Body:
    codec = FOURCCS.get(fourcc) or f"unknown:{fourcc.decode() if fourcc.isalnum() else fourcc.hex()}"
    if kind == _FRAMES:
        if is_video and fourcc in _WITH_COMPOSITION:
            return Body("frame", codec, data[3:], offset=_signed24(data, 0))
        return Body("frame", codec, data)
    if kind == _FRAMES_X and is_video:
        return Body("frame", codec, data)
    return Body("config" if kind == _START else "end" if kind == _END else "other", codec, data)


def _byte(body: bytes, at: int) -> int:
    if at >= len(body):
        raise Truncated
    return body[at]


def _bytes(body: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(body):
        raise Truncated
    return body[at : at + size], at + size


def _signed24(body: bytes, at: int) -> int:
    if at + 3 > len(body):
        raise Truncated
    return int.from_bytes(body[at : at + 3], "big", signed=True)
