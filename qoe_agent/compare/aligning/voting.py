"""Where in the reference windows of the test are found, over all lags, by what changes in the pictures.

A picture less the one a fifth of a second before it holds no logo, no bars, no static background and no shift of
brightness. Windows of such changes are laid on the whole reference; for each lag it counts how well they correlate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]

WINDOWS, MEMBERS = 24, 24
"""Windows along the test, and frames in each."""
SPAN = 48.0
"""Frames of the reference that a window covers."""
CHUNK = 4096
"""Frames of the reference that are laid on at a time."""
QUIET = 0.15
"""Codes (of 255) of root mean square change below which nothing is held to move."""


class Votes(NamedTuple):
    """How well each window fits at each lag."""

    lags: NDArray[np.int64]
    scores: Singles
    """(windows, lags): correlation, −1 to 1; 0 where the window does not lie inside the reference."""
    places: NDArray[np.float64]
    """Middle of each window, in the test's places."""
    energies: Singles
    """Of each window: root mean square change, in codes."""
    inside: Singles
    """(windows, lags): share of the window's energy that lies inside the reference."""


def changes(luma: Bytes, back: NDArray[np.int64]) -> Singles:
    """Frames less the frames `back` names for each, at 9 x 16; shaped (n, 144)."""
    small = halved(luma)
    return small - small[back]


def halved(luma: Bytes) -> Singles:
    """At half the size each way, as vectors."""
    rows, columns = luma.shape[1] // 2, luma.shape[2] // 2
    quads = luma.reshape(len(luma), rows, 2, columns, 2)
    return np.asarray(quads.mean(axis=(2, 4), dtype=np.float32).reshape(len(luma), rows * columns))


def moving(ours: Singles) -> Singles:
    """Root mean square change of each frame against the one before."""
    changed = np.zeros(len(ours), np.float32)
    changed[1:] = np.sqrt(np.square(np.diff(ours, axis=0)).mean(axis=1))
    return changed


def votes(test: Bytes, reference: Bytes, reading: Reading, step: float) -> Votes:
    """Windows of `test` over all lags of `reference`; `step`: places between a frame and the one it is compared to."""
    at = reading.at
    changed = changes(test, np.maximum(np.searchsorted(at, at - step + 1e-6, "right") - 1, 0))
    changed[: np.searchsorted(at, at[0] + step - 1e-6)] = 0.0
    members = _members(at)
    size = np.sqrt(np.square(changed).mean(axis=1))
    # Cuts tell much, but one cut is not to outweigh a whole window: loud changes count with their root.
    typical = max(float(np.median(size)), QUIET)
    ours = changed / np.sqrt(np.maximum(size, QUIET) * typical)[:, None]
    slots = reading.slots
    first = -int(np.ceil(at[-1]))
    lags = np.arange(first, len(slots) + 1)
    scores = np.zeros((len(members), len(lags)), np.float32)
    inside = np.zeros_like(scores)
    weight = np.zeros_like(scores)
    back = round(step)
    for start in range(0, len(slots), CHUNK):
        rows = np.arange(max(0, start - back), min(len(slots), start + CHUNK))
        theirs = changes(reference[slots[rows]], np.maximum(np.arange(len(rows)) - back, 0))
        theirs = theirs[start - rows[0] :]
        if start == 0:
            theirs[:back] = 0.0
        loud = np.sqrt(np.square(theirs).mean(axis=1))
        theirs = theirs / np.sqrt(np.maximum(loud, QUIET) * typical)[:, None]
        power = np.square(theirs).sum(axis=1)
        for w, those in enumerate(members):
            products = ours[those] @ theirs.T
            for member, row in zip(those, products, strict=True):
                to = start - int(np.floor(at[member] + 1e-6)) - first
                scores[w, to : to + len(row)] += row
                weight[w, to : to + len(row)] += power
                inside[w, to : to + len(row)] += np.square(ours[member]).sum()
    own = np.array([np.square(ours[those]).sum() for those in members], np.float32)[:, None] + 1e-9
    scores /= np.sqrt(np.maximum(weight, 0.25 * own) * np.maximum(inside, 0.25 * own)) + 1e-9
    places = np.array([float(at[those].mean()) for those in members])
    energies = np.array([float(np.sqrt(np.square(changed[those]).mean())) for those in members], np.float32)
    return Votes(lags, scores, places, energies, inside / own)


def _members(at: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """The frames of each window."""
    length = float(at[-1] - at[0]) + 1
    span = min(SPAN, length)
    starts = np.linspace(0.0, length - span, max(1, min(WINDOWS, int(np.ceil(length / span * 1.5)))))
    found = []
    for start in starts:
        low, high = np.searchsorted(at, [at[0] + start, at[0] + start + span - 1e-6])
        found.append(np.unique(np.linspace(low, max(low, high - 1), min(MEMBERS, high - low)).astype(np.int64)))
    return [each for each in found if len(each)]
