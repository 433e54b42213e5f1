"""Lays pictures on each other in space: a test that shows a part of the reference, or all of it some pixels aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare import places, stills
from qoe_agent.compare.aligning import lying, pairing
from qoe_agent.compare.shapes import Unlike
from qoe_agent.compare.space import Part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.lying import Box, Fit
    from qoe_agent.compare.shapes import Alignment, Asked, Media

    Plane = NDArray[np.uint8]
    Crop = tuple[int, int, int, int]

SHARES = (0.0, 0.3, 0.55, 0.8, 0.97, 0.04, 0.18, 0.42, 0.68, 0.9)
"""Around which places in the pairs pictures are taken, in this order."""
QUICKLY, MOST = 2, 4
"""Pictures that must lie on each other for that to be believed, and that are looked at where they do not."""
STILL = 0.3
"""Pixels of the coarser side by which a border may be off where nothing is moved or said."""
BLURRED, MOST_STILL = 20.0, 1.5
"""How much further for what correlation lacks to 1, and at most: where detail is lost, places are less certain."""
WHOLE_PIXELS = 0.75
"""The same: from here on, cutting brings the pictures nearer to each other."""
LATE = 3.0
"""The same: up to here a poor encode may show a pan late. What is moved is moved in every picture."""
AGREES = 1.5
"""The same, from one pair of pictures to another."""
LIKE, BETTER = 0.5, 0.1
"""Correlation of details from which pictures lie on each other, and by how much another place must be better."""
ALIKE = 0.35
"""The same, where they lie on each other as they are: a bad encode keeps less."""
TURNED = 0.004
"""Share of the height by which rotation may move a corner."""
NATIVE = 0.75
"""Pixels by which a place's size may differ from the test's for the test to have the reference's own pixels."""
UNTOLD = "too little is to be seen to tell whether the pictures lie on each other in space: taken as if they did"
FLIPS = {"mirrored": (1, -1), "upside down": (-1, 1), "turned by 180 degrees": (-1, -1)}


class _Size(NamedTuple):
    width: int
    height: int


def part(
    reference: Media,
    test: Media,
    alignment: Alignment,
    asked: Asked,
    crop: Crop | None = None,
    barred: bool = False,
    had: Collection[int] = (),
) -> Part | None:
    """What is to be cut of both sides so that they show the same; None where they do as they are.

    `crop` is what is left of the test without its bars, `barred` whether the reference has some that the test has not;
    the test's frames `had`, and those of the reference on which they lie, need no decoding.
    Raises Unlike where the pictures do not lie on each other: no score of those would mean anything.
    """
    if asked.crop != "auto":
        return None
    shown = _shown(reference, test, alignment, crop, had)
    seen: list[tuple[Plane, Plane]] = []
    fits: list[Fit] = []
    for pair in shown:
        seen.append(pair)
        fits.append(lying.refined(*pair, finest=lying.QUICK))
        if not barred and len(fits) == QUICKLY and _settled(fits, *pair):
            return None
        if len(seen) == MOST:
            break
    if not seen:
        return Part(None, None, (UNTOLD,))
    sizes = [_Size(*each.shape[::-1]) for each in seen[0]]
    box = _agreed([_best(*pair, fit) for pair, fit in zip(seen, fits, strict=True)], sizes, test, seen)
    return _part(box, sizes[0], sizes[1])


def _shown(
    reference: Media, test: Media, alignment: Alignment, crop: Crop | None, had: Collection[int]
) -> Iterator[tuple[Plane, Plane]]:
    """Pairs of upright pictures with enough in them, of the reference and of the test."""
    ours, theirs = pairing.pairs(alignment.runs)[::-1]
    for at in places.cheap((reference, test), (ours, theirs), SHARES, had):
        one, other = stills.plane(reference, int(ours[at])), stills.plane(test, int(theirs[at]))
        if one is None or other is None or not lying.textured(one):
            continue
        if crop:
            other = other[crop[3] : crop[3] + crop[1], crop[2] : crop[2] + crop[0]]
        yield _upright(one, reference.video.rotation), _upright(other, test.video.rotation)


