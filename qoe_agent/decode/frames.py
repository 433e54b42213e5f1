"""Decoded frames as arrays: the luma plane of a picture, the samples of a sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from av.sidedata.sidedata import SideDataContainer

from qoe_agent.maths.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SEAM = 0.003
"""Seconds by which two frames of sound may miss each other and still follow one another."""


FULL_RANGE = 2
"""AVCOL_RANGE_JPEG (libavutil/pixfmt.h)."""


class Heard(NamedTuple):
    """A decoded frame of sound, and when its packet arrived."""

    at: float
    frame: Any


class Stretch(NamedTuple):
    """Sound without a gap."""

    at: float
    """Arrival of its last packet."""
    pts: int | None
    """In the decoder's time base."""
    rate: int
    samples: NDArray[np.float32]
    """channels x n, full scale 1.0"""


def stretches(heard: Sequence[Heard], ticks: int) -> Iterator[Stretch]:
    """Frames that follow one another, joined; `ticks`: units of pts in a second."""
    start, follows = 0, None
    for n, (_, frame) in enumerate(heard):
        pts, rate = frame.pts, frame.sample_rate
        gap = n > 0 and (
            rate != heard[start].frame.sample_rate
            or (pts is None) != (follows is None)
            or (follows is not None and abs(pts - follows) > SEAM * ticks)
        )
        if gap or (n > start and _layout(frame) != _layout(heard[start].frame)):
            yield _joined(heard[start:n])
            start = n
        follows = None if pts is None else pts + frame.samples * ticks / rate
    if heard:
        yield _joined(heard[start:])


def _layout(frame: Any) -> int:
    count: int = frame.layout.nb_channels
    return count


def _joined(heard: Sequence[Heard]) -> Stretch:
    first = heard[0].frame
    if first.format.name == "fltp":  # what AAC and Opus decode to: no need to copy frame by frame
        planes = [(frame.planes, frame.samples) for _, frame in heard]
        channels = range(len(planes[0][0]))
        samples = np.stack(
            [np.concatenate([np.frombuffer(p[channel], np.float32, n) for p, n in planes]) for channel in channels]
        )
    else:
        samples = np.concatenate([samples_of(frame) for _, frame in heard], axis=1)
    return Stretch(heard[-1].at, first.pts, first.sample_rate, samples)


def view_of(frame: Any, pts: float | None, *, follows: bool) -> View:
    """A decoded picture as the looks see it."""
    return View(
        luma_of(frame),
        pts,
        chroma=lambda: chroma_of(frame),
        qp=lambda: qp_of(frame),
        key=bool(frame.key_frame),
        follows=follows,
        full_range=frame.format.is_rgb or frame.format.name.startswith("yuvj") or frame.color_range == FULL_RANGE,
        interlaced=bool(frame.interlaced_frame),
        corrupt=bool(frame.is_corrupt),
    )


def luma_of(frame: Any) -> NDArray[np.uint8]:
    """The luma plane of a decoded picture, rows x columns, 8 bits; a view of the frame's buffer if it can be."""
    form = frame.format
    if form.is_rgb or not form.is_planar or form.is_big_endian:
        gray: NDArray[np.uint8] = frame.reformat(format="gray8").to_ndarray()
        return gray
    return _plane(frame.planes[0], form.components[0].bits)


def chroma_of(frame: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """The Cb and Cr planes, 8 bits; None for gray pictures."""
    form = frame.format
    if form.name.startswith("gray"):
        return None
    planes = frame.planes
    if form.is_rgb or not form.is_planar or form.is_big_endian or len(planes) < 3:
        frame = frame.reformat(format="yuv420p")
        form, planes = frame.format, frame.planes
    bits = form.components[1].bits
    return _plane(planes[1], bits), _plane(planes[2], bits)


def _plane(plane: Any, bits: int) -> NDArray[np.uint8]:
    """A plane as rows x columns, 8 bits; a view of the frame's buffer where it has 8."""
    if bits == 8:
        return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
    deep = np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)[: plane.height, : plane.width]
    return np.asarray(deep >> (bits - 8), np.uint8)


def qp_of(frame: Any) -> NDArray[np.int32] | None:
    """Every macroblock's quantiser, rows x columns (one for all where only that is known); None where none is.

    Read out of AVVideoEncParams (libavutil/video_enc_params.h) as it lies in memory: blocks of src_x, src_y, w, h
    and delta_qp, which the H.264 and MPEG-2 decoders write in raster order. Fifteen times as fast as `qp_map()`.
    `frame.side_data` would tie the frame into a ring, which keeps its 3 MB until Python looks for such.
    """
    told: Any = SideDataContainer(frame).get("VIDEO_ENC_PARAMS")  # type: ignore[call-arg]  # its stub has no __init__
    if told is None:
        return None
    columns = (frame.width + 15) // 16
    if not told.nb_blocks or told.nb_blocks % columns or told.nb_blocks // columns != (frame.height + 15) // 16:
        return np.full((1, 1), told.qp, np.int32)
    start, size = told.blocks_offset, told.block_size
    blocks = np.frombuffer(told, np.uint8)[start : start + size * told.nb_blocks].view(np.int32)
    deltas = blocks.reshape(told.nb_blocks, size // 4)[:, 4]
    return np.asarray(deltas + np.int32(told.qp), np.int32).reshape(-1, columns)


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
