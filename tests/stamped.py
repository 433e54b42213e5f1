"""Stamped streams with a known truth, and transcodes of them, made on the spot with PyAV."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from qoe_agent.maths.stamp import Place, draw
from qoe_agent.maths.tone import write
from tests.accuracy.clips import RATE, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T0 = 1_760_000_000.123
"""Unix time at which the picture at media time 0 is made."""
PLACE = Place()


def busy(
    width: int, height: int, fps: float, seconds: float, seed: int = 0, place: Place | None = PLACE
) -> Iterator[Any]:
    """RGB pictures: texture that moves 400 pixels a second (of 1080p) under grain, stamped."""
    random = np.random.default_rng(seed)
    texture = cv2.resize(random.integers(0, 256, (height // 3, width * 2 // 3), dtype=np.uint8), (2 * width, height))
    grain = random.integers(0, 24, (height, width), dtype=np.uint8)
    for n in range(round(fps * seconds)):
        x = int(n * 400 * width / 1920 / fps) % width
        luma = np.ascontiguousarray(cv2.add(texture[:, x : x + width], np.roll(grain, 37 * n, axis=1)))
        if place:
            draw(luma, None, round((T0 + n / fps) * 1000), n, place, full_range=True)
        yield np.repeat(luma[:, :, None], 3, axis=2)


def sounding(seconds: float, late: float = 0.0, programme: float = 0.02, seed: int = 0) -> Any:
    """The mark in the sound, over a rumble; made so that what sounds comes `late` seconds after its picture."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 1, (2, round(seconds * RATE)))
    sound = (programme * cv2.blur(noise, (16, 1))).astype(np.float32)
    write(sound, T0 - late, RATE)
    return sound


def stream(
    path: Path,
    size: tuple[int, int] = (640, 360),
    fps: float = 30.0,
    seconds: float = 6.0,
    *,
    late: float = 0.0,
    bitrate: float = 2e6,
    place: Place | None = PLACE,
) -> Path:
    """A stamped stream with sound `late` seconds after the picture."""
    frames = busy(*size, fps, seconds, place=place)
    return encode(
        path, frames, fps, bitrate=bitrate, audio=sounding(seconds, late), gop=round(2 * fps), preset="ultrafast"
    )


def transcode(
    source: Path,
    path: Path,
    size: tuple[int, int],
    bitrate: float,
    fps: int | None = None,
    sound: int = 0,
    rate: int = RATE,
) -> Path:
    """What a server's transcoder makes of it: another size, bit rate and frame rate; sound at `sound` bits a second."""
    with av.open(str(source)) as from_, av.open(str(path), "w") as to:
        seen, heard = from_.streams.video[0], from_.streams.audio[0]
        hertz = fps or int(seen.average_rate or 25)
        video = to.add_stream("libx264", rate=hertz)
        video.width, video.height, video.pix_fmt, video.bit_rate = *size, "yuv420p", round(bitrate)
        video.codec_context.gop_size = 2 * hertz
        video.options = {"preset": "veryfast", "maxrate": str(round(bitrate)), "bufsize": str(round(bitrate))}
        audio = to.add_stream("aac", rate=rate, layout="stereo") if sound else None
        resampler = av.AudioResampler("fltp", "stereo", rate)
        if audio:
            audio.bit_rate = sound
        written = -1
        for frame in from_.decode(*((seen, heard) if audio else (seen,))):
            if isinstance(frame, av.AudioFrame):
                for piece in resampler.resample(frame):
                    to.mux(audio.encode(piece))  # type: ignore[union-attr]
                continue
            number = round(frame.time * hertz)
            for each in range(written + 1, number + 1):
                shown = frame.reformat(*size, "yuv420p", interpolation="BICUBIC")
                shown.pts, shown.time_base, shown.pict_type = each, Fraction(1, hertz), 0
                to.mux(video.encode(shown))
            written = max(written, number)
        to.mux(video.encode(None))
        if audio:
            to.mux(audio.encode(None))
    return path
