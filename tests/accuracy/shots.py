"""Random programmes for alignment: shots of textures that pan, zoom, shake, fade, repeat, stand or loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.accuracy.clips import bunny

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Dice = np.random.Generator

WIDTH, HEIGHT = 320, 180
MOVING = ("cuts", "slow pan", "fades", "handheld", "talk", "slides", "grain", "repeats", "sprites", "bunny")
STILL = ("still", "still with grain", "loop", "short loop")


@dataclass(slots=True)
class Shot:
    """A camera over a texture, with things that move before it."""

    texture: NDArray[np.float32]
    start: tuple[float, float]
    speed: tuple[float, float]
    zoom: float = 1.0
    """Growth a frame."""
    shake: float = 0.0
    sprites: list[tuple[float, ...]] = field(default_factory=list)
    seed: int = 0

    def picture(self, n: int) -> NDArray[np.float32]:
        """Frame `n` of the shot."""
        scale = self.zoom**n
        x, y = (self.start[k] + self.speed[k] * n for k in (0, 1))
        if self.shake:
            jitter = np.random.default_rng((self.seed, n)).normal(0, self.shake, 2)
            x, y = x + jitter[0], y + jitter[1]
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        out = cv2.warpAffine(self.texture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
        for cx, cy, ax, ay, fx, fy, phase, size, shade in self.sprites:
            at = int(cx + ax * np.sin(fx * n + phase)), int(cy + ay * np.sin(fy * n + 2 * phase))
            cv2.circle(out, at, int(size), float(shade), -1, cv2.LINE_AA if out.dtype == np.uint8 else cv2.LINE_8)
        return np.asarray(out, np.float32)


def texture(dice: Dice) -> NDArray[np.float32]:
    """Noise with a natural spectrum, of random contrast and brightness; and edges."""
    size = 512
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    steep = dice.uniform(1.0, 1.6)
    amplitude = 1 / np.maximum(np.hypot(fx, fy), 1 / size) ** steep
    noise = np.fft.irfft2(amplitude * np.exp(2j * np.pi * dice.random(amplitude.shape)), s=(size, size))
    noise = noise / noise.std() * dice.uniform(18, 45) + dice.uniform(80, 160)
    out = np.asarray(noise, np.float32)
    for _ in range(int(dice.integers(0, 10))):
        corner = dice.integers(0, size, 2)
        far = corner + dice.integers(10, 160, 2)
        cv2.rectangle(out, corner.tolist(), far.tolist(), float(dice.uniform(20, 235)), -1)
    return out


def shot(dice: Dice, kind: str) -> Shot:
    """A shot as programmes of this kind have them."""
    angle = dice.uniform(0, 2 * np.pi)
    fast = {"slow pan": dice.uniform(0.15, 1.0), "talk": 0.0, "slides": 0.0, "grain": dice.uniform(0.1, 1.0),
            "still": 0.0, "still with grain": 0.0}.get(kind, float(dice.choice([0.3, 1.0, 3.0, 8.0])))  # fmt: skip
    speed = (float(fast * np.cos(angle)), float(fast * np.sin(angle) * 0.6))
    made = Shot(texture(dice), (float(dice.uniform(40, 150)), float(dice.uniform(40, 250))), speed)
    made.seed = int(dice.integers(1 << 30))
    if kind == "handheld":
        made.shake = float(dice.uniform(0.4, 3))
    if kind in ("cuts", "fades") and dice.random() < 0.3:
        made.zoom = float(dice.uniform(0.996, 1.004))
    many = {"talk": 2, "sprites": int(dice.integers(1, 7))}.get(kind, int(dice.random() < 0.3))
    for _ in range(many):
        size = dice.uniform(6, 14) if kind == "talk" else dice.uniform(4, 30)
        reach = dice.uniform(4, 20, 2) if kind == "talk" else dice.uniform(10, 120, 2)
        made.sprites.append((dice.uniform(60, 260), dice.uniform(40, 140), *reach, *dice.uniform(0.02, 0.35, 2),
                             dice.uniform(0, 6), size, dice.uniform(10, 245)))  # fmt: skip
    return made


def programme(dice: Dice, kind: str, frames: int) -> list[Plane]:
    """`frames` pictures of that kind."""
    return filmed(dice, kind, frames)[0]


def filmed(dice: Dice, kind: str, frames: int) -> tuple[list[Plane], list[Plane]]:
    """`frames` pictures of that kind, and the same without their grain."""
    if kind == "bunny":
        planes = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in bunny((WIDTH, HEIGHT), frames / 25)]
        return (found := [np.asarray(each, np.uint8) for each in planes][:frames]), found
    if kind in ("still", "still with grain"):
        return _finished([shot(dice, kind).picture(0)] * frames, dice, kind)
    if kind in ("loop", "short loop"):
        period = int(dice.integers(4, 13)) if kind == "short loop" else int(dice.integers(20, max(21, frames // 4)))
        once = _shots(dice, "cuts", period)
        return _finished([once[n % period] for n in range(frames)], dice, kind)
    return _finished(_shots(dice, kind, frames), dice, kind)


def _shots(dice: Dice, kind: str, frames: int) -> list[NDArray[np.float32]]:
    out: list[NDArray[np.float32]] = []
    known: list[Shot] = []
    lengths = {"slow pan": (frames, frames + 1), "talk": (60, 200), "slides": (15, 50)}.get(kind, (20, 110))
    while len(out) < frames:
        length = int(dice.integers(*lengths))
        if kind == "repeats" and known and dice.random() < 0.4:
            made = known[int(dice.integers(len(known)))]
        else:
            made = shot(dice, kind)
            known.append(made)
        fresh = [made.picture(n) for n in range(length)]
        if kind == "fades":
            _fade(dice, out, fresh)
        out += fresh
    return out[:frames]


def _fade(dice: Dice, before: list[NDArray[np.float32]], fresh: list[NDArray[np.float32]]) -> None:
    """From black, or out of the last picture."""
    over = min(len(fresh), int(dice.integers(8, 40)))
    start = before[-1] if before and dice.random() < 0.5 else np.full_like(fresh[0], 16)
    for n in range(over):
        part = (n + 1) / (over + 1)
        fresh[n] = start * (1 - part) + fresh[n] * part


def _finished(pictures: list[NDArray[np.float32]], dice: Dice, kind: str) -> tuple[list[Plane], list[Plane]]:
    grain = {"grain": dice.uniform(3, 10), "still with grain": dice.uniform(2, 8)}.get(kind, 0.0)
    grain = float(grain or (dice.uniform(1, 4) if dice.random() < 0.2 else 0))
    give: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda picture: picture  # noqa: E731
    if grain:
        shape = (8, HEIGHT + 64, WIDTH + 64)
        raw = np.asarray(dice.normal(0, grain * 1.8, shape), np.float32)
        noise = [cv2.GaussianBlur(each, (3, 3), 0) for each in raw]

        def give(picture: NDArray[np.float32]) -> NDArray[np.float32]:
            y, x = dice.integers(0, 64, 2)
            return picture + noise[int(dice.integers(8))][y : y + HEIGHT, x : x + WIDTH]

    made, clean = ([np.clip(np.rint(way(each)), 16, 235).astype(np.uint8) for each in pictures]
                   for way in (give, lambda picture: picture))  # fmt: skip
    return made, clean
