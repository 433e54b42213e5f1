"""FLV files made by FFmpeg's muxer through PyAV, and tags written by hand where FFmpeg writes none."""

from __future__ import annotations

import functools
import io
from fractions import Fraction
from typing import Any

import av
import numpy as np

from qoe_agent.model import Format, Observation, Packet

SIDE = (64, 48)


@functools.cache
def file(video: str | None = "libx264", audio: str | None = "aac", frames: int = 25, **options: str) -> bytes:
    """Interleaved picture and sound in FLV, 25 pictures a second, a key frame every 10."""
    out = io.BytesIO()
    with av.open(out, "w", format="flv", options=options) as container:
        picture = container.add_stream(video, rate=25) if video else None
        sound: Any = container.add_stream(audio, rate=48000) if audio else None
        if picture:
            picture.width, picture.height = SIDE
            picture.pix_fmt, picture.gop_size = "yuv420p", 10
            if video == "libx265":
                picture.options = {"x265-params": "log-level=none"}
        heard = 0
        for n in range(frames):
            if picture:
                shade = np.full((SIDE[1], SIDE[0], 3), n * 9 % 256, np.uint8)
                frame = av.VideoFrame.from_ndarray(shade)
                frame.pts, frame.time_base = n, Fraction(1, 25)
                container.mux(picture.encode(frame))
            while sound and heard < (n + 1) * 1920:
                heard += _sound(container, sound, heard)
        for stream in (picture, sound):
            if stream:
                container.mux(stream.encode(None))
    return out.getvalue()


def _sound(container: Any, stream: Any, heard: int) -> int:
    size = 960 if stream.codec_context.name == "libopus" else 1024
    form = stream.codec_context.format
    kind = np.float32 if form.name.startswith("flt") else np.int16 if form.name.startswith("s16") else np.int32
    shape = (2, size) if form.is_planar else (1, 2 * size)
    frame = av.AudioFrame.from_ndarray(np.zeros(shape, kind), format=form.name, layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, heard, Fraction(1, 48000)
    container.mux(stream.encode(frame))
    return size


def by_pyav(data: bytes) -> list[tuple[str, bytes, bool, float, float]]:
    """Kind, payload, key flag, pts and dts of each packet, as libavformat's demuxer has them."""
    with av.open(io.BytesIO(data), format="flv") as container:
        return [
            (p.stream.type, bytes(p), p.is_keyframe, float(p.pts * p.time_base), float(p.dts * p.time_base))
            for p in container.demux()
            if p.size
        ]


def packets(seen: list[Observation]) -> list[Packet]:
    return [one for one in seen if isinstance(one, Packet)]


def formats(seen: list[Observation]) -> list[Format]:
    return [one for one in seen if isinstance(one, Format)]


HEADER = b"FLV\x01\x05\0\0\0\x09" + bytes(4)


def tag(kind: int, stamp: int, body: bytes) -> bytes:
    """One tag as it lies in a file, with its size behind it."""
    low, high = stamp & 0xFFFFFF, stamp >> 24 & 0xFF
    head = bytes([kind]) + len(body).to_bytes(3, "big") + low.to_bytes(3, "big") + bytes([high]) + bytes(3)
    return head + body + (11 + len(body)).to_bytes(4, "big")
