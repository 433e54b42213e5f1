"""Fetches the segments of one rendition one after the other, decrypts them and emits what is in them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from qoe_agent import clock
from qoe_agent.model import BACKLOG, DISCONTINUITY, Lost, Packet, Segment
from qoe_agent.sources.segmented import Segments, kind

if TYPE_CHECKING:
    from qoe_agent.maths.timeline import Unwrap
    from qoe_agent.model import Target
    from qoe_agent.sources import Emit
    from qoe_agent.sources.fetch import Client, Fetched
    from qoe_agent.sources.playlist import Entry, Key, Media, Span

SEGMENT_LIMIT = 256 << 20
"""Bytes of a segment."""
KEY_LIMIT = 1024
ATTEMPTS = 3
"""How often a segment is tried while it is listed."""
AHEAD = 30.0
"""Seconds of media fetched ahead of time where a playlist is complete from the beginning (as hls.js does)."""
PATIENCE = 0.8
"""Share of the time after which a pull is lost that one segment may take: then its failure can be told."""
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Job:
    """A segment to fetch."""

    entry: Entry
    backlog: bool = False
    """It was listed before we came."""
    broken: bool = False
    """What comes before it was not seen, or is of another timeline."""


class Follower:
    """Works off the segments that a playlist lists."""

    def __init__(self, client: Client, target: Target, emit: Emit, first_track: int, unwrap: Unwrap) -> None:
        self._client, self._target, self._emit = client, target, emit
        self.jobs: asyncio.Queue[Job | Lost] = asyncio.Queue()
        self.paced = False
        """The playlist was complete from the beginning: fetch no faster than it plays."""
        self._track = first_track
        self._segments = Segments(first_track, unwrap)
        self._cache: OrderedDict[tuple[str, Span], bytes] = OrderedDict()
        """Keys and initialisation sections."""
        self._oldest = 0
        self._within = PATIENCE * target.lost_after
        self._begun: float | None = None
        self._fetched = 0.0

    def listed(self, media: Media) -> None:
        """What the playlist says now."""
        if media.entries:
            self._oldest = media.entries[0].sequence
        self._within = PATIENCE * max(self._target.lost_after, 3 * media.target_duration)

    def miss(self, sequence: int, duration: float) -> None:
        """A segment left the playlist before we saw it there."""
        now = clock.now()
        self._emit(Segment(now, now, None, sequence, duration, 0, error="missed", track=self._track))

    async def run(self) -> Lost:
        """Work until the playlist's end comes up."""
        while True:
            job = await self.jobs.get()
            if isinstance(job, Lost):
                return Lost(clock.now(), job.reason, job.detail)
            if job.entry.gap:
                continue
            if job.entry.key and (job.entry.key.method != "AES-128" or job.entry.key.format != "identity"):
                return Lost(clock.now(), "unsupported", "the segments are encrypted in a way that needs DRM")
            if job.entry.sequence < self._oldest and not self.jobs.empty():
                self.miss(job.entry.sequence, job.entry.duration)  # too slow: go on with what is still there
                continue
            await self._pace()
            await self._segment(job)
            self._fetched += job.entry.duration

    async def _pace(self) -> None:
        self._begun = self._begun or clock.now()
        if self.paced:
            await asyncio.sleep(max(0.0, self._fetched - AHEAD - (clock.now() - self._begun)))

    async def _segment(self, job: Job) -> None:
        entry = job.entry
        broken = (entry.discontinuity or job.broken) and self._fetched > 0.0
        if broken:
            self._segments.restart()
        requested = clock.now()
        got = await self._fetch(entry)
        error, tracks = got.error, set()
        if got.data and error in ("", "truncated", "timeout"):
            flags = (BACKLOG if job.backlog else 0) | (DISCONTINUITY if broken else 0)
            init, wrong = await self._prepare(entry, got)
            if not wrong:
                found, wrong = await self._segments.read(got, init, flags)
                for seen in found:
                    self._emit(seen)
                tracks = {seen.track for seen in found if isinstance(seen, Packet)}
            error = error or wrong
        self._emit(
            Segment(
                got.at,
                requested,
                got.first_byte,
                entry.sequence,
                entry.duration,
                len(got.data),
                error or ("" if got.data else "empty"),
                job.backlog,
                broken,
                entry.program_date_time,
                tuple(sorted(tracks)),
                self._track,
            )
        )

    async def _fetch(self, entry: Entry) -> Fetched:
        """The segment; tried again while it is listed and there is time."""
        deadline = clock.now() + self._within
        for attempt in range(1, ATTEMPTS + 1):
            within = max(0.1, deadline - clock.now())
            got = await self._client.fetch(entry.url, limit=SEGMENT_LIMIT, within=within, span=entry.span)
            pause = min(0.5 * attempt, entry.duration / 4)
            gone = entry.sequence < self._oldest or clock.now() + pause >= deadline
            if not got.error or gone or got.error in ("protocol", "unsupported"):
                break
            if attempt < ATTEMPTS:
                await asyncio.sleep(pause)
        return got

    async def _prepare(self, entry: Entry, got: Fetched) -> tuple[bytes, str]:
        """Decrypt the segment in place; returns its initialisation section, and what went wrong."""
        key = b""
        if entry.key:
            key, error = await self._resource(entry.key.url, None, KEY_LIMIT)
            if error or len(key) != _BLOCK:
                return b"", error or "protocol"
            got.data, whole = decrypt(got.data, key, _vector(entry.key, entry.sequence))
            got.error = got.error or ("" if whole else "truncated")
        if entry.map is None:
            return b"", ""
        init, error = await self._resource(*entry.map, SEGMENT_LIMIT)
        if init and entry.key and entry.key.iv and kind(init) != "mp4":
            init, _ = decrypt(init, key, entry.key.iv)
        return init, error

    async def _resource(self, url: str, span: Span, limit: int) -> tuple[bytes, str]:
        """A key or an initialisation section, and why it could not be had."""
        known = self._cache.get((url, span))
        if known is not None:
            return known, ""
        got = await self._client.fetch(url, limit=limit, within=self._within, span=span)
        if not got.error:
            self._cache[url, span] = got.data
            while len(self._cache) > 2 * ATTEMPTS:
                self._cache.popitem(last=False)
        return got.data, got.error


def _vector(key: Key, sequence: int) -> bytes:
    """The initialisation vector: the key's, else the media sequence number (RFC 8216 §5.2)."""
    return key.iv if key.iv is not None else sequence.to_bytes(_BLOCK, "big")


def decrypt(data: bytes, key: bytes, iv: bytes) -> tuple[bytes, bool]:
    """AES-128-CBC with PKCS7 padding; whether it was whole and well padded."""
    size = len(data) - len(data) % _BLOCK
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    plain = decryptor.update(data[:size]) + decryptor.finalize()
    padding = plain[-1] if plain else 0
    if size != len(data) or not 1 <= padding <= _BLOCK or plain[-padding:] != bytes((padding,)) * padding:
        return plain, False
    return plain[:-padding], True
