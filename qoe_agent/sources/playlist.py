"""HLS playlists as values: the syntax is the m3u8 library's, the meaning RFC 8216's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

import m3u8

if TYPE_CHECKING:
    from datetime import datetime

Span: TypeAlias = "tuple[int, int] | None"
"""Bytes [begin, end) of a resource; None: all of it."""

DEFAULT_TARGET = 6.0
"""Target duration where a playlist lacks the tag that it must have."""

LONGEST = 600.0
"""Seconds beyond which a duration is a slip of the packager's: nginx-rtmp 1.2.2 writes 2^64/90000 into the fragment
during which its publisher died."""

_HEADER = "#EXTM3U"


class NotAPlaylist(ValueError):
    """What came is no playlist that we can read."""


@dataclass(frozen=True, slots=True)
class Key:
    """EXT-X-KEY (§4.3.2.4)."""

    method: str
    url: str = field(repr=False)
    iv: bytes | None
    format: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment as a playlist lists it."""

    sequence: int
    url: str = field(repr=False)
    span: Span
    duration: float
    discontinuity: bool
    gap: bool
    program_date_time: float | None
    key: Key | None
    map: tuple[str, Span] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Media:
    """A media playlist."""

    target_duration: float
    sequence: int
    entries: tuple[Entry, ...]
    ended: bool

    def reload(self, changed: bool) -> float:
        """Seconds from one request for it to the next: its target duration after a change, half of that else (RFC 8216
        §6.3.4); after a change the last segment's duration, if that is less (hls.js, computeReloadInterval)."""
        half = 0.5 * self.target_duration
        last = self.entries[-1].duration if self.entries else self.target_duration
        return max(half, min(self.target_duration, last)) if changed else half


@dataclass(frozen=True, slots=True)
class Rendition:
    """One way to watch a stream: a variant of a master playlist."""

    name: str
    """Unique within the master playlist: `720p`, `720p-2500k`, `128k`."""
    bandwidth: int
    """Declared peak, bits per second."""
    width: int | None
    height: int | None
    codecs: str
    url: str = field(default="", repr=False)
    sound: str = field(default="", repr=False)
    """Where its sound is, if not in the same segments."""


@dataclass(frozen=True, slots=True)
class Master:
    """A master playlist."""

    renditions: tuple[Rendition, ...]


def parse(text: str, url: str) -> Master | Media:
    """Read a playlist that came from `url`; raises NotAPlaylist."""
    text = text.removeprefix("\ufeff").lstrip()
    if not text.startswith(_HEADER):
        raise NotAPlaylist("it does not begin with #EXTM3U")
    try:
        found = m3u8.loads(text, uri=url)
        return _master(found, url) if found.is_variant else _media(found, url)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
        # the library lets through whatever its parsing of attributes raises
        raise NotAPlaylist(f"not readable: {type(error).__name__}") from error


def _media(found: Any, url: str) -> Media:
    sequence = int(found.media_sequence or 0)
    entries: list[Entry] = []
    ends: dict[str, int] = {}
    for i, segment in enumerate(found.segments):
        if not segment.uri:
            continue  # parts of a segment that is not complete yet
        where = urljoin(url, segment.uri)
        span = _span(segment.byterange, ends.get(where, 0))
        if span:
            ends[where] = span[1]
        entries.append(_entry(segment, sequence + i, where, span, url))
    longest = max((entry.duration for entry in entries if entry.duration <= LONGEST), default=DEFAULT_TARGET)
    target = float(found.target_duration or 0)
    if not 0 < target <= LONGEST:
        target = longest or DEFAULT_TARGET
    known = [e if e.duration <= LONGEST else replace(e, duration=target) for e in entries]
    return Media(target, sequence, tuple(known), bool(found.is_endlist))


