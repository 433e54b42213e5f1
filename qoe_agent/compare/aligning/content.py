"""A test laid on its reference by what the pictures show, however it was cut, slowed, scaled or dimmed.

Votes of windows give the lags to look at; dynamic programming over the fingerprints of every frame gives the path;
what else would fit (a frame more or less, another round of a loop) is weighed against it, and where it is not clearly
worse, the answer is that it cannot be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import clocks, doubts, likeness, routes, voting
from qoe_agent.compare.aligning.doubts import clear
from qoe_agent.compare.aligning.laying import REACH, SHORTEST, Laid
from qoe_agent.compare.shapes import Unlike

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Side
    from qoe_agent.compare.aligning.likeness import Fit

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

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
LEAST_CERTAIN = 0.3
"""Share of the frames found whose lag must be certain."""
AGAINST = 3.0
"""Nats that pictures coded by themselves may have for another lag."""
PREFERRED = 15.0
"""Nats by which frames' numbers must fit better than their times to be believed instead."""
AMBIGUOUS = "ambiguous"
BESIDE = (-2.0, -1.0, 1.0, 2.0)
"""Frames by which the whole path is moved to see whether that fits as well."""


class Prints(NamedTuple):
    """Fingerprints of a file's frames, (n, 18, 32), and their times."""

    luma: Bytes
    side: Side
    fresh: NDArray[np.bool_]
    """Which are coded by themselves, not from others."""


class Found(NamedTuple):
    """The reference's frame for each frame of the test, −1 where there is none; how clear that is, in nats."""

    frames: Numbers
    certain: NDArray[np.bool_]
    """For which of them that is certain: only those are compared."""
    reading: str
    margin: float
    fit: Fit
    left: Singles
    """Mean square differences, frame by frame."""


def find(test: Prints, reference: Prints) -> Found:
    """The path of the test through the reference; `Unlike` where there is none, or more than one."""
    tried = []
    for reading in clocks.readings(test.side, reference.side):
        step = max(1.0, round(STEP * float(reference.side.rate)))
        votes = voting.votes(test.luma, reference.luma, reading, step)
        tried.append((reading, votes, routes.route(votes)))
    if max(float(votes.energies.max()) for _, votes, _ in tried) < voting.QUIET:
        raise _unfound(test.luma, reference.luma)
    tried = [each for each in tried if each[2].fit >= LEAST_FIT]
    if not tried:
        raise _unfound(test.luma, reference.luma)
    laid = [Laid(test, reference, *each) for each in tried]
    best = min(laid, key=lambda each: each.total)
    if best is not laid[0] and laid[0].total - best.total < PREFERRED:
        best = laid[0]
    return checked(best)


def checked(laid: Laid) -> Found:
    """The path, if nothing else fits nearly as well; without the frames whose lag is not certain."""
    on = laid.found()
    if on.sum() < SHORTEST:
        raise Unlike(f"only {int(on.sum())} frames of the test are found in the reference: too few to be sure")
    alike = np.log(laid.unrelated / (laid.left[on] + likeness.FLOOR)).mean()
    if alike < np.log(RELATED) and laid.route.fit < GOOD_FIT:
        raise _unfound(laid.test, laid.reference)
    middle = float(np.median(laid.lags[on]))
    lags = routes.rivals(laid.votes, laid.route, REACH)
    far = [(lag, laid.evidence(laid.lags + (lag - middle))) for lag in lags]
    far += [(lag, laid.evidence(np.full(len(laid.lags), float(lag)))) for lag in lags]
    unsure = {lag for lag, each in far if not clear(*each) or laid.repeats(laid.lags + (lag - middle))}
    if unsure:
        raise Unlike(_several(round(middle), unsure))
    certain = on & doubts.certain(laid, on)
    if certain.sum() < max(SHORTEST, LEAST_CERTAIN * on.sum()):
        raise Unlike(f"{AMBIGUOUS}: too little moves to tell which frame is which")
    beside = {
        by: laid.evidence(laid.lags + by, refit=True, among=certain)
        for by in (*BESIDE, *((-0.5, 0.5) if laid.reading.fine > 1 else ()))
    }
    # Pictures that lean on others may all be late by as much; those that do not must not speak for another lag.
    unclear = {by for by, each in beside.items() if not clear(*each) or laid.coded_alone(laid.lags + by) < -AGAINST}
    if unclear:
        unclear = {round(middle + by) for by in unclear}
        raise Unlike(f"{AMBIGUOUS}: too little moves: {_named(round(middle), unclear)}")
    margin = min([gain - against for gain, against in (*beside.values(), *(each for _, each in far))])
    return Found(np.where(on, laid.frames, -1), certain, laid.reading.name, margin, laid.fit, laid.left)


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
