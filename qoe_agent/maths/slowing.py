"""Whether motion came to rest by itself before a picture that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.maths.sameness import FAINTEST

if TYPE_CHECKING:
    from collections.abc import Sequence

TICK, SLOWS = 0.02, 0.68
"""Seconds before a standing picture in which it is asked whether it came to rest evenly;"""
STOPS, SQUARE = 0.35, 0.2
"""it did if it would have stopped within these, and that explains all changes but for this share and FAINTEST."""
EARLIER, LEAST = 0.04, 3
"""and so if it stood still by so many seconds earlier: coding may change its first picture too much for a still. So
many pictures before it tell."""


def slowing(before: Sequence[tuple[float, float]]) -> bool:
    """Whether it came to rest by itself. `before`: how much earlier than the standing picture others were, and how much
    these differed from it: what loses its speed evenly, up to there, does so as the square of the time."""
    known = [(seconds, change) for seconds, change in before if TICK < seconds <= SLOWS and change > 0.0]
    earlier = [(seconds - EARLIER, change) for seconds, change in known if seconds > EARLIER + TICK]
    return _slows(known) and (len(earlier) < LEAST or _slows(earlier))


def _slows(known: Sequence[tuple[float, float]]) -> bool:
    if len(known) < LEAST:
        return False
    seconds, changes = np.array(known).T
    allowed = SQUARE * changes + FAINTEST
    terms = np.stack([seconds, np.square(seconds)], 1) / allowed[:, None]
    (speed, slowed), *_ = np.linalg.lstsq(terms, changes / allowed, rcond=None)
    off = float(np.abs(terms @ (speed, slowed) - changes / allowed).max())
    return bool(slowed > 0 and speed <= 2 * STOPS * slowed and off <= 1.0)
