"""Whether a path as a whole, or a piece of it, might as well lie a frame or two off.

To another lag all is fitted anew. A part of the test may speak for the other lag only because the other's edges suit it
better, at its own lag too: then it speaks of edges, and does not count against the path. Where edges are fitted, it may
also do so because a pan moves pictures as edges do: it lies there only if the rest fits somewhere with the same edges.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import medians, paths, voting
from qoe_agent.compare.aligning.doubts import ENOUGH, SHORTEST, clear, same, sums, told
from qoe_agent.compare.aligning.laying import BEARING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.laying import Floats, Laid, Numbers, Singles

    Flags = NDArray[np.bool_]

WHOLE, HALF = (-2.0, -1.0, 1.0, 2.0), (-0.5, 0.5)
"""Frames by which the path is moved; the halves, and all phases that are told apart, where rates differ."""
LEANING = 0.5
"""Share of what a frame tells against the next that pictures tell at least which lean on no other than theirs."""
RHYTHM = 2.0
"""Times its own error by which pictures that are shown again must change less than those that are new."""
NEAR = 6
"""Frames to each side, with whose changes those are compared."""
CUT = 6.0
"""Times what pictures change by around it, of which that is at least a code, at which a shot begins."""
AGAINST = 3.0
"""Nats that pictures coded by themselves may have for another lag."""
PARTS = 20.0
"""Nats that parts of the test may have for another lag, where edges are fitted, before each is asked about."""
FIXED = 60.0
"""Nats for the path with either edges, where another lag has other edges, to be believed as if edges were known."""
OWN = 24.0
"""Nats for the certain frames alone, where all frames that are found tell enough: a change of lag just between the two
has its price, too."""
PIECE = 60.0
"""Nats for each piece, and for each frame where a part speaks for another lag."""


class Weighed(NamedTuple):
    """The path against one that is a little off."""

    frames: Numbers
    """The test's frames that the other lays on other frames."""
    gains: Singles
    """Nats for the path, of each."""
    eased: Singles
    """The same, with the path laid with the other's edges."""
    held: Singles
    """The same, with both laid with the path's own edges."""
    fresh: Flags
    """Which of them are coded by themselves."""

    @property
    def alone(self) -> float:
        """Nats for it by the pictures that are coded by themselves, without other edges."""
        return float(self.held[self.fresh].sum())

    def only(self, some: Flags | slice) -> Weighed:
        """Of some of those frames."""
        return Weighed(self.frames[some], self.gains[some], self.eased[some], self.held[some], self.fresh[some])

    def within(self, start: int, end: int) -> Weighed:
        """Of the test's frames from `start` up to `end`."""
        return self.only(slice(*np.searchsorted(self.frames, (start, end))))


def weighed(laid: Laid[Any]) -> dict[float, Weighed]:
    """By the frames that the other path lies off, and where that is by a part of a frame, that it shows otherwise."""
    fine = laid.reading.fine
    parts = {sign * part / fine for part in range(1, fine) for sign in (-1, 1)} | set(HALF if fine > 1 else ())
    found = {}
    for by in (*WHOLE, *sorted(parts)):
        lags = laid.lags + by
        frames, gains, eased = laid.rivalry(lags)
        each = Weighed(frames, gains, eased, laid.gains(lags)[1], laid.fresh[frames])
        found[by] = each.only(~same(laid, frames, lags)) if by in parts else each
    return found


def believed(laid: Laid[Any], found: dict[float, Weighed], on: Flags, sure: Flags) -> Flags:
    """Of the frames that are `sure`, those that clearly lie no other way, whatever the edges.

    A part of the test may lie elsewhere only with edges with which all the rest must lie somewhere, too: where it does,
    or there. What that costs at least, changes between the two among it, must be clearly more than what it costs where
    the frame lies as it does, with those edges or the path's own.
    """
    kept = sure.copy()
    for each in found.values():
        among = on[each.frames]
        if told(each.gains[among])[1] <= PARTS:
            continue
        off, at = each.gains[among], (each.gains - each.eased)[among]
        least = float(np.clip(at.sum(), PIECE, laid.look.enough(laid.fit)))
        there, here = _either(off, at, paths.LEAVING * laid.look.dear)
        kept[each.frames[among][there - np.minimum(here, 0.0) < least]] = False
    return kept


