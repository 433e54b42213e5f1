"""Coded pictures made on the spot, and what FFmpeg's trace_headers says about each: the oracle for slice heads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.logging
import cv2
import numpy as np
from av.bitstream import BitStreamFilterContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_FIELD = re.compile(r"^\d+\s+(\S+)\s.*=\s*(-?\d+)$")
_GLOBAL_HEADER = 1 << 22


@dataclass(slots=True)
class Traced:
    """A coded video, packet by packet, as trace_headers reads it."""

    codec: str
    extradata: bytes
    packets: list[bytes] = field(default_factory=list)
    heads: list[list[tuple[str, int]]] = field(default_factory=list)
    """Type (I, P, B) and quantiser of each slice or frame in each packet."""


def pictures(count: int, width: int, height: int, form: str) -> Iterator[av.VideoFrame]:
    """A texture that moves, and flickers in the second half: reason enough for weighted prediction."""
    rng = np.random.default_rng(1)
    texture = rng.integers(0, 255, (height + count, width + 2 * count), np.uint8)
    texture = np.asarray(cv2.normalize(cv2.GaussianBlur(texture, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX), np.uint8)  # type: ignore[call-overload]
    for n in range(count):
        luma = texture[n // 2 : n // 2 + height, n : n + width]
        if n > count // 2:
            luma = (luma * (1 - 0.5 * (n % 7) / 7)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(np.repeat(luma[:, :, None], 3, 2), "rgb24").reformat(format=form)
        frame.pts = n
        yield frame


def coded(
    path: Path,
    encoder: str,
    options: dict[str, str],
    form: str = "yuv420p",
    *,
    count: int = 30,
    size: tuple[int, int] = (176, 112),
    bit_rate: int | None = None,
) -> Path:
    """Encode into `path`; its suffix says how the units are framed."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(encoder, 25)
        stream.width, stream.height = size
        stream.pix_fmt, stream.options = form, options
        stream.time_base = Fraction(1, 25)
        if bit_rate:
            stream.bit_rate = bit_rate
        for frame in pictures(count, *size, form):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def traced(path: Path) -> Traced:
    """What trace_headers says (libavcodec/trace_headers_bsf.c)."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context.codec.canonical_name
            made = Traced(codec, bytes(stream.codec_context.extradata or b""))
            base: dict[int, int] = {}
            with av.logging.Capture() as logs:
                bsf = BitStreamFilterContext("trace_headers", stream)
            _heads([line for _, _, line in logs], codec, base)
            for packet in container.demux(stream):
                if packet.size:
                    made.packets.append(bytes(packet))
                    with av.logging.Capture() as logs:
                        bsf.filter(packet)
                    made.heads.append(_heads([line for _, _, line in logs], codec, base))
            return made
    finally:
        av.logging.set_level(before)


def _heads(lines: Sequence[str], codec: str, base: dict[int, int]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    number, kind = 0, ""
    for line in lines:
        match = _FIELD.match(line.strip())
        if not match:
            continue
        name, value = match[1], int(match[2])
        if name in ("pic_parameter_set_id", "pps_pic_parameter_set_id", "slice_pic_parameter_set_id"):
            number = value
        elif name in ("pic_init_qp_minus26", "init_qp_minus26"):
            base[number] = 26 + value
        elif name == "slice_type":
            kind = "PBIPI"[value % 5] if codec == "h264" else "BPI"[value]
        elif name == "slice_qp_delta":
            found.append((kind, base[number] + value))
        elif name == "frame_type":
            kind = "I" if value == 0 or (codec == "av1" and value == 2) else "P"
        elif name == "intra_only" and value:
            kind = "I"
        elif name == "base_q_idx":
            found.append((kind, value))
    return found
