"""Side-by-side pictures of the worst moments: the same moment of the source as each output showed it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strip:
    """One moment."""

    second: int
    """Of the source."""
    why: str
    pictures: tuple[bytes | None, ...]
    """By output: JPEG; None where it had none."""
    crops: tuple[bytes | None, ...]
    """By output: the part in which they differ most, pixel by pixel."""
