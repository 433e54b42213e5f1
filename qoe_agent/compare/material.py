"""What a reference's pictures are like, where VMAF's models have seen little of that: flat graphics, grain.

Only what can be measured is said. Animation that is rendered with textures and light looks as filmed pictures do, by
these figures and to the models, and is not named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from qoe_agent.compare import stills

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Floats, Media

    Plane = NDArray[np.uint8]
    Wide = NDArray[np.float32]

PLACES = (0.1, 0.5, 0.9)
"""Where in the reference two pictures that follow each other are looked at."""
FLAT, FEW, LEVELS = 0.75, 0.6, 8
"""Share of pixels equal to the one beside them, and share that the eight most frequent levels have, of graphics."""
BLACK, SHOWN = 20, 0.2
"""Luma up to which pixels do not count for that, and share of the picture that must be left."""
BLOCK = 16
"""Pixels of a side of the blocks in which noise is measured."""
SMOOTH, ENOUGH = 8.0, 0.05
"""Steps of luma over four pixels, blurred, up to which a block is smooth, and share of the blocks that must be."""
SMOOTHEST = 0.3
"""Share of those that are measured."""
LOOKED_AT, FOUND_AGAIN = 40, 0.4
"""Blocks that are looked for in the next picture, and correlation from which they are there."""
LIT = (40.0, 220.0)
"""Mean luma of blocks in which noise shows, whatever black and white clip."""
GRAIN = 1.2
"""Standard deviation, in steps of 8 bits, from which noise is grain."""
GRAPHIC = ("the reference has flat areas of few colours (graphics, a screen, or drawn animation): VMAF was trained on "
           "filmed pictures, and text or lines that have become hard to read cost it little")  # fmt: skip
LAPLACE = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)


class Seen(NamedTuple):
    """Of two pictures that follow each other."""

    graphic: bool
    noise: float | None
    """Standard deviation of what differs at random, in steps of luma; None where nothing is smooth enough to tell."""


def notes(reference: Media) -> tuple[str, ...]:
    """What is worth a word of most of the places."""
    found = [seen(*pair) for pair in _pairs(reference)]
    if not found:
        return ()
    said = []
    if all(each.graphic for each in found):
        said.append(GRAPHIC)
    noise = [each.noise for each in found if each.noise is not None]
    if 2 * len(noise) > len(found) and min(noise) > GRAIN:
        said.append(f"the reference has grain or camera noise (about {np.median(noise):.1f} steps of 255): an encode "
                    "that removes it, or puts other grain in its place (AV1's synthesis), loses points in every "
                    "metric for what viewers may not miss; judge those by eye")  # fmt: skip
    return tuple(said)


def seen(one: Plane, two: Plane) -> Seen:
    """Of luma in 8 bits."""
    return Seen(_graphic(one), _noise(one.astype(np.float32), two.astype(np.float32)))


def _graphic(plane: Plane) -> bool:
    shown = plane > BLACK
    if shown.mean() < SHOWN:
        return False
    flat = (plane[:, 1:] == plane[:, :-1])[shown[:, 1:]].mean()
    counts = np.bincount(plane[shown], minlength=256) / shown.sum()
    return bool(flat > FLAT and np.sort(counts)[-LEVELS:].sum() > FEW)


def _noise(one: Wide, two: Wide) -> float | None:
    """By what the Laplacian leaves of their difference, in the smoothest blocks; None where detail only moved there."""
    middle = cv2.blur((one + two) / 2, (5, 5))
    slopes = np.zeros_like(middle)
    slopes[:, 4:] += np.abs(middle[:, 4:] - middle[:, :-4])
    slopes[4:] += np.abs(middle[4:] - middle[:-4])
    # Of white noise of one step, the Laplacian of a difference has a deviation of sqrt(2 * 20).
    rest = np.abs(cv2.filter2D(two - one, -1, LAPLACE)) * np.sqrt(np.pi / 2) / np.sqrt(40)
    slope, level, noise = (_blocks(np.asarray(each)) for each in (slopes, middle, rest))
    fit = (slope < SMOOTH) & (level > LIT[0]) & (level < LIT[1])
    fit[[0, -1]], fit[:, [0, -1]] = False, False
    if fit.mean() < ENOUGH:
        return None
    fit &= slope <= np.quantile(slope[fit], SMOOTHEST)
    found = float(np.median(noise[fit]))
    return None if found > GRAIN and _moved(one, two, np.argwhere(fit)) else found


def _moved(one: Wide, two: Wide, blocks: NDArray[np.int64]) -> bool:
    """Whether detail of the first picture's blocks is found again near its place in the second: no noise does that."""
    details = [each - cv2.blur(each, (5, 5)) for each in (one, two)]
    likeness = []
    for row, column in blocks[:: max(1, len(blocks) // LOOKED_AT)] * BLOCK:
        template = details[0][row : row + BLOCK, column : column + BLOCK]
        around = details[1][row - BLOCK : row + 2 * BLOCK, column - BLOCK : column + 2 * BLOCK]
        likeness.append(float(cv2.matchTemplate(around, template, cv2.TM_CCOEFF_NORMED).max()))
    return float(np.quantile(likeness, 0.75)) > FOUND_AGAIN


def _blocks(values: NDArray[Any]) -> Floats:
    """Means of blocks."""
    rows, columns = (size // BLOCK for size in values.shape)
    cut = values[: rows * BLOCK, : columns * BLOCK]
    return np.asarray(cut.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3)), np.float64)


def _places(reference: Media) -> list[int]:
    """Frames that are followed by another: the key frames before each place, where they are known."""
    video = reference.video
    evenly = np.interp(PLACES, (0, 1), (video.times[0], video.times[-1]))
    starts = np.arange(len(video.times)) if video.keys is None or not len(video.keys) else video.keys
    starts = starts[starts < len(video.times) - 1]
    return stills.before(video.times, starts, evenly) if len(starts) else []


def _pairs(reference: Media) -> list[tuple[Plane, Plane]]:
    """Key frames and those that follow them; none of fields, whose lines differ by motion."""
    video = reference.video
    if video.interlaced or min(video.width, video.height) < 2 * BLOCK:
        return []
    shown = stills.runs(reference, _places(reference), 2)
    return [(first, second) for first, second in shown if first.shape == second.shape]
