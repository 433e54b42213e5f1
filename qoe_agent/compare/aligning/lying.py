"""Where one picture lies in another: which part of the reference's picture the test's shows.

A box is left, top, right and bottom as shares of the reference's sides: (0, 0, 1, 1) where both show the same. First
guesses come from templates at many zooms (normalised correlation); each is refined by Lucas and Kanade's method with
an affine map (Baker and Matthews, IJCV 56, 2004), from coarse to fine, where what fits badly (a logo) counts less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Grey = NDArray[np.float32]
    Map = NDArray[np.float64]

Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
FINE, QUICK, COARSE, SMALL = 1280, 640, 320, 160
"""Pixels of the reference's width at which places are refined, confirmed, weighed and searched for."""
TURNS = 6
"""Of refinement at one size."""
ZOOMS = tuple(1.12 * 0.96**n for n in range(28))
"""Shares of a side of the reference that a test may show."""
UNEVEN = 0.3
"""Natural logarithm of zoom across by zoom down, at most."""
INNER = 0.1
"""Share at each border of the test that templates leave out: it may show what the reference does not."""
GUESSES = 3
TEXTURE = 3.0
"""Mean of the absolute change of luma, in codes, over a pixel across and down at COARSE: less tells nothing."""


class Fit(NamedTuple):
    """Where a test's picture lies in the reference's."""

    box: Box
    likeness: float
    """Correlation of details where they overlap, -1 to 1."""
    turned: float = 0.0
    """By how much of the picture's height rotation and shear move its corners at most."""


def textured(plane: Plane) -> bool:
    """Whether a picture has enough in it, across and down, for its place to be told."""
    small = _sized(plane, COARSE).astype(np.float32)
    return bool(min(np.abs(np.diff(small, axis=n)).mean() for n in (0, 1)) * 2 >= TEXTURE / 2)


def refined(reference: Plane, test: Plane, box: Box = WHOLE, finest: int = FINE) -> Fit:
    """The best place near `box`, by pictures of at most `finest` pixels across."""
    wide = min(reference.shape[1], round(test.shape[1] / (box[2] - box[0])), finest)
    fit = Fit(box, -1.0)
    for width in sorted({min(COARSE, wide), wide}):
        ours = _sized(reference, width)
        fit = _climbed(ours, test, fit.box)
        if not _sane(fit.box):
            return Fit(box, -1.0, 1.0)
    return fit._replace(likeness=likeness(reference, test, fit.box))


def likeness(reference: Plane, test: Plane, box: Box) -> float:
    """Correlation of the details of both where they overlap."""
    ours = _sized(reference, min(COARSE, reference.shape[1]))
    fitting = _fitting(test, box, ours.shape)
    placed, inside = _placed(fitting, _map(box, ours.shape, fitting), ours.shape)
    a, b = (_details(each)[inside > 0.99] for each in (ours.astype(np.float32), placed))
    return float(np.corrcoef(a, b)[0, 1]) if a.size > 400 and min(a.std(), b.std()) > 0 else -1.0


def found(reference: Plane, test: Plane) -> Fit:
    """The best place anywhere."""
    native = test.shape[1] / reference.shape[1], test.shape[0] / reference.shape[0]
    fits = [refined(reference, test, box) for box in _guesses(reference, test, native)]
    return max(fits, key=lambda fit: fit.likeness)


def _guesses(reference: Plane, test: Plane, native: tuple[float, float]) -> list[Box]:
    """Places at which templates of the test are most like the reference, best first."""
    ours = _details(_sized(reference, SMALL).astype(np.float32))
    high, wide = ours.shape
    scored: list[tuple[float, Box]] = []
    pairs = [(x, y) for x in ZOOMS for y in ZOOMS if abs(np.log(x / y)) <= UNEVEN]
    for across, down in [native, *pairs]:
        size = max(8, round(wide * across)), max(8, round(high * down))
        small = _details(cv2.resize(test, size, interpolation=cv2.INTER_AREA).astype(np.float32))
        left, top = round(INNER * size[0]), round(INNER * size[1])
        inner = small[top : size[1] - top, left : size[0] - left]
        if inner.shape[0] > high or inner.shape[1] > wide or min(inner.shape) < 16:
            continue
        _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(ours, inner, cv2.TM_CCOEFF_NORMED))
        x0, y0 = (x - left) / wide, (y - top) / high
        scored.append((best, (x0, y0, x0 + size[0] / wide, y0 + size[1] / high)))
    return [box for _, box in sorted(scored, reverse=True)[:GUESSES]]


