"""Small coded streams, made on the spot with PyAV's encoders."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from qoe_agent.model import KEY, Format, Packet


def h264(
    frames: int = 50,
    *,
    width: int = 160,
    height: int = 96,
    gop: int = 25,
    fps: int = 25,
    start: float = 1000.0,
    late: bool = False,
) -> tuple[Format, list[Packet]]:
    """Annex B pictures of a moving gradient, arriving in real time from `start`; `late`: with B frames."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate, context.gop_size = Fraction(1, fps), Fraction(fps), gop
    context.options = {"preset": "ultrafast", "sc_threshold": "0"} | ({"bf": "2"} if late else {"tune": "zerolatency"})
    out: list[Packet] = []
    ramp = np.arange(width, dtype=np.uint8)
    for n in [*range(frames), None]:
        picture = None
        if n is not None:
            luma = np.tile(ramp + np.uint8(3 * n % 256), (height, 1))
            planes = np.concatenate([luma, np.full((height // 2, width), 128, np.uint8)])
            picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
            picture.pts = n
        for packet in context.encode(picture):
            seconds = float(packet.pts * packet.time_base)
            flags = KEY if packet.is_keyframe else 0
            data = bytes(packet)
            out.append(Packet(start + seconds, 0, "video", seconds, seconds, flags, len(data), data))
    return Format(start, 0, "video", "h264", width=width, height=height), out


def aac(seconds: float = 2.0, *, level: float = 0.5, start: float = 1000.0) -> tuple[Format, list[Packet]]:
    """Raw AAC of a 1 kHz tone at `level`, arriving in real time from `start`."""
    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = 48_000, "stereo", "fltp"
    context.time_base, context.bit_rate = Fraction(1, 48_000), 96_000
    context.open()
    out: list[Packet] = []
    for n in [*range(0, int(seconds * 48_000), 1024), None]:
        sound = None
        if n is not None:
            tone = level * np.sin(2 * np.pi * 1000 * (n + np.arange(1024)) / 48_000)
            sound = av.AudioFrame.from_ndarray(np.tile(tone.astype(np.float32), (2, 1)), "fltp", "stereo")
            sound.sample_rate, sound.pts, sound.time_base = 48_000, n, Fraction(1, 48_000)
        for packet in context.encode(sound):
            at = float(packet.pts * packet.time_base)
            data = bytes(packet)
            out.append(Packet(start + max(0.0, at), 1, "audio", at, at, KEY, len(data), data))
    extradata = bytes(context.extradata or b"")
    return Format(start, 1, "audio", "aac", extradata, sample_rate=48_000, channels=2), out
