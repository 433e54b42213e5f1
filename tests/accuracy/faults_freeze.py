"""Frozen pictures to be found, and stills to be let pass: fault makers, contents, and the matrix of both.

    for case in matrix(100, seed=1, part=0):
        path, truth = case.build(folder)

`part` 0 and 1 share no photograph: tune on one, report on the other. Everything follows from the seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import ceil, pi, sin
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from tests.accuracy.clips import bunny, encode, photo_pan, photos, picture, slides, speech
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tests.accuracy.clips import Image

FPS = 25.0


# ---- faults


def freeze(
    frames: Iterable[Image], spans: Sequence[Span], fps: float = FPS, *, paused: bool = False
) -> Iterator[Image]:
    """Hold the first picture of every span to its end; then go on where live would be, or (`paused`) where it was."""
    held, lost = None, 0
    bounds = [(round(span.start * fps), round(span.end * fps)) for span in spans]
    source = iter(frames)
    n = 0
    for image in source:
        span = next((b for b in bounds if b[0] == n), None)
        yield image
        n += 1
        if span is None:
            continue
        held, lost = image, span[1] - span[0] - 1
        for _ in range(lost):
            if not paused:
                next(source, None)
            yield held
            n += 1


def stutter(frames: Iterable[Image], pattern: Sequence[int]) -> Iterator[Image]:
    """Show pictures so often, in turn, and skip the rest: (2,) is half the frame rate, (2, 3) a pull-down."""
    left, turn, held = 0, 0, None
    for image in frames:
        if left == 0:
            held, left = image, pattern[turn % len(pattern)]
            turn += 1
        left -= 1
        assert held is not None
        yield held


def clock(frames: Iterable[Image], fps: float = FPS, *, every: int = 1) -> Iterator[Image]:
    """Burn a clock with frame numbers into the upper right corner, changing every so many pictures."""
    for n, image in enumerate(frames):
        shown, height = image.copy(), image.shape[0]
        n -= n % every
        words = f"{int(n / fps) // 60:02}:{int(n / fps) % 60:02}:{n % round(fps):02}"
        where = image.shape[1] - int(0.27 * height), int(0.09 * height)
        cv2.rectangle(shown, (where[0] - 4, 4), (image.shape[1] - 4, int(0.11 * height)), (0, 0, 0), -1)
        cv2.putText(shown, words, where, cv2.FONT_HERSHEY_SIMPLEX, height / 720, (255, 255, 255), 1, cv2.LINE_AA)
        yield shown


def ticker(frames: Iterable[Image], fps: float = FPS) -> Iterator[Image]:
    """Let a line of news run through the bottom of the picture."""
    strip: Image | None = None
    for n, image in enumerate(frames):
        height, width = image.shape[:2]
        if strip is None:
            strip = np.full((height // 12, 4 * width, 3), (20, 20, 90), np.uint8)
            text = "NEWS  the line that runs below goes on and on  *  " * 6
            cv2.putText(strip, text, (0, height // 17), cv2.FONT_HERSHEY_DUPLEX, height / 600, (255, 255, 255), 1)
        shown, at = image.copy(), int(n / fps * height / 5) % (3 * width)
        shown[-height // 12 - 8 : -8] = strip[: len(shown[-height // 12 - 8 : -8]), at : at + width]
        yield shown


AGAIN = 50
"""Pictures between key frames of what is encoded again."""


def again(path: Path, out: Path, bitrate: float = 2e6, gop: int = AGAIN) -> Path:
    """Decode a file and encode it once more."""
    with av.open(str(path)) as container:
        frames = (np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0))
        return encode(out, frames, FPS, "libx264", bitrate, gop)


# ---- contents


def grain(frames: Iterable[Image], sigma: float, seed: int = 0) -> Iterator[Image]:
    """A camera's noise."""
    random = np.random.default_rng(seed)
    bank: list[Any] = []
    for image in frames:
        if not bank:
            bank = [random.normal(0, sigma, (*image.shape[:2], 1)).astype(np.int16) for _ in range(5)]
        shift = int(random.integers(image.shape[0])), int(random.integers(image.shape[1]))
        noise = np.roll(bank[int(random.integers(5))], shift, (0, 1))
        yield np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def night(photo: Path, size: tuple[int, int], seconds: float, seed: int) -> Iterator[Image]:
    """A camera that pans in the dark, with the noise of a sensor turned up."""
    frames = photo_pan(photo, size, seconds, seed, speed=30.0)
    return grain(((16 + image * 0.14).astype(np.uint8) for image in frames), 3.0, seed)


