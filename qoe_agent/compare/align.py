"""Lays a test on its reference: by stamps, by times where the pictures confirm them, by content, or as asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare import crop, places, stamped, thumbs
from qoe_agent.compare.aligning import clocks, content, likeness, pairing, spots
from qoe_agent.compare.aligning.clocks import Side
from qoe_agent.compare.shapes import Alignment, Asked, Unlike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from qoe_agent.compare.shapes import Media, Method, Step
    from qoe_agent.compare.thumbs import Prints

    Span = Callable[[Media, int, int, int], Prints]

SURE = 60.0
"""Nats at which confidence is 1 less one part in e."""
SPOT, NEAR = 12, max(spots.BESIDE)
"""Frames at one spot at which times are checked, and beside them in the reference."""
MIDDLE, END = (0.3, 0.6), (0.7, 1.0)
"""Shares of the test's frames between which further spots lie."""
BLOCKS, BLOCK = 24, 12
"""Stretches of scored pairs, and pairs in each, that tell whether anything moves."""
CONFIRMED = 0.99
"""Confidence in times that pictures agree with."""
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


def again(reference: Media, test: Media, before: Alignment, asked: Asked, heard: Callable[[Step], None]) -> Alignment:
    """Once the pictures contradict the alignment `before`: by all stamps if it was by some of them, else by content."""
    if before.method == "stamp":
        marked = stamped.frames(reference, test, every=True)
        if marked is not None and (found := made("stamp", marked, reference, 1.0)).runs != before.runs:
            return found
    return by_content(reference, test, heard, asked)


def _stills(reference: Media, test: Media) -> Alignment:
    """One picture on one picture."""
    ours, theirs = (likeness.shaped(thumbs.whole(each).luma) for each in (test, reference))
    if float((ours * theirs).sum()) < spots.LOOKALIKE:
        raise Unlike(f"{test.path} against {reference.path}: the pictures are not alike")
    note = f"{test.path}: one picture: VMAF's models expect motion, and score a still as if nothing moved"
    return made("timestamps", np.zeros(1, np.int64), reference, 0.5, (note,))


def by_times(reference: Media, test: Media, begun: Span = thumbs.span) -> Alignment | None:
    """By the frames' times, if both keep to grids that fit and the pictures do not contradict; None if not.

    What is as long as the reference is looked at where it begins, and further on only where that speaks against it;
    what is not must also agree where it ends. All pairs are looked at once they are scored: `verify`, `confirmed`,
    `strangers`. `begun` takes the fingerprints at the beginning.
    """
    ratio = reference.video.rate / test.video.rate
    steady = reference.video.constant and test.video.constant and 1 in (ratio.numerator, ratio.denominator)
    if not steady or not reference.video.rate:
        return None
    # What lies between two frames of the reference's rate is shown by the one before: only its first is a pair.
    frames = clocks.readings(side(test), side(reference))[0].frames(0.0)
    longer = float(np.ptp(reference.video.times) - np.ptp(test.video.times))
    as_long = abs(longer) <= 1.01 / float(min(reference.video.rate, test.video.rate))
    first = spot(reference, test, frames, 0, begun)
    alone = spots.alone(first[0].luma, frames[first[0].numbers], first[1].luma, first[1].numbers)
    if alone is False and not as_long:
        return None
    if alone and as_long:
        return made("timestamps", frames, reference, CONFIRMED)
    told = _holds([first], frames) if as_long and alone is None else False
    if told is False:
        found = (places.within((reference, test), frames, each, SPOT, NEAR) for each in (MIDDLE, END)[not as_long :])
        read = [first, *(spot(reference, test, frames, at) for at in found if at)]
        told = _holds(read, frames)
        if told is False or not ((told and len(read) > 1) or as_long):
            return None
    return made("timestamps", frames, reference, *((CONFIRMED, ()) if told else (0.5, (f"{test.path}: {UNMOVED}",))))


def _holds(read: Sequence[tuple[Prints, Prints]], frames: NDArray[np.int64]) -> bool | None:
    """What `spots.holds` says of the fingerprints of some places."""
    ours, theirs = (_joined(each) for each in zip(*read, strict=True))
    return spots.holds(ours.luma, ours.fresh, frames[ours.numbers], theirs.luma, theirs.numbers)


def spot(
    reference: Media, test: Media, frames: NDArray[np.int64], first: int, span: Span = thumbs.span
) -> tuple[Prints, Prints]:
    """Fingerprints of a few frames of the test, and of those of the reference that they would show."""
    shown = frames[first : first + SPOT]
    shown = shown[shown >= 0]
    return both((test, (first, first + len(shown) - 1)), (reference, around(reference, shown, NEAR)), span=span)


