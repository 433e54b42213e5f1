"""Encodes of one programme as independent encoders would make them, and what each second of them measures.

Two encoders of one source are independent as far as they can be: each takes it over a line of its own (a code more or
less in every pixel, at random) and starts at another picture, so that its key frames lie elsewhere. Rate control, which
remembers, then goes its own way. The programme is cut of Big Buck Bunny (crops, pans, to and fro), night scenes with
grain, slides and a fractal, in scenes of 2 to 10 s.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from qoe_agent.decode.frames import qp_of
from tests.accuracy.clips import bunny, dark_noise, slides

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Floats = NDArray[np.float64]

SIZE, FPS, GOP = (320, 180), 25, 50
SECONDS = 150
LEAD = 2
"""Seconds before anything is measured: encoders start within them."""
MEASURES = ("qp", "bitrate", "vmaf", "psnr_y", "ssim_y", "blur")
MODES = {
    "crf 26": {"preset": "veryfast", "crf": "26"},
    "crf 28": {"preset": "veryfast", "crf": "28"},
    "300 kb/s": {"preset": "veryfast", "b": "300000", "maxrate": "300000", "bufsize": "600000"},
}


def programme(seconds: int, seed: int) -> Iterator[Image]:
    """Its pictures, RGB."""
    random = np.random.default_rng(seed)
    film = np.stack(list(bunny((960, 540), 5.28)))
    left = seconds * FPS
    while left > 0:
        many = min(left, int(random.uniform(2, 10) * FPS))
        kind = random.choice(["bunny", "dark", "slides", "fractal"], p=[0.65, 0.15, 0.1, 0.1])
        yield from itertools.islice(_scene(str(kind), many, film, random), many)
        left -= many


def _scene(kind: str, many: int, film: Image, random: np.random.Generator) -> Iterator[Image]:
    seed, length = int(random.integers(1 << 30)), many / FPS + 1
    if kind == "dark":
        return dark_noise(SIZE, length, seed)
    if kind == "slides":
        return slides(SIZE, length, seed)
    if kind == "fractal":
        return _fractal(seed % 400)
    return _crops(many, film, random)


def _crops(many: int, film: Image, random: np.random.Generator) -> Iterator[Image]:
    """A window of the film that wanders over it, while the film runs to and fro."""
    scale, speed = random.uniform(0.4, 1.0), random.choice([0, 1, 1, 1])
    width, height = int(scale * film.shape[2]), int(scale * film.shape[1])
    first, phase, gain = int(random.integers(len(film))), random.uniform(0, 6, 2), random.uniform(0.5, 1.0)
    around = 2 * len(film) - 2
    for n in range(many):
        at = (first + speed * n) % around
        x, y = (
            int((0.5 + 0.5 * np.sin(turn + 0.3 * n / FPS)) * (whole - part))
            for turn, whole, part in zip(phase, film.shape[2:0:-1], (width, height), strict=True)
        )
        shown = film[min(at, around - at), y : y + height, x : x + width]
        small = cv2.resize(shown, SIZE, interpolation=cv2.INTER_AREA)
        yield np.asarray(cv2.convertScaleAbs(small, alpha=gain), np.uint8)


def _fractal(skipped: int) -> Iterator[Image]:
    graph: Any = av.filter.Graph()
    source = graph.add("mandelbrot", f"s={SIZE[0]}x{SIZE[1]}:r={FPS}:start_scale={3.0 / (1 + skipped)}")
    sink = graph.add("buffersink")
    source.link_to(sink)
    graph.configure()
    while True:
        yield graph.pull().to_ndarray(format="rgb24")


def make_source(path: Path, seconds: int = SECONDS, seed: int = 1) -> Path:
    """The programme without loss."""
    if not path.exists():
        with av.open(str(path), "w") as out:
            track: Any = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "qp": "0"})
            track.width, track.height, track.pix_fmt = *SIZE, "yuv420p"
            for image in programme(seconds, seed):
                out.mux(track.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            out.mux(track.encode())
    return path


def encode(source: Path, path: Path, mode: str, number: int) -> Path:
    """The `number`-th independent encode: lines and starts differ."""
    if path.exists():
        return path
    random = np.random.default_rng(1000 + number)
    start = int(random.integers(LEAD * FPS))
    with av.open(str(source)) as taken, av.open(str(path), "w") as out:
        options = {**MODES[mode], "g": str(GOP), "keyint_min": str(GOP), "sc_threshold": "0", "bf": "2"}
        track: Any = out.add_stream("libx264", rate=FPS, options=options)
        track.width, track.height, track.pix_fmt, track.time_base = *SIZE, "yuv420p", Fraction(1, FPS)
        for n, frame in enumerate(taken.decode(video=0)):
            if n < start:
                continue
            planes = frame.to_ndarray(format="yuv420p").astype(np.int16)
            noisy = np.clip(planes + random.integers(-1, 2, planes.shape), 0, 255).astype(np.uint8)
            sent = av.VideoFrame.from_ndarray(noisy, format="yuv420p")
            sent.pts, sent.time_base = n - start, Fraction(1, FPS)
            out.mux(track.encode(sent))
        out.mux(track.encode())
    return path


def measured(source: Path, path: Path, number: int) -> dict[str, Floats]:
    """Of every second after the lead: one value a measure."""
    start = int(np.random.default_rng(1000 + number).integers(LEAD * FPS))
    frames = {**_read(path, start), **_scored(source, path, start)}
    many = min(len(each) for each in frames.values()) // FPS
    seconds = {name: each[: many * FPS].reshape(many, FPS).mean(axis=1) for name, each in frames.items()}
    seconds["bitrate"] *= FPS * 8 / 1000
    return seconds


def _read(path: Path, start: int) -> dict[str, Floats]:
    """Quantiser, size and blur of each picture from the lead on."""
    skipped = LEAD * FPS - start
    sizes, found = {}, {}
    with av.open(str(path)) as media:
        track: Any = media.streams.video[0]
        track.codec_context.options = {"export_side_data": "venc_params"}
        track.thread_type = "NONE"
        for packet in media.demux(track):
            if packet.pts is not None:
                sizes[packet.pts] = packet.size
            for frame in packet.decode():
                told = qp_of(frame)
                assert told is not None
                blur = cv2.Laplacian(frame.to_ndarray(format="gray"), cv2.CV_32F).std()
                found[frame.pts] = float(np.mean(told)), float(blur)
    order = sorted(found)[skipped:]
    return {
        "qp": np.array([found[each][0] for each in order]),
        "blur": np.array([found[each][1] for each in order]),
        "bitrate": np.array([sizes[each] for each in order], float),
    }


def _scored(source: Path, path: Path, start: int) -> dict[str, Floats]:
    import imageio_ffmpeg

    log = path.with_suffix(".json")
    cut = "settb=1/25,setpts=N"
    graph = (
        f"[0:v]select='gte(n,{LEAD * FPS - start})',{cut},format=yuv420p[d];"
        f"[1:v]select='gte(n,{LEAD * FPS})',{cut},format=yuv420p[r];"
        r"[d][r]libvmaf=model='version=vmaf_v1.0.16_3d0h\:name=v1':feature='name=psnr|name=float_ssim'"
        f":n_threads=2:log_fmt=json:log_path={log.name}:shortest=1"
    )
    line = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path.name, "-i", str(source.resolve())]
    subprocess.run(
        [*line, "-lavfi", graph, "-f", "null", "-"],
        check=True, timeout=900, stdin=subprocess.DEVNULL, cwd=path.parent,
    )  # fmt: skip
    frames = [each["metrics"] for each in json.loads(log.read_text())["frames"]]
    names = {"vmaf": "v1", "psnr_y": "psnr_y", "ssim_y": "float_ssim"}
    return {ours: np.array([each[theirs] for each in frames]) for ours, theirs in names.items()}


def series(folder: Path, mode: str, many: int) -> list[dict[str, Floats]]:
    """Seconds of so many independent encodes; kept in the folder once measured."""
    source, found = make_source(folder / "source.mkv"), []
    for number in range(many):
        name = f"{mode.replace(' ', '').replace('/', '')}_{number}"
        kept = folder / f"{name}.npz"
        if not kept.exists():
            path = encode(source, folder / f"{name}.mp4", mode, number)
            np.savez(kept, **measured(source, path, number))
            path.unlink()
        with np.load(kept) as loaded:
            found.append({each: loaded[each] for each in MEASURES})
    return found
