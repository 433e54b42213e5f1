"""Ceilings on a MOS for black, frozen, silent and unsynchronised media, which no coding can make good. No standard.

P.1203 supposes that the pictures shown are the programme. So a score after it is never better than a ceiling, which
falls from 5 with the square root of the share of the time that a fault takes:

    ceiling = 5 − depth · √share

The root, because faults cost more than their share: three seconds in a minute, which is 0.05 of it, cost about one
point of five when playback stands (Hoßfeld et al., QoMEX 2011), and 4 · √0.05 is 0.9. The depth is what a fault costs
that takes all the time, in words of ITU-R BT.500's impairment scale: nothing but black or a picture that stands is
very annoying (5 − 4 = 1), no sound at all where there is a sound track is annoying (5 − 3 = 2; it may be a quiet
scene), sound outside BT.1359's limits of acceptability is slightly annoying (5 − 2 = 3). The worst counts, not the
sum: a black picture stands still as well.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DEPTHS = {"black": 4.0, "freeze": 4.0, "silence": 3.0, "sync": 2.0}
"""Points that a fault costs which takes all the time."""
EARLY, LATE = 0.090, 0.185
"""Seconds that sound may lead or lag and be acceptable (ITU-R BT.1359-1)."""


class Capped(NamedTuple):
    """A MOS under its ceilings."""

    mos: float
    cause: str | None
    """What lowered it; None if nothing did."""


def cap(mos: float, shares: Mapping[str, float]) -> Capped:
    """`shares`: by cause (see DEPTHS), what part of the time it took, 0 to 1; unknown ones are left out."""
    worst, cause = mos, None
    for name, depth in DEPTHS.items():
        ceiling = 5.0 - depth * sqrt(min(max(shares.get(name, 0.0), 0.0), 1.0))
        if ceiling < worst:
            worst, cause = ceiling, name
    return Capped(worst, cause)
