"""What is kept of packets: a clip that a browser plays, nothing encoded anew, and stills out of it.

The clip is MP4 (ISO/IEC 14496-12). H.264 and HEVC go in as Annex B with their parameter sets before each key frame, AAC
with ADTS headers, whatever way they came; the muxer makes of them what MP4 wants. A track that MP4, or a browser,
cannot take is left out, and named.
"""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import cv2

from qoe_agent.bitstream import audio, nal
from qoe_agent.decode.lanes import open_decoder
from qoe_agent.decode.pictures import TICKS, handed
from qoe_agent.maths import hdr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from qoe_agent.model import Format, Packet

WIDEST = 640
"""Columns of a still."""
QUALITY = 80
"""Of its JPEG."""
START = b"\0\0\0\1"
LEAP, BACK = 10.0, 0.5
"""Seconds onwards, and back, between two packets of a track from which on their times do not belong together."""
TAKEN = {"h264", "hevc", "av1", "aac", "mp3", "ac3", "eac3"}
"""Codecs that go into MP4 without what only their own container would say."""


class Clip(NamedTuple):
    """Some seconds of a stream."""

    data: bytes
    """MP4; empty where there was nothing to put in."""
    left_out: tuple[str, ...]
    """Codecs of the tracks that are not in it."""


def clip(formats: Mapping[int, Format], packets: Sequence[Packet]) -> Clip:
    """Put packets (in order of arrival, the first of them a key frame) into MP4. av.FFmpegError: they make none."""
    tracks = {form.track: form for form in formats.values() if form.codec in TAKEN and _usable(form, packets)}
    left_out = tuple(sorted(form.codec for form in formats.values() if form.track not in tracks))
    timed = list(_timed(tracks, packets))
    if not timed:
        return Clip(b"", left_out)
    zero, step = min(dts for _, dts, _ in timed), _steps(timed)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        in_order = sorted(tracks.values(), key=lambda form: form.kind != "video")
        streams = {form.track: _stream(container, form) for form in in_order}
        for seen, dts, pts in timed:
            packet: Any = av.Packet(_framed(tracks[seen.track], seen))
            packet.stream, packet.time_base = streams[seen.track], Fraction(1, TICKS)
            packet.dts, packet.pts, packet.is_keyframe = dts - zero, pts - zero, seen.key or seen.kind == "audio"
            packet.duration = step[seen.track]  # else the last picture would last no time, and not be shown
            container.mux(packet)
    return Clip(out.getvalue(), left_out)


def still(form: Format, packets: Iterable[Packet], pts: float) -> bytes | None:
    """The picture that is shown at `pts`, as JPEG, at most 640 columns; None if none can be made of these packets.

    `packets`: of one video track, from a key frame on.
    """
    chosen = _until(form, packets, pts)
    if chosen is None:
        return None
    colours = chosen.reformat(format="bgr24").to_ndarray()
    rows, columns = colours.shape[:2]
    if columns > WIDEST:
        colours = cv2.resize(colours, (WIDEST, max(1, round(rows * WIDEST / columns))), interpolation=cv2.INTER_AREA)
    colours = hdr.shown(colours, int(chosen.color_trc), int(chosen.color_primaries))
    made, data = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes() if made else None


def _until(form: Format, packets: Iterable[Packet], pts: float) -> Any:
    """The last frame whose time is not after `pts`; the first one if all are."""
    context, chosen, limit = open_decoder(form.codec, form.extradata), None, round(pts * TICKS)
    try:
        for seen in [*packets, None]:
            for frame in context.decode(None if seen is None else handed(seen)):
                if chosen is not None and (frame.pts is None or frame.pts > limit):
                    return chosen
                chosen = frame
    except (av.FFmpegError, ValueError):
        pass  # what was decoded until then is worth showing
    return chosen


def _usable(form: Format, packets: Iterable[Packet]) -> bool:
    """Whether there are packets of it, with what the muxer must know."""
    own = [seen for seen in packets if seen.track == form.track and seen.data]
    if form.codec == "aac" and own:
        return bool(form.extradata and audio.adts(form.extradata, 0)) or audio.describe_adts(own[0].data) is not None
    return bool(own) and (form.kind != "video" or bool(form.width and form.height))


def _stream(container: Any, form: Format) -> Any:
    if form.kind == "video":
        return container.add_mux_stream(form.codec, width=form.width, height=form.height)
    return container.add_mux_stream(form.codec, rate=form.sample_rate or 48_000)


def _timed(tracks: Mapping[int, Format], packets: Iterable[Packet]) -> Iterator[tuple[Packet, int, int]]:
    """Packets of these tracks with decoding and presentation times in ticks, made to rise as MP4 wants.

    Where times leap, they go on by as much as passed between the packets' arrivals.
    """
    last: dict[int, int] = {}
    before: dict[int, tuple[float, float]] = {}
    shift = 0.0
    for seen in packets:
        if seen.track not in tracks or seen.pts is None or not seen.data:
            continue
        media = seen.pts if seen.dts is None else seen.dts
        known = before.get(seen.track)
        if known is not None and not -BACK < media + shift - known[0] < LEAP:
            shift = known[0] + min(max(0.0, seen.at - known[1]), LEAP) - media
        before[seen.track] = media + shift, seen.at
        dts = max(last.get(seen.track, -1 << 62) + 1, round((media + shift) * TICKS))
        last[seen.track] = dts
        yield seen, dts, max(round((seen.pts + shift) * TICKS), dts)


def _steps(timed: Sequence[tuple[Packet, int, int]]) -> dict[int, int]:
    """Ticks from one packet of a track to the next, as they mostly are."""
    times: dict[int, list[int]] = {}
    for seen, dts, _ in timed:
        times.setdefault(seen.track, []).append(dts)
    return {
        track: int(median(b - a for a, b in pairwise(each))) if len(each) > 1 else TICKS // 25
        for track, each in times.items()
    }


def _framed(form: Format, seen: Packet) -> bytes:
    """The payload as the muxer takes it from anywhere."""
    if form.codec == "aac" and form.extradata:
        return (audio.adts(form.extradata, len(seen.data)) or b"") + seen.data
    if form.codec not in ("h264", "hevc"):
        return seen.data
    framing = nal.length_size(form.extradata, form.codec)
    if not framing:
        return seen.data
    units = nal.cut(form.codec, seen.data, framing)
    if seen.key and not nal.parameter_sets(form.codec, seen.data, framing):
        units = nal.cut(form.codec, form.extradata) + units
    return b"".join(START + unit for unit in units)
