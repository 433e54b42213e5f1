"""Clips with sound for comparisons: small pictures of several scenes, sound like speech, and what may go wrong."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Wave = NDArray[np.float32]
    Plane = NDArray[np.uint8]

RATE = 48_000
WIDTH, HEIGHT, FPS = 256, 160, 25


def speech(seconds: float, seed: int = 1) -> Wave:
    """Bursts of coloured noise and tones with pauses, stereo, about −20 dBFS where it is loud."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    colour = 1 / np.sqrt(1 + np.fft.rfftfreq(samples, 1 / RATE) / 100)
    noise = 4 * np.fft.irfft(np.fft.rfft(rng.standard_normal((2, samples))) * colour, samples)
    at = np.arange(samples) / RATE
    rises = np.repeat(rng.uniform(0.1, 1.0, int(seconds * 5) + 2), RATE // 5)[:samples]
    pitch = np.repeat(rng.uniform(150, 600, int(seconds * 3) + 2), RATE // 3)[:samples]
    voice = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) + 0.3 * np.sin(2 * np.pi * 3.1 * np.cumsum(pitch) / RATE)
    return np.asarray(0.1 * rises * (0.5 * noise + 0.5 * voice * (1 + 0.1 * at % 1)), np.float32)


def late(wave: Wave, seconds: float) -> Wave:
    """As long, and so much later; earlier if below 0."""
    shift = round(seconds * RATE)
    found = np.zeros_like(wave)
    if shift >= 0:
        found[:, shift:] = wave[:, : wave.shape[1] - shift]
    else:
        found[:, :shift] = wave[:, -shift:]
    return found


def pictures(frames: int, scenes: int = 1, seed: int = 1) -> list[Plane]:
    """Luma of moving blobs, other ones in each scene."""
    rng = np.random.default_rng(seed)
    found = []
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    each = -(-frames // scenes)
    for scene in range(scenes):
        waves = rng.uniform(-0.4, 0.4, (4, 2))
        moves, level = rng.uniform(-0.5, 0.5, 4), rng.uniform(70, 170)
        for n in range(min(each, frames - scene * each)):
            picture = level + sum(
                18 * np.sin(wave[0] * rows + wave[1] * columns + 6.0 * move * n / 5)
                for wave, move in zip(waves, moves, strict=True)
            )
            found.append(np.clip(picture, 16, 235).astype(np.uint8))
    return found


def write(
    path: Path, shown: Sequence[Plane], wave: Wave | None, *, crf: int = 20, sound: str = "aac", rate: int = RATE,
    bits: int = 128_000,
) -> str:  # fmt: skip
    """H.264 at 25 frames a second, and sound if there is any."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", FPS, options={"preset": "ultrafast", "crf": str(crf), "g": "25"})
        video.width, video.height, video.pix_fmt = shown[0].shape[1], shown[0].shape[0], "yuv420p"
        track = None
        if wave is not None:
            track = out.add_stream(sound, rate, layout="stereo")
            track.bit_rate = bits
        for n, luma in enumerate(shown):
            grey = np.full((luma.shape[0] // 2, luma.shape[1]), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.concatenate([luma, grey]), "yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if track is not None and wave is not None:
            resampler = av.AudioResampler("fltp", "stereo", rate, frame_size=1024)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            for piece in (*resampler.resample(frame), *resampler.resample(None)):
                out.mux(track.encode(piece))
            out.mux(track.encode(None))
    return str(path)
