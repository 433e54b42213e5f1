"""Contents, codecs, sizes and bit rates of the fault matrix, drawn from a seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.accuracy.clips import bunny, dark_noise, encode, name_of, photo_pan, photos, slides
from tests.accuracy.faults_picture import inject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.accuracy.clips import Image
    from tests.accuracy.faults_picture import Fault

SIZES = ((320, 180), (640, 360), (1280, 720))
RATES = {180: (1.5e5, 3e5, 6e5), 360: (4e5, 8e5, 1.5e6), 720: (1e6, 2e6, 4e6), 1080: (3e6, 6e6)}
"""Bits per second by height."""
CODECS = (("libx264", "veryfast"), ("libx264", "medium"), ("libx265", "ultrafast"))
CONTENTS = ("pan", "pan", "pan", "bunny", "dark", "slides")


@dataclass(frozen=True)
class Make:
    """How a clip is made."""

    content: str
    seed: int
    size: tuple[int, int]
    seconds: float
    codec: str
    preset: str
    bitrate: float
    gop: int
    fps: float = 25.0

    @property
    def facts(self) -> dict[str, Any]:
        """For the results."""
        return asdict(self)

    def frames(self) -> Iterator[Image]:
        """The pictures before any fault."""
        if self.content == "bunny":
            return bunny(self.size, self.seconds)
        if self.content == "dark":
            return dark_noise(self.size, self.seconds, self.seed, fps=self.fps)
        if self.content == "slides":
            return slides(self.size, self.seconds, self.seed, fps=self.fps)
        photo = {name_of(each): each for each in photos()}[self.content]
        return photo_pan(photo, self.size, self.seconds, self.seed, fps=self.fps)

    def into(self, path: Path, *faults: Fault, frames: Iterator[Image] | None = None) -> Path:
        """The clip with faults in it, unless it is there."""
        if path.exists():
            return path
        part = path.with_suffix(f".part{path.suffix}")
        pictures = inject(self.frames() if frames is None else frames, *faults)
        encode(part, pictures, self.fps, self.codec, self.bitrate, self.gop, preset=self.preset)
        return part.rename(path)


def dice(group: str, number: int) -> np.random.Generator:
    """The same for every run of a job."""
    return np.random.default_rng([*group.encode(), number])


def pick(random: np.random.Generator, of: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    """One of them, as it is."""
    return of[int(random.choice(len(of), p=weights))]


def draw(
    random: np.random.Generator,
    seconds: float,
    contents: Sequence[str] = CONTENTS,
    sizes: Sequence[float] = (0.6, 0.33, 0.07),
    gops: Sequence[int] = (25, 25, 50, 50, 100),
    fps: float = 25.0,
) -> Make:
    """How to make a clip; `sizes`: how likely each of SIZES is. `pan` becomes a photograph's name."""
    content = pick(random, contents)
    if content == "pan":
        content = name_of(pick(random, photos()))
    size = pick(random, SIZES, sizes)
    codec, preset = pick(random, CODECS, (0.75, 0.15, 0.1))
    rate = pick(random, RATES[size[1]])
    return Make(content, int(random.integers(1 << 30)), size, seconds, codec, preset, rate, pick(random, gops), fps)
