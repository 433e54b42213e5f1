"""The head of an HEVC slice segment as far as its quantiser (ITU-T H.265 §7.3.6), and its short reference sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.bitstream.bits import Digits, OutOfBits
from qoe_agent.bitstream.h264_slices import Slice

if TYPE_CHECKING:
    from qoe_agent.bitstream.hevc_sets import Pictures, Sequence

_IDR = (19, 20)


class References(NamedTuple):
    """A short-term reference picture set (§7.4.8)."""

    before: tuple[int, ...]
    """Picture order differences below 0, nearest first."""
    after: tuple[int, ...]
    used: int
    """How many of them the current picture may use."""


def reference_set(b: Digits, index: int, known: list[References], *, in_slice: bool = False) -> References:
    """st_ref_pic_set(index) (§7.3.7)."""
    if index and b.flag():
        return _predicted(b, index, known, in_slice)
    before, after = b.ue(), b.ue()
    if before + after > 16:
        raise OutOfBits("at most 16 reference pictures")
    used = 0
    sides = []
    for count, sign in ((before, -1), (after, 1)):
        at, deltas = 0, []
        for _ in range(count):
            at += sign * (b.ue() + 1)
            deltas.append(at)
            used += b.flag()
        sides.append(tuple(deltas))
    return References(sides[0], sides[1], used)


def _predicted(b: Digits, index: int, known: list[References], in_slice: bool) -> References:
    """Out of another set, moved (equations 7-61 and 7-62); the order of its pictures tells whose flags come when."""
    back = b.ue() + 1 if in_slice else 1
    if back > index:
        raise OutOfBits("no such reference set")
    source = known[index - back]
    sign = -1 if b.flag() else 1
    moved = sign * (b.ue() + 1)
    kept = []
    for delta in (*source.before, *source.after, 0):
        used = b.flag()
        if used or b.flag():
            kept.append((delta + moved, used))
    before = sorted((d for d, _ in kept if d < 0), reverse=True)
    after = sorted(d for d, _ in kept if d > 0)
    if len(before) + len(after) > 16:
        raise OutOfBits("at most 16 reference pictures")
    return References(tuple(before), tuple(after), sum(used for d, used in kept if d))


def head(rbsp: bytes, nal: int, sequences: dict[int, Sequence], picture_sets: dict[int, Pictures]) -> Slice | None:
    """slice_segment_header() of a NAL unit of type `nal`, without its header of two bytes.

    None for a dependent segment (it goes on with the quantiser of the one before) or an unknown parameter set.
    Raises OutOfBits on garbage, and where `rbsp` was cut too early.
    """
    b = Digits(rbsp)
    first = b.flag()
    if 16 <= nal <= 23:
        b.skip(1)
    of = picture_sets.get(b.ue())
    seq = sequences.get(of.sequence) if of else None
    if of is None or seq is None:
        return None
    address = 0
    if not first:
        if of.dependent and b.flag():
            return None
        address = b.u((seq.blocks - 1).bit_length())
    b.skip(of.extra_bits)
    coded = b.ue()
    if coded > 2:
        raise OutOfBits("no slice type")
    kind = "BPI"[coded]
    b.skip((1 if of.output_flag else 0) + (2 if seq.planes_apart else 0))
    current, temporal = 0, False
    if nal not in _IDR:
        current, temporal = _pictures(b, seq)
    if seq.adaptive_offset:
        b.skip(1 + bool(seq.chroma))
    if kind != "I":
        _prediction(b, kind, seq, of, current, temporal)
    qp = of.qp + b.se()
    return Slice(kind, qp, address, seq.blocks) if -48 <= qp <= 51 else None


def _pictures(b: Digits, seq: Sequence) -> tuple[int, bool]:
    """From slice_pic_order_cnt_lsb on: how many pictures may be referred to, and slice_temporal_mvp_enabled_flag."""
    b.skip(seq.order_bits)
    sets = seq.references
    if not b.flag():
        current = reference_set(b, len(sets), sets, in_slice=True).used
    else:
        index = b.u((len(sets) - 1).bit_length()) if len(sets) > 1 else 0
        if index >= len(sets):
            raise OutOfBits("no such reference set")
        current = sets[index].used
    if seq.long_terms is not None:
        listed = b.ue() if seq.long_terms else 0
        count = listed + b.ue()
        if count > 33:
            raise OutOfBits("at most 32 long-term pictures")
        for n in range(count):
            if n < listed:
                index = b.u((len(seq.long_terms) - 1).bit_length())
                current += index < len(seq.long_terms) and seq.long_terms[index]
            else:
                b.skip(seq.order_bits)
                current += b.flag()
            if b.flag():
                b.ue()
    return current, seq.temporal and b.flag()


def _prediction(b: Digits, kind: str, seq: Sequence, of: Pictures, current: int, temporal: bool) -> None:
    """From num_ref_idx_active_override_flag through five_minus_max_num_merge_cand."""
    lists: tuple[int, ...] = of.references
    if b.flag():
        lists = (b.ue() + 1, b.ue() + 1) if kind == "B" else (b.ue() + 1, 0)
    if max(lists) > 16:
        raise OutOfBits("at most 16 reference pictures")
    lists = lists[: 2 if kind == "B" else 1]
    if of.modified and current > 1:
        for count in lists:
            if b.flag():
                b.skip(count * (current - 1).bit_length())
    if kind == "B":
        b.skip(1)  # mvd_l1_zero_flag
    if of.cabac_init:
        b.skip(1)
    if temporal:
        side = 0 if kind == "P" or b.flag() else 1
        if lists[side] > 1:
            b.ue()
    if of.weighted if kind == "P" else of.weighted_b:
        _weights(b, lists, seq.chroma)
    b.ue()


def _weights(b: Digits, lists: tuple[int, ...], chroma: int) -> None:
    """pred_weight_table() (§7.3.6.3), of streams whose reference pictures are all of other times."""
    b.ue()
    if chroma:
        b.ue()
    for count in lists:
        luma = [b.flag() for _ in range(count)]
        coloured = [bool(chroma) and b.flag() for _ in range(count)]
        for n in range(count):
            if luma[n]:
                b.ue(), b.ue()
            if coloured[n]:
                b.ue(), b.ue(), b.ue(), b.ue()
