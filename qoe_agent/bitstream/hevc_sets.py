"""What of HEVC's parameter sets it takes to read a slice's head (ITU-T H.265 §7.3.2.2, §7.3.2.3)."""

from __future__ import annotations

from dataclasses import dataclass

from qoe_agent.bitstream.bits import Digits, OutOfBits
from qoe_agent.bitstream.hevc import scaling_lists, tier_level
from qoe_agent.bitstream.hevc_slices import References, reference_set

SPS, PPS = 33, 34
_SCREEN = (9, 11)
"""general_profile_idc of screen content coding extensions."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Of a sequence parameter set."""

    order_bits: int
    planes_apart: bool
    """separate_colour_plane_flag"""
    chroma: int
    """ChromaArrayType"""
    blocks: int
    """Coding tree blocks in a picture."""
    adaptive_offset: bool
    references: list[References]
    long_terms: tuple[bool, ...] | None
    """used_by_curr_pic_lt_sps_flag of each; None if there are no long-term references."""
    temporal: bool
    """sps_temporal_mvp_enabled_flag"""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of a picture parameter set."""

    sequence: int
    dependent: bool
    output_flag: bool
    extra_bits: int
    cabac_init: bool
    references: tuple[int, int]
    qp: int
    weighted: bool
    weighted_b: bool
    modified: bool
    """lists_modification_present_flag"""


def sequence(rbsp: bytes) -> tuple[int, Sequence]:
    """sps_seq_parameter_set_id and the rest, without the NAL header. Raises OutOfBits on garbage."""
    b = Digits(rbsp)
    b.skip(4)
    sub_layers = b.u(3)
    b.skip(1)
    if tier_level(b, sub_layers)[0] in _SCREEN:
        raise OutOfBits("screen content coding: its slices have other heads")
    number, chroma = b.ue(), b.ue()
    apart = chroma == 3 and b.flag()
    order_bits, blocks = _sizes(b, sub_layers)
    for _ in range(4):
        b.ue()
    if b.flag() and b.flag():
        scaling_lists(b)
    b.skip(1)
    adaptive_offset = b.flag()
    if b.flag():  # pcm_enabled_flag
        b.skip(8)
        b.ue(), b.ue()
        b.skip(1)
    references: list[References] = []
    for n in range(min(b.ue(), 65)):
        references.append(reference_set(b, n, references))
    long_terms = None
    if b.flag():
        entries = []
        for _ in range(min(b.ue(), 33)):
            b.skip(order_bits)
            entries.append(b.flag())
        long_terms = tuple(entries)
    return number, Sequence(
        order_bits, apart, 0 if apart else chroma, blocks, adaptive_offset, references, long_terms, b.flag()
    )


def _sizes(b: Digits, sub_layers: int) -> tuple[int, int]:
    """From pic_width_in_luma_samples through the size of coding blocks: bits of slice_pic_order_cnt_lsb, blocks."""
    wide, high = b.ue(), b.ue()
    if b.flag():
        b.ue(), b.ue(), b.ue(), b.ue()
    b.ue()
    b.ue()
    order_bits = b.ue() + 4
    for _ in range(sub_layers + 1 if b.flag() else 1):
        b.ue(), b.ue(), b.ue()
    side = b.ue() + 3 + b.ue()
    if order_bits > 16 or side > 6 or not 0 < wide * high < 1 << 30:
        raise OutOfBits("no sequence parameter set")
    return order_bits, (wide + (1 << side) - 1 >> side) * (high + (1 << side) - 1 >> side)


def pictures(rbsp: bytes) -> tuple[int, Pictures]:
    """pps_pic_parameter_set_id and the rest, without the NAL header. Raises OutOfBits on garbage."""
    b = Digits(rbsp)
    number, of = b.ue(), b.ue()
    dependent, output_flag, extra_bits = b.flag(), b.flag(), b.u(3)
    b.skip(1)
    cabac_init = b.flag()
    references = b.ue() + 1, b.ue() + 1
    qp = 26 + b.se()
    b.skip(2)
    if b.flag():  # cu_qp_delta_enabled_flag
        b.ue()
    b.ue(), b.ue()
    b.skip(1)
    weighted, weighted_b = b.flag(), b.flag()
    b.skip(1)
    tiles = b.flag()
    b.skip(1)
    if tiles:
        _tiles(b)
    b.skip(1)
    if b.flag() and _deblocking(b):
        b.ue(), b.ue()
    if b.flag():  # pps_scaling_list_data_present_flag
        scaling_lists(b)
    return number, Pictures(
        of, dependent, output_flag, extra_bits, cabac_init, references, qp, weighted, weighted_b, b.flag()
    )


def _tiles(b: Digits) -> None:
    columns, rows = b.ue(), b.ue()
    if columns + rows > 64:
        raise OutOfBits("so many tiles there cannot be")
    if not b.flag():
        for _ in range(columns + rows):
            b.ue()
    b.skip(1)


def _deblocking(b: Digits) -> bool:
    """Behind deblocking_filter_control_present_flag: whether offsets follow."""
    b.skip(1)
    return not b.flag()
