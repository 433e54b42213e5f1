"""ProducerReferenceTimeBox of fragmented MP4 (ISO/IEC 14496-12 §8.16.5): when the media at some time was produced.

Found by walking over the boxes at the top level, where it stands before the movie fragment that it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.bitstream.dates import ntp, plausible

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reference(NamedTuple):
    """The media of a track at a time, and when that was."""

    track: int
    """The track's id."""
    media: int
    """In units of the track's time scale."""
    time: float
    """Unix seconds."""


def references(data: bytes) -> Iterator[Reference]:
    """Those of a segment; a box that ends beyond it is left out."""
    at = 0
    while at + 8 <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)
        if end < at + head or end > len(data):
            return
        if data[at + 4 : at + 8] == b"prft":
            wide = 8 if data[at + head : at + head + 1] != b"\0" else 4
            body = data[at + head + 4 : end]
            time = ntp(int.from_bytes(body[4:12], "big"))
            if len(body) >= 12 + wide and plausible(time):
                yield Reference(int.from_bytes(body[:4], "big"), int.from_bytes(body[12 : 12 + wide], "big"), time)
        at = end
