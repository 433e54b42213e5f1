"""What is known of a picture that stands still, so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections import deque

    from qoe_agent.maths.motion import Step
    from qoe_agent.maths.past import Past
    from qoe_agent.maths.sameness import Plane


class Run:
    """A picture stands still, so far."""

    __slots__ = (
        "before", "began", "border", "checked", "difference", "doubt", "first", "late", "lead", "leaps", "lent",
        "pictures", "repeats", "seen", "settled", "start", "steps", "trail", "until", "why_not",
    )  # fmt: skip

    def __init__(self, start: float, first: Plane, past: Past, shape: tuple[int, ...]) -> None:
        self.start = self.until = self.checked = self.settled = start
        """`settled`: media time of `first`, which may be a later one than the first that stands still."""
        self.first = first
        self.lead, self.before, self.seen = list(past.recent), list(past.sparse), start - past.since
        self.began = past.began
        self.trail: list[Step] = []
        """Its pictures until it was judged."""
        self.border = np.zeros(shape, np.bool_)
        self.difference = 0.0
        self.pictures = 1
        self.leaps = 0
        self.repeats = 0
        self.steps = 0
        self.doubt = start
        """Media time of the first of the last `steps` pictures, which differed by what may be residue."""
        self.why_not: str | None = None
        """None: not judged yet; empty: a freeze."""
        self.late: deque[Step] | None = None
        """Its last pictures, where noise that goes on is what speaks against a freeze."""
        self.lent = False
        """What speaks against a freeze was said of the whole picture."""
