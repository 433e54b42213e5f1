"""Keeps what viewers ask for in memory: a GOP and everything after it for FLV and TS, a window of segments for HLS."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from qoe_agent.demo.encoder import Piece

QUEUED = 600
"""Pieces that a viewer may be behind (about 8 s) before he is dropped."""


class Broadcast:
    """One byte stream for any number of viewers; a new one starts with the current GOP."""

    def __init__(self, gop_cache: bool = True) -> None:
        self._gop_cache = gop_cache
        self._gop: list[bytes] = []
        self._viewers: set[asyncio.Queue[bytes]] = set()
        self._over = False

    def send(self, piece: Piece) -> None:
        """Give a piece to everyone; who is too slow is cut off."""
        if piece.key_pts is not None:
            self._gop.clear()
        if piece.key_pts is not None or self._gop:
            self._gop.append(piece.data)
        for viewer in list(self._viewers):
            try:
                viewer.put_nowait(piece.data)
            except asyncio.QueueFull:
                self._viewers.discard(viewer)
                viewer.get_nowait()
                viewer.put_nowait(b"")

    def end(self) -> None:
        """Say goodbye to everyone."""
        self._over = True
        for viewer in self._viewers:
            while viewer.full():
                viewer.get_nowait()
            viewer.put_nowait(b"")
        self._viewers.clear()

    async def view(self, opening: bytes) -> AsyncIterator[bytes]:
        """The stream from the current GOP on, after `opening`; ends with the broadcast."""
        viewer: asyncio.Queue[bytes] = asyncio.Queue(QUEUED)
        first = opening + b"".join(self._gop if self._gop_cache else ())
        if first:
            yield first
        if self._over:
            return
        self._viewers.add(viewer)
        try:
            while data := await viewer.get():
                yield data
        finally:
            self._viewers.discard(viewer)


@dataclass(frozen=True, slots=True)
class Cut:
    """A finished HLS segment."""

    sequence: int
    seconds: float
    data: bytes
    wall: float
    """Unix seconds when its first frame was sent."""


class Window:
    """The last segments of the show, cut at key frames (RFC 8216 §6.2)."""

    def __init__(self, seconds: float, segments: int) -> None:
        self._seconds = seconds
        self._segments: deque[Cut] = deque(maxlen=segments + 2)  # two more stay readable after they left the list
        self._listed = segments
        self._open: list[bytes] = []
        self._start: float | None = None
        self._wall = 0.0
        self._next = 0
        self._over = False

    def add(self, piece: Piece, wall: float) -> None:
        """Append a piece; a key frame that is late enough begins the next segment."""
        if piece.key_pts is not None and (self._start is None or piece.key_pts - self._start > self._seconds - 0.01):
            if self._start is not None:
                self._finish(piece.key_pts - self._start)
            self._start, self._wall = piece.key_pts, wall
        if self._start is not None:
            self._open.append(piece.data)

    def end(self) -> None:
        """No more segments will come."""
        self._over = True

    def _finish(self, seconds: float) -> None:
        self._segments.append(Cut(self._next, seconds, b"".join(self._open), self._wall))
        self._open.clear()
        self._next += 1

    def segment(self, sequence: int) -> bytes | None:
        """The bytes of a segment that is still there."""
        return next((cut.data for cut in self._segments if cut.sequence == sequence), None)

    def playlist(self) -> str | None:
        """The media playlist; None until the first segment is complete."""
        listed = list(self._segments)[-self._listed :]
        if not listed:
            return None
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{ceil(self._seconds)}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{listed[0].sequence}")
        for cut in listed:
            date = datetime.fromtimestamp(cut.wall, UTC).isoformat(timespec="milliseconds")
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{date}", f"#EXTINF:{cut.seconds:.3f},", f"show-{cut.sequence}.ts"]
        return "\n".join(lines + ["#EXT-X-ENDLIST"] * self._over) + "\n"
