"""Quantisers of the last minute: their mean by type of picture, and how far they spread."""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qoe_agent.maths.view import View

BINS = 6
"""Parts of the minute; the owner turns from one to the next."""


PERIOD = 0.97
"""Seconds between two pictures whose macroblocks are looked at: not in step with whole seconds."""


class Blocks:
    """A look: mean and deviation of a picture's macroblock quantisers, about once a second."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due: float | None = None

    def __call__(self, view: View) -> tuple[float, float] | None:
        due, pts = self._due, view.pts
        if pts is None or view.corrupt or (due is not None and 0.0 < due - pts <= PERIOD):
            return None
        self._due = (due if due is not None and 0.0 <= pts - due < PERIOD else pts) + PERIOD
        told = view.qp
        return None if told is None or not told.size else (float(told.mean()), float(told.std()))


class Quantisers:
    """Gathers pictures' quantisers; `turn` every ten seconds."""

    __slots__ = ("_bins", "_now")

    def __init__(self) -> None:
        self._now: dict[tuple[str, str], list[float]] = {}
        self._bins: deque[dict[tuple[str, str], list[float]]] = deque([self._now], BINS)

    def add(self, basis: str, kind: str, qp: float, spread: float = 0.0) -> None:
        """A picture: its mean, and the deviation within it where that is known."""
        sums = self._now.get((basis, kind))
        if sums is None:
            sums = self._now[basis, kind] = [0.0] * 4
        sums[0] += 1.0
        sums[1] += qp
        sums[2] += qp * qp
        sums[3] += spread * spread

    def turn(self) -> None:
        """Ten seconds have passed."""
        self._now = {}
        self._bins.append(self._now)

    def means(self) -> dict[tuple[str, str], float]:
        """By basis and type of picture."""
        return {key: total / count for key, (count, total, _, _) in self._sums().items()}

    def spreads(self) -> dict[str, float]:
        """By basis: standard deviation over pictures and, where it is known, within them."""
        whole: dict[str, list[float]] = {}
        for (basis, _), sums in self._sums().items():
            whole[basis] = [a + b for a, b in zip(whole.get(basis, [0.0] * 4), sums, strict=True)]
        return {
            basis: sqrt(max(0.0, (squares + within) / count - (total / count) ** 2))
            for basis, (count, total, squares, within) in whole.items()
        }

    def _sums(self) -> dict[tuple[str, str], list[float]]:
        found: dict[tuple[str, str], list[float]] = {}
        for part in self._bins:
            for key, sums in part.items():
                found[key] = [a + b for a, b in zip(found.get(key, [0.0] * 4), sums, strict=True)]
        return found
