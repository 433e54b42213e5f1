"""Lays a test on its reference: by stamps, by times where the pictures confirm them, by content, or as asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare import crop, stamped, thumbs
from qoe_agent.compare.aligning import clocks, content, likeness, pairing, spots
from qoe_agent.compare.aligning.clocks import Side
from qoe_agent.compare.shapes import Alignment, Asked, Unlike

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media, Method, Step
    from qoe_agent.compare.thumbs import Prints

SURE = 60.0
"""Nats at which confidence is 1 less one part in e."""
SPOTS, SPOT = (0.0, 0.25, 0.5, 0.75, 0.99), 6
"""Where in the test its times are checked, from the key frame before on, and how many frames."""
ENOUGH = 24
"""Frames to check at least, as far as there are so many: with few key frames, more after each."""
COVERED = 0.7
"""Share of the test's frames that the spots must span, where it is not as long as the reference."""
UNMOVED = "nothing moves where the times were checked: the pictures do not contradict them, nor confirm them"


def align(reference: Media, test: Media, asked: Asked, heard: Callable[[Step], None]) -> Alignment:
    """Which frame of `test` shows which of `reference`; `Unlike` says why where that cannot be told."""
    if asked.offset is not None:
        return given(reference, test, asked.offset)
    if len(reference.video.times) == len(test.video.times) == 1:
        return _stills(reference, test)
    marked = stamped.frames(reference, test)
    if marked is not None:
        return made("stamp", marked, reference, 1.0)
    return by_times(reference, test) or by_content(reference, test, heard, asked)


def _stills(reference: Media, test: Media) -> Alignment:
    """One picture on one picture."""
    ours, theirs = (likeness.shaped(thumbs.whole(each).luma) for each in (test, reference))
    if float((ours * theirs).sum()) < spots.LOOKALIKE:
        raise Unlike(f"{test.path} against {reference.path}: the pictures are not alike")
    note = f"{test.path}: one picture: VMAF's models expect motion, and score a still as if nothing moved"
    return made("timestamps", np.zeros(1, np.int64), reference, 0.5, (note,))


def by_times(reference: Media, test: Media) -> Alignment | None:
    """By the frames' times, if both keep to grids that fit and the pictures at some spots agree; None if not."""
    ratio = reference.video.rate / test.video.rate
    steady = reference.video.constant and test.video.constant and 1 in (ratio.numerator, ratio.denominator)
    if not steady or not reference.video.rate:
        return None
    reading = clocks.readings(_side(test), _side(reference))[0]
    frames = reading.frames(0.0)
    # What lies between two frames of the reference's rate is shown by the one before: only its first is a pair.
    read = thumbs.keys(test, SPOTS, SPOT)
    if len(read.numbers) < ENOUGH:
        read = thumbs.keys(test, SPOTS, ENOUGH)
    wanted = [int(frames[n]) for n in read.numbers if frames[n] >= 0]
    if not wanted:
        return None
    theirs = thumbs.spans(reference, _spans(wanted, len(reference.video.times)))
    told = spots.holds(read.luma, read.fresh, frames[read.numbers], theirs.luma, theirs.numbers)
    longer = float(np.ptp(reference.video.times) - np.ptp(test.video.times))
    as_long = abs(longer) <= 1.01 / float(min(reference.video.rate, test.video.rate))
    covered = told and len(read.numbers) and read.numbers[-1] >= COVERED * (len(test.video.times) - 1)
    if told is False or not (covered or as_long):
        return None
    if told is None:
        return made("timestamps", frames, reference, 0.5, (f"{test.path}: {UNMOVED}",))
    return made("timestamps", frames, reference, 0.99)


def verify(alignment: Alignment, prints: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> tuple[str, ...]:
    """Where pairs, by the fingerprints (n, 18, 32) of the test's and the reference's frames, fit a neighbour better.

    Empty where they hold. What else is found means that the alignment is wrong there, and content must tell.
    """
    numbers, _ = pairing.pairs(alignment.runs)
    if len(numbers) != len(prints[0]):
        return (f"{len(prints[0])} pairs were scored where {len(numbers)} were laid out",)
    return tuple(
        f"frames {numbers[first]} to {numbers[last]} of the test fit the reference better {abs(by)} "
        f"pair{'s' * (abs(by) > 1)} {'later' if by > 0 else 'earlier'}"
        for first, last, by in spots.misfits(*prints)
    )


def _spans(wanted: list[int], count: int) -> list[tuple[int, int]]:
    """Stretches of numbers that hold all of `wanted` and their neighbours."""
    near = max(spots.BESIDE)
    found: list[tuple[int, int]] = []
    for number in sorted(wanted):
        first, last = max(0, number - near), min(count - 1, number + near)
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def given(reference: Media, test: Media, offset: int) -> Alignment:
    """Frame n of the test on frame n + `offset` of the reference."""
    first, count = max(0, -offset), len(test.video.times)
    frames = np.full(count, -1, np.int64)
    last = min(count, len(reference.video.times) - offset)
    if last <= first:
        raise Unlike(f"{test.path}: with an offset of {offset} frames no frame of it lies on one of the reference")
    frames[first:last] = np.arange(first + offset, last + offset)
    return made("given", frames, reference, 1.0)


def by_content(reference: Media, test: Media, heard: Callable[[Step], None], asked: Asked | None = None) -> Alignment:
    """By fingerprints of every frame of both, without the bars that only one of them has."""
    cut = crop.bars(reference, test, asked or Asked(reference.path, (test.path,)))
    with ThreadPoolExecutor(2) as pool:
        sides = ((test, cut.test), (reference, cut.reference))
        ours, theirs = pool.map(lambda side: thumbs.whole(side[0], heard, side[1]), sides)
    try:
        found = content.find(_prints(test, ours), _prints(reference, theirs))
    except Unlike as why:
        raise Unlike(f"{test.path} against {reference.path}: {why}") from None
    unsure = int(((found.frames >= 0) & ~found.certain).sum())
    notes = (
        (f"{test.path}: {unsure} frames are left out: which they show cannot be told for certain",) if unsure else ()
    )
    confidence = float(1 - np.exp(-found.margin / SURE))
    return made("content", found.frames, reference, confidence, notes, found.certain)


def made(
    method: Method,
    frames: NDArray[np.int64],
    reference: Media,
    confidence: float,
    notes: tuple[str, ...] = (),
    certain: NDArray[np.bool_] | None = None,
) -> Alignment:
    """From the reference's frame of each of the test's frames, and which of them are certain."""
    laid = pairing.paired(frames, certain)
    offset = int(laid.reference[0] - laid.test[0])
    return Alignment(
        method=method,
        offset_frames=offset,
        offset_seconds=float(offset / reference.video.rate),
        confidence=confidence,
        runs=laid.runs,
        dropped=laid.dropped,
        duplicated=laid.duplicated,
        notes=notes,
    )


def _prints(media: Media, read: Prints) -> content.Prints:
    return content.Prints(read.luma, Side(read.times, media.video.rate, media.video.constant), read.fresh)


def _side(media: Media) -> Side:
    return Side(media.video.times, media.video.rate, media.video.constant)
