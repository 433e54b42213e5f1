"""The head of an AV1 frame as far as its quantiser (AV1 bitstream specification §5.5, §5.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from qoe_agent.bitstream.bits import Digits, OutOfBits

_KEY, _INTRA_ONLY, _SWITCH = 0, 2, 3
_SELECT = 2
"""seq_force_… values that leave it to the frame."""


class Frame(NamedTuple):
    """A frame of AV1 or VP9."""

    intra: bool
    quantiser: int
    """base_q_idx, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Of a sequence header."""

    still: bool
    """reduced_still_picture_header"""
    time_bits: int
    """Of temporal_point_info; 0 where frames carry none."""
    removals: tuple[tuple[int, bool], ...] | None
    """operating_point_idc and decoder_model_present_for_this_op; None without decoder model."""
    removal_bits: int
    size_bits: tuple[int, int]
    size: tuple[int, int]
    id_bits: tuple[int, int]
    """Bits of current_frame_id and delta_frame_id; 0 without frame ids."""
    large_blocks: bool
    screen: int
    integer_mv: int
    order_bits: int
    reference_mvs: bool
    superres: bool


def sequence(payload: bytes) -> Sequence:
    """sequence_header_obu() (§5.5.1). Raises OutOfBits on garbage."""
    b = Digits(payload)
    b.skip(4)
    still = b.flag()
    time_bits, removal_bits, removals = 0, 0, None
    if still:
        b.skip(5)
    else:
        time_bits, removal_bits, removals = _operating_points(b)
    wide, high = b.u(4) + 1, b.u(4) + 1
    size = b.u(wide) + 1, b.u(high) + 1
    ids = (0, 0)
    if not still and b.flag():
        delta = b.u(4) + 2
        ids = b.u(3) + delta + 1, delta
    large = b.flag()
    b.skip(2)
    screen, integer, order, reference_mvs = _SELECT, _SELECT, 0, False
    if not still:
        screen, integer, order, reference_mvs = _tools(b)
    return Sequence(
        still, time_bits, removals, removal_bits, (wide, high), size, ids, large, screen, integer, order,
        reference_mvs, b.flag(),
    )  # fmt: skip


def _operating_points(b: Digits) -> tuple[int, int, tuple[tuple[int, bool], ...] | None]:
    """Bits of frame_presentation_time (0: not in frames) and of buffer_removal_time, and the operating points."""
    equal, model, delay_bits, removal_bits, time_bits = True, False, 0, 0, 0
    if b.flag():
        b.skip(64)
        equal = b.flag()
        if equal:
            b.uvlc()
        model = b.flag()
        if model:
            delay_bits = b.u(5) + 1
            b.skip(32)
            removal_bits, time_bits = b.u(5) + 1, b.u(5) + 1
    display_delay = b.flag()
    points = []
    for _ in range(b.u(5) + 1):
        layers = b.u(12)
        if b.u(5) > 7:
            b.skip(1)
        present = model and b.flag()
        if present:
            b.skip(2 * delay_bits + 1)
        if display_delay and b.flag():
            b.skip(4)
        points.append((layers, present))
    return 0 if equal else time_bits, removal_bits, tuple(points) if model else None


def _tools(b: Digits) -> tuple[int, int, int, bool]:
    """seq_force_screen_content_tools, seq_force_integer_mv, OrderHintBits, enable_ref_frame_mvs."""
    b.skip(4)
    order_hint = b.flag()
    reference_mvs = False
    if order_hint:
        b.skip(1)
        reference_mvs = b.flag()
    screen = _SELECT if b.flag() else b.u(1)
    integer = _SELECT
    if screen and not b.flag():
        integer = b.u(1)
    return screen, integer, b.u(3) + 1 if order_hint else 0, reference_mvs


def head(payload: bytes, seq: Sequence) -> Frame | None:
    """uncompressed_header() (§5.9.2) through base_q_idx; None where an earlier frame is shown, or one is needed.

    Raises OutOfBits on garbage, and where `payload` was cut too early.
    """
    b = Digits(payload)
    if not seq.still and b.flag():  # show_existing_frame
        return None
    kind, shown, resilient = (_KEY, True, True) if seq.still else _kind(b, seq)
    intra = kind in (_KEY, _INTRA_ONLY)
    fixed_cdf = b.flag()
    screen = b.flag() if seq.screen == _SELECT else bool(seq.screen)
    integer = screen and (b.flag() if seq.integer_mv == _SELECT else bool(seq.integer_mv))
    b.skip(seq.id_bits[0])
    other_size = kind == _SWITCH or (not seq.still and b.flag())
    b.skip(seq.order_bits)
    if not intra and not resilient:
        b.skip(3)  # primary_ref_frame
    _removal(b, seq)
    refreshed = 255 if kind == _SWITCH or (kind == _KEY and shown) else b.u(8)
    if (not intra or refreshed != 255) and resilient:
        b.skip(8 * seq.order_bits)
    if intra:
        size, upscaled = _size(b, seq, other_size)
        if screen and not upscaled:
            b.skip(1)  # allow_intrabc
    else:
        found = _inter(b, seq, resilient, other_size, integer)
        if found is None:
            return None
        size = found
    if not seq.still and not fixed_cdf:
        b.skip(1)  # disable_frame_end_update_cdf
    _tiles(b, seq, size)
    return Frame(intra, b.u(8))


def _kind(b: Digits, seq: Sequence) -> tuple[int, bool, bool]:
    """frame_type, show_frame, error_resilient_mode."""
    kind, shown = b.u(2), b.flag()
    b.skip(seq.time_bits if shown else 1)  # temporal_point_info, or showable_frame
    return kind, shown, kind == _SWITCH or (kind == _KEY and shown) or b.flag()


def _removal(b: Digits, seq: Sequence) -> None:
    """buffer_removal_time of each operating point that the base layer is part of."""
    if seq.removals is None or not b.flag():
        return
    for layers, present in seq.removals:
        if present and (not layers or (layers & 1 and layers >> 8 & 1)):
            b.skip(seq.removal_bits)


def _size(b: Digits, seq: Sequence, other: bool) -> tuple[tuple[int, int], bool]:
    """frame_size() and render_size(): coded width and height, and whether they are scaled up afterwards."""
    width, height = (b.u(seq.size_bits[0]) + 1, b.u(seq.size_bits[1]) + 1) if other else seq.size
    upscaled = seq.superres and b.flag()
    if upscaled:
        denominator = b.u(3) + 9
        width = (width * 8 + denominator // 2) // denominator
    if b.flag():
        b.skip(32)
    return (width, height), upscaled


def _inter(b: Digits, seq: Sequence, resilient: bool, other_size: bool, integer: bool) -> tuple[int, int] | None:
    """From frame_refs_short_signaling through use_ref_frame_mvs: the size, None where it is a reference's."""
    short = seq.order_bits > 0 and b.flag()
    if short:
        b.skip(6)
    b.skip(7 * ((0 if short else 3) + seq.id_bits[1]))
    if other_size and not resilient:
        for _ in range(7):
            if b.flag():  # found_ref
                return None
    size, _ = _size(b, seq, other_size)
    if not integer:
        b.skip(1)
    if not b.flag():  # is_filter_switchable
        b.skip(2)
    b.skip(1)
    if not resilient and seq.reference_mvs:
        b.skip(1)
    return size