def _upright(plane: Plane, rotation: int) -> Plane:
    return np.ascontiguousarray(np.rot90(plane, -rotation // 90))


def _off(box: Box, other: Box, ours: _Size, theirs: _Size) -> float:
    """By how many pixels of the coarser side the borders of two places differ at most."""
    finest = min(ours.width, theirs.width), min(ours.height, theirs.height)
    return max(abs(one - two) * finest[n % 2] for n, (one, two) in enumerate(zip(box, other, strict=True)))


def _settled(fits: list[Fit], reference: Plane, test: Plane) -> bool:
    """Whether all show the whole, some exactly."""
    sizes = [_Size(*each.shape[::-1]) for each in (reference, test)]
    near = (_off(fit.box, lying.WHOLE, *sizes) < LATE and fit.likeness >= ALIKE and fit.turned < TURNED for fit in fits)
    return all(near) and any(_stays(fit, *sizes) for fit in fits)


def _stays(fit: Fit, ours: _Size, theirs: _Size) -> bool:
    """Whether a place is no further from the whole than a bad encode may seem to be."""
    return _off(fit.box, lying.WHOLE, ours, theirs) < min(STILL + BLURRED * (1 - fit.likeness), MOST_STILL)


def _best(reference: Plane, test: Plane, near: Fit) -> Fit:
    """The best place of a test's picture; where it lies as it is unless another is clearly better."""
    if near.likeness < LIKE or near.turned >= TURNED:
        far = lying.found(reference, test)
        if far.likeness > near.likeness + BETTER:
            near = far
    if near.likeness >= LIKE and near.turned < TURNED and near.box != lying.WHOLE:
        near = lying.refined(reference, test, near.box)
    as_is = lying.likeness(reference, test, lying.WHOLE)
    stays = _stays(near, *(_Size(*each.shape[::-1]) for each in (reference, test))) or as_is >= near.likeness + 0.02
    return lying.Fit(lying.WHOLE, as_is) if as_is >= ALIKE and stays else near


def _agreed(fits: list[Fit], sizes: list[_Size], test: Media, seen: list[tuple[Plane, Plane]]) -> Box:
    """The place that most pictures agree on; Unlike where there is none."""
    good = [fit for fit in fits if fit.likeness >= ALIKE and fit.turned < TURNED]
    boxes = np.array([fit.box for fit in good]) if good else np.empty((0, 4))
    middle: Box = tuple(map(float, np.median(boxes, axis=0))) if len(boxes) else lying.WHOLE  # type: ignore[assignment]
    if _off(middle, lying.WHOLE, *sizes) < LATE and any(_stays(fit, *sizes) for fit in good):
        return lying.WHOLE
    near = [fit for fit in good if _off(fit.box, middle, *sizes) < AGREES]
    if near and 2 * len(near) >= len(fits):
        return tuple(map(float, np.median([fit.box for fit in near], axis=0)))  # type: ignore[return-value]
    raise Unlike(f"{test.path}: the pictures do not lie on each other: {_why(fits, *seen[0])}; "
                 "--crop W:H:X:Y of the test, or --crop off, settles it")  # fmt: skip


def _why(fits: list[Fit], reference: Plane, test: Plane) -> str:
    most = max(fits, key=lambda fit: fit.likeness)
    for said, (down, across) in FLIPS.items():
        turned = np.ascontiguousarray(test[::down, ::across])
        if lying.refined(reference, turned).likeness > max(LIKE, most.likeness + BETTER):
            return f"the test's are {said}"
    if most.likeness >= LIKE and most.turned >= TURNED:
        return f"the test's are rotated or skewed (corners are off by {most.turned:.1%} of the height)"
    if most.likeness >= ALIKE:
        return "where the test's lie in the reference's differs from picture to picture"
    return "no part of the reference's looks like the test's"


def _part(box: Box, ours: _Size, theirs: _Size) -> Part | None:
    """Whole pixels of both for a place of the test in the reference."""
    if _off(box, lying.WHOLE, ours, theirs) < STILL:
        return None
    left, right = _laid(box[0] * ours.width, box[2] * ours.width, ours.width, theirs.width)
    top, bottom = _laid(box[1] * ours.height, box[3] * ours.height, ours.height, theirs.height)
    reference = (left[1], top[1], left[0], top[0])
    cut = (right[1], bottom[1], right[0], bottom[0])
    whole = reference == (*ours, 0, 0) and cut == (*theirs, 0, 0)
    if whole or _off(box, lying.WHOLE, ours, theirs) < WHOLE_PIXELS:
        by = ((box[0] + box[2] - 1) / 2 * ours.width, (box[1] + box[3] - 1) / 2 * ours.height)
        said = f"the test's picture lies {by[0]:+.1f} pixels across and {by[1]:+.1f} down on the reference's"
        return Part(None, None, (f"{said}: less than can be cut, scores suffer by it",))
    notes = _notes(reference, cut, ours, theirs)
    return Part(None if reference == (*ours, 0, 0) else reference, None if cut == (*theirs, 0, 0) else cut, notes)


def _laid(low: float, high: float, ours: int, theirs: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """First pixel and length, in the reference and in the test, along one side."""
    if abs(high - low - theirs) < NATIVE:
        first = round((low + high - theirs) / 2)
        start, end = max(0, first), min(ours, first + theirs)
        return (start, end - start), (start - first, end - start)
    scale = theirs / (high - low)
    start, end = max(0, round(low)), min(ours, round(high))
    first, last = max(0, round((start - low) * scale)), min(theirs, round((end - low) * scale))
    return (start, end - start), (first, last - first)


def _notes(reference: Crop, test: Crop, ours: _Size, theirs: _Size) -> tuple[str, ...]:
    left = 100 * (1 - reference[0] * reference[1] / (ours.width * ours.height))
    size = "{}x{} from {}, {} on".format(*reference)
    notes = []
    if left:
        notes.append(f"the test shows a part of the reference's picture: {size} of {ours.width}x{ours.height}; "
                     f"the other {left:.1f} % are not compared")  # fmt: skip
    if test != (*theirs, 0, 0):
        beyond = "what the test shows beyond that" if left else "what the test shows beyond the reference's picture"
        notes.append(f"{beyond} is not compared: " + "{}x{} from {}, {} on are left".format(*test))
    if (reference[2] - test[2]) % 2 or (reference[3] - test[3]) % 2:
        notes.append("that is an odd number of pixels: chroma of half the size lies half of its own pixels aside")
    if test[:2] != reference[:2]:
        of = "that part's" if left else "the reference's"
        notes.append(f"the test's {test[0]}x{test[1]} are scaled to {of} {reference[0]}x{reference[1]}")
    return tuple(notes)
