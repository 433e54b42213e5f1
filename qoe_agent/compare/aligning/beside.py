"""Whether a path as a whole, or a piece of it, might as well lie a frame or two off.

To another lag all is fitted anew. Where edges are fitted, a part of the test may speak for the other lag only because
the other's edges suit it better, at its own lag too: then it speaks of edges, and does not count against the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import paths
from qoe_agent.compare.aligning.doubts import clear, sums, told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.laying import Laid, Numbers, Singles

    Flags = NDArray[np.bool_]

WHOLE, HALF = (-2.0, -1.0, 1.0, 2.0), (-0.5, 0.5)
"""Frames by which the path is moved; the halves where rates differ."""
AGAINST = 3.0
"""Nats that pictures coded by themselves may have for another lag."""
PARTS, SHARE = 20.0, 0.01
"""Nats that parts of the test may have for another lag, where edges are fitted; or this share of what all have against
it, if that is more."""
OWN = 24.0
"""Nats for the certain frames alone, where all frames that are found tell enough: a change of lag just between the two
has its price, too."""
PIECE = 60.0
"""Nats for each piece, where a part speaks for another lag."""


class Weighed(NamedTuple):
    """The path against one that is a little off."""

    frames: Numbers
    """The test's frames that the other lays on other frames."""
    gains: Singles
    """Nats for the path, of each."""
    eased: Singles
    """The same, with the path laid with the other's edges."""
    alone: float
    """Nats for it by the pictures that are coded by themselves, without other edges."""


def weighed(laid: Laid[Any]) -> dict[float, Weighed]:
    """By the frames that the other path lies off."""
    halves = HALF if laid.reading.fine > 1 else ()
    return {by: Weighed(*laid.rivalry(laid.lags + by), laid.coded_alone(laid.lags + by)) for by in (*WHOLE, *halves)}


def disputed(found: dict[float, Weighed], on: Flags) -> bool:
    """Whether parts of what is found (`on`) speak for another lag with its edges."""
    return any(_of(each, on)[1] > PARTS for each in found.values())


def believed(laid: Laid[Any], found: dict[float, Weighed], sure: Flags) -> Flags:
    """Of the frames that are `sure`, those of pieces that speak clearly for themselves."""
    kept = sure.copy()
    pieces = paths.pieces(laid.lags, 0.0)
    for start, end in pieces if len(pieces) > 1 else ():
        among = np.zeros_like(sure)
        among[start:end] = sure[start:end]
        if not all(clear(*_of(each, among), PIECE) for each in found.values()):
            kept[start:end] = False
    return kept


def unclear(laid: Laid[Any], found: dict[float, Weighed], on: Flags, sure: Flags) -> set[float]:
    """By how many frames another path lies off that is not clearly worse."""
    enough = laid.look.enough(laid.fit)
    return {by for by, each in found.items() if not _worse(each, on, sure, enough, loose=laid.look.loose(laid.fit))}


def margin(found: dict[float, Weighed], sure: Flags) -> float:
    """Nats by which the path is better than the best that is a little off, by the frames that are `sure`."""
    return min(gain - against for gain, against in (_of(each, sure) for each in found.values()))


def _worse(each: Weighed, on: Flags, sure: Flags, enough: float, *, loose: bool) -> bool:
    all_found, certain = (_of(each, among) for among in (on, sure))
    if not (clear(*certain, enough) or (clear(*certain, OWN) and clear(*all_found, enough))):
        return False
    # Pictures that lean on others may all be late by as much; those that do not must not speak for another lag.
    if each.alone < -AGAINST:
        return False
    if not loose or all_found[1] <= PARTS:
        return True
    among = on[each.frames]
    stretches = np.maximum(sums(each.gains[among]), sums(each.eased[among]))
    return float(-stretches[stretches < 0].sum()) <= max(PARTS, SHARE * all_found[0])


def _of(each: Weighed, among: Flags) -> tuple[float, float]:
    """Nats for the path and against it by the frames `among` these."""
    return told(each.gains[among[each.frames]])
