"""FLV: bytes in, packets out. The same tags, without the file around them, are RTMP's messages.

Adobe FLV 10.1 annex E. Where the bytes lose their shape, the next tag whose size is repeated behind it is
sought, as libavformat/flvdec.c does.
"""

from __future__ import annotations

import heapq
import re
from typing import TYPE_CHECKING

from qoe_agent.bitstream.flv_tracks import AUDIO, SCRIPT, SCRIPT_AMF3, VIDEO, Tracks
from qoe_agent.model import Damage

if TYPE_CHECKING:
    from qoe_agent.model import Observation

LIMIT = 16_000_000
"""Bytes of the largest tag that is believed."""

_TYPES = (AUDIO, VIDEO, SCRIPT, SCRIPT_AMF3)
_PLAUSIBLE = re.compile(
    rb"FLV\x01.\x00\x00\x00\x09\x00\x00"  # a header and half of the size behind it
    rb"|[\x08\x09\x12][\x00-\x0f].{6}\x00\x00\x00",  # a tag of less than 1 MB, stream id 0
    re.DOTALL,
)
_WINDOW = 11
"""Bytes that both alternatives need, so that where the bytes are cut does not matter."""


class Flv:
    """Demuxes one FLV stream: `feed` takes bytes of the file, `tag` whole tags from elsewhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._read = self._header
        self._last_size = 0
        self._sizes_right = True
        self._search = _Search()
        self._tracks = Tracks()

    def feed(self, data: bytes, at: float) -> list[Observation]:
        """Take the next bytes of the file, arrived at `at`; garbage is counted and skipped."""
        self._buffer += data
        out: list[Observation] = []
        position = 0
        while (step := self._read(position, at, out)) is not None:
            position += step
        del self._buffer[:position]
        return out

    def flush(self, at: float) -> list[Observation]:
        """The bytes are over: a tag that is not whole is damage."""
        cut = bool(self._buffer) and self._read in (self._header, self._tag)
        self._buffer.clear()
        self._read = self._header
        return [Damage(at, None, "parse", 1, "the last FLV tag is cut short")] if cut else []

    def tag(self, kind: int, stamp: int, payload: bytes, at: float) -> list[Observation]:
        """Take the body of one whole tag (or RTMP message) with its 32-bit millisecond timestamp."""
        return self._tracks.tag(kind, stamp, payload, at)

    # The readers: what `_read` is in turn. Each takes the position of its item and returns how many bytes
    # it used up, or None to wait for more.

    def _header(self, position: int, at: float, out: list[Observation]) -> int | None:
        head = self._buffer[position : position + 9]
        if head[:3] != b"FLV"[: len(head)]:
            return self._lose(at, out)
        if len(head) < 9:
            return None
        size = int.from_bytes(head[5:9], "big")
        if not 9 <= size <= 1024:
            return self._lose(at, out)
        if len(self._buffer) < position + size:
            return None
        self._read, self._last_size = self._size, 0
        return size

    def _size(self, position: int, at: float, out: list[Observation]) -> int | None:
        if len(self._buffer) < position + 4:
            return None
        right = int.from_bytes(self._buffer[position : position + 4], "big") == self._last_size
        if self._sizes_right and not right:  # once, for there are muxers that never get it right
            out.append(Damage(at, None, "parse", 1, "an FLV tag's size is not repeated behind it"))
        self._sizes_right = right
        self._read = self._tag
        return 4

    def _tag(self, position: int, at: float, out: list[Observation]) -> int | None:
        buffer = self._buffer
        if len(buffer) < position + _WINDOW:
            return None
        kind, size = buffer[position], int.from_bytes(buffer[position + 1 : position + 4], "big")
        if kind not in _TYPES or size > LIMIT:
            if buffer.startswith(b"FLV\x01", position):  # one stream behind the other
                self._tracks.discontinuity()
                self._read = self._header
                return 0
            return self._lose(at, out)
        end = position + 11 + size
        if len(buffer) < end:
            return None
        stamp = int.from_bytes(buffer[position + 4 : position + 7], "big") | buffer[position + 7] << 24
        out += self.tag(kind, stamp, bytes(buffer[position + 11 : end]), at)
        self._read, self._last_size = self._size, 11 + size
        return 11 + size

    def _lose(self, at: float, out: list[Observation]) -> int:
        self._read = self._seek
        self._search = _Search()
        out.append(Damage(at, None, "parse", 1, "not an FLV tag: looking for the next"))
        return 0

    def _seek(self, position: int, at: float, out: list[Observation]) -> int | None:
        start, sure = self._search.advance(self._buffer, position)
        if sure:
            self._read = self._header if self._buffer[position + start] == ord("F") else self._tag
            return start
        return start or None


class _Search:
    """Looks for the next header, or the next tag that has its own size behind it.

    Of several that may be tags, the one that ends first decides: chance likes to make them large.
    """

    def __init__(self) -> None:
        self._scanned = 0
        self._open: list[tuple[int, int]] = []
        """Ends and starts of what may be tags, as a heap, from the position of the search."""

    def advance(self, buffer: bytearray, position: int) -> tuple[int, bool]:
        """How many bytes are certainly not wanted, and whether what follows them is."""
        end = len(buffer) - position
        while found := _PLAUSIBLE.search(buffer, position + self._scanned):
            start = found.start() - position
            self._scanned = start + 1
            tail = 4 + int.from_bytes(found[0][1:4], "big") if found[0][0] != ord("F") else 0
            heapq.heappush(self._open, (start + _WINDOW + tail, start))
        self._scanned = max(self._scanned, end - _WINDOW + 1)
        while self._open and self._open[0][0] <= end:
            stop, start = heapq.heappop(self._open)
            size = int.from_bytes(buffer[position + stop - 4 : position + stop], "big")
            if size == stop - start - 4 or buffer[position + start] == ord("F"):
                return start, True
        keep = min((start for _, start in self._open), default=self._scanned)
        self._open = [(stop - keep, start - keep) for stop, start in self._open]
        self._scanned -= keep
        return keep, False
