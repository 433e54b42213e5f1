"""How much a frame of the test looks like one of the reference, once frame, brightness and standing errors are fitted.

The test's picture may be a part of the reference's (a crop), lie within bars, have other levels, carry a logo. All
that stays the same from frame to frame; it is fitted on frames that are already laid on each other, and taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

FLOOR = 0.25
"""Square codes: rounding of fingerprints on both sides, and a little more."""
PIXELS = 20.0
"""Of the 576 pixels of a fingerprint, so many say something of their own: errors of coding hang together."""
STALE = 2.0
"""Times the usual error by which a picture that leans on others may show an older one: an encoder short of bits
leaves blocks as they were for as long as that costs it less than coding them."""
STANDS = 0.05
"""Share of the reference's change in a pixel at which the test's pixel does not take part (bars, a logo)."""
STEPS = (0.04, 0.02, 0.01, 0.005)
WORTH = 0.8
"""Share of the error that must be left for another frame to be believed: less, and the whole picture is taken."""
FEW = 40
"""Frames on which edges are sought."""
WIDEST = 0.3
"""Share of the picture's side that a crop or bars may take on one side."""


class Frame(NamedTuple):
    """What the test's picture shows of the reference's: edges in fractions, beyond 0 and 1 where it has bars."""

    left: float = 0.0
    right: float = 1.0
    top: float = 0.0
    bottom: float = 1.0


WHOLE = Frame()


class Fit(NamedTuple):
    """How the reference's fingerprints are made to look like the test's."""

    down: Singles
    across: Singles
    gain: float
    bend: float
    """Of the square of what lies off the middle: gamma."""
    bias: Singles
    weights: Singles
    """(576), adding up to 1: pixels that take part."""
    frame: Frame

    def predicted(self, luma: Bytes) -> Singles:
        """What the test should look like where it shows these frames; (n, 576)."""
        shown = self.down @ luma.astype(np.float32) @ self.across.T
        flat = shown.reshape(len(luma), luma.shape[1] * luma.shape[2])
        return np.asarray(flat * np.float32(self.gain) + _bent(flat) * np.float32(self.bend) + self.bias, np.float32)


def squares(ours: Singles, theirs: Singles, weights: Singles) -> Singles:
    """Mean square differences of every one of `ours` and every one of `theirs`."""
    one, other = ours * np.sqrt(weights), theirs * np.sqrt(weights)
    apart = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)[None] - 2 * (one @ other.T)
    return np.asarray(np.maximum(apart, 0.0))


def price(excess: Singles, usual: Singles, fresh: NDArray[np.bool_], pixels: float = PIXELS) -> Singles:
    """Nats of a mean square difference above the least, where `usual` is what coding leaves.

    Heavy tails, so that no one frame decides. Pictures that are coded by themselves (`fresh`) show what they are made
    from; of the others what little they differ says nothing, as they may well be late.
    """
    share = excess / (FLOOR + np.where(fresh, 1.0, STALE) * usual)
    return np.asarray(0.5 * pixels * np.log1p(np.where(fresh, share, np.square(share))), np.float32)


def shaped(luma: Bytes) -> Singles:
    """Frames as vectors of no mean and length one."""
    flat = luma.reshape(len(luma), -1).astype(np.float32)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def fitted(ours: Bytes, theirs: Bytes, *, frames: bool = True) -> Fit:
    """From frames of the test and the frames of the reference that they show; `frames`: crops are looked for."""
    test = ours.reshape(len(ours), -1).astype(np.float32)
    weights = _weights(test, theirs.reshape(len(theirs), -1).astype(np.float32))
    best = _levels(test, theirs, WHOLE, weights)
    if not frames:
        return best[1]
    few = np.unique(np.linspace(0, len(test) - 1, FEW).astype(np.int64))
    frame = _framed(test[few], theirs[few], weights, _levels(test[few], theirs[few], WHOLE, weights))[1].frame
    other = _levels(test, theirs, frame, weights)
    return other[1] if other[0] < WORTH * best[0] - FLOOR / 4 else best[1]


def _framed(test: Singles, theirs: Bytes, weights: Singles, best: tuple[float, Fit]) -> tuple[float, Fit]:
    """Edges that fit best, by descent along each of them, and both of a pair together."""
    for step in STEPS:
        better = True
        while better:
            better = False
            for ways in _WAYS:
                tried = Frame(*(edge + step * way for edge, way in zip(best[1].frame, ways, strict=True)))
                if max(abs(edge - round(edge)) for edge in tried) > WIDEST:
                    continue
                found = _levels(test, theirs, tried, weights)
                if found[0] < best[0] - 1e-4:
                    best, better = found, True
    return best


_WAYS = tuple(
    tuple(sign * way for way in each)
    for each in ((1, -1, 1, -1), (1, -1, 0, 0), (0, 0, 1, -1), (1, 1, 0, 0), (0, 0, 1, 1),
                 (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    for sign in (1, -1)
)  # fmt: skip


def _levels(test: Singles, theirs: Bytes, frame: Frame, weights: Singles) -> tuple[float, Fit]:
    """Gain by regression, a pixel's standing error by its mean; and what is left."""
    down, across = _sampling(frame.top, frame.bottom, theirs.shape[1]), _sampling(*frame[:2], theirs.shape[2])
    shown = (down @ theirs.astype(np.float32) @ across.T).reshape(len(theirs), -1)
    bent = _bent(shown)
    mean, curve, middle = shown.mean(axis=0), bent.mean(axis=0), test.mean(axis=0)
    moved, second, ours = shown - mean, bent - curve, test - middle
    heavy = moved * weights, second * weights
    few = FLOOR * len(test)
    normal = np.array(
        [
            [(heavy[0] * moved).sum() + few, (heavy[0] * second).sum()],
            [(heavy[0] * second).sum(), (heavy[1] * second).sum() + few],
        ]
    )
    gain, bend = np.linalg.solve(normal, [(heavy[0] * ours).sum() + few, (heavy[1] * ours).sum()])
    gain, bend = np.float32(np.clip(gain, 0.5, 2.0)), np.float32(np.clip(bend, -0.5, 0.5))
    left = float((np.square(ours - gain * moved - bend * second) * weights).sum(axis=1).mean())
    bias = np.asarray(middle - gain * mean - bend * curve, np.float32)
    return left, Fit(down, across, float(gain), float(bend), bias, weights, frame)


def _bent(shown: Singles) -> Singles:
    return np.asarray(np.square(shown - 128) / 128, np.float32)


def _weights(test: Singles, reference: Singles) -> Singles:
    """Pixels of the test that change where the reference's do; all, if hardly any does."""
    ours, theirs = test.std(axis=0), reference.std(axis=0)
    part = ours > STANDS * max(float(np.median(theirs)), 0.5)
    part = part if part.mean() > 0.2 else np.ones_like(part)
    return np.asarray(part / part.sum(), np.float32)


def _sampling(start: float, end: float, size: int) -> Singles:
    """Means over the pixels of [start, end] of the reference's side, split in as many as it has; edges go on."""
    edges = (start + (end - start) * np.arange(size + 1) / size) * size
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(size, dtype=np.float64)
    left, right = cells.copy(), cells + 1
    left[0], right[-1] = -np.inf, np.inf
    share = np.maximum(np.minimum(high, right) - np.maximum(low, left), 0.0)
    return np.asarray(share / share.sum(axis=1, keepdims=True), np.float32)
