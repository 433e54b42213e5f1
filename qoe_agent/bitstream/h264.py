"""The H.264 sequence parameter set (ITU-T H.264 §7.3.2.1.1, §E.1.1)."""

from __future__ import annotations

from dataclasses import replace

from qoe_agent.bitstream.bits import Bits, OutOfBits
from qoe_agent.bitstream.described import Described, Vui, pixel_format, rate, signal, size

# libavcodec/profiles.c; the second key tells whether the constraint flag that narrows the profile is set.
_PROFILES = {
    (44, False): "CAVLC 4:4:4",
    (66, False): "Baseline",
    (66, True): "Constrained Baseline",
    (77, False): "Main",
    (88, False): "Extended",
    (100, False): "High",
    (110, False): "High 10",
    (110, True): "High 10 Intra",
    (118, False): "Multiview High",
    (122, False): "High 4:2:2",
    (122, True): "High 4:2:2 Intra",
    (128, False): "Stereo High",
    (144, False): "High 4:4:4",
    (244, False): "High 4:4:4 Predictive",
    (244, True): "High 4:4:4 Intra",
}
CHROMA_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Their sequence parameter sets say how the chroma is sampled."""


def scaling_lists(b: Bits, chroma: int) -> None:
    """§7.3.2.1.1.1."""
    for i in range(8 if chroma != 3 else 12):
        if not b.flag():
            continue
        last = following = 8
        for _ in range(16 if i < 6 else 64):
            if following:
                following = (last + b.se()) % 256
            last = following or last


def reference_order(b: Bits) -> None:
    """From pic_order_cnt_type to gaps_in_frame_num_value_allowed_flag."""
    kind = b.ue()
    if kind == 0:
        b.ue()
    elif kind == 1:
        b.skip(1)
        b.se()
        b.se()
        for _ in range(min(b.ue(), 255)):
            b.se()
    b.ue()
    b.skip(1)


def sps(rbsp: bytes) -> Described:
    """A sequence parameter set without its NAL header (H.264 §7.3.2.1.1). Raises OutOfBits on garbage."""
    b = Bits(rbsp)
    profile, constraints, level = b.u(8), b.u(8), b.u(8)
    b.ue()
    chroma, depth = 1, 8
    if profile in CHROMA_PROFILES:
        chroma = b.ue()
        if chroma == 3:
            b.skip(1)
        depth = 8 + b.ue()
        b.ue()
        b.skip(1)
        if b.flag():
            scaling_lists(b, chroma)
    b.ue()  # log2_max_frame_num_minus4
    reference_order(b)
    wide, high = b.ue() + 1, b.ue() + 1
    frames_only = b.flag()
    if not frames_only:
        b.skip(1)
    b.skip(1)
    left, right, top, bottom = (b.ue(), b.ue(), b.ue(), b.ue()) if b.flag() else (0, 0, 0, 0)
    across = 2 if chroma in (1, 2) else 1
    down = (2 if chroma == 1 else 1) * (1 if frames_only else 2)
    width, height = size(
        wide * 16 - (left + right) * across,
        high * 16 * (1 if frames_only else 2) - (top + bottom) * down,
    )
    narrowed = bool(constraints & (0x40 if profile == 66 else 0x10)) and profile in (66, 110, 122, 244)
    plain = Described(width, height, _PROFILES.get((profile, narrowed)), _level(level, constraints))
    vui = _vui(b)
    return replace(
        plain,
        pixel_format=pixel_format(chroma or 1, depth, full=vui.full, rgb=vui.rgb),
        frame_rate=vui.frame_rate,
    )


def _level(level: int, constraints: int) -> str:
    """Table A-1; level 1b is 9, or 11 with constraint_set3_flag."""
    if level == 9 or (level == 11 and constraints & 0x10):
        return "1b"
    return f"{level // 10}.{level % 10}"


def _vui(b: Bits) -> Vui:
    """§E.1.1; what was read before the bits ran out stays."""
    vui = Vui()
    try:
        if b.flag():
            signal(b, vui)
            if b.flag():  # timing_info_present_flag
                units, scale = b.u(32), b.u(32)
                vui.frame_rate = rate(scale, 2 * units)
    except OutOfBits:
        pass
    return vui
