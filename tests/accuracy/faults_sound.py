"""Content for sound measures, and faults put into it: makers take samples (channels x n, 48 kHz) and give new ones.
`Flaw.truth` says where a fault lies, in seconds of the samples; `coded` writes them to a file."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from tests.accuracy.clips import BUNNY, RATE, speech
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Change = Callable[[Samples], Samples]

FULL = 0.999
"""Magnitude of samples that were cut off."""
ENCODERS = {
    "aac": ("aac", "mp4"),
    "opus": ("libopus", "mkv"),
    "mp3": ("libmp3lame", "mp3"),
    "pcm": ("pcm_s16le", "wav"),
}
"""By name: FFmpeg's encoder, and the ending of the file."""


# ---- content


def talk(seconds: float, seed: int = 0) -> Samples:
    """A voice in a room whose own noise (−52 dBFS) is no silence."""
    random = np.random.default_rng(seed + 1000)
    room = random.normal(0.0, 10 ** (-52 / 20), (2, round(seconds * RATE)))
    return np.asarray(speech(seconds, seed)[:, : room.shape[1]] + room, np.float32)


def music(seconds: float, seed: int = 0) -> Samples:
    """Chords, a bass and drums, panned, with room noise: notes that begin hard and die away."""
    random = np.random.default_rng(seed)
    sound = random.normal(0.0, 5e-4, (2, round(seconds * RATE)))
    beat, root = random.uniform(0.3, 0.6), random.uniform(45, 60)
    for number in range(int(seconds / beat)):
        begin = round(number * beat * RATE)
        if number % 4 == 0:
            root = 55 * 2 ** (int(random.integers(0, 12)) / 12)
        notes = [(root, 0.3, 0.5, 3.0), *((root * r, 0.12, random.uniform(0.2, 0.8), 2.5) for r in (2, 2.5, 3, 4))]
        for hertz, level, pan, fade in notes:
            _strike(sound, begin, _note(hertz, level, beat * 2, fade, random), pan)
        if number % 2:
            t = np.arange(round(0.12 * RATE)) / RATE
            _strike(sound, begin, 0.25 * np.exp(-40 * t) * random.normal(0.0, 1.0, t.size), 0.45)
    return np.asarray(0.6 * sound / np.abs(sound).max(), np.float32)


def _note(hertz: float, level: float, seconds: float, fade: float, random: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(round(seconds * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * hertz * k * t + random.uniform(0, 6)) / k**1.3 for k in range(1, 9))
    return np.asarray(level * np.exp(-fade * t) * np.minimum(1.0, t / 0.004) * partials)


def _strike(sound: NDArray[np.float64], begin: int, note: NDArray[np.float64], pan: float) -> None:
    note = note[: sound.shape[1] - begin]
    for side, share in ((0, 1 - pan), (1, pan)):
        sound[side, begin : begin + note.size] += 2 * share * note


def film(seconds: float) -> Samples:
    """Big Buck Bunny's own six channels mixed to two, over and over, at the level of a programme."""
    if not BUNNY.exists():
        raise FileNotFoundError(f"{BUNNY.name} is missing from shared/data/video")
    resampler, pieces = av.AudioResampler("fltp", "stereo", RATE), []
    with av.open(str(BUNNY)) as container:
        for frame in container.decode(audio=0):
            pieces += [np.asarray(out.to_ndarray(), np.float32) for out in resampler.resample(frame)]
    once = np.concatenate(pieces, axis=1)
    times = int(seconds * RATE / once.shape[1]) + 1
    return np.asarray(np.tile(once, (1, times))[:, : round(seconds * RATE)] * (0.5 / np.abs(once).max()), np.float32)


# ---- faults


@dataclass(frozen=True, slots=True)
class Flaw:
    """A change to all samples of an interval."""

    start: float
    end: float
    change: Change

    def into(self, samples: Samples) -> Samples:
        """The samples with the fault."""
        first, last = round(self.start * RATE), round(self.end * RATE)
        changed = samples.copy()
        changed[:, first:last] = self.change(samples[:, first:last])
        return changed

    @property
    def truth(self) -> Span:
        return Span(self.start, self.end)


def zeros() -> Change:
    """Nothing at all: silence, or a dropout if it is short."""
    return np.zeros_like


def hush(level: float = -78.0, seed: int = 0) -> Change:
    """Noise of `level` dBFS (root mean square; its peaks are some 13 dB higher) instead."""
    random = np.random.default_rng(seed)
    return lambda samples: random.normal(0.0, 10 ** (level / 20), samples.shape).astype(np.float32)


def clipped(decibels: float) -> Change:
    """Amplified so far beyond the loudest sample, which full scale cuts off."""
    return lambda x: np.clip(x / max(float(np.abs(x).max()), 1e-9) * np.float32(10 ** (decibels / 20)), -1.0, 1.0)


def loud(samples: Samples, hole: Span) -> bool:
    """Whether there is sound right before and right after, to break off: −45 dBFS over 6 ms."""
    first, last, size = round(hole.start * RATE), round(hole.end * RATE), round(0.006 * RATE)
    edges = samples[:, first - size : first], samples[:, last : last + size]
    return all(float(np.square(edge).mean(axis=1).max()) > 10**-4.5 for edge in edges)


def cut(samples: Samples, where: Span) -> float:
    """The share of samples at full scale in the median second of a stretch, of the worse channel."""
    inside = np.abs(samples[:, round(where.start * RATE) : round(where.end * RATE)]) >= FULL
    seconds = inside[:, : inside.shape[1] // RATE * RATE].reshape(len(samples), -1, RATE)
    return float(np.median(seconds.mean(axis=2).max(axis=0)))


def dead(channel: int, level: float = -90.0, seed: int = 0) -> Change:
    """Only noise of `level` dBFS in one channel."""
    random = np.random.default_rng(seed)

    def change(samples: Samples) -> Samples:
        silenced = samples.copy()
        silenced[channel] = random.normal(0.0, 10 ** (level / 20), samples.shape[1])
        return silenced

    return change


def inverted() -> Change:
    """The second channel upside down."""
    return lambda x: x * np.array([[1.0], [-1.0]], np.float32)


def mono() -> Change:
    """Both channels the same."""
    return lambda x: np.repeat(x.mean(axis=0, keepdims=True), len(x), axis=0)


def low_pass(hertz: float) -> Change:
    """Nothing above."""

    def change(samples: Samples) -> Samples:
        spectrum = np.fft.rfft(samples, axis=1)
        spectrum[:, np.fft.rfftfreq(samples.shape[1], 1 / RATE) > hertz] = 0.0
        return np.fft.irfft(spectrum, samples.shape[1], axis=1).astype(np.float32)

    return change


def gain(decibels: float) -> Change:
    """Louder or fainter, as by a wrong fader."""
    return lambda samples: samples * np.float32(10 ** (decibels / 20))


# ---- coding


def coded(folder: Path | str, name: str, samples: Samples, codec: str = "aac", bitrate: int = 96_000) -> Path:
    """A file with this sound alone; a decoder's first sample is that of the samples, to the container's rounding."""
    encoder, ending = ENCODERS[codec]
    path = Path(folder) / f"{name}.{ending}"
    layout = "stereo" if len(samples) == 2 else "mono"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(encoder, rate=RATE, layout=layout)
        if codec != "pcm":
            stream.bit_rate = bitrate
        for first in range(0, samples.shape[1], 1024):
            piece = np.ascontiguousarray(samples[:, first : first + 1024])
            frame = av.AudioFrame.from_ndarray(piece, "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
