"""Comparisons as tests need them: media, scores and tests made of plain numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.shapes import Alignment, Media, Pooled, Run, Scene, Scores, Tested, Video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

RATE = Fraction(25)


def media(path: str = "a.mp4", *, frames: int = 100, bits: float | None = 1e6, **changed: object) -> Media:
    """A file of `frames` frames at 25 fps, 320x180, without sound."""
    video: dict[str, object] = {
        "codec": "h264", "width": 320, "height": 180, "pixel_format": "yuv420p", "bits": 8, "rate": RATE,
        "times": np.arange(frames) / 25, "constant": True, "bits_per_second": bits, "range": "limited",
        "primaries": "bt709", "matrix": "bt709", "transfer": "sdr", "aspect": Fraction(1), "rotation": 0,
        "interlaced": False,
    }  # fmt: skip
    return Media(path, path.ljust(64, "0")[:64], 1000, Video(**(video | changed)), None, frames / 25)  # type: ignore[arg-type]


def scores(frames: Mapping[str, ArrayLike], reference: ArrayLike | None = None) -> Scores:
    """Of frames 0, 1, …, or those of the reference."""
    values = {name: np.asarray(each, np.float64) for name, each in frames.items()}
    many = len(next(iter(values.values())))
    shown = np.arange(many) if reference is None else np.asarray(reference)
    return Scores(values, shown.astype(np.int64), np.arange(many), {}, None, ("ffmpeg",), {"libvmaf": "3"}, 1.0)


def pooled(metric: str, values: ArrayLike) -> Pooled:
    """Of a metric whose frames are averaged as they are."""
    array = np.asarray(values, np.float64)
    p1, p5, median = np.percentile(array, [1, 5, 50], method="lower")
    return Pooled(metric, float(array.mean()), None, float(p1), float(p5), float(median), float(array.min()), 0.0,
                  len(array))  # fmt: skip


def candidate(
    path: str, frames: Mapping[str, ArrayLike], *, cuts: tuple[int, ...] = (), bits: float | None = 1e6,
    reference: ArrayLike | None = None, **more: object,
) -> Tested:  # fmt: skip
    """A test with these scores, and scenes that begin at frame 0 and at the cuts."""
    found = scores(frames, reference)
    many = len(found.reference)
    edges = [0, *cuts, int(found.reference[-1]) + 1]
    scenes = tuple(Scene(a, b, a / 25, {}) for a, b in pairwise(edges))
    alignment = Alignment("timestamps", 0, 0.0, 1.0, (Run(0, 0, many),), 0, 0)
    numbers = {name: pooled(name, values) for name, values in found.frames.items()}
    return Tested(media(path, frames=many, bits=bits), path, (), alignment, None, found, numbers, scenes,
                  **more)  # type: ignore[arg-type]  # fmt: skip
