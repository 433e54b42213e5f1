"""What a file is: its pictures' size, rate, times and colours, its sound, and the hash of its bytes.

Times of frames come from the packets, without decoding, wherever a packet is a picture: sorted, and without those
that an edit list marks as not to be shown, they are what FFmpeg's filters see. Where that does not hold (streams cut
in the middle of a group, leading pictures whose references are missing, fields, invisible VP8 frames, no times at
all), everything is decoded once for its times.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.stream import Disposition

from qoe_agent.compare.aligning import grids
from qoe_agent.compare.shapes import Audio, Media, Transfer, Unfit, Video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats, Range

UNSTATED = 2
"""Of primaries, transfers and matrices: unspecified (ITU-T H.273)."""
INVISIBLE = ("vp8",)
"""Codecs that put frames which are never shown into packets of their own."""
PROGRESSIVE = (0, 1)
"""`field_order` of streams without fields: unknown, progressive."""
SHORT = 0.5
"""Seconds by which frames may end before the container says it does."""
OPENING = {"timeout": (10.0, 30.0)}
"""Seconds to open a file and to read on in it."""
PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
             10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
            9: "bt2020nc", 10: "bt2020c", 14: "ictcp"}  # fmt: skip
"""Names as FFmpeg's filters take them, by number (ITU-T H.273)."""
TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
"""Transfer characteristics of HDR (ITU-T H.273); all others are SDR."""


@dataclass(slots=True)
class _Read:
    """What the packets of a file say."""

    pts: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    bytes: int = 0
    doubtful: bool = False
    """Packets do not tell which pictures are shown, or when."""
    sound_bytes: int = 0
    sound_first: float | None = None
    sound_end: float = 0.0
    broken: str = ""


def inspect(path: str) -> Media:
    """What is in the file `path`; `Unfit` where there is no video in it that can be decoded."""
    where = Path(path)
    if not where.exists():
        raise Unfit(f"{path}: there is no such file")
    if not where.is_file():
        raise Unfit(f"{path}: expected a file of video, found a folder or a device")
    size = where.stat().st_size
    if not size:
        raise Unfit(f"{path}: the file is empty")
    try:
        with opened(path) as container:
            track = picture_track(container, path)
            read = _read(container, track)
            audio = _audio(container, read)
            whole = (container.duration or 0) / av.time_base
        video = _video(path, read)
    except av.error.FFmpegError as error:
        raise Unfit(f"{path}: not a media file that FFmpeg can read ({error.strerror or error})") from error
    with where.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    last = float(video.times[-1] - video.times[0]) + float(1 / video.rate)
    notes = _notes(path, read, whole, max(last, read.sound_end - (read.sound_first or 0.0) if audio else last))
    return Media(path, digest, size, video, audio, last, notes)


def opened(path: str) -> InputContainer:
    """The file, whatever signs its name holds."""
    return av.open(f"file:{path}", timeout=OPENING["timeout"], metadata_errors="replace")


def picture_track(container: InputContainer, path: str) -> VideoStream:
    """The video that FFmpeg would take: the one of most pixels that is no cover picture."""
    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not tracks:
        raise Unfit(f"{path}: there is no video in it")
    first = max(tracks, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, -s.index))
    if first.codec_context is None or not first.width:
        raise Unfit(f"{path}: its video ({first.name or 'of unknown codec'}) cannot be decoded")
    return first


def pictures(container: InputContainer, track: VideoStream, *, few: bool = False) -> Iterator[VideoFrame]:
    """Every picture that is shown, in order; what cannot be decoded is passed over, as FFmpeg does.

    `few`: only the first is wanted, so that threads need not decode those that follow.
    """
    if not track.codec_context.is_open:
        track.thread_type = "SLICE" if few else "AUTO"
    for packet in container.demux(track):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue


