"""Faults of level and colour, put into pictures: every maker takes RGB pictures and gives them back with a fault in
[start, end) seconds. `Fault.truth` says where the first and the last picture of it really are."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Change = Callable[[Image, int], Image]
    """A picture and its number within the fault, to the picture with the fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A change to all pictures of an interval."""

    start: float
    end: float
    change: Change
    fps: float = 25.0

    def into(self, frames: Iterable[Image]) -> Iterator[Image]:
        """The pictures with the fault."""
        first, last = self._numbers()
        for n, image in enumerate(frames):
            yield self.change(image, n - first) if first <= n < last else image

    @property
    def truth(self) -> Span:
        """From the time of the first changed picture to that of the first unchanged."""
        first, last = self._numbers()
        return Span(first / self.fps, last / self.fps)

    def _numbers(self) -> tuple[int, int]:
        return ceil(self.start * self.fps - 1e-6), ceil(self.end * self.fps - 1e-6)


def inject(frames: Iterable[Image], *faults: Fault) -> Iterator[Image]:
    """The pictures with all faults."""
    for fault in faults:
        frames = fault.into(frames)
    yield from frames


# ---- black, one colour, bars


def black(level: int = 0, noise: float = 0.0, logo: bool = False, seed: int = 0) -> Change:
    """Black at a level of 255, with a sensor's noise, and a channel's white logo and clock in the corners."""
    return solid((level, level, level), noise, logo, seed)


def solid(colour: tuple[int, int, int], noise: float = 0.0, logo: bool = False, seed: int = 0) -> Change:
    """One RGB colour all over."""
    random = np.random.default_rng(seed)

    def change(image: Image, n: int) -> Image:
        plain = np.empty_like(image)
        plain[:] = colour
        if noise:
            grain = random.normal(0.0, noise, image.shape[:2])[:, :, None]
            plain = np.clip(plain + grain, 0, 255).astype(np.uint8)
        return _branded(plain, n) if logo else plain

    return change


def _branded(image: Image, n: int) -> Image:
    height, width = image.shape[:2]
    unit = height / 720
    cv2.circle(image, (int(width * 0.92), int(height * 0.1)), int(34 * unit), (230, 230, 230), -1, cv2.LINE_AA)
    text = f"12:{n // 1500 % 60:02d}:{n // 25 % 60:02d}"
    where = int(width * 0.03), int(height * 0.12)
    thick = max(1, round(2 * unit))
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, unit, (230, 230, 230), thick, cv2.LINE_AA)
    return image


def titles(image: Image, n: int) -> Image:
    """Credits that roll over black: black to FFmpeg's blackdetect, not to a viewer."""
    plain = np.zeros_like(image)
    height, width = image.shape[:2]
    for line in range(3):
        where = int(width * 0.35), int((0.3 + 0.2 * line) * height) - n % 30
        cv2.putText(plain, "Directed by Someone", where, cv2.FONT_HERSHEY_SIMPLEX, height / 720, (220,) * 3, 2)
    return plain


SMPTE = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1))


def bars(kind: str = "ebu", level: float = 0.75, clock: bool = False) -> Change:
    """Colour bars: `ebu` (eight, full height), `smpte` (seven over two strips), `hd` (RP 219: between gray flanks)."""

    def change(image: Image, n: int) -> Image:
        height, width = image.shape[:2]
        card = _card(kind, level, width, height)
        if clock:
            cv2.rectangle(card, (int(width * 0.36), int(height * 0.2)), (int(width * 0.64), int(height * 0.33)), 0, -1)
            where = int(width * 0.4), int(height * 0.29)
            cv2.putText(card, f"TEST {n:05d}", where, cv2.FONT_HERSHEY_SIMPLEX, height / 720, (255,) * 3, 2)
        return card

    return change