def _climbed(ours: Plane, test: Plane, box: Box) -> Fit:
    """The affine map of least squared difference, from the one that `box` means on."""
    shape = ours.shape
    fitting = _fitting(test, box, shape)
    now = _map(box, shape, fitting)
    goal, soft = (np.asarray(cv2.GaussianBlur(each.astype(np.float32), (0, 0), 1.2), np.float32)
                  for each in (ours, fitting))  # fmt: skip
    across, down = np.meshgrid(*(np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in shape[::-1]))
    for _ in range(TURNS):
        placed, inside = _placed(soft, now, shape)
        step = _step(goal, placed, inside > 0.99, across, down)
        if step is None:
            return Fit(_box(now, shape, fitting), -1.0, 1.0)
        now = now + _moved(step, shape)
        if float(np.abs(step).max()) < 0.01:
            break
    corner = (abs(now[0, 1]) * shape[0], abs(now[1, 0]) * shape[1])
    return Fit(_box(now, shape, fitting), 0.0, float(max(corner)) / 2 / shape[0])


def _step(goal: Grey, placed: Grey, inside: NDArray[np.bool_], across: Grey, down: Grey) -> NDArray[np.float64] | None:
    """How far the test moves at the middle and per side, across then down; None where nothing tells."""
    gx, gy = (cv2.Sobel(placed, cv2.CV_32F, *which, ksize=3, scale=0.125) for which in ((1, 0), (0, 1)))
    inside = inside.copy()
    inside[:2] = inside[-2:] = inside[:, :2] = inside[:, -2:] = False
    if inside.sum() < 400:
        return None
    columns = (gx, gx * across, gx * down, gy, gy * across, gy * down, placed, np.ones_like(placed))
    a = np.stack([each[inside] for each in columns], axis=1)
    b = goal[inside]
    error = b - placed[inside]
    error -= error.mean()
    spread = 1.5 * float(np.abs(error).mean()) + 0.5
    weights = (1.0 / (1.0 + (error / (2 * spread)) ** 2)).astype(np.float32)[:, None]
    normal = (a * weights).T.astype(np.float64) @ a.astype(np.float64)
    try:
        solved = np.linalg.solve(normal + 1e-9 * np.trace(normal) * np.eye(8), (a * weights).T @ b)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(solved[:6] / max(0.2, abs(float(solved[6]))), np.float64)


def _moved(step: NDArray[np.float64], shape: tuple[int, ...]) -> Map:
    """A step as a change of the map, in pixels from their edges."""
    high, wide = shape
    change = np.zeros((2, 3))
    for row, (middle, by_x, by_y) in enumerate((step[:3], step[3:])):
        change[row] = by_x / wide, by_y / high, middle - by_x / 2 - by_y / 2
    return change


def _map(box: Box, shape: tuple[int, ...], test: Plane) -> Map:
    """From the reference's pixels to those of a test that lies in `box`, both counted from the edge."""
    high, wide = shape
    x = test.shape[1] / ((box[2] - box[0]) * wide)
    y = test.shape[0] / ((box[3] - box[1]) * high)
    return np.array([[x, 0, -box[0] * wide * x], [0, y, -box[1] * high * y]])


def _box(now: Map, shape: tuple[int, ...], test: Plane) -> Box:
    """Where the test's edges are, by their middles."""
    back = cv2.invertAffineTransform(now)
    high, wide = test.shape
    ends = [back @ (x, y, 1) for x, y in ((0, high / 2), (wide / 2, 0), (wide, high / 2), (wide / 2, high))]
    left, top, right, bottom = (float(end[n % 2]) for n, end in enumerate(ends))
    return left / shape[1], top / shape[0], right / shape[1], bottom / shape[0]


def _placed(fitting: Plane | Grey, now: Map, shape: tuple[int, ...]) -> tuple[Grey, Grey]:
    """The test on the reference's pixels, and where it has any."""
    centred = now.copy()
    centred[:, 2] += now[:, :2] @ (0.5, 0.5) - 0.5
    kept = fitting.astype(np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(kept, centred, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(np.ones_like(kept), centred, shape[::-1], flags=flags)
    return np.asarray(placed, np.float32), np.asarray(there, np.float32)


def _fitting(test: Plane, box: Box, shape: tuple[int, ...]) -> Plane:
    """The test at about the reference's scale."""
    size = max(16, round((box[2] - box[0]) * shape[1])), max(16, round((box[3] - box[1]) * shape[0]))
    return np.asarray(cv2.resize(test, size, interpolation=cv2.INTER_AREA), np.uint8)


def _sized(plane: Plane, width: int) -> Plane:
    if plane.shape[1] <= width:
        return plane
    high = round(plane.shape[0] * width / plane.shape[1])
    return np.asarray(cv2.resize(plane, (width, high), interpolation=cv2.INTER_AREA), np.uint8)


def _details(plane: Grey) -> Grey:
    """Without what is broad, which any two pictures may share, and without what is finest, which coding takes away."""
    fine, broad = (cv2.GaussianBlur(plane, (0, 0), sigma) for sigma in (0.8, 8.0))
    return np.asarray(fine - broad, np.float32)


def _sane(box: Sequence[float]) -> bool:
    wide, high = box[2] - box[0], box[3] - box[1]
    return bool(np.isfinite(box).all() and 0.2 < wide < 2 and 0.2 < high < 2 and max(map(abs, box)) < 2)
