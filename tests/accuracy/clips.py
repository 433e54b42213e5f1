"""Content to put faults into, and the encoder: everything is made from a seed, the same on every machine.

A picture is an RGB array, rows x columns x 3, 8 bits; sound is channels x samples, float32, at 48 kHz.
Natural photographs are those of the Debian packages mate-backgrounds and plasma-workspace-wallpapers, where these
are installed, or lie unpacked in the folder that the variable QOE_PHOTOS names.
"""

from __future__ import annotations

import itertools
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Samples = NDArray[np.float32]

RATE = 48_000
SIZE = (1280, 720)
"""Width and height, unless told otherwise."""
BUNNY = Path(__file__).parents[3] / "shared" / "data" / "video" / "bigbuckbunny.mp4"
FOLDERS = ("usr/share/backgrounds/mate/nature", "usr/share/wallpapers")
PAINTED = ("Altai", "Autumn", "Canopee", "Cascade", "Cluster", "Elarun", "Flow", "FlyingKonqui", "Honeywave", "IceCold",
           "Kay", "Kokkini", "MilkyWay", "Next", "Opal", "PastelHills", "Patak", "SafeLanding", "Shell",
           "Volna")  # fmt: skip
"""Wallpapers that are drawings."""
ALSO = ("png", "jpg", "jpeg")
MARGIN = 1.35
"""How much larger than the picture is what is panned over."""


def photos(*, painted: bool = False) -> list[Path]:
    """One file of every natural photograph that is there, the largest, in the order of their names; with `painted`
    also the drawings."""
    roots = [Path(os.environ["QOE_PHOTOS"])] if "QOE_PHOTOS" in os.environ else [Path("/")]
    nature, walls = ([root / folder for root in roots] for folder in FOLDERS)
    found = {path.stem: path for folder in nature for path in folder.glob("*.jpg")}
    for folder in sorted(each for wall in walls for each in wall.glob("*")):
        sizes = [path for kind in ALSO for path in folder.glob(f"contents/images/*.{kind}")]
        if sizes and (painted or folder.name not in PAINTED):
            found[folder.name] = max(sizes, key=lambda path: (path.stat().st_size, path.name))
    if not found:
        raise FileNotFoundError("no photographs: install mate-backgrounds and plasma-workspace-wallpapers")
    return [found[name] for name in sorted(found)]


def name_of(photo: Path) -> str:
    """What a photograph is called."""
    return photo.parents[2].name if photo.parent.name == "images" else photo.stem


def enlarged(photo: Path, size: tuple[int, int]) -> float:
    """By how much a photograph is scaled up (or, below 1, down) to be panned over."""
    bgr = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    assert bgr is not None, photo
    return MARGIN * max(size[0] / bgr.shape[1], size[1] / bgr.shape[0])


def picture(photo: Path, size: tuple[int, int], margin: float = 1.0) -> Image:
    """A photograph scaled to cover `margin` times `size`."""
    bgr = cv2.imread(str(photo), cv2.IMREAD_COLOR)
    assert bgr is not None, photo
    scale = margin * max(size[0] / bgr.shape[1], size[1] / bgr.shape[0])
    shape = round(scale * bgr.shape[1]) + 1, round(scale * bgr.shape[0]) + 1
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(bgr, shape, interpolation=method)[:, :, ::-1])


