"""The head of a VP9 frame as far as its quantiser (VP9 bitstream specification §6.2), and superframes (Annex B)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.bitstream.av1_frames import Frame
from qoe_agent.bitstream.bits import Digits, OutOfBits

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYNC = 0x498342
_RGB = 7


def frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each frame of a packet lies: one, or those of a superframe."""
    end = len(data)
    marker = data[-1] if data else 0
    if marker & 0xE0 == 0xC0:
        count, width = (marker & 7) + 1, (marker >> 3 & 3) + 1
        index = end - 2 - count * width
        if index >= 0 and data[index] == marker:
            at = 0
            for n in range(index + 1, end - 1, width):
                size = int.from_bytes(data[n : n + width], "little")
                if size and at + size <= index:
                    yield at, at + size
                at += size
            return
    if data:
        yield 0, end


def head(payload: bytes) -> Frame | None:
    """uncompressed_header() through base_q_idx; None where an earlier frame is shown. Raises OutOfBits on garbage."""
    b = Digits(payload)
    if b.u(2) != 2:
        raise OutOfBits("no VP9 frame")
    profile = b.u(1) | b.u(1) << 1
    if profile == 3:
        b.skip(1)
    if b.flag():  # show_existing_frame
        return None
    inter, shown, resilient = b.flag(), b.flag(), b.flag()
    intra_only = False
    if not inter:
        _key(b, profile)
    else:
        intra_only = not shown and b.flag()
        if not resilient:
            b.skip(2)
        if intra_only:
            _key(b, profile if profile else None, refreshed=True)
        else:
            _inter(b)
    if not resilient:
        b.skip(2)
    b.skip(2)
    _loop_filter(b)
    return Frame(not inter or intra_only, b.u(8))


def _key(b: Digits, profile: int | None, refreshed: bool = False) -> None:
    """From the sync code through the sizes; `profile` None: the colours are those of profile 0, and not written."""
    if b.u(24) != _SYNC:
        raise OutOfBits("no VP9 sync code")
    if profile is not None:
        _colour(b, profile)
    if refreshed:
        b.skip(8)
    b.skip(32)
    if b.flag():
        b.skip(32)


def _colour(b: Digits, profile: int) -> None:
    """color_config() (§6.2.2)."""
    if profile >= 2:
        b.skip(1)
    if b.u(3) != _RGB:
        b.skip(4 if profile & 1 else 1)
    elif profile & 1:
        b.skip(1)


def _inter(b: Digits) -> None:
    """From refresh_frame_flags through the interpolation filter."""
    b.skip(8 + 3 * 4)
    if not (b.flag() or b.flag() or b.flag()):  # found_ref
        b.skip(32)
    if b.flag():
        b.skip(32)
    b.skip(1)
    if not b.flag():
        b.skip(2)


def _loop_filter(b: Digits) -> None:
    """loop_filter_params() (§6.2.8)."""
    b.skip(9)
    if b.flag() and b.flag():
        for _ in range(6):
            if b.flag():
                b.skip(7)
