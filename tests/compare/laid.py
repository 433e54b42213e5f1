"""Small clips whose frames are known, as files."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

from tests.accuracy.shots import programme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]


def moving(frames: int = 110, seed: int = 3, kind: str = "handheld") -> list[Plane]:
    """Pictures of which no two are alike."""
    return programme(np.random.default_rng(seed), kind, frames)


def clip(
    path: Path,
    pictures: Sequence[Plane],
    rate: int = 25,
    *,
    numbers: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> str:
    """The pictures as H.264; `numbers`: the time of each, in frames."""
    with av.open(str(path), "w") as out:
        track = out.add_stream("libx264", rate=rate)
        track.height, track.width = pictures[0].shape
        track.pix_fmt, track.time_base = "yuv420p", Fraction(1, rate)
        track.options = {"preset": "ultrafast", "crf": "28", "bf": "2"} | (options or {})
        grey = np.full((pictures[0].shape[0] // 2, pictures[0].shape[1]), 128, np.uint8)
        for n, picture in zip(numbers or range(len(pictures)), pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(np.concatenate([picture, grey]), "yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, rate)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return str(path)


def pictures(count: int, moves: bool) -> np.ndarray:
    """Each a code brighter than the one before, or all the same."""
    return np.repeat(np.arange(count) if moves else np.zeros(count), 4).astype(np.uint8).reshape(count, 2, 2)