def around(reference: Media, shown: NDArray[np.int64], reach: int) -> tuple[int, int]:
    """The first and the last of the reference's frames that are `shown`, or lie up to so many beside them."""
    return max(0, int(shown[0]) - reach), min(len(reference.video.times) - 1, int(shown[-1]) + reach)


def both(
    one: tuple[Media, tuple[int, int]], other: tuple[Media, tuple[int, int]], finer: int = 1, span: Span = thumbs.span
) -> tuple[Prints, Prints]:
    """Fingerprints of two files, each from one frame to another."""
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda each: span(each[0], each[1][0], each[1][1], finer), (one, other))
    return ours, theirs


def _joined(read: Sequence[Prints]) -> Prints:
    return thumbs.Prints(*(np.concatenate(part) for part in zip(*read, strict=True)))


def confirmed(alignment: Alignment, prints: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> Alignment:
    """The same, without doubt whether anything moves where pairs all over the test tell."""
    if not any(note.endswith(UNMOVED) for note in alignment.notes):
        return alignment
    count = len(prints[0])
    starts = np.linspace(0, max(0, count - BLOCK), BLOCKS).astype(np.int64)
    some = np.unique(np.minimum(starts[:, None] + np.arange(BLOCK), count - 1))
    near = np.unique(np.clip(some[:, None] + np.array((0, *spots.BESIDE)), 0, count - 1))
    late = np.zeros(len(some), bool)
    if not spots.holds(prints[0][some], late, some, prints[1][near], near):
        return alignment
    return replace(alignment, confidence=CONFIRMED, notes=())


def verify(alignment: Alignment, prints: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> tuple[str, ...]:
    """Where pairs, by the fingerprints (n, 18, 32) of the test's and the reference's frames, fit a neighbour better.

    Empty where they hold. What else is found means that the alignment is wrong there, and content must tell.
    """
    if alignment.pairs != len(prints[0]):
        return (f"{len(prints[0])} pairs were scored where {alignment.pairs} were laid out",)
    return _said(alignment, 0, spots.misfits(*prints))


def strangers(
    alignment: Alignment, prints: tuple[NDArray[np.uint8], NDArray[np.uint8]], rate: Fraction
) -> tuple[tuple[str, ...], float]:
    """Where, for a second or longer, pairs show different things; and the share of all pairs that do."""
    numbers, found = pairing.pairs(alignment.runs)[0], spots.strangers(*prints, round(rate))
    said = (f"frames {numbers[first]} to {numbers[last]} of the test show something else than the reference's"
            for first, last in found)  # fmt: skip
    return tuple(said), sum(last - first + 1 for first, last in found) / max(1, len(prints[0]))


def contradictions(
    alignment: Alignment, prints: tuple[NDArray[np.uint8], NDArray[np.uint8]], first: int
) -> tuple[str, ...]:
    """The same of some pairs, from the one of that number on, but only what no others could outweigh."""
    return _said(alignment, first, spots.misfits(*prints, spots.SURELY))


def _said(alignment: Alignment, before: int, misfits: list[tuple[int, int, int]]) -> tuple[str, ...]:
    numbers = pairing.pairs(alignment.runs)[0][before:] if misfits else ()
    return tuple(
        f"frames {numbers[first]} to {numbers[last]} of the test fit the reference better {abs(by)} "
        f"pair{'s' * (abs(by) > 1)} {'later' if by > 0 else 'earlier'}"
        for first, last, by in misfits
    )


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
    finer = thumbs.finest(max(len(each.video.times) for each in (test, reference)))
    with ThreadPoolExecutor(2) as pool:
        sides = ((test, cut.test), (reference, cut.reference))
        ours, theirs = pool.map(lambda each: thumbs.whole(each[0], heard, each[1], finer), sides)
    return by_prints(reference, test, ours, theirs, cut)


def by_prints(reference: Media, test: Media, ours: Prints, theirs: Prints, cut: crop.Bars) -> Alignment:
    """By fingerprints of every frame of the test and of the reference, made without the bars that are `cut`."""
    try:
        found = content.find(_prints(test, ours, cut.test), _prints(reference, theirs, cut.reference))
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


def _prints(media: Media, read: Prints, box: tuple[int, int, int, int] | None) -> content.Prints:
    video = media.video
    aside = crop.aside(box, video.width, video.height) if box else (0.0, 0.0)
    barred = crop.barred(box, video.width, video.height) if box else (False, False)
    (across, down), barred = (aside[::-1], barred[::-1]) if video.rotation % 180 else (aside, barred)
    signs = {90: (-1, 1), 180: (-1, -1), 270: (1, -1)}.get(video.rotation, (1, 1))
    side = Side(read.times, video.rate, video.constant)
    return content.Prints(read.luma, side, read.fresh, (signs[0] * across, signs[1] * down), barred)


def side(media: Media) -> Side:
    """Its clock."""
    return Side(media.video.times, media.video.rate, media.video.constant)