def _either(off: Singles, at: Singles, change: float) -> tuple[Floats, Floats]:
    """The least sums of one of both for each frame, changes between them at their price, in which a frame is `off`, and
    in which it is not."""
    ways = list(zip(off.tolist(), at.tolist(), strict=True))
    forth, back = np.array(_along(ways, change)), np.array(_along(ways[::-1], change))[::-1]
    there, here = (forth + back - np.array(ways)).T
    return there, here


def _along(ways: list[tuple[float, float]], change: float) -> list[tuple[float, float]]:
    """The least sums up to each frame."""
    found, off, at = [], change, 0.0
    for one, other in ways:
        off, at = one + min(off, at + change), other + min(at, off + change)
        found.append((off, at))
    return found


def alone(laid: Laid[Any], found: dict[float, Weighed], sure: Flags) -> Flags:
    """Of the frames that are `sure`, without pieces that might be a frame off, with edges that suit that.

    To a shot that hardly moves, among others, edges a little off are a frame more or less: those hold the edges.
    """
    kept = sure.copy()
    for piece, lags in itertools.chain(laid.apart(), _shots(laid, found)):
        # Where only the other edges are better, they are so at the path's own lags, too.
        if kept[piece].any() and not any(clear(*told(nats), PIECE) for nats in laid.rivalry(lags, every=True)[1:]):
            kept[piece] = False
    return kept


def _shots(laid: Laid[Any], found: dict[float, Weighed]) -> Iterator[tuple[slice, Floats]]:
    """Shots, or some in a row, that lie better at another lag with the edges that suit that, and lags with them there.

    Edges may make up for a frame that was dropped at a cut before an even pan, where other shots hardly hold them.
    """
    count = len(laid.lags)
    cuts = laid.moving > CUT * np.maximum(medians.around(laid.moving, NEAR), 1.0)
    shots = list(itertools.pairwise([0, *np.flatnonzero(cuts).tolist(), count]))
    for by in (-1.0, 1.0) if len(shots) > 1 else ():
        better = np.zeros(count, bool)
        for start, end in shots:
            better[start:end] = found[by].within(start, end).eased.sum() < 0
        for start, end in paths.pieces(better, 0.0):
            if better[start] and count > end - start >= count / BEARING:
                lags = laid.lags.copy()
                lags[start:end] += by
                yield slice(start, end), lags


def unclear(laid: Laid[Any], found: dict[float, Weighed], on: Flags, sure: Flags) -> set[float]:
    """By how many frames another path lies off that is not clearly worse."""
    return {
        by
        for by, each in found.items()
        if abs(by) >= 1
        and not (
            _worse(laid, each, on, sure)
            or clear(*_coded(laid, by, each, sure), laid.look.enough(laid.fit))
            or _either_way(laid, each.only(sure[each.frames]))
        )
    }


def phased(laid: Laid[Any], found: dict[float, Weighed], on: Flags, sure: Flags) -> Flags:
    """Of the frames that are `sure`, those that show the same at any part of a frame by which the path may lie off.

    Where rates differ, only some frames tell such parts apart. If none of those is coded by itself, and they tell much
    less than frames do that are all laid a frame off, they may lean on what comes before as on what comes after: then
    the rhythm of the test must agree. Of each stretch at one lag that is asked anew, as the path may slip by a part.
    """
    kept = sure.copy()
    for by, each in found.items():
        if abs(by) >= 1:
            continue
        whole = found[1.0 if by > 0 else -1.0]
        if not _worse(laid, each, on, sure, min(1.0, 2 * abs(by))):
            kept[each.frames] = False
            continue
        for start, end in paths.pieces(laid.lags, 0.0):
            own, next_to = each.within(start, end), whole.within(start, end)
            leaning = own.alone < AGAINST and _mean(own, on) < LEANING * _mean(next_to, on)
            if leaning and not _rhythm(laid, by, start, end):
                kept[own.frames] = False
    return kept