def _card(kind: str, level: float, width: int, height: int) -> Image:
    card = np.zeros((height, width, 3), np.uint8)
    colours = (np.array(SMPTE) * 255 * level).round().astype(np.uint8)
    left, right, bottom = 0, width, height if kind == "ebu" else height * 2 // 3
    if kind == "hd":
        left, right, bottom = width // 8, width - width // 8, height * 7 // 12
        card[:bottom] = 102
    if kind == "ebu":
        colours = np.concatenate([colours, np.zeros((1, 3), np.uint8)])
        colours[0] = 255
    edges = np.linspace(left, right, len(colours) + 1).astype(int)
    for colour, first, last in zip(colours, edges[:-1], edges[1:], strict=True):
        card[:bottom, first:last] = colour
    if kind != "ebu":
        card[bottom : bottom + height // 12] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    return card


# ---- flashes and flicker


def flash(rate: float, fps: float = 25.0, bright: int = 235, share: float = 1.0, duty: float = 0.5) -> Change:
    """`rate` flashes a second to `bright` over `share` of the picture, on a darkened picture."""

    def change(image: Image, n: int) -> Image:
        out = image // 3
        if n * rate / fps % 1.0 < duty:
            out[: int(share * image.shape[0])] = bright
        return out

    return change


def red_flash(rate: float, fps: float = 25.0) -> Change:
    """`rate` changes a second to saturated red."""

    def change(image: Image, n: int) -> Image:
        if n * rate / fps % 1.0 >= 0.5:
            return image
        red = np.zeros_like(image)
        red[:, :, 0] = 255
        return red

    return change


def flicker(depth: float, hertz: float, fps: float = 25.0) -> Change:
    """All brightness goes up and down by `depth` of itself: mains light, an iris that hunts."""

    def change(image: Image, n: int) -> Image:
        gain = 1.0 + depth * np.sin(2 * np.pi * hertz * n / fps)
        return np.asarray(np.clip(image * np.float32(gain), 0, 255), np.uint8)

    return change


# ---- exposure and colour


def exposure(stops: float) -> Change:
    """Light as by a lens opened by so many stops: linear light (power 2.2), then clipped."""
    curve = np.clip(255 * (np.linspace(0, 1, 256) ** 2.2 * 2.0**stops) ** (1 / 2.2), 0, 255).astype(np.uint8)
    return lambda image, n: curve[image]


def crushed(level: int, gain: float = 1.0) -> Change:
    """All below `level` of 255 becomes black, the rest is stretched."""
    curve = np.clip((np.arange(256) - level) * 255 / (255 - level) * gain, 0, 255).astype(np.uint8)
    return lambda image, n: curve[image]


def cast(red: float, green: float, blue: float) -> Change:
    """Gains of the primaries: a white balance that is wrong."""
    gains = np.array([red, green, blue], np.float32)
    return lambda image, n: np.clip(image * gains, 0, 255).astype(np.uint8)


def saturation(gain: float) -> Change:
    """0 is gray, 1 leaves it, 2 doubles the colour."""

    def change(image: Image, n: int) -> Image:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None].astype(np.float32)
        return np.asarray(np.clip(gray + gain * (image - gray), 0, 255), np.uint8)

    return change


def framed(across: float = 0.0, down: float = 0.0, level: int = 0) -> Change:
    """The picture shrunk between bars: `across` of the width is bars (pillarbox), `down` of the height (letterbox)."""

    def change(image: Image, n: int) -> Image:
        height, width = image.shape[:2]
        inner = round(width * (1 - across) / 2) * 2, round(height * (1 - down) / 2) * 2
        out = np.full_like(image, level)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
        out[top : top + inner[1], left : left + inner[0]] = small
        return out

    return change


def fade(length: float, fps: float = 25.0) -> Change:
    """To black and back in `length` seconds: one black picture at most."""

    def change(image: Image, n: int) -> Image:
        gain = abs(2 * n / (length * fps) - 1)
        return np.asarray(image * np.float32(min(1.0, gain)), np.uint8)

    return change
