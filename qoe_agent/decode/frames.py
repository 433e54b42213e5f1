"""Decoded frames as arrays: the luma plane of a picture, the samples of a sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SEAM = 0.003
"""Seconds by which two frames of sound may miss each other and still follow one another."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A decoded frame of sound."""

    at: float
    pts: float | None
    rate: int
    samples: NDArray[np.float32]
    """channels x n"""

    def leads_to(self, other: Heard) -> bool:
        """Whether `other` follows without a gap or a change of format."""
        if self.rate != other.rate or self.samples.shape[0] != other.samples.shape[0]:
            return False
        if self.pts is None or other.pts is None:
            return self.pts is other.pts
        return bool(abs(self.pts + self.samples.shape[1] / self.rate - other.pts) < SEAM)


def stretches(heard: Sequence[Heard]) -> Iterator[Heard]:
    """Frames that follow one another, joined; `at` is the last one's."""
    start = 0
    for end in range(1, len(heard) + 1):
        if end < len(heard) and heard[end - 1].leads_to(heard[end]):
            continue
        samples = np.concatenate([piece.samples for piece in heard[start:end]], axis=1)
        yield Heard(heard[end - 1].at, heard[start].pts, heard[start].rate, samples)
        start = end


def luma_of(frame: Any) -> NDArray[np.uint8]:
    """The luma plane of a decoded picture, rows x columns, 8 bits; a view of the frame's buffer if it can be."""
    form, luma = frame.format, frame.planes[0]
    bits = form.components[0].bits
    if form.is_rgb or not form.is_planar or form.is_big_endian:
        gray: NDArray[np.uint8] = frame.reformat(format="gray8").to_ndarray()
        return gray
    if bits == 8:
        rows = np.frombuffer(luma, np.uint8).reshape(-1, luma.line_size)
        return np.asarray(rows[: frame.height, : frame.width], np.uint8)
    deep = np.frombuffer(luma, np.uint16).reshape(-1, luma.line_size // 2)[: frame.height, : frame.width]
    return np.asarray(deep >> (bits - 8), np.uint8)


def samples_of(frame: Any) -> NDArray[np.float32]:
    """Decoded sound as channels x n, full scale 1.0."""
    raw: NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        raw = raw.reshape(-1, frame.layout.nb_channels).T
    if raw.dtype.kind == "f":
        return raw.astype(np.float32, copy=False)
    if raw.dtype == np.uint8:
        return np.asarray((raw.astype(np.float32) - 128.0) / 128.0)
    return np.asarray(raw.astype(np.float32) / float(np.iinfo(raw.dtype).max + 1))