def _read(container: InputContainer, track: VideoStream) -> _Read:
    found = _Read(doubtful=track.codec_context.name in INVISIBLE or track.codec_context.field_order not in PROGRESSIVE)
    sound = container.streams.audio[0] if container.streams.audio else None
    key: int | None = None
    try:
        for packet in container.demux([track, sound] if sound else [track]):
            if not packet.size:
                continue
            if packet.stream_index != track.index:
                _hear(found, packet)
                continue
            found.bytes += 0 if packet.is_discard else packet.size
            if packet.pts is None or packet.is_corrupt or (key is None and not packet.is_keyframe):
                found.doubtful = True
                key = 0 if key is None else key
                continue
            key = packet.pts if key is None else key
            # Pictures shown before the first key frame lean on what is not there.
            found.doubtful |= packet.pts < key
            if not packet.is_discard:
                found.pts.append(packet.pts)
                if packet.is_keyframe:
                    found.keys.append(packet.pts)
    except av.error.FFmpegError as error:
        found.broken = str(error.strerror or error)
    found.doubtful |= len(set(found.pts)) < len(found.pts)
    return found


def _hear(found: _Read, packet: Any) -> None:
    found.sound_bytes += packet.size
    if packet.pts is not None:
        at = float(packet.pts * packet.time_base)
        found.sound_first = at if found.sound_first is None else min(at, found.sound_first)
        found.sound_end = max(found.sound_end, at + float((packet.duration or 0) * packet.time_base))


def _video(path: str, read: _Read) -> Video:
    with opened(path) as container:
        track = picture_track(container, path)
        # FFmpeg's decoder of VP8 says BT.601 of whatever it finds; only the container knows.
        coded = track.codec_context.colorspace if track.codec_context.name == "vp8" else None
        shown = pictures(container, track, few=not read.doubtful)
        first = next(shown, None)
        if first is None:
            raise Unfit(f"{path}: no picture of its video ({track.codec_context.name}) can be decoded")
        base = track.time_base or Fraction(1, 90_000)
        stated = [Fraction(r) for r in (track.average_rate, track.guessed_rate, track.base_rate) if r]
        keys: NDArray[np.int64] | None = None
        if read.doubtful:
            times = _decoded(first, shown, base, stated)
        else:
            pts = np.sort(np.array(read.pts, np.float64))
            times, keys = pts * float(base), np.searchsorted(pts, np.sort(np.array(read.keys, np.float64)))
        grid = grids.grid(times, stated, float(base))
        about = track.codec_context
        return Video(
            codec=about.codec.canonical_name,
            width=first.width,
            height=first.height,
            pixel_format=first.format.name,
            bits=max(part.bits for part in first.format.components),
            rate=grid.rate,
            times=times,
            constant=grid.constant,
            bits_per_second=8 * read.bytes / (float(times[-1] - times[0]) + float(1 / grid.rate)),
            range=_range(first),
            primaries=PRIMARIES.get(first.color_primaries),
            matrix=MATRICES.get(first.colorspace if coded is None else coded),
            transfer=TRANSFERS.get(first.color_trc, "sdr"),
            aspect=Fraction(track.sample_aspect_ratio or 1),
            rotation=-first.rotation % 360,
            interlaced=bool(first.interlaced_frame),
            transfer_stated=first.color_trc != UNSTATED,
            keys=keys,
        )


def _range(picture: VideoFrame) -> Range | None:
    if picture.color_range in (1, 2):
        return "limited" if picture.color_range == 1 else "full"
    return "full" if picture.format.name.startswith("yuvj") or picture.format.is_rgb else None


def _decoded(first: VideoFrame, others: Iterator[VideoFrame], base: Fraction, stated: list[Fraction]) -> Floats:
    """The times of all pictures by decoding them; by their number and the stated rate where they have none."""
    pts = np.array([np.nan if each.pts is None else each.pts for each in chain([first], others)], np.float64)
    if np.isfinite(pts).all() and (np.diff(pts) > 0).all():
        return pts * float(base)
    return np.arange(len(pts)) / float(stated[0] if stated else 25)


def _audio(container: InputContainer, read: _Read) -> Audio | None:
    if not container.streams.audio or read.sound_first is None:
        return None
    track = container.streams.audio[0]
    seconds = read.sound_end - read.sound_first
    rate = 8 * read.sound_bytes / seconds if seconds > 0 else None
    about = track.codec_context
    return Audio(about.name, about.sample_rate, about.channels, rate, read.sound_first, seconds)


def _notes(path: str, read: _Read, stated: float, found: float) -> tuple[str, ...]:
    if read.broken:
        return (f"{path}: reading ends early ({read.broken}): what came before is used",)
    if stated and found < stated - max(SHORT, 0.01 * stated):
        return (f"{path}: ends after {found:.2f} s though its header says {stated:.2f} s: what is there is used",)
    return ()
