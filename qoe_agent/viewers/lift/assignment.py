"""Which arm a user is in, worked out anywhere: the same here, in `assignment.js` and in whatever passes the vectors.

A unit's place is MurmurHash3 (x86, 32 bits; Appleby, public domain) of the UTF-8 text `experiment:unit`, over 2**32;
the seed is the same hash (of seed 0) of the salt. Arms lie side by side in [0, 1), as wide as their shares, in the
order given. Murmur, because players must know at once (a browser's SHA-256 is asynchronous) and its bits depend on all
of the text, as FNV's do not. It keeps no secret: who knows the experiment's name and salt can tell anybody's arm.

An arm that grows keeps its users only where those before it keep their shares: name what will grow last.
`assignment.json` holds vectors for others who write this down in their language.
"""

from __future__ import annotations

from math import floor, isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = 1.0
ROUNDED = 1e-9
"""Shares whose sum is so near to one are meant to be one."""
_WORD = 0xFFFFFFFF
_FIRST, _SECOND = 0xCC9E2D51, 0x1B873593


def murmur3(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32."""
    state, whole = seed, len(data) & ~3
    for at in range(0, whole, 4):
        state ^= _mixed(int.from_bytes(data[at : at + 4], "little"))
        state = (_turned(state, 13) * 5 + 0xE6546B64) & _WORD
    if len(data) > whole:
        state ^= _mixed(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = ((state ^ state >> shift) * factor) & _WORD
    return state ^ state >> 16


def _mixed(word: int) -> int:
    return _turned(word * _FIRST & _WORD, 15) * _SECOND & _WORD


def _turned(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _WORD


def place(experiment: str, unit: str, salt: str = "") -> float:
    """Where in [0, 1) a unit falls. ValueError: a name of an experiment that would not be told from a unit's, or a unit
    without a name; TypeError: one that is no text (all whose name is not known would share an arm)."""
    if not isinstance(unit, str):
        raise TypeError(f"a unit's name must be text, not {unit!r}: who has none is in no arm")
    if not unit:
        raise ValueError("a unit's name must not be empty: who has none is in no arm")
    if not experiment or ":" in experiment:
        raise ValueError("an experiment's name must not be empty and must not hold a colon")
    return murmur3(_bytes(f"{experiment}:{unit}"), murmur3(_bytes(salt))) / 2**32


def _bytes(text: str) -> bytes:
    """As UTF-8; halves of pairs, which are no letters, as browsers write them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def arm(experiment: str, unit: str, shares: Sequence[tuple[str, float]], salt: str = "") -> str | None:
    """The arm of a unit (a user, a device); None: shares leave room, and it is in no arm.

    ValueError: shares that are none.
    """
    return _at(place(experiment, unit, salt), shares)


def block_arm(
    experiment: str, stream: str, at: float, seconds: float, shares: Sequence[tuple[str, float]], salt: str = ""
) -> str | None:
    """The arm that everybody gets who watches a stream at a time (Unix seconds), in blocks of so many seconds."""
    if not (seconds > 0.0 and isfinite(seconds)):
        raise ValueError("a block must have a length, in seconds")
    if not isinstance(stream, str):
        raise TypeError(f"a stream's name must be text, not {stream!r}")
    if not stream or not isfinite(at):
        raise ValueError("a block must have a stream's name, and a time in Unix seconds")
    return arm(experiment, f"{stream}#{floor(at / seconds)}", shares, salt)


def _at(where: float, shares: Sequence[tuple[str, float]]) -> str | None:
    for name, share in shares:
        if not (name and isfinite(share) and share >= 0.0):
            raise ValueError("each arm must have a name, and a share of 0 or more")
    total = sum(share for _, share in shares)
    if not 0.0 < total <= ALL + ROUNDED:
        raise ValueError(f"shares must add up to more than 0 and at most 1, not {total:g}")
    reached = 0.0
    for name, share in shares:
        reached += share
        if where < reached:
            return name
    last = next(name for name, share in reversed(shares) if share > 0.0)
    return last if total > ALL - ROUNDED else None
