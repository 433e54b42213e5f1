"""What a sequence header declares, whatever the codec: size, profile, sample format, frame rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent.bitstream.bits import OutOfBits

if TYPE_CHECKING:
    from qoe_agent.bitstream.bits import Bits


@dataclass(frozen=True, slots=True)
class Described:
    """A video track as its sequence header declares it; names as FFmpeg has them."""

    width: int | None = None
    height: int | None = None
    profile: str | None = None
    level: str | None = None
    pixel_format: str | None = None
    frame_rate: float | None = None


NOTHING = Described()

MAX_SIDE = 65535
"""A picture wider or higher than this is a parsing accident."""

MAX_RATE = 1000.0
"""Declared frames per second above this are time bases, not rates."""

_CHROMA = {0: "gray", 1: "yuv420p", 2: "yuv422p", 3: "yuv444p"}
_RGB = 0
"""matrix_coefficients of RGB (H.264 table E-5)."""


def pixel_format(chroma: int, depth: int, *, full: bool = False, rgb: bool = False) -> str | None:
    """FFmpeg's name; `full`: the old yuvj names for 8-bit full range are wanted."""
    name = "gbrp" if rgb and chroma == 3 else _CHROMA.get(chroma)
    if name is None or not 8 <= depth <= 16:
        return None
    if depth == 8:
        return name.replace("yuv", "yuvj") if full else name
    return f"{name}{depth}le"


def rate(scale: int, units: int) -> float | None:
    """Frames per second out of a time scale and the units in a frame."""
    value = scale / units if units else 0.0
    return value if 0.0 < value <= MAX_RATE else None


def size(width: int, height: int) -> tuple[int, int]:
    """Both sides, if they can be a picture's."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise OutOfBits(f"no picture is {width} x {height}")
    return width, height


@dataclass(slots=True)
class Vui:
    """The part of video usability information that we use (H.264 §E.1.1, HEVC §E.2.1)."""

    full: bool = False
    rgb: bool = False
    frame_rate: float | None = None


def signal(b: Bits, vui: Vui) -> None:
    """From aspect_ratio_info to chroma_loc_info, the same in both codecs."""
    if b.flag() and b.u(8) == 255:  # aspect_ratio_idc Extended_SAR
        b.skip(32)
    if b.flag():  # overscan_info_present_flag
        b.skip(1)
    if b.flag():  # videosignal_type_present_flag
        b.skip(3)
        vui.full = b.flag()
        if b.flag():
            b.skip(16)
            vui.rgb = b.u(8) == _RGB
    if b.flag():  # chroma_loc_info_present_flag
        b.ue()
        b.ue()
