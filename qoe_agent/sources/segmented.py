"""Media segments to observations: MPEG-TS and packed sound by our own parsers, fragmented MP4 by PyAV.

`Packet.at` is when the packet's last byte arrived, by its position in the segment.
"""

from __future__ import annotations

import asyncio
import io
from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING

import av

from qoe_agent.bitstream.packed import Packed
from qoe_agent.bitstream.prft import references
from qoe_agent.bitstream.ts import SIZE, SYNC, Ts
from qoe_agent.model import BACKLOG, DISCONTINUITY, Captured, Damage, Format, Packet
from qoe_agent.sources.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.timeline import Unwrap
    from qoe_agent.model import Observation
    from qoe_agent.sources.fetch import Fetched

_BOXES = (b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"emsg", b"prft", b"mdat", b"free", b"skip")
_PROBING = {"probesize": "32"}
"""The initialisation section says it all: decoding pictures to find out more would double the cost."""
_YIELD = 1 << 20
"""Bytes parsed between two looks at the event loop."""


def kind(data: bytes) -> str:
    """What a segment is by its first bytes: ts, mp4, packed, or empty for none of them."""
    if data[4:8] in _BOXES:
        return "mp4"
    if data[:1] == bytes((SYNC,)) and data[SIZE : SIZE + 1] in (b"", bytes((SYNC,))):
        return "ts"
    if data[:3] == b"ID3" or (data[:1] == b"\xff" and data[1:2] >= b"\xe0") or data[:2] == b"\x0b\x77":
        return "packed"
    at = data.find(bytes((SYNC,)))
    return "ts" if at >= 0 and data[at + SIZE : at + SIZE + 1] == bytes((SYNC,)) else ""


class Segments:
    """The segments of one rendition, in order; its timeline runs on from one to the next."""

    def __init__(self, first_track: int, unwrap: Unwrap) -> None:
        self._first = first_track
        self._unwrap = unwrap
        self._ts = Ts(unwrap)
        self._packed = Packed(unwrap)
        self._formats: dict[int, Format] = {}

    def restart(self) -> None:
        """After a discontinuity tables and timestamps may be others."""
        self._ts = Ts(self._unwrap)
        self._packed = Packed(self._unwrap)

    async def read(self, got: Fetched, init: bytes, flags: int) -> tuple[list[Observation], str]:
        """A segment's observations, and what is wrong with it (empty: nothing).

        `flags`: BACKLOG goes on every packet, DISCONTINUITY on the first of each track.
        """
        if init and kind(got.data) != "ts":
            found, error = await asyncio.to_thread(_fragments, init, got)
        elif kind(got.data) == "ts":
            found, error = await self._transport(got), "truncated" if len(got.data) % SIZE else ""
        elif kind(got.data) == "packed":
            found, error = self._packed.segment(got.data, got.arrivals), ""
        elif kind(got.data) == "mp4":
            found, error = await asyncio.to_thread(_fragments, b"", got)
        else:
            return [], "protocol" if got.data else "empty"
        found = self._numbered(found, flags)
        media = any(isinstance(seen, Packet) for seen in found)
        return found, error or ("" if media else "empty")

    async def _transport(self, got: Fetched) -> list[Observation]:
        found: list[Observation] = []
        begin = since = 0
        for end, at in got.arrivals:
            found += self._ts.feed(got.data[begin:end], at)
            since += end - begin
            begin = end
            if since >= _YIELD:
                since = 0
                await asyncio.sleep(0)
        return found + self._ts.flush(got.arrivals[-1][1] if got.arrivals else got.at)

    def _numbered(self, found: Iterable[Observation], flags: int) -> list[Observation]:
        """With this rendition's track numbers and flags; formats only where they are new."""
        out: list[Observation] = []
        begun: set[int] = set()
        for seen in found:
            if isinstance(seen, Packet):
                seen.track += self._first
                seen.flags |= flags & BACKLOG
                if seen.track not in begun:
                    begun.add(seen.track)
                    seen.flags |= flags & DISCONTINUITY
            elif isinstance(seen, Format):
                seen = replace(seen, track=seen.track + self._first)
                if not self._is_new(seen):
                    continue
            elif isinstance(seen, Captured | Damage) and seen.track is not None:
                seen = replace(seen, track=seen.track + self._first)
            out.append(seen)
        return out

    def _is_new(self, seen: Format) -> bool:
        """Rates that PyAV measures on one segment differ from the next one's: they alone, behind the same
        configuration record, are no change."""
        known = self._formats.get(seen.track)
        if known is not None:
            measured = {"frame_rate": known.frame_rate, "bit_rate": known.bit_rate} if seen.extradata else {}
            if replace(seen, at=known.at, **measured) == known:  # type: ignore[arg-type]  # floats for floats
                return False
            if seen.kind == "video" and seen.width is None and seen.codec == known.codec:
                return False  # a segment that begins without parameter sets says nothing new
        self._formats[seen.track] = seen
        return True


def _fragments(init: bytes, got: Fetched) -> tuple[list[Observation], str]:
    """Demux fragmented MP4 with PyAV (on a thread)."""
    out: list[Observation] = []
    tracks, passed = Tracks(), len(init)
    counts = [size for size, _ in got.arrivals]
    try:
        with av.open(
            io.BytesIO(init + got.data), "r", format="mp4", options=_PROBING, metadata_errors="replace"
        ) as container:
            for packet in container.demux():
                if not packet.size:
                    continue
                passed = packet.size + (packet.pos if packet.pos is not None and packet.pos >= 0 else passed)
                index = min(bisect_left(counts, passed - len(init)), len(counts) - 1)
                out += tracks.observe(packet, got.arrivals[index][1])
            for reference in references(got.data):
                for stream in container.streams:
                    if stream.id == reference.track and stream.time_base:
                        pts = float(reference.media * stream.time_base)
                        out.append(Captured(got.at, stream.index, pts, reference.time, "prft"))
    except (av.FFmpegError, ValueError, OSError) as error:
        return out, "truncated" if _cut(got.data) else "protocol" if not out else f"parse: {type(error).__name__}"
    return out, "truncated" if _cut(got.data) else ""


def _cut(data: bytes) -> bool:
    """Whether the last box ends behind the end (ISO/IEC 14496-12 §4.2)."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return False
        at += max(size, 8)
    return at != len(data)
