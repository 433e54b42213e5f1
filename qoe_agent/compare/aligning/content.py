"""A test laid on its reference by what the pictures show, however it was cut, slowed, scaled or dimmed.

Votes of windows give the lags to look at; dynamic programming over the fingerprints of every frame gives the path;
what else would fit (a frame more or less, another round of a loop) is weighed against it, and where it is not clearly
worse, the answer is that it cannot be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import beside, clocks, doubts, keyed, likeness, pairing, paths, routes, voting
from qoe_agent.compare.aligning.close import Close
from qoe_agent.compare.aligning.doubts import SHORTEST, clear
from qoe_agent.compare.aligning.laying import REACH, Laid
from qoe_agent.compare.aligning.looks import Broad
from qoe_agent.compare.shapes import Unlike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading, Side
    from qoe_agent.compare.aligning.likeness import Frame
    from qoe_agent.compare.aligning.routes import Route
    from qoe_agent.compare.aligning.voting import Votes

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

ROWS = 18
"""Of a broad fingerprint."""
STEP = 0.2
"""Seconds over which changes are looked at for votes."""
LEAST_FIT = 0.25
"""Mean correlation of changes below which nothing was found."""
RELATED = 2.0
"""Times by which unrelated frames must differ more than those laid on each other, on the geometric mean."""
GOOD_FIT = 0.5
"""Mean correlation of changes at which little movement before much that stands still is enough."""
LOOKALIKE = 0.6
"""Correlation of pictures at which the content is the same, though no movement shows where."""
LEAST_CERTAIN = 0.1
"""Share of the frames found whose lag must be certain."""
PREFERRED = 15.0
"""Nats by which frames' numbers must fit better than their times to be believed instead."""
ODD = 3.0
"""Nats that a frame costs which is left out or shown again, where times are uneven: more likely they are not exact."""
AMBIGUOUS = "ambiguous"


class Prints(NamedTuple):
    """Fingerprints of a file's frames, (n, 18, 32) or finer by a whole number of parts, and their times."""

    luma: Bytes
    side: Side
    fresh: NDArray[np.bool_]
    """Which are coded by themselves, not from others."""
    aside: tuple[float, float] = (0.0, 0.0)
    """Across and down, how far the middle of what was cut out lies off the picture's, in shares of its own side: not at
    all, or perhaps it was cut a little wrongly."""
    barred: tuple[bool, bool] = (False, False)
    """Whether anything was cut out, across and down."""


class Found(NamedTuple):
    """The reference's frame for each frame of the test, −1 where there is none; how clear that is, in nats."""

    frames: Numbers
    certain: NDArray[np.bool_]
    """For which of them that is certain: only those are compared."""
    reading: str
    margin: float
    frame: Frame
    left: Singles
    """Mean square differences, frame by frame."""


def find(test: Prints, reference: Prints) -> Found:
    """The path of the test through the reference; `Unlike` where there is none, or more than one."""
    broad = Broad(_broad(test.luma), _broad(reference.luma))
    tried = []
    for reading in clocks.readings(test.side, reference.side):
        step = max(1.0, round(STEP * float(reference.side.rate)))
        votes = voting.votes(broad.test, broad.reference, reading, step)
        tried.append((reading, votes, routes.route(votes)))
    if max(float(votes.energies.max()) for _, votes, _ in tried) < voting.QUIET:
        raise _unfound(broad.test, broad.reference)
    tried = [each for each in tried if each[2].fit >= LEAST_FIT]
    if not tried:
        raise _unfound(broad.test, broad.reference)
    found = [_lain(broad, test, reference, *each) for each in tried]
    uneven = 0.0 if test.side.constant and reference.side.constant else ODD
    best, *others = found
    told = True
    for each in others:
        lead = _price(best, each) - _price(each, best) + uneven * (_odd(best) - _odd(each))
        best, others = (each, [best]) if lead > PREFERRED else (best, [each])
        told = abs(lead) >= doubts.ENOUGH
    return checked(best, () if told else others)


class Lain(NamedTuple):
    """A test laid by one reading of the clocks."""

    laid: Laid[Any]
    on: NDArray[np.bool_]
    """Frames that are found."""
    votes: Votes
    route: Route


def _lain(broad: Broad, test: Prints, reference: Prints, reading: Reading, votes: Votes, route: Route) -> Lain:
    """First by the broad look, then by the close one, if there is one."""
    nearest = np.abs(reading.at[:, None] - votes.places[None]).argmin(axis=1)
    try:
        first = Laid(broad, broad, reading, test.fresh, route.lags[nearest])
        on = first.found()
        doubts.enough(on, "are found in the reference")
    except Unlike as few:
        why = _unfound(broad.test, broad.reference)
        raise (why if AMBIGUOUS in str(why) else few) from None
    alike = np.log(first.unrelated / (first.left[on] + likeness.FLOOR)).mean()
    if alike < np.log(RELATED) and route.fit < GOOD_FIT:
        raise _unfound(broad.test, broad.reference)
    if test.luma.shape == broad.test.shape:
        return Lain(first, on, votes, route)
    across, down = zip(test.aside, reference.aside, strict=True)
    close = Close(test.luma, reference.luma, test.fresh, first.fit, (across, down), test.barred)
    laid = Laid(close, broad, reading, test.fresh, first.lags)
    keyed.moved(laid)
    return Lain(laid, on & (laid.frames >= 0), votes, route)