def photo_pan(
    photo: Path,
    size: tuple[int, int] = SIZE,
    seconds: float = 10.0,
    seed: int = 0,
    *,
    fps: float = 25.0,
    zoom: bool = True,
    speed: float = 60.0,
) -> Iterator[Image]:
    """A camera that wanders over a photograph at about `speed` pixels (of 720p) a second, and zooms; without `zoom` it
    moves by whole pixels, so that every picture has the photograph's own detail."""
    random = np.random.default_rng(seed)
    image = picture(photo, size, MARGIN)
    room = np.array([image.shape[1] - size[0], image.shape[0] - size[1]], float)
    phase, turn = random.uniform(0, 2 * np.pi, 2), random.uniform(0.7, 1.3, 2)
    width, height = size
    for n in range(round(seconds * fps)):
        rate = speed * height / 720 / np.maximum(room / 2, 1.0)
        along = 0.5 + 0.48 * np.sin(phase + turn * rate * n / fps)
        corner = along * room
        if not zoom:
            x, y = corner.astype(int)
            yield np.ascontiguousarray(image[y : y + height, x : x + width])
            continue
        scale = 1.0 - 0.12 * (1 + np.sin(phase[0] + 0.5 * n / fps))
        middle = corner + np.array(size) / 2
        matrix = np.array([[scale, 0, middle[0] - scale * width / 2], [0, scale, middle[1] - scale * height / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        yield np.asarray(cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT), np.uint8)


def bunny(size: tuple[int, int] = SIZE, seconds: float = 5.0) -> Iterator[Image]:
    """Big Buck Bunny, 25 pictures a second, over and over."""
    if not BUNNY.exists():
        raise FileNotFoundError(f"{BUNNY.name} is missing from shared/data/video")
    left = round(seconds * 25)
    while left > 0:
        with av.open(str(BUNNY)) as container:
            for frame in itertools.islice(container.decode(video=0), left):
                left -= 1
                yield np.asarray(frame.to_ndarray(format="rgb24", width=size[0], height=size[1]), np.uint8)


def dark_noise(
    size: tuple[int, int] = SIZE, seconds: float = 10.0, seed: int = 0, *, fps: float = 25.0, level: float = 14.0
) -> Iterator[Image]:
    """A night scene: shapes between black and about 4 x `level` of 255, two faint lamps that move, and grain."""
    random = np.random.default_rng(seed)
    width, height = size
    rough = random.uniform(0.0, 2.0, (6, 10)).astype(np.float32) ** 2
    scene = level * np.asarray(cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    grain = [random.normal(0.0, 5.0, (height, width)).astype(np.float32) for _ in range(6)]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / height
    phase = random.uniform(0, 6, 2)
    for n in range(round(seconds * fps)):
        lamps = np.zeros_like(scene)
        for number in range(2):
            x, y = 0.9 + 0.6 * np.sin(phase[number] + 0.4 * n / fps), 0.5 + 0.3 * np.cos(phase[number] + 0.3 * n / fps)
            lamps += 60.0 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 0.004)
        shift = int(random.integers(0, width)), int(random.integers(0, height))
        noise = np.roll(grain[n % len(grain)], shift, (1, 0))
        gray = np.clip(np.roll(scene, n, 1) + lamps + noise, 0, 255)
        yield np.stack([0.9 * gray, gray, np.minimum(1.15 * gray, 255)], axis=2).astype(np.uint8)


def slides(
    size: tuple[int, int] = SIZE, seconds: float = 20.0, seed: int = 0, *, fps: float = 25.0, every: float = 6.0
) -> Iterator[Image]:
    """A talk: light pages of words and a bar chart that stand for about `every` seconds and change at once."""
    random = np.random.default_rng(seed)
    page, left = _page(size, random), 0
    for _ in range(round(seconds * fps)):
        if left <= 0:
            page, left = _page(size, random), round(fps * every * random.uniform(0.6, 1.4))
        left -= 1
        yield page


def _page(size: tuple[int, int], random: np.random.Generator) -> Image:
    width, height = size
    page = np.full((height, width, 3), random.integers(225, 256), np.uint8)
    ink = tuple(int(v) for v in random.integers(10, 90, 3))
    unit = height / 720
    cv2.rectangle(page, (0, 0), (width, int(90 * unit)), tuple(int(v) for v in random.integers(20, 200, 3)), -1)
    for line in range(int(random.integers(4, 9))):
        words = "".join(chr(97 + int(c)) if c < 26 else " " for c in random.integers(0, 31, 34))
        where = int(60 * unit), int((160 + 60 * line) * unit)
        cv2.putText(page, words, where, cv2.FONT_HERSHEY_DUPLEX, unit, ink, max(1, round(2 * unit)), cv2.LINE_AA)
    for bar in range(5):
        left, top = int(width * (0.72 + 0.05 * bar)), int(height * random.uniform(0.3, 0.85))
        shade = tuple(int(v) for v in random.integers(40, 220, 3))
        cv2.rectangle(page, (left, top), (left + int(width * 0.035), int(height * 0.9)), shade, -1)
    return page


def speech(seconds: float, seed: int = 0) -> Samples:
    """Something like a voice, stereo: syllables of a buzz through two formants, with pauses between sentences."""
    random = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    at = 0.1
    while at < seconds:
        length = random.uniform(0.08, 0.3)
        t = np.arange(round(length * RATE)) / RATE
        pitch, formants = random.uniform(90, 220), (random.uniform(300, 800), random.uniform(900, 2400))
        tones = np.arange(1, int(4000 / pitch)) * pitch
        weights = [1e-2 + sum(np.exp(-(((tone - f) / 150) ** 2)) for f in formants) for tone in tones]
        buzz = sum(w * np.sin(2 * np.pi * tone * t) for w, tone in zip(weights, tones, strict=True))
        begin = round(at * RATE)
        piece = (buzz * np.sin(np.pi * t / length) ** 2)[: len(sound) - begin]
        sound[begin : begin + len(piece)] += piece
        at += length + (random.uniform(0.4, 0.9) if random.random() < 0.08 else random.uniform(0.0, 0.06))
    sound *= 0.3 / max(1e-9, float(np.abs(sound).max()))
    noise = random.normal(0, 3e-4, sound.shape)
    return np.tile((sound + noise).astype(np.float32), (2, 1))


def encode(
    path: Path | str,
    frames: Iterable[Image],
    fps: float = 25.0,
    codec: str = "libx264",
    bitrate: float | None = None,
    gop: int = 50,
    audio: Samples | None = None,
    *,
    sound: str = "aac",
    sound_bitrate: float = 96_000,
    preset: str = "veryfast",
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames (and sound) to a file; its ending names the container. `bitrate` in bits per second with a buffer of
    one second; without one, the encoder's constant quality. B frames and scene cuts are the encoder's defaults."""
    path = Path(path)
    with av.open(str(path), "w") as out:
        video: Any = None
        listened: Any = None
        if audio is not None:
            listened = out.add_stream(sound, rate=RATE, layout="stereo" if len(audio) == 2 else "mono")
            listened.bit_rate = round(sound_bitrate)
        written = 0.0
        for n, image in enumerate(frames):
            if video is None:
                video = _video(out, image, fps, codec, bitrate, gop, preset, options or {})
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = n, 1 / Fraction(fps).limit_denominator(1001)
            out.mux(video.encode(frame))
            if audio is not None:
                written = _sound(out, listened, audio, written, (n + 1) / fps)
        if audio is not None:
            _sound(out, listened, audio, written, audio.shape[1] / RATE + 1)
            out.mux(listened.encode(None))
        if video is not None:
            out.mux(video.encode(None))
    return path


def _video(
    out: Any, image: Image, fps: float, codec: str, bitrate: float | None, gop: int, preset: str, more: dict[str, str]
) -> Any:
    video = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
    video.height, video.width, video.pix_fmt = image.shape[0], image.shape[1], "yuv420p"
    video.codec_context.gop_size = gop
    video.codec_context.thread_count = 1  # x264 with a limited rate and several threads never encodes the same twice
    options = {"preset": preset}
    if bitrate:
        video.bit_rate = round(bitrate)
        options |= {"maxrate": str(round(bitrate)), "bufsize": str(round(bitrate))}
    if codec == "libx265":
        rate = f":vbv-maxrate={round(bitrate / 1000)}:vbv-bufsize={round(bitrate / 1000)}" if bitrate else ""
        options["x265-params"] = f"log-level=error:pools=1:frame-threads=1:keyint={gop}{rate}"
    video.options = options | more
    return video


def _sound(out: Any, stream: Any, audio: Samples, written: float, until: float) -> float:
    """Encode samples from `written` up to `until` seconds; returns up to where it came."""
    first, last = round(written * RATE), min(round(until * RATE), int(audio.shape[1]))
    for at in range(first, last, 1024):
        piece = np.ascontiguousarray(audio[:, at : min(at + 1024, last)])
        frame = av.AudioFrame.from_ndarray(piece, "fltp", "stereo" if len(audio) == 2 else "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        out.mux(stream.encode(frame))
    return last / RATE
