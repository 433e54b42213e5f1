"""Looks at pairs while they are scored: what contradicts an alignment early need not be scored to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.compare import align, readings

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Alignment

EVERY = 200
"""Pairs from one look to the next; each sees as many that it saw before."""


class Contradicted(Exception):
    """The pictures say that frames lie elsewhere; its arguments say where."""


class Glances:
    """Called with the fingerprints that have come so far."""

    def __init__(self, alignment: Alignment) -> None:
        self._alignment, self._seen = alignment, 0

    def __call__(self, output: bytearray) -> None:
        """Raises Contradicted."""
        ready = len(output) // readings.PAIR
        if ready < self._seen + EVERY:
            return
        first, self._seen = max(0, self._seen - EVERY), ready
        # A copy: more is written to what was given meanwhile.
        part = readings.thumbs(output[first * readings.PAIR : ready * readings.PAIR])
        if doubts := align.contradictions(self._alignment, part, first):
            raise Contradicted(*doubts)