def _entry(segment: Any, sequence: int, where: str, span: Span, url: str) -> Entry:
    init = segment.init_section
    return Entry(
        sequence=sequence,
        url=where,
        span=span,
        duration=float(segment.duration or 0.0),
        discontinuity=bool(segment.discontinuity),
        gap=bool(segment.gap_tag),
        program_date_time=_unix(segment.current_program_date_time),
        key=_key(segment.key, url),
        map=(urljoin(url, init.uri), _span(init.byterange, 0)) if init and init.uri else None,
    )


def _span(text: str | None, start: int) -> Span:
    """`length[@offset]` (§4.3.2.2); without an offset it begins where the last one of the resource ended."""
    if not text:
        return None
    length, _, offset = text.partition("@")
    begin = int(offset) if offset else start
    if int(length) <= 0 or begin < 0:
        raise ValueError("byte range")
    return begin, begin + int(length)


def _unix(when: datetime | None) -> float | None:
    if when is None:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _key(key: Any, url: str) -> Key | None:
    if key is None or not key.method or key.method == "NONE":
        return None
    iv = bytes.fromhex(key.iv[2:].zfill(32)) if key.iv else None
    return Key(key.method, urljoin(url, key.uri or ""), iv, key.keyformat or "identity")


def _master(found: Any, url: str) -> Master:
    sounds = _sounds(found, url)
    variants: dict[tuple[Any, ...], Rendition] = {}
    for item in found.playlists:
        info = item.stream_info
        width, height = info.resolution or (None, None)
        same = (info.bandwidth, width, height, info.codecs, info.audio)  # a second one is a spare server's
        if item.uri and same not in variants:
            where = urljoin(url, item.uri)
            sound = sounds.get(info.audio or "", "")
            variants[same] = Rendition(
                "", int(info.bandwidth or 0), width, height, info.codecs or "", where, sound if sound != where else ""
            )
    return Master(_named(list(variants.values())))


def _sounds(found: Any, url: str) -> dict[str, str]:
    """The playlist of each audio group's default (§4.3.4.1.1); empty where it is in the variant itself."""
    best: dict[str, tuple[int, str]] = {}
    for media in found.media:
        if media.type == "AUDIO":
            rank = 2 * (media.default == "YES") + (media.autoselect == "YES")
            where = urljoin(url, media.uri) if media.uri else ""
            if media.group_id not in best or rank > best[media.group_id][0]:
                best[media.group_id] = (rank, where)
    return {group: where for group, (_, where) in best.items()}


def _named(found: list[Rendition]) -> tuple[Rendition, ...]:
    """By height if that tells them apart, else with the rate, else with a number."""
    heights = Counter(r.height for r in found)
    named: list[Rendition] = []
    taken: set[str] = set()
    for r in found:
        rate = f"{round(r.bandwidth / 1000)}k"
        name = rate if r.height is None else f"{r.height}p" if heights[r.height] == 1 else f"{r.height}p-{rate}"
        number = 2
        unique = name
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique)
        named.append(Rendition(unique, r.bandwidth, r.width, r.height, r.codecs, r.url, r.sound))
    return tuple(named)


def choose(master: Master, wanted: str) -> Rendition | None:
    """The rendition for `Target.variant`: a name, `best`, `worst`, or a height (the nearest one)."""
    for r in master.renditions:
        if r.name == wanted:
            return r
    pictures = [r for r in master.renditions if _has_video(r)] or list(master.renditions)
    if not pictures:
        return None
    height = wanted.removesuffix("p")
    if height.isdecimal():
        tall = [r for r in pictures if r.height is not None]
        return min(tall or pictures, key=lambda r: (abs((r.height or 0) - int(height)), -r.bandwidth))
    if wanted == "worst":
        return min(pictures, key=_rank)
    return max(pictures, key=_rank) if wanted == "best" else None


def _rank(r: Rendition) -> tuple[int, int]:
    return r.height or 0, r.bandwidth


def _has_video(r: Rendition) -> bool:
    """Sound-only variants name neither a size nor a video codec."""
    sound = ("mp4a", "ac-3", "ec-3", "opus", "fLaC", "mp3")
    return (
        r.height is not None
        or not r.codecs
        or not all(codec.strip().startswith(sound) for codec in r.codecs.split(","))
    )