SWAY = 0.75
"""Pixels of 360p."""


def talker(
    size: tuple[int, int],
    seconds: float,
    seed: int,
    pair: tuple[Path, Path],
    amount: float,
    rest: Sequence[Span] = (),
) -> Iterator[Image]:
    """Somebody talks before a background that stands still: a head that sways by `amount` pixels (of 360p), a mouth.
    For every span of `rest` he sits still, having come to rest within a second, but for what no living head is without:
    it sways by a millimetre, which is SWAY pixels where a head of 24 cm takes half the height."""
    random = np.random.default_rng(seed)
    width, height = size
    back = cv2.GaussianBlur(picture(pair[0], size)[:height, :width], (0, 0), 3)
    head = picture(pair[1], (int(0.2 * width), int(0.5 * height)))[: int(0.5 * height), : int(0.2 * width)]
    tall, wide = head.shape[:2]
    shape: Any = np.zeros((tall, wide), np.float32)
    cv2.ellipse(shape, (wide // 2, tall // 2), (wide // 2 - 3, tall // 2 - 3), 0, 0, 360, 1.0, -1)
    shape = cv2.GaussianBlur(shape, (0, 0), 2)
    phase, unit, t = random.uniform(0, 2 * pi, 6), amount * height / 360, 0.0
    for n in range(round(seconds * FPS)):
        t = n / FPS if not rest else t + eased(n / FPS, rest) / FPS
        face = head.copy()
        opened = abs(sin(9 * t + phase[4])) * max(0.0, sin(0.9 * t + phase[5]) + 0.6)
        size_of = int(0.16 * wide), max(1, int(0.07 * tall * opened))
        cv2.ellipse(face, (wide // 2, int(0.75 * tall)), size_of, 0, 0, 360, (90, 30, 40), -1)
        dx = unit * (sin(1.1 * t + phase[0]) + 0.5 * sin(2.7 * t + phase[1]))
        dy = 0.6 * unit * (sin(1.7 * t + phase[2]) + 0.5 * sin(3.3 * t + phase[3]))
        if rest:
            dx += SWAY * height / 360 * sin(1.9 * n / FPS + phase[5])
            dy += SWAY * height / 360 * sin(1.3 * n / FPS + phase[4])
        matrix = np.array([[1, 0, 0.4 * width + dx], [0, 1, 0.3 * height + dy]])
        over = cv2.warpAffine(shape, matrix, size)[:, :, None]
        yield (back * (1 - over) + cv2.warpAffine(face, matrix, size) * over).astype(np.uint8)


def stills(size: tuple[int, int], seconds: float, seed: int, of: Sequence[Path], *, blend: bool) -> Iterator[Image]:
    """Photographs of goods, three to six seconds each, cut or blended into one another."""
    random = np.random.default_rng(seed)
    chosen = [of[int(n)] for n in random.permutation(len(of))]
    images = [picture(path, size)[: size[1], : size[0]] for path in chosen[:8]]
    made, turn = 0, 0
    while made < seconds * FPS:
        now, then = images[turn % len(images)], images[(turn + 1) % len(images)]
        for _ in range(int(random.uniform(3, 6) * FPS)):
            yield now
            made += 1
        length = int(random.uniform(0.4, 1.5) * FPS) if blend else 0
        for n in range(length):
            yield cv2.addWeighted(now, 1 - n / length, then, n / length, 0).astype(np.uint8)
            made += 1
        turn += 1


def rolling(size: tuple[int, int], seconds: float, seed: int, speed: float) -> Iterator[Image]:
    """Credits that roll up at `speed` pixels (of 360p) a second."""
    random = np.random.default_rng(seed)
    width, height = size
    tall = height + int(seconds * speed * height / 360) + 2
    sheet = np.zeros((tall, width, 3), np.uint8)
    for y in range(height // 3, tall, height // 12):
        words = "".join(chr(97 + int(c)) if c < 26 else " " for c in random.integers(0, 30, 24))
        cv2.putText(
            sheet, words, (width // 4, y), cv2.FONT_HERSHEY_DUPLEX, height / 500, (230, 230, 230), 1, cv2.LINE_AA
        )
    for n in range(round(seconds * FPS)):
        matrix = np.array([[1.0, 0, 0], [0, 1.0, n / FPS * speed * height / 360]])
        yield np.asarray(cv2.warpAffine(sheet, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.uint8)


def comes_to_rest(
    photo: Path, size: tuple[int, int], seconds: float, seed: int, rest: Sequence[Span]
) -> Iterator[Image]:
    """A camera that slows down within a second, stands still for every span of `rest`, and sets off again."""
    random = np.random.default_rng(seed)
    image = picture(photo, size, 1.5)
    room = np.array([image.shape[1] - size[0] - 1, image.shape[0] - size[1] - 1], float)
    phase, along = random.uniform(0, 2 * pi, 2), 0.0
    for n in range(round(seconds * FPS)):
        along += eased(n / FPS, rest) / FPS
        x, y = (0.5 + 0.45 * np.sin(phase + 0.35 * along)) * room
        matrix = np.array([[1, 0, x], [0, 1, y]])
        yield np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.uint8)


def eased(t: float, rest: Sequence[Span]) -> float:
    """How fast what comes to rest moves: 0 within a span, 1 a second away from all."""
    return min(1.0, min((max(span.start - t, t - span.end, 0.0) for span in rest), default=9.0))


def interrupted(
    frames: Iterable[Image], cards: Sequence[Image], spans: Sequence[Span], blend: float
) -> Iterator[Image]:
    """Moving pictures with cards that stand for every span: by a cut, or blended over `blend` seconds before it."""
    for n, image in enumerate(frames):
        t = n / FPS
        shown = image
        for card, span in zip(cards, spans, strict=False):
            weight = 1.0 if span.start <= t < span.end else 0.0
            if blend and span.start - blend < t < span.start:
                weight = 1 - (span.start - t) / blend
            if weight:
                shown = cv2.addWeighted(image, 1 - weight, card, weight, 0).astype(np.uint8)
        yield shown


# ---- the matrix

MOVING = ("pan_fast", "pan", "pan_slow", "zoom", "bunny", "dark", "talker", "talker_calm", "rolling", "film", "clock",
          "ticker")  # fmt: skip
"""Contents that move: a freeze in them must be found."""
STANDING = ("slides", "stills", "stills_blend", "camera", "cards", "cards_blend", "rests", "creeps", "low_rate")
"""Contents with stills, or what is like them, that are no freezes."""
CODECS = (("libx264", "veryfast"), ("libx264", "medium"), ("libx265", "ultrafast"))
LENGTHS = (0.5, 0.5, 0.6, 0.8, 1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 3.0, 4.0, 6.0)
SIZES = ((320, 180), (640, 360), (1280, 720))


@dataclass(frozen=True)
class Case:
    """A clip to be made: content, faults, coding."""

    content: str
    seed: int
    part: int
    faults: tuple[Span, ...]
    paused: bool = False
    size: tuple[int, int] = (640, 360)
    seconds: float = 20.0
    codec: str = "libx264"
    preset: str = "veryfast"
    bitrate: float = 2e6
    gop: int = 50
    twice: bool = False

    @property
    def name(self) -> str:
        return f"freeze_{self.content}_{hashlib.sha1(repr(self).encode()).hexdigest()[:12]}"

    def build(self, folder: Path) -> tuple[Path, list[Span]]:
        """The file (made if it is not there yet) and the truth, in seconds from the first picture."""
        path = folder / f"{self.name}.ts"
        if not path.exists():
            first, sound = path.with_suffix(".part.ts"), None
            if self.content in ("slides", "stills"):
                sound = speech(self.seconds, self.seed)
            encode(first, self._frames(), FPS, self.codec, self.bitrate, self.gop, sound, preset=self.preset)
            if self.twice:
                again(first, path.with_suffix(".again.ts"))
                first.unlink()
                first = path.with_suffix(".again.ts")
            first.rename(path)
        return path, list(self.faults)

    @property
    def apart(self) -> float:
        """Seconds between key frames, at most."""
        return (AGAIN if self.twice else self.gop) / FPS

    def _frames(self) -> Iterator[Image]:
        frames = freeze(content(self), self.faults, paused=self.paused)
        if self.content == "clock":
            return clock(frames, every=1 if self.seed % 2 else 25)
        return ticker(frames) if self.content == "ticker" else frames


def content(case: Case) -> Iterator[Image]:
    """The pictures of a case before any fault."""
    pool = photos()[case.part :: 2]
    random = np.random.default_rng(case.seed)
    size, seconds, seed = case.size, case.seconds + 1, case.seed
    one, two = (pool[int(n)] for n in random.choice(len(pool), 2, replace=False))
    sigma = float(random.uniform(0.5, 2.0))

    def pan(speed: float) -> Iterator[Image]:
        return grain(photo_pan(one, size, seconds, seed, speed=speed), sigma, seed)

    cards = [picture(path, size)[: size[1], : size[0]] for path in (one, two)]
    spans = [Span(a, a + float(random.uniform(1.5, 4))) for a in (4.0, 12.0)]
    made = {
        "pan_fast": lambda: pan(240.0), "pan": lambda: pan(60.0), "pan_slow": lambda: pan(25.0),
        "clock": lambda: pan(60.0), "ticker": lambda: pan(60.0),
        "zoom": lambda: grain(photo_pan(one, size, seconds, seed, speed=1.0), sigma, seed),
        "bunny": lambda: bunny(size, seconds),
        "film": lambda: stutter(bunny(size, seconds), ((2,), (2, 3), (1, 1, 1, 2))[seed % 3]),
        "dark": lambda: night(one, size, seconds, seed),
        "talker": lambda: grain(talker(size, seconds, seed, (one, two), 4.0), sigma, seed),
        "talker_calm": lambda: grain(talker(size, seconds, seed, (one, two), 1.5), sigma, seed),
        "rolling": lambda: rolling(size, seconds, seed, 40.0),
        "slides": lambda: slides(size, seconds, seed, every=(3.0, 6.0, 10.0)[seed % 3]),
        "stills": lambda: stills(size, seconds, seed, pool, blend=False),
        "stills_blend": lambda: stills(size, seconds, seed, pool, blend=True),
        "camera": lambda: grain((cards[0] for _ in range(round(seconds * FPS))), 2 * sigma, seed),
        "cards": lambda: interrupted(pan(60.0), cards, spans, 0.0),
        "cards_blend": lambda: interrupted(pan(60.0), cards, spans, float(random.uniform(0.4, 1.2))),
        "rests": lambda: comes_to_rest(one, size, seconds, seed, spans),
        "creeps": lambda: grain(photo_pan(one, size, seconds, seed, speed=4.0), sigma, seed),
        "low_rate": lambda: stutter(pan(60.0), ((5,), (8,), (12,), (25,))[seed % 4]),
    }  # fmt: skip
    return made[case.content]()


def matrix(
    count: int,
    seed: int,
    part: int,
    contents: Sequence[str] = MOVING + STANDING,
    *,
    seconds: float = 20.0,
    lengths: Sequence[float] = LENGTHS,
    first: float = 2.5,
    gap: float = 2.0,
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> Iterator[Case]:
    """So many clips over all contents in turn, the rest at random; moving contents hold freezes of these `lengths`, the
    `first` so late, and so far apart (or up to 1.5 s more)."""
    random = np.random.default_rng(seed)
    for n in range(count):
        name = contents[n % len(contents)]
        faults: list[Span] = []
        at = float(random.uniform(first, first + 1.5))
        while name in MOVING and at < seconds - 3:
            length = ceil(float(random.choice(lengths)) * FPS) / FPS
            begin = round(at * FPS) / FPS
            if begin + length < seconds - 1:
                faults.append(Span(begin, begin + length))
            at = begin + length + float(random.uniform(gap, gap + 1.5))
        codec, preset = CODECS[int(random.choice(len(CODECS), p=[0.75, 0.15, 0.1]))]
        size = sizes[int(random.choice(len(SIZES), p=[0.5, 0.4, 0.1])) % len(sizes)]
        yield Case(
            name, int(random.integers(1 << 30)), part, tuple(faults), bool(random.random() < 0.3), size, seconds, codec,
            preset, float(random.choice([5e5, 1e6, 2e6, 4e6])), int(random.choice([25, 50, 100])),
            bool(random.random() < 0.5),
        )  # fmt: skip
