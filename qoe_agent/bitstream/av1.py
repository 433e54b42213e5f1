"""AV1 sequence headers and frame types (AV1 bitstream specification §5.3, §5.5, §5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.bitstream.bits import Bits, OutOfBits
from qoe_agent.bitstream.described import NOTHING, Described, pixel_format, rate, size

if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE_HEADER = 1
FRAME_HEADER = 3
METADATA = 5
FRAME = 6

_PROFILES = {0: "Main", 1: "High", 2: "Professional"}
_KEY_FRAME = 0
_UNSPECIFIED = 2
_BT_709, _SRGB, _IDENTITY = 1, 13, 0
"""color_primaries, transfer_characteristics, matrix_coefficients that together mean RGB (§6.4.2)."""


def obus(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of the payload of each OBU of a temporal unit (§5.3); stops at garbage."""
    at, end = 0, len(data)
    while at < end:
        header = data[at]
        at += 2 if header & 4 else 1
        if header & 0x80:
            return
        length = end - at
        if header & 2:  # obu_has_size_field: leb128
            length = shift = 0
            while at < end and shift < 56:
                byte = data[at]
                at += 1
                length |= (byte & 0x7F) << shift
                shift += 7
                if not byte & 0x80:
                    break
        if at > end:
            return
        yield header >> 3 & 15, at, min(end, at + length)
        at += length


def obu(kind: int, payload: bytes) -> bytes:
    """An OBU with its size, as `obus` reads it."""
    size, length = bytearray(), len(payload)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes((kind << 3 | 2, *size, length)) + payload


def key_frame(data: bytes) -> tuple[bool, bool] | None:
    """Of the first frame of a temporal unit: is it a shown key frame, with its sequence header before it?

    None when there is no frame.
    """
    sequence = still = False
    for kind, start, end in obus(data):
        if kind == SEQUENCE_HEADER and end > start:
            sequence = True
            still = bool(data[start] & 0x08)  # reduced_still_picture_header
        elif kind in (FRAME_HEADER, FRAME) and end > start:
            first = data[start]  # show_existing_frame u(1), frame_type u(2), show_frame u(1)
            shown_key = first & 0x80 == 0 and first >> 5 & 3 == _KEY_FRAME and bool(first & 0x10)
            return still or shown_key, sequence
    return None


def describe(data: bytes) -> Described:
    """A sequence header out of av1C (AV1 in ISOBMFF §2.3.3) or a temporal unit; empty when there is none."""
    if data[:1] == b"\x81":  # marker and version of av1C; as an OBU header it would be forbidden
        data = data[4:]
    for kind, start, end in obus(data):
        if kind == SEQUENCE_HEADER:
            try:
                return _sequence(Bits(data[start:end]))
            except OutOfBits:
                return NOTHING
    return NOTHING


def _sequence(b: Bits) -> Described:
    """sequence_header_obu() (§5.5.1)."""
    profile = b.u(3)
    b.skip(1)
    frame_rate = None
    reduced = b.flag()
    if reduced:
        level = b.u(5)
    else:
        frame_rate, level = _operating_points(b)
    wide, high = b.u(4) + 1, b.u(4) + 1
    width, height = size(b.u(wide) + 1, b.u(high) + 1)
    if not reduced and b.flag():  # frame_id_numbers_present_flag
        b.skip(7)
    b.skip(3)
    if not reduced:
        _tools(b)
    b.skip(3)
    return Described(
        width,
        height,
        _PROFILES.get(profile),
        f"{2 + (level >> 2)}.{level & 3}" if level < 31 else None,
        _colour(b, profile),
        frame_rate,
    )


def _operating_points(b: Bits) -> tuple[float | None, int]:
    """From timing_info_present_flag through the operating points: frame rate and first level."""
    frame_rate, model, delay_bits = None, False, 0
    if b.flag():
        units, scale = b.u(32), b.u(32)
        if b.flag():  # equal_picture_interval
            frame_rate = rate(scale, units * (b.uvlc() + 1))
        model = b.flag()
        if model:
            delay_bits = b.u(5) + 1
            b.skip(42)
    display_delay = b.flag()
    levels = []
    for _ in range(b.u(5) + 1):
        b.skip(12)
        levels.append(b.u(5))
        if levels[-1] > 7:
            b.skip(1)
        if model and b.flag():
            b.skip(2 * delay_bits + 1)
        if display_delay and b.flag():
            b.skip(4)
    return frame_rate, levels[0]


def _tools(b: Bits) -> None:
    """From enable_interintra_compound to order_hint_bits_minus_1."""
    b.skip(4)
    order_hint = b.flag()
    if order_hint:
        b.skip(2)
    screen_content = b.flag() or b.flag()  # seq_choose_…, else seq_force_screen_content_tools
    if screen_content and not b.flag():
        b.skip(1)
    if order_hint:
        b.skip(3)


def _colour(b: Bits, profile: int) -> str | None:
    """color_config() (§5.5.2)."""
    depth = 10 if b.flag() else 8
    if profile == 2 and depth == 10 and b.flag():
        depth = 12
    grey = profile != 1 and b.flag()
    colours = (b.u(8), b.u(8), b.u(8)) if b.flag() else (_UNSPECIFIED,) * 3
    if grey:
        return pixel_format(0, depth)
    if colours == (_BT_709, _SRGB, _IDENTITY):
        return pixel_format(3, depth, rgb=True)
    b.skip(1)
    if profile != 2:
        return pixel_format(1 if profile == 0 else 3, depth)
    if depth != 12:
        return pixel_format(2, depth)
    if not b.flag():  # subsampling_x
        return pixel_format(3, depth)
    return pixel_format(1 if b.flag() else 2, depth)
