"""Whether pairs that are already laid out hold: at some spots before scoring, and on every pair after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.aligning import doubts, likeness
from qoe_agent.compare.aligning.likeness import price

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]

BESIDE = (-3, -2, -1, 1, 2, 3)
"""Frames by which neighbours lie off."""
BETTER = 10.0
"""Nats by which a neighbour must fit better at the spots for the times to be wrong."""
ALIKE = 3.0
"""Times by which pictures of other spots must differ more than those laid on each other."""
LOOKALIKE = 0.85
"""Correlation of pictures that show the same, where too little differs for more to be said."""
FEW = 8
"""Pairs without which nothing is said."""
STRETCH = 20.0
"""Nats by which a neighbour must fit better over a stretch of pairs."""


def holds(test: Bytes, fresh: NDArray[np.bool_], frames: Numbers, reference: Bytes, numbers: Numbers) -> bool | None:
    """Whether `test` frames show those `frames` of the reference, of whose frames `numbers` there are fingerprints.

    True: they do, and no neighbour could be meant; False: they do not; None: they may, but nothing moves.
    """
    where = {int(number): n for n, number in enumerate(numbers)}
    known = np.array([n for n, frame in enumerate(frames) if int(frame) in where], np.int64)
    if len(known) < FEW:
        return False
    at = np.array([where[int(frames[n])] for n in known])
    fit = likeness.fitted(test[known], reference[at])
    ours, predicted = test.reshape(len(test), -1).astype(np.float32), fit.predicted(reference)
    own = _apart(ours[known], predicted[at], fit.weights)
    others = likeness.squares(ours[known], predicted[at], fit.weights)
    told = bool(np.median(others) > ALIKE * np.median(own) + likeness.FLOOR)
    pictures = likeness.shaped(test[known]) * likeness.shaped(reference[at])
    if not told and np.median(pictures.sum(axis=1)) < LOOKALIKE:
        return False
    for by in BESIDE:
        both = [k for k, n in enumerate(known) if int(frames[n]) + by in where]
        near = np.array([where[int(frames[known[k]]) + by] for k in both], np.int64)
        theirs = _apart(ours[known[both]], predicted[near], fit.weights)
        gains = _gains(theirs, own[both], fresh[known[both]])
        if gains.sum() < -BETTER:
            return False
        told &= doubts.clear(float(gains[gains > 0].sum()), float(-gains[gains < 0].sum()))
    return True if told else None


def misfits(test: Bytes, reference: Bytes) -> list[tuple[int, int, int]]:
    """Stretches of pairs that fit better by so many pairs further on: first, last, by how many."""
    count = len(test)
    if count < FEW:
        return []
    some = np.unique(np.linspace(0, count - 1, 160).astype(np.int64))
    fit = likeness.fitted(test[some], reference[some])
    ours, predicted = test.reshape(count, -1).astype(np.float32), fit.predicted(reference)
    own = _apart(ours, predicted, fit.weights)
    found = []
    for by in BESIDE:
        low, high = max(0, -by), min(count, count - by)
        theirs = _apart(ours[low:high], predicted[low + by : high + by], fit.weights)
        first, last, best = _most(-_gains(theirs, own[low:high], np.zeros(high - low, bool)))
        if best > STRETCH:
            found.append((low + first, low + last, by))
    return found


def _apart(ours: Singles, theirs: Singles, weights: Singles) -> Singles:
    return np.asarray((np.square(ours - theirs) * weights).sum(axis=1), np.float32)


def _gains(theirs: Singles, own: Singles, fresh: NDArray[np.bool_]) -> Singles:
    """Nats by which the own pair is better than the other."""
    least = np.minimum(theirs, own)
    usual = np.full(len(own), float(np.median(own)) if len(own) else 0.0, np.float32)
    return price(theirs - least, usual, fresh) - price(own - least, usual, fresh)


def _most(values: Singles) -> tuple[int, int, float]:
    """The stretch of the largest sum (Kadane): first, last, sum."""
    best, first, last, running, start = 0.0, 0, 0, 0.0, 0
    for n, value in enumerate(values.tolist()):
        if running <= 0:
            running, start = 0.0, n
        running += value
        if running > best:
            best, first, last = running, start, n
    return first, last, best
