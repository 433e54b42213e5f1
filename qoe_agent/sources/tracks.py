"""Turns what PyAV demuxes into observations: a Format when a track is new or changed, then its Packets; and
what it raises into the reason why a pull ended."""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import av

from qoe_agent.bitstream import nal
from qoe_agent.bitstream.dates import plausible
from qoe_agent.model import CORRUPT, KEY, Captured, Format, Lost, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.codec.context import CodecContext
    from av.stream import Stream

    from qoe_agent.model import Kind

_WITH_NALS = ("h264", "hevc", "av1")
Seen: TypeAlias = Format | Packet | Captured

REPORTS = 0.2
"""Least seconds of media between two capture times that are passed on."""
_prft = struct.Struct("=q")
"""AVProducerReferenceTime (libavcodec/defs.h): microseconds since 1970 come first."""


class Tracks:
    """The tracks of one container, by stream index."""

    def __init__(self) -> None:
        self._formats: dict[int, Format] = {}
        self._framing: dict[int, int] = {}
        self._sets: dict[int, bytes] = {}
        self._reported: dict[int, float] = {}
        """Media time of the last capture time of each track."""

    def observe(self, packet: av.Packet[Stream], at: float) -> Iterator[Seen]:
        """What `packet`, seen at `at`, means. The demuxer's flush packets mean nothing."""
        if not packet.size:
            return
        stream, data = packet.stream, bytes(packet)
        track = stream.index
        known = self._formats.get(track)
        now = known or format_of(stream, at)
        if packet.has_sidedata("new_extradata"):
            now = _with_extradata(now, bytes(packet.get_sidedata("new_extradata")))
        if now is not known:
            self._framing[track] = nal.length_size(now.extradata, now.codec)
        flags = self._flags(packet, now, data)
        if now.kind == "video" and flags & KEY:
            now = self._in_band(now, data)
        if now is not known:
            self._formats[track] = now = replace(now, at=at)
            yield now
        base = float(packet.time_base)
        yield Packet(
            at,
            track,
            now.kind,
            None if packet.pts is None else packet.pts * base,
            None if packet.dts is None else packet.dts * base,
            flags,
            len(data),
            data,
        )
        if packet.has_sidedata("prft") and packet.pts is not None:
            yield from self._captured(packet, at, packet.pts * base)

    def _captured(self, packet: av.Packet[Stream], at: float, pts: float) -> Iterator[Captured]:
        """RTP packets say when they were captured once a sender report has come (libavformat/rtpdec.c).

        No other demuxer of libavformat exports such times.
        """
        track = packet.stream.index
        time = _prft.unpack_from(bytes(packet.get_sidedata("prft")))[0] / 1e6
        if plausible(time) and abs(pts - self._reported.get(track, pts - 1.0)) >= REPORTS:
            self._reported[track] = pts
            yield Captured(at, track, pts, time, "rtcp")

    def _flags(self, packet: av.Packet[Stream], now: Format, data: bytes) -> int:
        flags = KEY
        if now.kind == "video":
            flags = nal.flags(now.codec, data, self._framing[now.track], packet.is_keyframe)
        return flags | CORRUPT if packet.is_corrupt else flags

    def _in_band(self, now: Format, data: bytes) -> Format:
        """`now`, as the parameter sets inside a key frame have it."""
        if now.codec not in _WITH_NALS:
            return now
        framing = self._framing[now.track]
        sets = nal.parameter_sets(now.codec, data, framing)
        if not sets or sets == self._sets.get(now.track):
            return now
        first = now.track not in self._sets
        self._sets[now.track] = sets
        found = nal.describe(now.codec, data, framing)
        changed = replace(
            now,
            width=found.width or now.width,
            height=found.height or now.height,
            profile=found.profile or now.profile,
            level=found.level or now.level,
            pixel_format=found.pixel_format or now.pixel_format,
            frame_rate=now.frame_rate if first else found.frame_rate or now.frame_rate,
        )
        return now if changed == now else changed


def format_of(stream: Stream, at: float) -> Format:
    """What the container and its probing say about a stream."""
    context: CodecContext | None = stream.codec_context
    kind = _kind(stream)
    if context is None:  # no decoder for it in this build
        return Format(at, stream.index, kind, "unknown:" + (stream.codec_tag.strip("\0") or "?"))
    codec = context.codec.canonical_name
    extradata = bytes(context.extradata or b"")
    plain = Format(
        at,
        stream.index,
        kind,
        codec,
        extradata,
        profile=stream.profile,
        bit_rate=context.bit_rate / 8 if context.bit_rate else None,
    )
    if isinstance(context, av.AudioCodecContext):
        return replace(plain, sample_rate=context.sample_rate or None, channels=context.channels or None)
    if not isinstance(context, av.VideoCodecContext):
        return plain
    rate = stream.average_rate or stream.guessed_rate
    return replace(
        plain,
        width=context.width or None,
        height=context.height or None,
        level=nal.describe(codec, extradata).level,
        pixel_format=context.pix_fmt,
        frame_rate=float(rate) if rate else None,
    )


def _kind(stream: Stream) -> Kind:
    if stream.disposition & av.stream.Disposition.attached_pic:
        return "data"  # cover art
    return stream.type if stream.type in ("video", "audio") else "data"


def _with_extradata(now: Format, extradata: bytes) -> Format:
    """`now` after the container announced another decoder configuration in mid-stream."""
    if extradata == now.extradata:
        return now
    found = nal.describe(now.codec, extradata)
    return replace(
        now,
        extradata=extradata,
        width=found.width or now.width,
        height=found.height or now.height,
        profile=found.profile or now.profile,
        level=found.level or now.level,
        pixel_format=found.pixel_format or now.pixel_format,
        frame_rate=found.frame_rate or now.frame_rate,
    )


# By class, the most special first: av.error's classes also derive from Python's own.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (av.error.HTTPUnauthorizedError, "auth"),
    (av.error.HTTPForbiddenError, "auth"),
    (av.error.HTTPNotFoundError, "not_found"),
    (av.error.HTTPError, "status"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "reset"),
    (FileNotFoundError, "not_found"),
    (NotADirectoryError, "not_found"),
    (IsADirectoryError, "not_found"),
    (av.error.InvalidDataError, "protocol"),
    (av.error.DemuxerNotFoundError, "unsupported"),
    (av.error.ProtocolNotFoundError, "unsupported"),
    (av.error.PatchWelcomeError, "unsupported"),
    (NotImplementedError, "unsupported"),
    (EOFError, "empty"),
)
_ERRNOS = {
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.ENODEV: "not_found",
    errno.ENXIO: "not_found",
}


def lost(error: Exception, at: float, *, opened: bool, url: str) -> Lost:
    """Why the pull ended, from what PyAV raised; `url` is empty where no network was asked."""
    number = getattr(error, "errno", None)
    detail = getattr(error, "strerror", None) or str(error)
    if isinstance(error, (av.error.ExitError, TimeoutError)):  # the interrupt callback ended it
        return Lost(at, "silent", "no packet came") if opened else Lost(at, "timeout", "no answer in time")
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return Lost(at, reason, detail)
    if number == errno.EIO and url and not _resolves(url):
        return Lost(at, "resolve", "the host name has no address")
    return Lost(at, _ERRNOS.get(number or 0, "failed"), detail)


def _resolves(url: str) -> bool:
    """libavformat/tcp.c answers a failed look-up with EIO, like much else: ask again."""
    try:
        return bool(socket.getaddrinfo(urlsplit(url).hostname, None))
    except (OSError, ValueError):
        return False
