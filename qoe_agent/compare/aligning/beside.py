"""Whether a path as a whole, or a piece of it, might as well lie a frame or two off.

To another lag all is fitted anew. Where edges are fitted, a part of the test may speak for the other lag only because
the other's edges suit it better, at its own lag too: then it speaks of edges, and does not count against the path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import paths, voting
from qoe_agent.compare.aligning.doubts import ENOUGH, SHORTEST, clear, sums, told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.laying import Laid, Numbers, Singles

    Flags = NDArray[np.bool_]

WHOLE, HALF = (-2.0, -1.0, 1.0, 2.0), (-0.5, 0.5)
"""Frames by which the path is moved; the halves, and all phases that are told apart, where rates differ."""
LEANING = 0.5
"""Share of what a frame tells against the next that pictures tell at least which lean on no other than theirs."""
RHYTHM = 2.0
"""Times its own error by which pictures that are shown again must change less than those that are new."""
NEAR = 6
"""Frames to each side, with whose changes those are compared."""
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
    fine = laid.reading.fine
    parts = {sign * part / fine for part in range(1, fine) for sign in (-1, 1)} | set(HALF if fine > 1 else ())
    ways = {by: laid.lags + by for by in (*WHOLE, *sorted(parts))}
    return {by: Weighed(*laid.rivalry(lags), laid.coded_alone(lags)) for by, lags in ways.items()}


def disputed(found: dict[float, Weighed], on: Flags) -> bool:
    """Whether parts of what is found (`on`) speak for another lag with its edges."""
    return any(_of(each, on)[1] > PARTS for by, each in found.items() if by in WHOLE + HALF)


def believed(laid: Laid[Any], found: dict[float, Weighed], sure: Flags) -> Flags:
    """Of the frames that are `sure`, those of pieces that speak clearly for themselves."""
    kept = sure.copy()
    pieces = paths.pieces(laid.lags, 0.0)
    for start, end in pieces if len(pieces) > 1 else ():
        among = np.zeros_like(sure)
        among[start:end] = sure[start:end]
        if not all(clear(*_of(each, among), PIECE) for by, each in found.items() if by in WHOLE + HALF):
            kept[start:end] = False
    return kept


def alone(laid: Laid[Any], sure: Flags) -> Flags:
    """Of the frames that are `sure`, without pieces that might be a frame off, with edges that suit that.

    To a shot that hardly moves, among others, edges a little off are a frame more or less: those hold the edges.
    """
    kept = sure.copy()
    for piece, lags in laid.apart():
        # Where only the other edges are better, they are so at the path's own lags, too.
        if kept[piece].any() and not any(clear(*told(nats), PIECE) for nats in laid.rivalry(lags, every=True)[1:]):
            kept[piece] = False
    return kept


def unclear(laid: Laid[Any], found: dict[float, Weighed], on: Flags, sure: Flags) -> set[float]:
    """By how many frames another path lies off that is not clearly worse."""
    return {by for by, each in found.items() if abs(by) >= 1 and not _worse(laid, each, on, sure)}


def phased(laid: Laid[Any], found: dict[float, Weighed], on: Flags, sure: Flags) -> Flags:
    """Of the frames that are `sure`, those that show the same at any part of a frame by which the path may lie off.

    Where rates differ, only some frames tell such parts apart. If none of those is coded by itself, and they tell much
    less than frames do that are all laid a frame off, they may lean on what comes before as on what comes after: then
    the rhythm of the test must agree.
    """
    kept = sure.copy()
    for by, each in found.items():
        if abs(by) >= 1:
            continue
        leaning = each.alone < AGAINST and _mean(each, on) < LEANING * _mean(found[1.0 if by > 0 else -1.0], on)
        if not _worse(laid, each, on, sure, min(1.0, 2 * abs(by))) or (leaning and not _rhythm(laid, by)):
            kept[each.frames] = False
    return kept


def _mean(each: Weighed, among: Flags) -> float:
    """Nats of a frame."""
    gains = each.gains[among[each.frames]]
    return float(gains.mean()) if len(gains) else 0.0


def _rhythm(laid: Laid[Any], by: float) -> bool:
    """Whether what the path shows again, and another does not, changes less than what only the other shows again."""
    frames, others = laid.frames, laid.reading.frames(by, laid.reading.at + laid.lags)
    told = (np.minimum(frames, others)[1:] >= 0) & (np.minimum(frames, others)[:-1] >= 0) & ~laid.fresh[1:]
    again, elsewhere = np.diff(frames) == 0, np.diff(others) == 0
    ours, theirs = told & again & ~elsewhere, told & ~again & elsewhere
    if min(ours.sum(), theirs.sum()) < SHORTEST:
        return True
    size = np.log(laid.moving[1:] + voting.QUIET / NEAR)
    size = size - [np.median(size[max(0, n - NEAR) : n + NEAR + 1]) for n in range(len(size))]
    error = float(np.hypot(*(size[each].std() / np.sqrt(each.sum()) for each in (ours, theirs))))
    return float(size[ours].mean() - size[theirs].mean()) < -RHYTHM * error


def margin(found: dict[float, Weighed], sure: Flags) -> float:
    """Nats by which the path is better than the best that is a little off, by the frames that are `sure`."""
    return min(gain - against for gain, against in (_of(each, sure) for each in found.values()))


def _worse(laid: Laid[Any], each: Weighed, on: Flags, sure: Flags, share: float = 1.0) -> bool:
    """Whether another path is clearly worse, of which only that share of the frames tells."""
    enough, loose = max(share * laid.look.enough(laid.fit), ENOUGH), laid.look.loose(laid.fit)
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
