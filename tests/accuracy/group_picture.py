"""Faults of light, colour and detail: flashes, exposure, casts, gray, black bars, blur, blocks; scaled-up pictures."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from math import log2
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.accuracy import faults_detail
from tests.accuracy import faults_picture as faults
from tests.accuracy.clips import enlarged, name_of, photo_pan, photos
from tests.accuracy.contents import CODECS, Make, dice, draw, pick
from tests.accuracy.rows import Row, first_picture, found, intervals, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.accuracy.clips import Image
    from tests.accuracy.faults_picture import Change, Fault

EXPOSURE = ("overexposed", "underexposed", "colour_cast", "monochrome", "letterbox")
DETAIL = ("blurred", "blocky")
CASTS = ((0.65, 1.0, 1.1), (1.15, 1.0, 0.6), (1.0, 0.7, 1.0), (0.8, 1.15, 0.8))
GRAY = 8.0
"""Mean codes between the strongest and the weakest primary of a gray picture."""
SOFT = 36.0
"""dB by which blur changes a picture that was not sharp at all."""
STOPS = 2.2
"""Stops that double what is coded (power 2.2)."""
UPSCALED = {720: (360, 480, 540), 1080: (540, 720)}
NATIVE = {720: (1e6, 2e6, 3e6, 5e6), 1080: (2e6, 4e6, 6e6, 10e6)}
"""Bits per second of native pictures, by height."""


def flashes(number: int, folder: Path) -> list[Row]:
    """24 s with a strobe, or with flashes too few or too small to harm, in `all`."""
    random = dice("flashes", number)
    make = draw(random, 24.0, sizes=(0.7, 0.3, 0.0), contents=("pan", "pan", "bunny", "dark"))
    start, length = float(random.uniform(4.0, 9.0)), float(random.uniform(2.0, 8.0))
    kind = pick(random, ("flashes", "red", "slow", "small", ""), (0.4, 0.15, 0.15, 0.15, 0.15))
    rate = float(pick(random, (4.5, 5.0, 6.25, 8.0, 10.0)))
    change = {
        "flashes": faults.flash(
            rate, make.fps, int(pick(random, (200, 235, 255))), float(pick(random, (0.4, 0.7, 1.0)))
        ),
        "red": faults.red_flash(rate, make.fps),
        "slow": faults.flash(1.5, make.fps),
        "small": faults.flash(rate, make.fps, 235, 0.08),
        "": None,
    }[kind]
    put = [faults.Fault(start, start + length, change, make.fps)] if change else []
    path = make.into(folder / f"flashes_{number}.ts", *put)
    truth = put if kind in ("flashes", "red") else []
    return _rows(make, path, "flash", ("flashes",), "flashes" if truth else "", truth, ("all",))


def exposure(number: int, folder: Path) -> list[Row]:
    """36 s with 14 to 18 s of one fault of light or colour, or none, in every policy."""
    random = dice("exposure", number)
    make = draw(random, 36.0, sizes=(0.7, 0.3, 0.0), contents=("pan", "pan", "pan", "bunny", "slides"), fps=12.5)
    kind = "" if make.content == "slides" else pick(random, (*EXPOSURE, ""))
    return _lasting(make, random, kind, folder / f"exposure_{number}.ts", "exposure", EXPOSURE, (14.0, 18.0))


def detail(number: int, folder: Path) -> list[Row]:
    """30 s with 8 to 12 s of blur or blocks, or none, in `all` and `keyframes`."""
    random = dice("detail", number)
    make = draw(random, 30.0, sizes=(0.0, 0.6, 0.4), contents=("pan", "pan", "pan", "bunny"), fps=12.5)
    kind = pick(random, (*DETAIL, ""))
    return _lasting(make, random, kind, folder / f"detail_{number}.ts", "sharpness", DETAIL, (8.0, 12.0))


def _lasting(
    make: Make, random: np.random.Generator, kind: str, path: Path, probe: str, kinds: Sequence[str],
    lengths: tuple[float, float],
) -> list[Row]:  # fmt: skip
    start = float(random.uniform(8.0, 11.0))
    image = next(make.frames())
    if image.max(axis=2).mean() - image.min(axis=2).mean() < GRAY:
        make = replace(make, content="bunny")  # gray as it is: neither gray nor tinted by a fault
    severity, change = _change(random, kind, image)
    if change and kind == "blurred" and cv2.PSNR(image, change(image, 0)) > SOFT:
        make = replace(make, content="bunny")  # nothing in it was sharp
    end = start + float(random.uniform(*lengths))
    if kind == "letterbox":  # bars are told from dark scenes by half a minute of them
        start, end = 0.0, make.seconds
    put = [faults.Fault(start, end, change, make.fps)] if change else []
    return _rows(make, make.into(path, *put), probe, kinds, kind, put, ("all", "adaptive"), severity)


def _change(random: np.random.Generator, kind: str, image: Image) -> tuple[list[float], Change | None]:
    """A fault of a kind, at a severity that anybody would call one: its numbers, and what does it. Light is such that
    half of the picture is white, or nearly all of it below 13 % of the range."""
    bars, sides = float(random.uniform(0.1, 0.3)), bool(random.random() < 0.5)
    luma, height = image.mean(axis=2) / 255, image.shape[0]
    dark, bright = (STOPS * log2(goal / float(np.quantile(luma, part))) for goal, part in ((0.13, 0.95), (1.02, 0.5)))
    made: dict[str, tuple[list[float], Callable[..., Change]]] = {
        "overexposed": ([max(bright, 2.0)], faults.exposure),
        "underexposed": ([dark], faults.exposure),
        "colour_cast": (list(pick(random, CASTS)), faults.cast),
        "monochrome": ([0.0], faults.saturation),
        "letterbox": ([bars, 0.0] if sides else [0.0, bars], faults.framed),
        "blurred": ([max(1.5, float(random.uniform(2.5, 5.0)) * height / 720)], faults_detail.blur),
        "blocky": ([float(random.uniform(0.6, 0.9)), pick(random, (8, 16))], faults_detail.blocks),
    }
    if not kind:
        return [], None
    severity, maker = made[kind]
    return severity, maker(*severity)


def _rows(
    make: Make, path: Path, probe: str, kinds: Sequence[str], kind: str, put: Sequence[Fault], policies: Sequence[str],
    severity: Sequence[float] = (),
) -> list[Row]:  # fmt: skip
    rows = []
    for decode in policies:
        options = {"sharpness": {"blocky": 4.0}} if probe == "sharpness" else None
        seen = watched(path, probe, decode, options=options)
        origin = first_picture(seen)
        for each in kinds:
            truth = [fault.truth for fault in put] if each == kind else []
            facts = make.facts | {"clip": path.name, "injected": kind, "severity": [*severity]}
            rows.append(intervals(each, decode, truth, found(seen, each, origin, make.seconds), 0.0, facts))
    return rows


WHOLE = 1.05
"""By so much a photograph may be enlarged and count as native: scaling by less than a tenth is not looked for."""


def upscaled(number: int, folder: Path) -> list[Row]:
    """11 s of photographs panned over, at 720p or 1080p, native or scaled up: what source height is told; and how near
    (PSNR of the first picture) the native one is, as a soft photograph loses nothing. Photographs that are too small
    for that size, so that no clip of them is native, give none."""
    random = dice("upscaled", number)
    height = pick(random, (720, 1080, 1080))
    lines = pick(random, UPSCALED[height]) if number % 2 else None
    photo = pick(random, photos())
    size = height * 16 // 9, height
    if enlarged(photo, size) > WHOLE:
        return []
    make = Make(name_of(photo), int(random.integers(1 << 30)), size, 11.0, "libx264", "veryfast",
                6e6 if height == 1080 else 3e6, 50)  # fmt: skip
    kernel = str(pick(random, faults_detail.KERNELS))
    put = [faults.Fault(0.0, make.seconds, faults_detail.upscaled(lines, kernel))] if lines else []
    frames = photo_pan(photo, size, make.seconds, make.seed, zoom=False, speed=float(random.uniform(20.0, 120.0)))
    first = next(frames)
    near = cv2.PSNR(first, put[0].change(first, 0)) if put else None
    frames = chain([first], frames)
    path = make.into(folder / f"upscaled_{number}.ts", *put, frames=frames)
    seen = watched(path, "resolution", "all")
    origin = first_picture(seen)
    told = [one.detail["from"] for one in seen.of("upscaled")]
    said = found(seen, "upscaled", origin, make.seconds)[1]
    facts = make.facts | {"clip": path.name, "kernel": kernel if lines else None, "near": near}
    return [{"row": "upscaled", "truth": lines, "told": told, "said": said, **facts}]


def native(number: int, folder: Path) -> list[Row]:
    """8 s of photographs and drawings panned over, none scaled up by more than WHOLE, with a key picture a second, in
    several codecs and at several bitrates: whether any source height is told."""
    random = dice("native", number)
    height = pick(random, (720, 1080))
    size = height * 16 // 9, height
    every = photos(painted=True)
    photo = next(p for n in random.permutation(len(every)) if enlarged(p := every[int(n)], size) <= WHOLE)
    codec, preset = pick(random, CODECS, (0.6, 0.2, 0.2))
    make = Make(name_of(photo), int(random.integers(1 << 30)), size, 8.0, codec, preset, pick(random, NATIVE[height]),
                12, 12.5)  # fmt: skip
    frames = photo_pan(photo, size, make.seconds, make.seed, fps=make.fps, zoom=False,
                       speed=float(random.uniform(20.0, 120.0)))  # fmt: skip
    seen = watched(make.into(folder / f"native_{number}.ts", frames=frames), "resolution", "all")
    told = [one.detail for one in seen.of("upscaled")]
    return [{"row": "native", "told": told, **make.facts}]
