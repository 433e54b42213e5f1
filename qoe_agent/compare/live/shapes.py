"""What outputs are compared by: seconds of the source, and differences over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Word: TypeAlias = Literal["differs", "no difference shown", "more time needed", "identical"]


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the source, as every output showed it."""

    at: float
    """Second of A's media time at which it begins."""
    values: Mapping[str, Mapping[str, float | None]]
    """By output, then by measure; None or missing: not known in this second."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of two outputs: b less a, by second."""

    measure: str
    a: str
    b: str
    mean_a: float | None
    mean_b: float | None
    difference: float | None
    """Mean of b less a over the seconds that have both."""
    low: float | None
    """Of the 95 % interval of this measure alone; None where there is no telling yet."""
    high: float | None
    p: float | None
    """That of a difference this large with none there, over all measures shown (Holm)."""
    n: int
    """Seconds that have both."""
    effective: float | None
    """Independent seconds that those are worth."""
    rho: float | None
    """How much a second's difference resembles that of the second before: autocorrelation, corrected for bias."""
    word: Word
    note: str = ""
