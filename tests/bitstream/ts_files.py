"""Transport streams for tests: muxed by libavformat, cut and damaged by hand."""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache

import av
import numpy as np

SIZE = 188


@cache
def muxed(
    video: str | None = "libx264",
    audio: str | None = "aac",
    *,
    seconds: float = 3.0,
    width: int = 256,
    b_frames: int = 2,
    rate: int = 48_000,
    layout: str = "stereo",
    x264: str = "",
    container: str = "mpegts",
    offset: float = 0.0,
    mux: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A moving gradient and a tone."""
    out = io.BytesIO()
    options = dict(mux) | ({"output_ts_offset": str(offset)} if offset else {})
    with av.open(out, "w", format=container, options=options) as target:
        pictures = sounds = None
        if video:
            pictures = target.add_stream(video, rate=25)
            pictures.width, pictures.height, pictures.pix_fmt = width, width * 9 // 16 // 2 * 2, "yuv420p"
            pictures.gop_size, pictures.max_b_frames = 25, b_frames
            if video == "libx264":
                pictures.options = {"preset": "veryfast", "sc_threshold": "0", "x264-params": x264}
            elif video == "libx265":
                pictures.options = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=2:keyint=25"}
        if audio:
            sounds = target.add_stream(audio, rate=rate, layout=layout)
        write(target, pictures, sounds, seconds, rate)
    return out.getvalue()


def write(target, pictures, sounds, seconds, rate) -> None:  # type: ignore[no-untyped-def]  # PyAV's stream types
    frame = (sounds.codec_context.frame_size or 1024) if sounds else 1
    sample = 0
    for n in range(int(seconds * 25)):
        if pictures:
            target.mux(pictures.encode(picture(n, pictures.width, pictures.height)))
        while sounds and sample < (n + 1) / 25 * rate:
            target.mux(sounds.encode(tone(sample, frame, rate, sounds)))
            sample += frame
    for stream in (pictures, sounds):
        if stream:
            target.mux(stream.encode(None))


def picture(n: int, width: int, height: int) -> av.VideoFrame:
    x, y = np.arange(width), np.arange(height)[:, None]
    luma = ((x * 2 + y * 3 + 5 * n + (x * y * (n + 1)) % 61) % 256).astype(np.uint8)
    planes = np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)])
    frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
    frame.pts, frame.time_base = n, Fraction(1, 25)
    return frame


def tone(sample: int, count: int, rate: int, stream) -> av.AudioFrame:  # type: ignore[no-untyped-def]  # see write
    form, layout = stream.format.name, stream.layout
    wave = 0.4 * np.sin(2 * np.pi * 440 * (sample + np.arange(count)) / rate)
    full = {"s16": (np.int16, 32_767), "s32": (np.int32, 2**31 - 1)}.get(form.rstrip("p"), (np.float32, 1))
    wave = (wave * full[1]).astype(full[0])
    channels = len(layout.channels)
    data = np.tile(wave, (channels, 1)) if form.endswith("p") else np.repeat(wave, channels)[None, :]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), form, layout.name)
    frame.sample_rate, frame.pts, frame.time_base = rate, sample, Fraction(1, rate)
    return frame


def packets(data: bytes) -> list[bytes]:
    """The TS packets of a stream."""
    return [data[i : i + SIZE] for i in range(0, len(data), SIZE)]


def pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def starts(packet: bytes) -> bool:
    return packet[1] & 0x40 != 0
