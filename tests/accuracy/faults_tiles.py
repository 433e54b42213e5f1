"""Layouts of two and four people, and what goes wrong with one of them: clips with their truth.

The host moves all the time. A guest is frozen, or black, or healthy: he sways, sits still for seconds (coming to rest
as people do, under his camera's noise), shows a product that stands still, or turns his camera off (a card by a cut).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from qoe_agent.maths.tiles import Tile, grid
from tests.accuracy import faults_picture
from tests.accuracy.clips import encode, photo_pan, photos, picture
from tests.accuracy.contents import pick
from tests.accuracy.faults_freeze import FPS, again, freeze, grain, interrupted, talker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.accuracy.clips import Image
    from tests.accuracy.score import Span

LAYOUTS = {
    "pair": (Tile("host", 0.0, 0.0, 0.5, 1.0), Tile("guest", 0.5, 0.0, 0.5, 1.0)),
    "four": grid(2, 2),
}
GUESTS = ("frozen", "frozen", "black", "sways", "sits", "product", "leaves")
"""What the guest does; the last four are healthy."""


@dataclass(frozen=True)
class Layout:
    """A clip to be made."""

    layout: str
    guest: str
    seed: int
    size: tuple[int, int]
    seconds: float
    bitrate: float
    gop: int
    twice: bool
    spans: tuple[Span, ...] = field(default=())
    """When the guest is frozen, black, sits still or is away."""

    @property
    def tiles(self) -> tuple[Tile, ...]:
        return LAYOUTS[self.layout]

    @property
    def name(self) -> str:
        return f"tiles_{self.layout}_{self.guest}_{hashlib.sha1(repr(self).encode()).hexdigest()[:12]}"

    def truth(self, fault: str) -> list[Span]:
        """When the guest's tile is `frozen`, or `black`; no other tile ever is."""
        return list(self.spans) if self.guest == fault else []

    def build(self, folder: Path) -> Path:
        """The file, made if it is not there yet."""
        path = folder / f"{self.name}.ts"
        if not path.exists():
            first = path.with_suffix(".part.ts")
            encode(first, self.frames(), FPS, "libx264", self.bitrate, self.gop)
            if self.twice:
                again(first, path.with_suffix(".again.ts"), self.bitrate, self.gop)
                first.unlink()
                first = path.with_suffix(".again.ts")
            first.rename(path)
        return path

    def frames(self) -> Iterator[Image]:
        """The composed pictures."""
        width, height = self.size
        sizes = [(round(tile.width * width), round(tile.height * height)) for tile in self.tiles]
        random = np.random.default_rng(self.seed)
        pool = photos()
        people = [self._person(n, size, random, pool) for n, size in enumerate(sizes)]
        for shown in zip(*people, strict=False):
            whole = np.empty((height, width, 3), np.uint8)
            for tile, part, (across, down) in zip(self.tiles, shown, sizes, strict=True):
                left, top = round(tile.left * width), round(tile.top * height)
                whole[top : top + down, left : left + across] = part
            yield whole

    def _person(
        self, number: int, size: tuple[int, int], random: np.random.Generator, pool: list[Path]
    ) -> Iterator[Image]:
        seed = int(random.integers(1 << 30))
        one, two = (pool[int(n)] for n in random.choice(len(pool), 2, replace=False))
        sigma, lively = float(random.uniform(0.5, 2.0)), float(pick(random, (2.0, 4.0, 6.0)))
        even = size[0] & ~1, size[1] & ~1
        if number == 0 and random.random() < 0.4:
            frames = photo_pan(one, even, self.seconds, seed, speed=40.0)
        else:
            frames = talker(even, self.seconds, seed, (one, two), lively)
        if number == 1:
            frames = self._guest(frames, even, seed, (one, two))
            return (
                freeze(grain(frames, sigma, seed), self.spans)
                if self.guest == "frozen"
                else self._noisy(frames, sigma, seed)
            )
        return grain(frames, sigma, seed)

    def _noisy(self, frames: Iterator[Image], sigma: float, seed: int) -> Iterator[Image]:
        return frames if self.guest in ("black", "leaves") else grain(frames, sigma, seed)

    def _guest(
        self, frames: Iterator[Image], size: tuple[int, int], seed: int, of: tuple[Path, Path]
    ) -> Iterator[Image]:
        if self.guest == "black":
            made = [faults_picture.Fault(s.start, s.end, faults_picture.black(6, noise=0.0), FPS) for s in self.spans]
            return faults_picture.inject(frames, *made)
        if self.guest == "sits":
            return talker(size, self.seconds, seed, of, 4.0, self.spans)
        if self.guest == "product":
            still = picture(of[0], size)[: size[1], : size[0]]
            return (still for _ in range(round(self.seconds * FPS)))
        if self.guest == "leaves":
            return interrupted(frames, [card(size, seed)] * len(self.spans), self.spans, 0.0)
        return frames


def card(size: tuple[int, int], seed: int) -> Image:
    """An avatar on a plain ground."""
    random = np.random.default_rng(seed)
    made = np.full((size[1], size[0], 3), random.integers(40, 120, 3), np.uint8)
    centre, unit = (size[0] // 2, size[1] // 2), min(size) // 5
    cv2.circle(made, centre, unit, tuple(int(v) for v in random.integers(130, 250, 3)), -1, cv2.LINE_AA)
    cv2.putText(made, "A", (centre[0] - unit // 3, centre[1] + unit // 3), cv2.FONT_HERSHEY_DUPLEX, unit / 40,
                (20, 20, 20), max(1, unit // 20), cv2.LINE_AA)  # fmt: skip
    return made
