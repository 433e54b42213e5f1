"""By how much one live output lags another, by what their pictures show. Pure.

Fingerprints (luma, 18 x 32) of both are laid on one grid of times, what stands still for two seconds is taken off, and
a window of one is correlated with the other at every lag. A lag is believed where the pictures are alike there, less
alike a little beside it (so it is well placed), and clearly less alike anywhere else (so nothing repeats).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Singles: TypeAlias = NDArray[np.float32]
    Floats: TypeAlias = NDArray[np.float64]

Answer: TypeAlias = Literal["found", "unlike", "repeats", "still", "short"]

STEP = 0.04
"""Seconds of the grid."""
STANDS = 25
"""Steps to either side whose mean is what stands still."""
WINDOW = 150
"""Steps that are laid on the other: six seconds."""
LOOKED = 75
"""Steps that are looked for in what came before, so that a loop is noticed five seconds after it began anew."""
MOVES = 0.35
"""Mean square codes below which a window shows too little that changes."""
ALIKE, UNLIKE = 0.8, 0.5
"""Correlation from which two windows show the same, and below which they do not."""
BESIDE, FAR = 3, 8
"""Steps beside a lag where it must be less alike, and from which another lag is another place."""
SLACK, SLOPE = 1.6, 0.0015
"""What is missing to likeness must be so much more elsewhere; and by so much more at least, close beside."""
ENDS, WORSE, ODD = 50, 4.0, 0.1
"""Steps at either end of a window that may lie elsewhere: those that miss so much more than its middle, in mean square
codes and these besides."""
CLEAR = 0.03
"""By how much the likeness elsewhere must be less."""


class Grid(NamedTuple):
    """Pictures at regular times, without what stands still."""

    start: float
    """Seconds of the first."""
    rows: Singles
    """(n, 576)"""
    age: float = 0.0
    """Seconds, in the middle, that a picture has been shown at its place on the grid."""


class Lag(NamedTuple):
    """What was found of one window."""

    answer: Answer
    seconds: float
    """To add to times of ours for those of theirs."""
    likeness: float
    """Correlation there, -1 to 1."""


def gridded(times: Floats, prints: NDArray[np.uint8]) -> Grid:
    """Of pictures in order of their times; (n), (n, 18, 32). Between pictures the last one shows."""
    if len(times) < 2:
        return Grid(float(times[0]) if len(times) else 0.0, np.empty((0, 576), np.float32))
    first, last = np.ceil(times[0] / STEP), np.floor(times[-1] / STEP)
    numbers = np.arange(first, last + 1)
    held = np.clip(np.searchsorted(times, numbers * STEP + 1e-6, "right") - 1, 0, len(times) - 1)
    rows = prints.reshape(len(prints), -1)[held].astype(np.float32)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    low = np.maximum(np.arange(len(rows)) - STANDS, 0)
    high = np.minimum(np.arange(len(rows)) + STANDS + 1, len(rows))
    ages = numbers * STEP - times[held]
    age = float(np.median(ages[ages <= 2.0 * np.median(np.diff(times)) + STEP]))  # not of pictures that stay
    return Grid(float(first * STEP), rows - ((sums[high] - sums[low]) / (high - low)[:, None]).astype(np.float32), age)


def find(ours: Grid, theirs: Grid) -> Lag:
    """Where the last window of `ours` lies in `theirs`."""
    window = ours.rows[-WINDOW:]
    if len(window) < WINDOW or len(theirs.rows) < WINDOW + 2 * FAR:
        return Lag("short", 0.0, 0.0)
    if float(np.mean(np.square(window))) < MOVES:
        return Lag("still", 0.0, 0.0)
    likeness = _likeness(window, theirs.rows)
    best = int(likeness.argmax())
    top = float(likeness[best])
    begins = ours.start + STEP * (len(ours.rows) - WINDOW)
    lag = theirs.start + STEP * (best + _between(likeness, best)) - begins + ours.age - theirs.age
    answer = _judged(likeness, best, top)
    if answer == "unlike" and float(np.mean(np.square(window).mean(axis=1) < MOVES)) > 0.5:
        answer = "still"  # it froze
    if answer == "found" and _parted(window, theirs.rows[best : best + WINDOW]):
        answer = "unlike"
    return Lag(answer, lag, top)


def _parted(window: Singles, shown: Singles) -> bool:
    """Whether both move at an end of the window, but each in its own way: a jump lies within."""
    gain = float((window * shown).sum() / max(float(np.square(shown).sum()), 1e-9))
    missing = np.square(window - gain * shown).mean(axis=1)
    usual = float(missing[ENDS:-ENDS].mean())
    for end in (slice(None, ENDS), slice(-ENDS, None)):
        ours, theirs = window[end], shown[end]
        energy = float(np.square(ours).mean()), float(np.square(theirs).mean())
        alike = float((ours * theirs).mean()) / max((energy[0] * energy[1]) ** 0.5, 1e-9)
        if min(energy) > MOVES and alike < UNLIKE and float(missing[end].mean()) > WORSE * usual + ODD:
            return True
    return False


def repeated(ours: Grid, likeness: float) -> bool:
    """Whether the last of `ours` is in `ours` once more, about as like as the other output's: a loop."""
    rows = ours.rows[STANDS:-STANDS]  # at the ends, what stands still is not what it is inside
    window = rows[-LOOKED:]
    if len(rows) < 2 * LOOKED or float(np.mean(np.square(window))) < MOVES:
        return False
    before = _likeness(window, rows)[:-LOOKED]
    return bool(len(before) and 1.0 - before.max() < max(SLACK * (1.0 - likeness), CLEAR))


def _likeness(window: Singles, rows: Singles) -> Singles:
    """Correlation of the window with every stretch of `rows` that is as long."""
    products = window @ rows.T
    places = len(rows) - len(window) + 1
    stride, along = products.strides
    diagonals = np.lib.stride_tricks.as_strided(products, (places, len(window)), (along, stride + along))
    energy = np.concatenate([[0.0], np.cumsum(np.square(rows).sum(axis=1, dtype=np.float64))])
    stretch = energy[len(window) :] - energy[:places]
    scale = np.sqrt(np.maximum(stretch, 1e-9) * max(float(np.square(window).sum(dtype=np.float64)), 1e-9))
    return np.asarray(diagonals.sum(axis=1) / scale, np.float32)


def _judged(likeness: Singles, best: int, top: float) -> Answer:
    if top < UNLIKE:
        return "unlike"
    away = np.abs(np.arange(len(likeness)) - best)
    elsewhere, beside = likeness[away >= FAR], likeness[away == BESIDE]
    missing = 1.0 - top
    if top < ALIKE or not len(beside):
        return "still"
    if len(elsewhere) and (1.0 - elsewhere.max() < SLACK * missing or top - elsewhere.max() < CLEAR):
        return "repeats"
    if 1.0 - beside.max() < missing + SLOPE:
        return "still"
    return "found"


def _between(likeness: Singles, best: int) -> float:
    """Shares of a step by which the top of the parabola through the best and its neighbours lies off it."""
    if not 0 < best < len(likeness) - 1:
        return 0.0
    before, top, after = (float(likeness[best + n]) for n in (-1, 0, 1))
    bend = before - 2 * top + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
