"""What pictures of reports share: SVG within the page, whose places are per cent and whose lines stretch. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple


class Axis(NamedTuple):
    """From values to per cent of the width."""

    low: float
    high: float
    log: bool = True

    def at(self, value: float) -> float:
        """Where a value is, in per cent; beyond the ends: at the end."""
        if self.log:
            value = math.log(max(value, 1e-9) / self.low) / math.log(self.high / self.low)
        else:
            value = (value - self.low) / (self.high - self.low)
        return min(100.0, max(0.0, value * 100))


def end(place: float) -> str:
    """Class of a label at an end of the axis, which must not reach beyond."""
    return " begin" if place < 3 else " end" if place > 97 else ""
