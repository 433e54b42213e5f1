"""What P.1203 was made for, and what stands in for the rest: by the tracks' formats and the transport."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.model import Format

_STANDARD = ("aac", "mp2", "ac3")
_SOUNDS = {
    "aac": "aaclc", "mp2": "mp2", "mp3": "mp2", "ac3": "ac3", "eac3": "ac3", "opus": "aaclc", "vorbis": "aaclc",
}  # fmt: skip
"""What P.1203.2 calls a codec, or the nearest one of its that is no better."""
_RELIABLE = frozenset(("rtmp", "rtmps", "flv", "hls", "dash", "ts", "file", "pipe", "http", "https"))
"""Protocols that lose nothing."""
_HD = 1920 * 1088
_LEAST = 30
"""Seconds of a session."""
_HALVED = 24_000
"""AAC of at most this rate is taken for the core of HE-AAC that does not announce itself."""


def sounds(audio: Format | None) -> str | None:
    """The sound's codec for P.1203.2; None where there is no sound, or none like it."""
    if audio is None:
        return None
    if audio.codec == "aac" and ("HE" in (audio.profile or "") or (audio.sample_rate or 2 * _HALVED) <= _HALVED):
        return "heaac"
    return _SOUNDS.get(audio.codec)


def scope(video: Format | None, audio: Format | None, protocol: str, seconds: int) -> str:
    """`p1203` inside the Recommendation's scope, else `extended`."""
    if video is None or audio is None or video.codec != "h264" or audio.codec not in _STANDARD:
        return "extended"
    inside = (video.width or 0) * (video.height or 0) <= _HD and protocol in _RELIABLE and seconds >= _LEAST
    return "p1203" if inside else "extended"


def deeper(pixel_format: str) -> int:
    """Bits of a sample beyond 8, by FFmpeg's name of the format."""
    depth = re.search(r"p(9|1[0-6])(le|be)$", pixel_format)
    return int(depth[1]) - 8 if depth else 0
