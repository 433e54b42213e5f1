"""What a live comparison is made of: pictures as they come, how outputs lie on each other, seconds, differences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

How: TypeAlias = Literal["stamp", "date-time", "content"]
Word: TypeAlias = Literal["differs", "no difference shown", "more time needed", "identical"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded picture of an output."""

    pts: float
    """Seconds of media time, rising over reconnects."""
    arrival: float | None
    """Agent seconds at which it could be played; None where that is not known (a backlog)."""
    thumb: NDArray[np.uint8]
    """Luma in 18 rows of 32."""
    stamp: tuple[int, int] | None = None
    """Unix milliseconds and frame counter that are burnt in, as read."""
    program: float | None = None
    """Unix seconds of its program date-time."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of A's media time on which B's lies along one line."""

    start: float
    """A's media time."""
    end: float
    """Of the last picture that bears it out; the last piece goes on beyond."""
    lag: float
    """B's media time less A's of the same picture, at `start`."""
    slope: float = 0.0
    """Seconds by which that grows each second of A."""

    def at(self, pts: float) -> float:
        """B's media time of what A shows at `pts`."""
        return pts + self.lag + self.slope * (pts - self.start)


@dataclass(frozen=True, slots=True)
class Laid:
    """How output B lies on output A."""

    method: How | None
    """None: nothing is known yet."""
    pieces: tuple[Piece, ...]
    """In order of A's media time, the last ones; older ones are let go."""
    arrival: float | None
    """Seconds by which B's same picture comes later than A's, lately: the difference of latency. Median."""
    confidence: float
    """0 to 1; below 0.5 the alignment is not to be trusted."""
    drift: float | None
    """Seconds by which the lag in media time grows each second, over the latest piece; None: too short to tell."""
    held: float = 0.0
    """Seconds of A for which nothing bore the alignment out (still pictures, a pause): it is the last trusted one."""
    steps: int = 0
    """Times that the lag changed at once: one output jumped or waited."""
    spread: float | None = None
    """Seconds: median distance of what was seen from the line; None: unknown."""
    notes: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether seconds may be compared by it."""
        return bool(self.pieces) and self.confidence >= 0.5

    @property
    def lag(self) -> float | None:
        """B's media time less A's at the end of the latest piece."""
        if not self.pieces:
            return None
        last = self.pieces[-1]
        return last.at(last.end) - last.end

    def place(self, pts: float) -> float | None:
        """B's media time of what A shows at `pts`; None before the first piece, or in a gap between two."""
        for piece in reversed(self.pieces):
            if piece.start <= pts:
                return piece.at(pts) if pts <= piece.end or piece is self.pieces[-1] else None
        return None

    def back(self, pts: float) -> float | None:
        """A's media time of what B shows at `pts`; None where A shows no such thing."""
        for piece in reversed(self.pieces):
            there = (pts - piece.lag + piece.slope * piece.start) / (1.0 + piece.slope)
            if piece.start <= there and (there <= piece.end or piece is self.pieces[-1]):
                return there
        return None


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the source, as every output showed it."""

    at: float
    """Second of A's media time at which it begins."""
    values: Mapping[str, Mapping[str, float | None]]
    """By output, then by measure; None or missing: not known in this second."""
    wall: float | None = None
    """Unix seconds at which A had it, if known."""


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


@dataclass(frozen=True, slots=True)
class Worst:
    """A second in which outputs differ most."""

    at: float
    measure: str
    a: str
    b: str
    value_a: float | None
    value_b: float | None
    size: float
    """Times its usual spread that the difference lies off."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An output of the comparison."""

    name: str
    url: str
    """Without secrets."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Protocol, codecs, size, rate, startup: plain values that JSON takes."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """The whole of a live comparison."""

    verdict: str
    """First of all: a sentence or two for people."""
    outputs: tuple[Watched, ...]
    laid: Mapping[str, Laid]
    """By name of each output but the first: how it lies on the first."""
    seconds: tuple[Second, ...]
    differences: tuple[Difference, ...]
    worst: tuple[Worst, ...]
    provenance: Mapping[str, Any]
    final: bool = True
    """False: it is still going on, and intervals are provisional."""
    notes: tuple[str, ...] = ()