def _mean(each: Weighed, among: Flags) -> float:
    """Nats of a frame."""
    gains = each.held[among[each.frames]]
    return float(gains.mean()) if len(gains) else 0.0


def _rhythm(laid: Laid[Any], by: float, start: int, end: int) -> bool:
    """Whether pictures change less where the path goes on less far than the other, or shows one again, than where that
    one does."""
    frames, others = laid.frames, laid.reading.frames(by, laid.reading.at + laid.lags)
    told = (np.minimum(frames, others)[1:] >= 0) & (np.minimum(frames, others)[:-1] >= 0) & ~laid.fresh[1:]
    on, elsewhere = np.diff(frames), np.diff(others)
    told[: max(start - 1, 0)] = told[max(end - 1, 0) :] = False
    ours, theirs = told & (on < elsewhere), told & (on > elsewhere)
    if min(ours.sum(), theirs.sum()) < SHORTEST:
        return True
    size = np.log(laid.moving[1:] + voting.QUIET / NEAR)
    size = size - [np.median(size[max(0, n - NEAR) : n + NEAR + 1]) for n in range(len(size))]
    error = float(np.hypot(*(size[each].std() / np.sqrt(each.sum()) for each in (ours, theirs))))
    return float(size[ours].mean() - size[theirs].mean()) < -RHYTHM * error


def margin(laid: Laid[Any], found: dict[float, Weighed], sure: Flags) -> float:
    """Nats by which the path is better than the best that is a little off, by the frames that are `sure`."""
    told_by = ((_of(each, sure), _coded(laid, by, each, sure)) for by, each in found.items())
    return min(max(gain - against for gain, against in ways) for ways in told_by)


def _coded(laid: Laid[Any], by: float, each: Weighed, sure: Flags) -> tuple[float, float]:
    """The same by the pictures alone that are coded by themselves, if there are enough, against an older path.

    Those that lean on others, all of them late, may speak for that one by more than these against it. Where edges are
    fitted, each of the two paths has its own.
    """
    if by > 0 or laid.look.loose(laid.fit):
        return 0.0, 0.0
    nats = each.gains[(sure & laid.fresh)[each.frames]]
    if len(nats) < SHORTEST:
        return 0.0, 0.0
    return float(nats[nats > 0].sum()), float(-nats[nats < 0].sum())


def _either_way(laid: Laid[Any], each: Weighed) -> bool:
    """Where edges are fitted, whether the other path is worse with its own edges, and the path better with those, too.

    Then edges do not make up for time: with those that suit a path in a pan, no other fits.
    """
    if len(each.frames) < SHORTEST or each.alone < -AGAINST or not laid.look.loose(laid.fit):
        return False
    return all(clear(*told(way), FIXED) for way in (each.gains, each.eased))


def _worse(laid: Laid[Any], each: Weighed, on: Flags, sure: Flags, share: float = 1.0) -> bool:
    """Whether another path is clearly worse, of which only that share of the frames tells."""
    enough = max(share * laid.look.enough(laid.fit), ENOUGH)
    all_found, certain = (_of(each, among) for among in (on, sure))
    # Pictures that lean on others may all be late by as much; those that do not must not speak for another lag.
    alone = each.only(sure[each.frames]).alone
    return alone >= -AGAINST and (clear(*certain, enough) or (clear(*certain, OWN) and clear(*all_found, enough)))


def _of(each: Weighed, among: Flags) -> tuple[float, float]:
    """Nats for the path and against it by the frames `among` these.

    The path is laid with those of the two edges that suit it better; what only one of them has against it is no fault
    of its lags.
    """
    nats = [way[among[each.frames]] for way in (each.gains, each.eased)]
    if len(nats[0]) < SHORTEST:
        return told(nats[0])
    stretches = np.array([sums(way) for way in nats])
    against = float(-np.minimum(stretches.max(axis=0), 0.0).sum())
    return float(stretches.sum(axis=1).max()) + against, against
