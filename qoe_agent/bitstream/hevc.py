"""HEVC parameter sets (ITU-T H.265 §7.3.2, §E.2.1)."""

from __future__ import annotations

from qoe_agent.bitstream.bits import Bits, OutOfBits
from qoe_agent.bitstream.described import Described, Vui, pixel_format, rate, signal, size

_PROFILES = {
    1: "Main",
    2: "Main 10",
    3: "Main Still Picture",
    4: "Rext",
    6: "Multiview Main",
    9: "Scc",
}


def tier_level(b: Bits, sub_layers: int) -> tuple[int, int]:
    """profiletier_level() (HEVC §7.3.3): general profile and level."""
    b.skip(3)
    profile = b.u(5)
    compatible = b.u(32)
    if profile == 0:  # libavcodec/hevc/ps.c: the first compatible profile stands in
        profile = next((i for i in range(1, 32) if compatible >> (31 - i) & 1), 0)
    b.skip(48)
    level = b.u(8)
    present = [(b.flag(), b.flag()) for _ in range(sub_layers)]
    if sub_layers:
        b.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        b.skip(88 * has_profile + 8 * has_level)
    return profile, level


def vps_rate(rbsp: bytes) -> float | None:
    """The frame rate that a video parameter set declares (HEVC §7.3.2.1). Raises OutOfBits on garbage."""
    b = Bits(rbsp)
    b.skip(12)
    sub_layers = b.u(3)
    b.skip(17)
    tier_level(b, sub_layers)
    for _ in range(sub_layers + 1 if b.flag() else 1):
        b.ue(), b.ue(), b.ue()
    last_layer = b.u(6)
    b.skip(min(b.ue(), 1023) * (last_layer + 1))
    if not b.flag():
        return None
    units, scale = b.u(32), b.u(32)
    return rate(scale, units)


def sps(rbsp: bytes) -> Described:
    """A sequence parameter set without its NAL header (HEVC §7.3.2.2). Raises OutOfBits on garbage."""
    b = Bits(rbsp)
    b.skip(4)
    sub_layers = b.u(3)
    b.skip(1)
    profile, level = tier_level(b, sub_layers)
    b.ue()
    chroma = b.ue()
    if chroma == 3:
        b.skip(1)
    wide, high = b.ue(), b.ue()
    left, right, top, bottom = (b.ue(), b.ue(), b.ue(), b.ue()) if b.flag() else (0, 0, 0, 0)
    across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
    width, height = size(wide - (left + right) * across, high - (top + bottom) * down)
    depth = 8 + b.ue()
    vui = _rest(b, sub_layers, chroma)
    return Described(
        width,
        height,
        _PROFILES.get(profile),
        f"{level // 30}.{level % 30 // 3}",
        # libavcodec/hevc/ps.c knows the full-range name only for 4:2:0
        pixel_format(chroma, depth, full=vui.full and chroma == 1, rgb=vui.rgb),
        vui.frame_rate,
    )


def _rest(b: Bits, sub_layers: int, chroma: int) -> Vui:
    """From bit_depth_chroma_minus8 to the timing in the VUI; what was read before the bits ran out stays."""
    vui = Vui()
    try:
        b.ue()
        poc_bits = b.ue() + 4
        for _ in range(sub_layers + 1 if b.flag() else 1):
            b.ue(), b.ue(), b.ue()
        for _ in range(6):
            b.ue()
        if b.flag() and b.flag():
            scaling_lists(b)
        b.skip(2)
        if b.flag():  # pcm_enabled_flag
            b.skip(8)
            b.ue()
            b.ue()
            b.skip(1)
        _reference_sets(b)
        if b.flag():  # long_term_ref_pics_present_flag
            b.skip(min(b.ue(), 32) * (poc_bits + 1))
        b.skip(2)
        if b.flag():
            _vui(b, vui)
    except OutOfBits:
        pass
    return vui


def scaling_lists(b: Bits) -> None:
    """§7.3.4."""
    for size_id in range(4):
        for _ in range(0, 6, 3 if size_id == 3 else 1):
            if not b.flag():
                b.ue()
                continue
            if size_id > 1:
                b.se()
            for _ in range(min(64, 1 << (4 + 2 * size_id))):
                b.se()


def _reference_sets(b: Bits) -> None:
    """All st_ref_pic_set() of the SPS (§7.3.7)."""
    pictures = 0
    for i in range(min(b.ue(), 64)):
        if i and b.flag():  # inter_ref_pic_set_prediction_flag
            b.skip(1)
            b.ue()
            kept = 0
            for _ in range(pictures + 1):
                kept += 1 if b.flag() or b.flag() else 0
            pictures = kept
        else:
            pictures = min(b.ue(), 16) + min(b.ue(), 16)
            for _ in range(pictures):
                b.ue()
                b.skip(1)


def _vui(b: Bits, vui: Vui) -> None:
    """§E.2.1."""
    signal(b, vui)
    b.skip(3)
    if b.flag():  # default_display_window_flag
        for _ in range(4):
            b.ue()
    if b.flag():  # vui_timing_info_present_flag
        units, scale = b.u(32), b.u(32)
        vui.frame_rate = rate(scale, units)
