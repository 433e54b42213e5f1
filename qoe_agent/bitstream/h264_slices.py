"""The head of an H.264 slice as far as its quantiser (ITU-T H.264 §7.3.3), and what of SPS and PPS it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from qoe_agent.bitstream.bits import Digits, OutOfBits
from qoe_agent.bitstream.h264 import CHROMA_PROFILES, scaling_lists

SPS, PPS = 7, 8
SLICES = frozenset((1, 2, 5))
"""nal_unit_types that begin with a slice header: slice, data partition A, IDR slice."""
_IDR = 5
_MOST = 65536
"""A list longer than this is an accident."""


class Slice(NamedTuple):
    """A slice of any codec with slices."""

    kind: str
    """I, P or B (SI and SP count as I and P)."""
    qp: int
    """Luma quantiser; below 0 is possible above 8 bits."""
    first: int
    """Its first macroblock or coding tree block …"""
    total: int
    """… of so many in the picture."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Of a sequence parameter set."""

    frame_num_bits: int
    order_type: int
    order_bits: int
    order_zero: bool
    """delta_pic_order_always_zero_flag"""
    frames_only: bool
    adaptive_fields: bool
    planes_apart: bool
    """separate_colour_plane_flag"""
    chroma: int
    """ChromaArrayType"""
    macroblocks: int
    """In a frame."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of a picture parameter set."""

    sequence: int
    cabac: bool
    order_present: bool
    """bottom_field_pic_order_in_frame_present_flag"""
    references: tuple[int, int]
    weighted: bool
    weighted_b: int
    qp: int
    redundant: bool


def sequence(rbsp: bytes) -> tuple[int, Sequence]:
    """seq_parameter_set_id and the rest (§7.3.2.1.1), without the NAL header. Raises OutOfBits on garbage."""
    b = Digits(rbsp)
    profile = b.u(8)
    b.skip(16)
    number = b.ue()
    chroma, apart = 1, False
    if profile in CHROMA_PROFILES:
        chroma = b.ue()
        apart = chroma == 3 and b.flag()
        b.ue()
        b.ue()
        b.skip(1)
        if b.flag():
            scaling_lists(b, chroma)
    frame_num_bits = b.ue() + 4
    order_type = b.ue()
    order_bits, order_zero = 0, False
    if order_type == 0:
        order_bits = b.ue() + 4
    elif order_type == 1:
        order_zero = b.flag()
        b.se()
        b.se()
        for _ in range(min(b.ue(), 255)):
            b.se()
    b.ue()
    b.skip(1)
    wide, high = b.ue() + 1, b.ue() + 1
    frames_only = b.flag()
    adaptive = not frames_only and b.flag()
    if frame_num_bits > 16 or order_bits > 16 or wide * high > 1 << 24:
        raise OutOfBits("no sequence parameter set")
    macroblocks = wide * high * (1 if frames_only else 2)
    return number, Sequence(
        frame_num_bits, order_type, order_bits, order_zero, frames_only, adaptive, apart,
        0 if apart else chroma, macroblocks,
    )  # fmt: skip


def pictures(rbsp: bytes) -> tuple[int, Pictures]:
    """pic_parameter_set_id and the rest (§7.3.2.2), without the NAL header. Raises OutOfBits on garbage."""
    b = Digits(rbsp)
    number, of = b.ue(), b.ue()
    cabac, order_present = b.flag(), b.flag()
    groups = b.ue() + 1
    if groups > 1:
        _slice_groups(b, groups)
    references = b.ue() + 1, b.ue() + 1
    weighted, weighted_b = b.flag(), b.u(2)
    qp = 26 + b.se()
    b.se()
    b.se()
    b.skip(2)
    return number, Pictures(of, cabac, order_present, references, weighted, weighted_b, qp, b.flag())


