"""Packed sound (RFC 8216 §3.4): ADTS, MPEG audio or AC-3 frames behind an ID3 tag with their timestamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.bitstream import psi
from qoe_agent.bitstream.elementary import Pes
from qoe_agent.bitstream.track import Track

if TYPE_CHECKING:
    from qoe_agent.maths.timeline import Unwrap
    from qoe_agent.model import Observation

_OWNER = b"com.apple.streaming.transportStreamTimestamp\0"
_CLOCK = (1 << 33) - 1


class Packed:
    """Segments of one rendition of packed sound."""

    def __init__(self, unwrap: Unwrap) -> None:
        self._unwrap = unwrap
        self._track: Track | None = None
        self._codec = ""

    def segment(self, data: bytes, arrivals: list[tuple[int, float]]) -> list[Observation]:
        """The packets of one whole segment; `arrivals`: byte counts and when they were there."""
        start, clock = tag(data)
        body = data[start:]
        codec = _codec(body)
        if not codec or not body:
            return []
        if self._track is None or codec != self._codec:
            self._track = Track(0, psi.Elementary(0, "audio", codec), self._unwrap)
            self._codec = codec
        pts = None if clock is None else self._unwrap(clock)
        marks = [(size - start, at) for size, at in arrivals if size > start]
        out: list[Observation] = []
        self._track.whole(Pes(body, pts, pts, 0, marks), out)
        return out


def tag(data: bytes) -> tuple[int, int | None]:
    """Bytes of the ID3 tags in front, and the MPEG-TS timestamp in them."""
    at, clock = 0, None
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        end = at + 10 + size
        owner = data.find(_OWNER, at, end)
        if owner >= 0 and owner + len(_OWNER) + 8 <= end:
            stamp = data[owner + len(_OWNER) : owner + len(_OWNER) + 8]
            clock = int.from_bytes(stamp, "big") & _CLOCK
        at = end
    return at, clock


def _codec(body: bytes) -> str:
    if body[:2] == b"\x0b\x77":
        return "ac3"
    if body[:1] == b"\xff" and len(body) > 1:
        return "aac" if body[1] & 0xF6 == 0xF0 else "mp3"
    return ""