def _price(one: Lain, other: Lain) -> float:
    """Nats of a path where the other lies elsewhere, with the errors that coding leaves to the better of the two.

    Where they are one they say nothing: the fit of one is but drawn off a little by where it lies alone.
    """
    fits, alone = (one.laid.fit, other.laid.fit), np.flatnonzero(one.laid.frames != other.laid.frames)
    left = one.laid.left[alone]
    if isinstance(one.laid.look, Close):
        scale = max((each.scale for each in fits), key=lambda each: float(np.log(each).mean()))
        left = one.laid.look.apart(alone, np.maximum(one.laid.frames[alone], 0), fits[0]._replace(scale=scale))
    changes = int((np.abs(np.diff(one.laid.lags)) > 0).sum())
    return float(0.5 * one.laid.look.pixels * np.log1p(left).sum() + paths.LEAVING * changes)


def _odd(one: Lain) -> int:
    """Frames that are left out or shown again on a path."""
    laid = pairing.paired(np.where(one.on, one.laid.frames, -1))
    return laid.dropped + laid.duplicated


def checked(found: Lain, rest: Sequence[Lain] = ()) -> Found:
    """The path, if nothing else fits nearly as well; without the frames whose lag is not certain.

    `rest`: the paths by other readings of the clocks that fit as well: only what they say, too, is certain.
    """
    laid, on = found.laid, found.on
    middle = float(np.median(laid.lags[on]))
    far: list[tuple[float, float]] = []
    unsure: set[int] = set()
    for lag in routes.rivals(found.votes, found.route, REACH):
        ways = laid.lags + (lag - middle), np.full(len(laid.lags), float(lag))
        others = [_around(laid, each) for each in (*ways, *(laid.settled(way) for way in ways))]
        far += [laid.evidence(each) for each in others]
        if not all(clear(*each) for each in far[-4:]) or laid.repeats(others[0]) or laid.repeats(others[2]):
            unsure.add(lag)
    if unsure:
        raise Unlike(_several(round(middle), unsure))
    held = keyed.anchored(laid, on)
    certain = on & (doubts.certain(laid, on) | held)
    for each in rest:
        certain &= each.laid.frames == laid.frames
    _enough(certain, on)
    weighed = beside.weighed(laid)
    if laid.look.loose(laid.fit):
        certain = beside.alone(laid, weighed, beside.believed(laid, weighed, on, certain))
    told, certain = certain, beside.phased(laid, weighed, on, certain)
    _enough(certain, on)
    if near := beside.unclear(laid, weighed, on, told):
        certain &= held
        if _few(certain, on):
            raise Unlike(f"{AMBIGUOUS}: too little moves: {_named(round(middle), {round(middle + by) for by in near})}")
    margin = max(beside.margin(laid, weighed, certain), keyed.margin(laid, held))
    margin = min([margin, *(gain - against for gain, against in far)])
    return Found(np.where(on, laid.frames, -1), certain, laid.reading.name, margin, laid.fit.frame, laid.left)


def _around(laid: Laid[Any], lags: Floats) -> Floats:
    """Other lags; where those leave the reference, as far to the other side of the path: there a loop goes on."""
    return np.where(laid.reading.frames(0.0, laid.reading.at + lags) >= 0, lags, 2 * laid.lags - lags)


def _few(certain: NDArray[np.bool_], on: NDArray[np.bool_]) -> bool:
    return bool(certain.sum() < max(SHORTEST, LEAST_CERTAIN * on.sum()))


def _enough(certain: NDArray[np.bool_], on: NDArray[np.bool_]) -> None:
    if _few(certain, on):
        raise Unlike(f"{AMBIGUOUS}: too little moves to tell which frame is which")


def _broad(luma: Bytes) -> Bytes:
    """Fingerprints of 32 x 18 from finer ones."""
    parts = luma.shape[1] // ROWS
    if parts == 1:
        return luma
    areas = luma.reshape(len(luma), ROWS, parts, -1, parts)
    return np.asarray(np.rint(areas.mean(axis=(2, 4), dtype=np.float32)), np.uint8)


def _unfound(test: Bytes, reference: Bytes) -> Unlike:
    """Why no part of the test was found: it is another, or nothing in it moves."""
    some = [np.linspace(0, len(each) - 1, 24).astype(np.int64) for each in (test, reference)]
    ours, theirs = (likeness.shaped(each[where]) for each, where in zip((test, reference), some, strict=True))
    if float(np.median((ours @ theirs.T).max(axis=1))) > LOOKALIKE:
        return Unlike(f"{AMBIGUOUS}: the pictures are alike, but none of them moves so that it tells which is which: "
                      "--offset says which is meant")  # fmt: skip
    return Unlike("the test does not show what the reference shows: no part of it is found there")


def _several(own: int, others: set[int]) -> str:
    return f"{AMBIGUOUS}: the content repeats: {_named(own, others)}"


def _named(own: int, others: set[int]) -> str:
    named = ", ".join(str(lag) for lag in sorted({own, *others}))
    return f"offsets of {named} frames fit alike; --offset says which is meant"