def _log2(block: int, target: int) -> int:
    """tile_log2() (§5.9.16)."""
    k = 0
    while block << k < target:
        k += 1
    return k


def _tiles(b: Digits, seq: Sequence, size: tuple[int, int]) -> None:
    """tile_info() (§5.9.15)."""
    shift = 7 if seq.large_blocks else 6
    columns, rows = ((2 * (n + 7 >> 3) << 2) + (1 << shift) - 1 >> shift for n in size)
    widest, largest = 4096 >> shift, 4096 * 2304 >> 2 * shift
    least_columns = _log2(widest, columns)
    least = max(least_columns, _log2(largest, rows * columns))
    if b.flag():
        across = _increments(b, least_columns, _log2(1, min(columns, 64)))
        down = _increments(b, max(least - across, 0), _log2(1, min(rows, 64)))
    else:
        across, wide = _explicit(b, columns, widest)
        area = rows * columns >> (least + 1 if least else 0)
        down, _ = _explicit(b, rows, max(area // wide, 1))
    if across or down:
        b.skip(across + down + 2)


def _increments(b: Digits, least: int, most: int) -> int:
    while least < most and b.flag():
        least += 1
    return least


def _explicit(b: Digits, blocks: int, longest: int) -> tuple[int, int]:
    """Tiles of their own sizes: log2 of their number, and the longest side."""
    at = count = side = 0
    while at < blocks:
        most = min(blocks - at, longest)
        bits = most.bit_length()
        spare = (1 << bits) - most
        value = b.u(bits - 1)  # ns(most), §4.10.7
        if value >= spare:
            value = (value << 1) - spare + b.u(1)
        side, at, count = max(side, value + 1), at + value + 1, count + 1
        if count > 64:
            raise OutOfBits("at most 64 tiles in a row")
    return _log2(1, count), side
