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
LITTLE, LESS = 0.25, 0.8
"""Share of what the reference moves by in three frames that pictures laid rightly leave at most where one spot is to
tell by itself, and of what is left that a neighbour leaves where they are laid wrongly."""
FEW = 8
"""Pairs without which nothing is said."""
OTHER = 0.5
"""Correlation below which two pictures show something else."""
SEEN = 8.0
"""Standard deviation of a picture's luma from which it shows anything."""
PART = 4096
"""Pairs that are looked at at a time."""
STRETCH, SURELY = 20.0, 80.0
"""Nats by which a neighbour must fit better over a stretch of pairs, once all are known, and before that."""


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
    if not told and np.median(_alike(test[known], reference[at])) < LOOKALIKE:
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


def alone(test: Bytes, frames: Numbers, reference: Bytes, numbers: Numbers) -> bool | None:
    """What one spot tells, where standing errors cannot be told from other errors: None if nothing for certain.

    True: what is left between the pictures is little beside what the reference moves by, and neighbours leave more.
    False: neighbours leave clearly less. Fades say nothing: levels would make up for them.
    """
    where = {int(number): n for n, number in enumerate(numbers)}
    known = [n for n, frame in enumerate(frames) if int(frame) in where]
    if len(known) < FEW:
        return None
    at = np.array([where[int(frames[n])] for n in known])
    ours, theirs = likeness.shaped(test[known]), likeness.shaped(reference)
    contrast = float(np.square(test[known] - test[known].mean(axis=(1, 2), keepdims=True)).sum(axis=(1, 2)).mean())
    floor = likeness.FLOOR * test[0].size / (contrast + 1.0)
    left, moved, shares = np.square(ours - theirs[at]).sum(axis=1), 0.0, []
    for by in BESIDE:
        both = np.array([k for k, n in enumerate(known) if int(frames[n]) + by in where])
        near = theirs[[where[int(frames[known[k]]) + by] for k in both]]
        error = float(np.square(ours[both] - near).sum(axis=1).mean())
        shares.append((error + floor) / (float(left[both].mean()) + floor))
        moved = max(moved, float(np.square(near - theirs[at[both]]).sum(axis=1).mean()))
    if min(shares) < LESS:
        return False
    return True if min(shares) > 1 and left.mean() + floor < LITTLE * moved else None


def misfits(test: Bytes, reference: Bytes, least: float = STRETCH) -> list[tuple[int, int, int]]:
    """Stretches of pairs that fit better, by `least` nats, so many pairs further on: first, last, by how many."""
    count = len(test)
    if count < FEW:
        return []
    some = np.unique(np.linspace(0, count - 1, 160).astype(np.int64))
    fit = likeness.fitted(test[some], reference[some])
    apart = {by: np.zeros(count, np.float32) for by in (0, *BESIDE)}
    for first in range(0, count, PART):
        last = min(count, first + PART)
        near = max(0, first - max(BESIDE)), min(count, last + max(BESIDE))
        ours = test[first:last].reshape(last - first, -1).astype(np.float32)
        predicted = fit.predicted(reference[near[0] : near[1]])
        for by, found in apart.items():
            low, high = max(first, -by), min(last, count - by)
            theirs = predicted[low + by - near[0] : high + by - near[0]]
            found[low:high] = _apart(ours[low - first : high - first], theirs, fit.weights)
    stretches = []
    for by in BESIDE:
        low, high = max(0, -by), min(count, count - by)
        gains = _gains(apart[by][low:high], apart[0][low:high], np.zeros(high - low, bool))
        start, end, best = _most(-gains)
        if best > least:
            stretches.append((low + start, low + end, by))
    return stretches


def strangers(test: Bytes, reference: Bytes, least: int) -> list[tuple[int, int]]:
    """Stretches of at least so many pairs of which either side shows something, and not what the other does."""
    unlike = np.zeros(len(test) + 2, bool)
    for first in range(0, len(test), PART):
        alike = _alike(test[first : first + PART], reference[first : first + PART])
        unlike[first + 1 : first + 1 + len(alike)] = alike < OTHER
    edges = np.flatnonzero(np.diff(unlike)).reshape(-1, 2)
    return [(int(first), int(end) - 1) for first, end in edges if end - first >= least]


def _alike(test: Bytes, reference: Bytes) -> Singles:
    """Correlation of each pair of pictures; 1 where neither shows anything."""
    shown = np.maximum(test.std(axis=(1, 2)), reference.std(axis=(1, 2))) >= SEEN
    found = (likeness.shaped(test) * likeness.shaped(reference)).sum(axis=1)
    return np.asarray(np.where(shown, found, 1.0), np.float32)


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