def _slice_groups(b: Digits, groups: int) -> None:
    """Flexible macroblock ordering, which Baseline knows."""
    if groups > 8:
        raise OutOfBits("at most 8 slice groups")
    kind = b.ue()
    if kind == 0:
        for _ in range(groups):
            b.ue()
    elif kind == 2:
        for _ in range(2 * (groups - 1)):
            b.ue()
    elif kind in (3, 4, 5):
        b.skip(1)
        b.ue()
    elif kind == 6:
        count = b.ue() + 1
        b.skip(min(count, _MOST * 16) * (groups - 1).bit_length())


def head(rbsp: bytes, nal: int, sequences: dict[int, Sequence], picture_sets: dict[int, Pictures]) -> Slice | None:
    """slice_header() of a NAL unit whose first byte is `nal`; None for a redundant slice or an unknown parameter set.

    Raises OutOfBits on garbage, and where `rbsp` was cut too early.
    """
    b = Digits(rbsp)
    first, coded = b.ue(), b.ue()
    of = picture_sets.get(b.ue())
    seq = sequences.get(of.sequence) if of else None
    if coded > 9 or of is None or seq is None:
        return None
    kind = "PBIPI"[coded % 5]
    if seq.planes_apart:
        b.skip(2)
    b.skip(seq.frame_num_bits)
    field = not seq.frames_only and b.flag()
    if field:
        b.skip(1)
    if nal & 31 == _IDR:
        b.ue()
    _order(b, seq, of, field)
    if of.redundant and b.ue():
        return None
    _references(b, kind, nal, seq, of)
    if of.cabac and coded % 5 not in (2, 4):
        b.ue()
    qp = of.qp + b.se()
    if seq.adaptive_fields and not field:
        first *= 2
    total = seq.macroblocks // 2 if field else seq.macroblocks
    return Slice(kind, qp, first, total) if -48 <= qp <= 51 else None


def _order(b: Digits, seq: Sequence, of: Pictures, field: bool) -> None:
    """pic_order_cnt_lsb or delta_pic_order_cnt."""
    both = of.order_present and not field
    if seq.order_type == 0:
        b.skip(seq.order_bits)
        if both:
            b.ue()
    elif seq.order_type == 1 and not seq.order_zero:
        b.ue()
        if both:
            b.ue()


def _references(b: Digits, kind: str, nal: int, seq: Sequence, of: Pictures) -> None:
    """From direct_spatial_mv_pred_flag through dec_ref_pic_marking()."""
    if kind == "B":
        b.skip(1)
    if kind != "I":
        lists: tuple[int, ...] = of.references
        if b.flag():  # num_ref_idx_active_override_flag
            lists = (b.ue() + 1, b.ue() + 1) if kind == "B" else (b.ue() + 1, 0)
        if max(lists) > 32:
            raise OutOfBits("at most 32 reference fields")
        lists = lists[: 2 if kind == "B" else 1]
        for _ in lists:
            _modification(b)
        if of.weighted if kind == "P" else of.weighted_b == 1:
            _weights(b, lists, seq.chroma)
    if nal >> 5 & 3:
        _marking(b, nal & 31 == _IDR)


def _modification(b: Digits) -> None:
    """ref_pic_list_modification() of one list (§7.3.3.1)."""
    if b.flag():
        for _ in range(66):
            if b.ue() == 3:
                return
            b.ue()
        raise OutOfBits("a list that does not end")


def _weights(b: Digits, lists: tuple[int, ...], chroma: int) -> None:
    """pred_weight_table() (§7.3.3.2)."""
    b.ue()
    if chroma:
        b.ue()
    for count in lists:
        for _ in range(count):
            if b.flag():
                b.ue(), b.ue()
            if chroma and b.flag():
                b.ue(), b.ue(), b.ue(), b.ue()


def _marking(b: Digits, idr: bool) -> None:
    """dec_ref_pic_marking() (§7.3.3.3)."""
    if idr:
        b.skip(2)
    elif b.flag():
        for _ in range(70):
            operation = b.ue()
            if operation == 0:
                return
            if operation != 5:
                b.ue()
            if operation == 3:
                b.ue()
        raise OutOfBits("a marking that does not end")
